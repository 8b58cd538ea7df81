;; Calls itself without end, until the stack does.
(module $module
  (memory (export "memory") 16)
  (func $deeper (param i32) (result i32) (call $deeper (i32.add (local.get 0) (i32.const 1))) (i32.add (local.get 0)))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
  (func (export "cabi_post_handle") (param i32))
  (func (export "handle")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32 i32 i32 i32) (result i32)
    (call $deeper (i32.const 0))))
