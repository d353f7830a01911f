;; chain: five components side by side; each calls the next, and the last calls the host.
(component
  (import "call-me-back" (func $back))
  (component $link
    (import "next" (func $next))
    (core func $next' (canon lower (func $next)))
    (core module $m (import "" "next" (func $next)) (func (export "f") (call $next)))
    (core instance $i (instantiate $m (with "" (instance (export "next" (func $next'))))))
    (func (export "f") (canon lift (core func $i "f"))))
  (instance $e (instantiate $link (with "next" (func $back))))
  (instance $d (instantiate $link (with "next" (func $e "f"))))
  (instance $c (instantiate $link (with "next" (func $d "f"))))
  (instance $b (instantiate $link (with "next" (func $c "f"))))
  (instance $a (instantiate $link (with "next" (func $b "f"))))
  (export "f" (func $a "f")))
