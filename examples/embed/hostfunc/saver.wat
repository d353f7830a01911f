;; saver: opens an account at its host's bank, pays in what it is given, and closes it. Built with: wasm-tools parse saver.wat -o saver.wasm
(component
  (import "example:bank/accounts" (instance $bank
    (export "account" (type $account (sub resource)))
    (export "[constructor]account" (func (param "owner" string) (result (own $account))))
    (export "[method]account.deposit" (func (param "self" (borrow $account)) (param "amount" u32) (result u32)))))
  (alias export $bank "account" (type $account))
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
  (core func $deposit (canon lower (func $bank "[method]account.deposit")))
  (core func $close (canon resource.drop $account))
  (core module $main
    (import "env" "memory" (memory 1))
    (import "env" "open" (func $open (param i32 i32) (result i32)))
    (import "env" "deposit" (func $deposit (param i32 i32) (result i32)))
    (import "env" "close" (func $close (param i32)))
    (func (export "save") (param $owner i32) (param $len i32) (param $amounts i32) (param $n i32) (result i32)
      (local $account i32) (local $balance i32)
      (local.set $account (call $open (local.get $owner) (local.get $len)))
      (block $done
        (loop $next
          (br_if $done (i32.eqz (local.get $n)))
          (local.set $balance (call $deposit (local.get $account) (i32.load (local.get $amounts))))
          (local.set $amounts (i32.add (local.get $amounts) (i32.const 4)))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br $next)))
      (call $close (local.get $account))
      (local.get $balance)))
  (core instance $main (instantiate $main (with "env" (instance
    (export "memory" (memory $mem "memory")) (export "open" (func $open)) (export "deposit" (func $deposit)) (export "close" (func $close))))))
  (func (export "save") (param "owner" string) (param "amounts" (list u32)) (result u32)
    (canon lift (core func $main "save") (memory $mem "memory") (realloc (func $mem "realloc")))))
