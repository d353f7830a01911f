;; A component whose instances cannot be reset: it may change its table.
(component
  (core module $main
    (table 1 funcref)
    (func $f (export "say"))
    (elem declare func $f)
    (func (export "change") (table.set (i32.const 0) (ref.func $f))))
  (core instance $main (instantiate $main))
  (func (export "say") (canon lift (core func $main "say"))))
