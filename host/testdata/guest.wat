;; What the host's tests invoke: it says half a line, waits, traps, spins, as asked.
(component
  (import "test:host/sys" (instance $sys
    (export "write" (func (param "s" string)))
    (export "wait" (func))))
  (core module $libc
    (memory (export "memory") 1)
    (data (i32.const 0) "whole\nhalf"))
  (core instance $libc (instantiate $libc))
  (alias export $sys "write" (func $write))
  (alias export $sys "wait" (func $wait))
  (core func $write' (canon lower (func $write) (memory $libc "memory")))
  (core func $wait' (canon lower (func $wait)))
  (core module $main
    (import "" "write" (func $write (param i32 i32)))
    (import "" "wait" (func $wait))
    (func (export "say") i32.const 0 i32.const 10 call $write)
    (func (export "wait") call $wait)
    (func (export "trap") unreachable)
    (func (export "spin") (loop br 0)))
  (core instance $main (instantiate $main
    (with "" (instance (export "write" (func $write')) (export "wait" (func $wait'))))))
  (func (export "say") (canon lift (core func $main "say")))
  (func (export "wait") (canon lift (core func $main "wait")))
  (func (export "trap") (canon lift (core func $main "trap")))
  (func (export "spin") (canon lift (core func $main "spin"))))
