;; Makes its table larger until it may not.
(module $module
  (memory (export "memory") 16)
  (table $table 1 funcref)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
  (func (export "cabi_post_handle") (param i32))
  (func (export "handle")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32 i32 i32 i32) (result i32)
    (loop $again
      (br_if $again (i32.ge_s (table.grow $table (ref.null func) (i32.const 1000)) (i32.const 0))))
    unreachable))
