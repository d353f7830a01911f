;; Written by tests/surface from plugin/config/bindings/draft/wit. DO NOT EDIT.
(component $surface
(core module $mem
  (memory (export "memory") 2)
  (global $top (mut i32) (i32.const 16))
  (func $alloc (export "alloc") (param $n i32) (result i32)
    (local $p i32)
    (local.set $p (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
    (global.set $top (i32.add (local.get $p) (local.get $n)))
    (block $fits
      (loop $more
        (br_if $fits (i32.le_u (global.get $top) (i32.shl (memory.size) (i32.const 16))))
        (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then (unreachable)))
        (br $more)))
    (local.get $p))
  (func (export "realloc") (param i32 i32 i32 i32) (result i32)
    (local $p i32)
    (local.set $p (call $alloc (local.get 3)))
    (memory.copy (local.get $p) (local.get 0) (local.get 1))
    (local.get $p))
  ;; tasks that go on when their call has returned keep the heap
  (global $pins (mut i32) (i32.const 0))
  (func (export "pin") (param i32) (global.set $pins (i32.add (global.get $pins) (local.get 0))))
  (func $post (export "post") (if (i32.eqz (global.get $pins)) (then (global.set $top (i32.const 16)))))
  (func (export "post-i32") (param i32) (call $post))
  (func (export "post-i64") (param i64) (call $post)))
(core instance $mem (instantiate $mem))
(alias core export $mem "memory" (core memory $m))
(alias core export $mem "realloc" (core func $r))
(import "wasi:config/store@0.2.0-draft-2024-09-27" (instance $config_store
  (type $error' (variant (case "upstream" string) (case "io" string)))
  (export "error" (type $error (eq $error')))
  (export "get" (func (param "key" string) (result (result (option string) (error $error)))))
  (export "get-all" (func (result (result (list (tuple string string)) (error $error)))))
))
(alias export $config_store "error" (type $config_store.error))
(core func $f1 (canon lower (func $config_store "get") (memory $m) (realloc $r)))
(core func $f2 (canon lower (func $config_store "get-all") (memory $m) (realloc $r)))
(core module $code
(import "mem" "memory" (memory 1))
(import "mem" "alloc" (func $alloc (param i32) (result i32)))
(import "mem" "pin" (func $pin (param i32)))
(import "host" "f1" (func $f1 (param i32 i32 i32)))
(import "host" "f2" (func $f2 (param i32)))
;; wasi:config/store@0.2.0-draft-2024-09-27#get
(func (export "f1") (param i32 i32) (result i32) (local $r i32) (local $i i32) (local.set $r (call $alloc (i32.const 16)))(call $f1 (local.get 0) (local.get 1) (local.get $r)) (local.get $r))
;; wasi:config/store@0.2.0-draft-2024-09-27#get-all
(func (export "f2") (result i32) (local $r i32) (local $i i32) (local.set $r (call $alloc (i32.const 16)))(call $f2 (local.get $r)) (local.get $r))
)
(core instance $imports
  (export "f1" (func $f1))
  (export "f2" (func $f2))
)
(core instance $code (instantiate $code (with "mem" (instance $mem)) (with "host" (instance $imports))))
(func $f1 (param "key" string) (result (result (option string) (error $config_store.error))) (canon lift (core func $code "f1") (memory $m) (realloc $r) (post-return (func $mem "post-i32"))))
(func $f2 (result (result (list (tuple string string)) (error $config_store.error))) (canon lift (core func $code "f2") (memory $m) (realloc $r) (post-return (func $mem "post-i32"))))
(instance $config_store_out
  (export "get" (func $f1))
  (export "get-all" (func $f2))
)
(export "surface:config/store" (instance $config_store_out))
)
