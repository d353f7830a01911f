;; Forms that are skipped, and register.

(module $m (func (export "f") (result i32) i32.const 1))
(register "m" $m)
(assert_return (invoke $m "f") (i32.const 1))
(component $c (core module $m (func (export "f") (result i32) i32.const 7))
  (core instance $i (instantiate $m)) (func (export "f") (result u32) (canon lift (core func $i "f"))))
(register "registered" $c)
(component (import "registered" (instance $r (export "f" (func (result u32))))) (export "g" (func $r "f")))
(invoke "g")
(assert_return (invoke "g") (u32.const 7))
(thread $t (component))
(wait $t)
