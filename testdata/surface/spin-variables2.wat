;; Written by tests/surface from plugin/config/bindings/spin2/wit. DO NOT EDIT.
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
(import "fermyon:spin/variables@2.0.0" (instance $spin_variables
  (type $error' (variant (case "invalid-name" string) (case "undefined" string) (case "provider" string) (case "other" string)))
  (export "error" (type $error (eq $error')))
  (export "get" (func (param "name" string) (result (result string (error $error)))))
))
(alias export $spin_variables "error" (type $spin_variables.error))
(core func $f1 (canon lower (func $spin_variables "get") (memory $m) (realloc $r)))
(core module $code
(import "mem" "memory" (memory 1))
(import "mem" "alloc" (func $alloc (param i32) (result i32)))
(import "mem" "pin" (func $pin (param i32)))
(import "host" "f1" (func $f1 (param i32 i32 i32)))
;; fermyon:spin/variables@2.0.0#get
(func (export "f1") (param i32 i32) (result i32) (local $r i32) (local $i i32) (local.set $r (call $alloc (i32.const 16)))(call $f1 (local.get 0) (local.get 1) (local.get $r)) (local.get $r))
)
(core instance $imports
  (export "f1" (func $f1))
)
(core instance $code (instantiate $code (with "mem" (instance $mem)) (with "host" (instance $imports))))
(func $f1 (param "name" string) (result (result string (error $spin_variables.error))) (canon lift (core func $code "f1") (memory $m) (realloc $r) (post-return (func $mem "post-i32"))))
(instance $spin_variables_out
  (export "get" (func $f1))
)
(export "surface:spin/variables" (instance $spin_variables_out))
)
