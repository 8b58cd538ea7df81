;; Traps in a function whose name has a line's end in it, behind which a line of the host seems to begin.
(module $module
  (memory (export "memory") 16)
  (func $"so far\0aFORGED the host has stopped" unreachable)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
  (func (export "cabi_post_handle") (param i32))
  (func (export "handle")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32 i32 i32 i32) (result i32)
    (call $"so far\0aFORGED the host has stopped")
    i32.const 16))
