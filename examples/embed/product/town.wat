;; town: a command that has something to say, to whom serves example:product/crier. Built with: wasm-tools parse town.wat -o town.wasm
(component
  (import "example:product/crier" (instance $crier (export "cry" (func (param "s" string)))))
  (core module $mem (memory (export "memory") 1) (data (i32.const 64) "hear ye"))
  (core instance $mem (instantiate $mem))
  (core func $cry (canon lower (func $crier "cry") (memory $mem "memory")))
  (core module $main
    (import "env" "cry" (func $cry (param i32 i32)))
    (func (export "run") (result i32) (call $cry (i32.const 64) (i32.const 7)) (i32.const 0)))
  (core instance $main (instantiate $main (with "env" (instance (export "cry" (func $cry))))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $run (export "run" (func $run)))
  (export "wasi:cli/run@0.2.6" (instance $run)))
