;; A component whose initialisation asks the host: it says a line and waits, each time that it runs.
(component
  (import "test:host/sys" (instance $sys
    (export "write" (func (param "s" string)))
    (export "wait" (func))))
  (core module $libc
    (memory (export "memory") 1)
    (data (i32.const 0) "started\n"))
  (core instance $libc (instantiate $libc))
  (alias export $sys "write" (func $write))
  (alias export $sys "wait" (func $wait))
  (core func $write' (canon lower (func $write) (memory $libc "memory")))
  (core func $wait' (canon lower (func $wait)))
  (core module $main
    (import "" "write" (func $write (param i32 i32)))
    (import "" "wait" (func $wait))
    (func $start i32.const 0 i32.const 8 call $write call $wait)
    (start $start)
    (func (export "say") i32.const 0 i32.const 8 call $write))
  (core instance $main (instantiate $main
    (with "" (instance (export "write" (func $write')) (export "wait" (func $wait'))))))
  (func (export "say") (canon lift (core func $main "say"))))
