;; Answers well, and comes to no end where the host says that it has read the answer.
(module $module
  (memory (export "memory") 16)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
  (func (export "cabi_post_handle") (param i32) (loop $again (br $again)))
  (func (export "handle")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32 i32 i32 i32) (result i32)
    i32.const 16))
