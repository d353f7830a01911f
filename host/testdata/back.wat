;; The other of two linked components: it gives its number, and the size of its configuration on top.
(component
  (import "wasi:config/store@0.2.0" (instance $c (export "size" (func (result u32)))))
  (alias export $c "size" (func $size))
  (core func $size' (canon lower (func $size)))
  (core module $m
    (import "" "size" (func $size (result i32)))
    (func (export "next") (result i32) i32.const 40 call $size i32.add))
  (core instance $i (instantiate $m (with "" (instance (export "size" (func $size'))))))
  (func $next (result u32) (canon lift (core func $i "next")))
  (instance $numbers (export "next" (func $next)))
  (export "test:link/numbers@1.0.0" (instance $numbers)))
