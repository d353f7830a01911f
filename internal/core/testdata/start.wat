(module
  (import "host" "double" (func $double (param i32) (result i32)))
  (global $g (mut i32) (i32.const 0))
  (func $s (global.set $g (call $double (i32.const 21))))
  (start $s)
  (func (export "get") (result i32) (global.get $g)))
