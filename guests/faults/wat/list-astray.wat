;; Answers an index whose last words are past the end of its memory.
(module $module
  (memory (export "memory") 16)
  (data (i32.const 16) "\00\00\00\00\f0\ff\0f\00\08\00\00\00")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
  (func (export "cabi_post_handle") (param i32))
  (func (export "handle")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32 i32 i32 i32) (result i32)
    i32.const 16))
