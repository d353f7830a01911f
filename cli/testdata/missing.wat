;; A command that imports what nobody serves.
(component
  (import "acme:db/store@1.0.0" (instance $db (export "get" (func (param "key" u32) (result u32)))))
  (alias export $db "get" (func $get))
  (core func $get' (canon lower (func $get)))
  (core module $m (import "" "get" (func $get (param i32) (result i32)))
    (func (export "run") (result i32) i32.const 0 call $get))
  (core instance $i (instantiate $m (with "" (instance (export "get" (func $get'))))))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $run (export "run" (func $run)))
  (export "wasi:cli/run@0.2.6" (instance $run)))
