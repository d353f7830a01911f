;; A module that initialises by asking the host, and a later one that fills its table.
(component
  (import "test:reset/host" (instance $h (export "roll" (func (result u32)))))
  (alias export $h "roll" (func $roll))
  (core func $roll' (canon lower (func $roll)))
  (core module $first
    (import "" "roll" (func $roll (result i32)))
    (table (export "table") 1 funcref)
    (func $init (drop (call $roll)))
    (start $init)
    (func (export "sum") (result i32) (i32.const 1)))
  (core instance $first (instantiate $first (with "" (instance (export "roll" (func $roll'))))))
  (core module $second
    (import "" "table" (table 1 funcref))
    (func $f)
    (elem (i32.const 0) func $f))
  (core instance (instantiate $second (with "" (instance $first))))
  (func (export "sum") (result u32) (canon lift (core func $first "sum"))))
