;; greeter: greets in the voice of its host. Built with: wasm-tools parse greeter.wat -o greeter.wasm
(component
  (import "example:greet/host" (instance $host (export "shout" (func (param "s" string) (result string)))))
  (core module $mem
    (memory (export "memory") 1)
    (data (i32.const 64) "hello, ")
    (global $top (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $p i32)
      (local.set $p (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
      (global.set $top (i32.add (local.get $p) (local.get 3)))
      (local.get $p)))
  (core instance $mem (instantiate $mem))
  (core func $shout (canon lower (func $host "shout") (memory $mem "memory") (realloc (func $mem "realloc"))))
  (core module $main
    (import "env" "memory" (memory 1))
    (import "env" "shout" (func $shout (param i32 i32 i32)))
    ;; greet(name) = shout("hello, " + name); the name is copied behind the greeting.
    (func (export "greet") (param $p i32) (param $n i32) (result i32)
      (memory.copy (i32.const 71) (local.get $p) (local.get $n))
      (call $shout (i32.const 64) (i32.add (i32.const 7) (local.get $n)) (i32.const 16))
      (i32.const 16)))
  (core instance $main (instantiate $main (with "env" (instance
    (export "memory" (memory $mem "memory")) (export "shout" (func $shout))))))
  (func $greet (param "name" string) (result string)
    (canon lift (core func $main "greet") (memory $mem "memory") (realloc (func $mem "realloc"))))
  (instance $guest (export "greet" (func $greet)))
  (export "example:greet/guest" (instance $guest)))
