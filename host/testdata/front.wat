;; One of two linked components: it asks the other for a number.
(component
  (import "test:link/numbers@1.0.0" (instance $n (export "next" (func (result u32)))))
  (import "wasi:config/store@0.2.0" (instance $c (export "size" (func (result u32)))))
  (alias export $n "next" (func $next))
  (alias export $c "size" (func $size))
  (core func $next' (canon lower (func $next)))
  (core func $size' (canon lower (func $size)))
  (core module $m
    (import "" "next" (func $next (result i32)))
    (import "" "size" (func $size (result i32)))
    (func (export "sum") (result i32) call $next call $size i32.add))
  (core instance $i (instantiate $m (with "" (instance (export "next" (func $next')) (export "size" (func $size'))))))
  (func (export "sum") (result u32) (canon lift (core func $i "sum"))))
