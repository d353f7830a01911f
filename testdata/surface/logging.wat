;; Written by tests/surface from plugin/logging/wit. DO NOT EDIT.
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
(import "wasi:logging/logging@0.1.0-draft" (instance $logging_logging
  (type $level' (enum "trace" "debug" "info" "warn" "error" "critical"))
  (export "level" (type $level (eq $level')))
  (export "log" (func (param "level" $level) (param "context" string) (param "message" string)))
))
(alias export $logging_logging "level" (type $logging_logging.level))
(core func $f1 (canon lower (func $logging_logging "log") (memory $m) (realloc $r)))
(core module $code
(import "mem" "memory" (memory 1))
(import "mem" "alloc" (func $alloc (param i32) (result i32)))
(import "mem" "pin" (func $pin (param i32)))
(import "host" "f1" (func $f1 (param i32 i32 i32 i32 i32)))
;; wasi:logging/logging@0.1.0-draft#log
(func (export "f1") (param i32 i32 i32 i32 i32) (local $r i32) (local $i i32) (call $f1 (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4)))
)
(core instance $imports
  (export "f1" (func $f1))
)
(core instance $code (instantiate $code (with "mem" (instance $mem)) (with "host" (instance $imports))))
(func $f1 (param "level" $logging_logging.level) (param "context" string) (param "message" string) (canon lift (core func $code "f1") (memory $m) (realloc $r) (post-return (func $mem "post"))))
(instance $logging_logging_out
  (export "log" (func $f1))
)
(export "surface:logging/logging" (instance $logging_logging_out))
)
