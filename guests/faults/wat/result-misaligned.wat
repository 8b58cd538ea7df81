;; Answers that its result is at an odd place.
(module $module
  (memory (export "memory") 16)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
  (func (export "cabi_post_handle") (param i32))
  (func (export "handle")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32 i32 i32 i32) (result i32)
    i32.const 17))
