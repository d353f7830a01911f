;; worker: counts, as long as it is told to, and remembers how often it was asked. Built with: wasm-tools parse worker.wat -o worker.wasm
(component
  (core module $main
    (global $asked (mut i32) (i32.const 0))
    (func (export "count") (param $n i64) (result i64)
      (local $i i64)
      (global.set $asked (i32.add (global.get $asked) (i32.const 1)))
      (loop $next
        (local.set $i (i64.add (local.get $i) (i64.const 1)))
        (br_if $next (i64.lt_u (local.get $i) (local.get $n))))
      (local.get $i))
    (func (export "asked") (result i32) (global.get $asked)))
  (core instance $main (instantiate $main))
  (func (export "count") (param "n" u64) (result u64) (canon lift (core func $main "count")))
  (func (export "asked") (result u32) (canon lift (core func $main "asked"))))
