;; hoard: five components side by side; each hands the list that it is given to the next, the last to the host. While the calls
;; nest, the host holds the list once for each.
(component
  (import "take" (func $take (param "all" (list u32))))
  (component $link
    (import "next" (func $next (param "all" (list u32))))
    (core module $mem
      (memory (export "memory") 8)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 16)))
    (core instance $mem (instantiate $mem))
    (alias core export $mem "memory" (core memory $mem'))
    (alias core export $mem "realloc" (core func $realloc))
    (core func $next' (canon lower (func $next) (memory $mem')))
    (core module $m
      (import "" "next" (func $next (param i32 i32)))
      (func (export "f") (param i32 i32) (call $next (local.get 0) (local.get 1))))
    (core instance $i (instantiate $m (with "" (instance (export "next" (func $next'))))))
    (func (export "f") (param "all" (list u32))
      (canon lift (core func $i "f") (memory $mem') (realloc $realloc))))
  (instance $e (instantiate $link (with "next" (func $take))))
  (instance $d (instantiate $link (with "next" (func $e "f"))))
  (instance $c (instantiate $link (with "next" (func $d "f"))))
  (instance $b (instantiate $link (with "next" (func $c "f"))))
  (instance $a (instantiate $link (with "next" (func $b "f"))))
  (export "f" (func $a "f")))
