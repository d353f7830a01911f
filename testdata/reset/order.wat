;; Two modules that initialise one after the other, the first by asking the host. What the second has was not there then.
(component
  (import "test:reset/host" (instance $h (export "roll" (func (result u32)))))
  (alias export $h "roll" (func $roll))
  (core func $roll' (canon lower (func $roll)))
  (core module $first
    (import "" "roll" (func $roll (result i32)))
    (global $seed (mut i32) (i32.const 0))
    (func $init (global.set $seed (call $roll)))
    (start $init)
    (func (export "seed") (result i32) (global.get $seed)))
  (core instance $first (instantiate $first (with "" (instance (export "roll" (func $roll'))))))
  (core module $second
    (import "" "seed" (func $seed (result i32)))
    (memory 1)
    (data (i32.const 8) "\64")
    (global $sum (mut i32) (i32.const 1000))
    (func $init
      (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1)))
      (global.set $sum (i32.add (global.get $sum) (i32.add (call $seed) (i32.load (i32.const 8))))))
    (start $init)
    (func (export "sum") (result i32)
      (i32.store (i32.const 8) (i32.const 77))
      (global.get $sum)))
  (core instance $second (instantiate $second (with "" (instance $first))))
  (func (export "sum") (result u32) (canon lift (core func $second "sum"))))
