;; Gives up a record for a reason that is not UTF-8.
(module $module
  (memory (export "memory") 16)
  (data (i32.const 16) "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\40\00\00\00\01\00\00\00")
  (data (i32.const 64) "\00\00\00\00\02\00\00\00\50\00\00\00\02\00\00\00")
  (data (i32.const 80) "\ff\fe")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
  (func (export "cabi_post_handle") (param i32))
  (func (export "handle")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32 i32 i32 i32) (result i32)
    i32.const 16))
