;; till: charges prices to an account of its host. Built with: wasm-tools parse till.wat -o till.wasm
(component
  (import "example:till/bank@1.0.0" (instance $bank
    (type $why (variant (case "closed") (case "short" u32)))
    (export "refusal" (type $refusal (eq $why)))
    (export "account" (type $account (sub resource)))
    (export "[constructor]account" (func (param "owner" string) (result (own $account))))
    (export "[method]account.charge" (func (param "self" (borrow $account)) (param "cents" u32) (result (result u32 (error $refusal)))))))
  (alias export $bank "account" (type $account))
  (alias export $bank "refusal" (type $refusal))
  (core module $mem
    (memory (export "memory") 1)
    (global $top (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $p i32)
      (local.set $p (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
      (global.set $top (i32.add (local.get $p) (local.get 3)))
      (local.get $p)))
  (core instance $mem (instantiate $mem))
  (core func $open (canon lower (func $bank "[constructor]account") (memory $mem "memory")))
  (core func $charge (canon lower (func $bank "[method]account.charge") (memory $mem "memory")))
  (core func $drop (canon resource.drop $account))
  (core module $main
    (import "env" "memory" (memory 1))
    (import "env" "open" (func $open (param i32 i32) (result i32)))
    (import "env" "charge" (func $charge (param i32 i32 i32)))
    (import "env" "drop" (func $drop (param i32)))
    ;; The result stands at 16: ok or error, and from 20 the cents or the refusal.
    (func (export "buy") (param $p i32) (param $n i32) (param $price i32) (param $count i32) (result i32)
      (local $account i32)
      (i64.store (i32.const 16) (i64.const 0))
      (local.set $account (call $open (local.get $p) (local.get $n)))
      (block $done
        (loop $next
          (br_if $done (i32.eqz (local.get $count)))
          (call $charge (local.get $account) (i32.load (local.get $price)) (i32.const 16))
          (br_if $done (i32.load8_u (i32.const 16)))
          (local.set $price (i32.add (local.get $price) (i32.const 4)))
          (local.set $count (i32.sub (local.get $count) (i32.const 1)))
          (br $next)))
      (call $drop (local.get $account))
      (i32.const 16)))
  (core instance $main (instantiate $main (with "env" (instance
    (export "memory" (memory $mem "memory")) (export "open" (func $open)) (export "charge" (func $charge)) (export "drop" (func $drop))))))
  (func $buy (param "customer" string) (param "prices" (list u32)) (result (result u32 (error $refusal)))
    (canon lift (core func $main "buy") (memory $mem "memory") (realloc (func $mem "realloc"))))
  (component $shop
    (type $why (variant (case "closed") (case "short" u32)))
    (import "import-refusal" (type $refusal (eq $why)))
    (import "import-buy" (func $buy (param "customer" string) (param "prices" (list u32)) (result (result u32 (error $refusal)))))
    (export $out "refusal" (type $refusal))
    (export "buy" (func $buy) (func (param "customer" string) (param "prices" (list u32)) (result (result u32 (error $out))))))
  (instance $shop (instantiate $shop (with "import-refusal" (type $refusal)) (with "import-buy" (func $buy))))
  (export "example:till/shop@1.0.0" (instance $shop)))
