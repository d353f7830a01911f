;; otel: components that do what a script says, so that a test decides in which order they tell of spans and call the host.
;;
;; A script is pairs of a letter and a digit: s starts the guest's span of that number, e ends it, w calls a host function of
;; another kind, t traps, n does what follows so many times 100000, and c hands as many pairs to the component behind.
(component
  (import "test:otel/host" (instance $host
    (export "start" (func (param "n" u32)))
    (export "work" (func (param "n" u32)))
    (export "end" (func (param "n" u32)))))

  (component $actor
    (import "test:otel/host" (instance $host
      (export "start" (func (param "n" u32)))
      (export "work" (func (param "n" u32)))
      (export "end" (func (param "n" u32)))))
    (import "test:otel/actor" (instance $behind (export "play" (func (param "script" string)))))
    (core module $mem
      (memory (export "memory") 1)
      (global $next (mut i32) (i32.const 1024))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (global.set $next (i32.add (global.get $next) (local.get 3)))
        (i32.sub (global.get $next) (local.get 3))))
    (core instance $mem (instantiate $mem))
    (core func $start (canon lower (func $host "start")))
    (core func $work (canon lower (func $host "work")))
    (core func $end (canon lower (func $host "end")))
    (core func $behind' (canon lower (func $behind "play") (memory $mem "memory") string-encoding=utf8))
    (core module $m
      (import "mem" "memory" (memory 1))
      (import "h" "start" (func $start (param i32)))
      (import "h" "work" (func $work (param i32)))
      (import "h" "end" (func $end (param i32)))
      (import "h" "behind" (func $behind (param i32 i32)))
      (func $many (param $op i32) (param $n i32) (local $i i32)
        (loop $next
          (if (i32.eq (local.get $op) (i32.const 115)) (then (call $start (i32.add (i32.const 10) (local.get $i)))))
          (if (i32.eq (local.get $op) (i32.const 101)) (then (call $end (i32.add (i32.const 10) (local.get $i)))))
          (if (i32.eq (local.get $op) (i32.const 119)) (then (call $work (local.get $i))))
          (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.mul (local.get $n) (i32.const 100000))))))
      (func (export "play") (param $at i32) (param $len i32) (local $stop i32) (local $op i32) (local $n i32)
        (local.set $stop (i32.add (local.get $at) (local.get $len)))
        (block $done (loop $next
          (br_if $done (i32.ge_u (local.get $at) (local.get $stop)))
          (local.set $op (i32.load8_u (local.get $at)))
          (local.set $n (i32.sub (i32.load8_u offset=1 (local.get $at)) (i32.const 48)))
          (local.set $at (i32.add (local.get $at) (i32.const 2)))
          (if (i32.eq (local.get $op) (i32.const 115)) (then (call $start (local.get $n))))
          (if (i32.eq (local.get $op) (i32.const 119)) (then (call $work (local.get $n))))
          (if (i32.eq (local.get $op) (i32.const 101)) (then (call $end (local.get $n))))
          (if (i32.eq (local.get $op) (i32.const 116)) (then (unreachable)))
          (if (i32.eq (local.get $op) (i32.const 110)) (then
            (call $many (i32.load8_u (local.get $at)) (local.get $n))
            (local.set $at (i32.add (local.get $at) (i32.const 2)))))
          (if (i32.eq (local.get $op) (i32.const 99)) (then
            (call $behind (local.get $at) (i32.mul (local.get $n) (i32.const 2)))
            (local.set $at (i32.add (local.get $at) (i32.mul (local.get $n) (i32.const 2))))))
          (br $next)))))
    (core instance $i (instantiate $m (with "mem" (instance $mem)) (with "h" (instance
      (export "start" (func $start)) (export "work" (func $work)) (export "end" (func $end)) (export "behind" (func $behind'))))))
    (func $play (param "script" string) (canon lift (core func $i "play") (memory $mem "memory") (realloc (func $mem "realloc")) string-encoding=utf8))
    (instance $out (export "play" (func $play)))
    (export "test:otel/actor" (instance $out)))

  ;; Nothing is behind the last one.
  (component $nobody
    (core module $m (memory (export "memory") 1)
      (func (export "play") (param i32 i32) (unreachable))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
    (core instance $i (instantiate $m))
    (func $play (param "script" string) (canon lift (core func $i "play") (memory $i "memory") (realloc (func $i "realloc")) string-encoding=utf8))
    (instance $out (export "play" (func $play)))
    (export "test:otel/actor" (instance $out)))

  (instance $nobody (instantiate $nobody))
  (instance $back (instantiate $actor (with "test:otel/host" (instance $host)) (with "test:otel/actor" (instance $nobody "test:otel/actor"))))
  (instance $front (instantiate $actor (with "test:otel/host" (instance $host)) (with "test:otel/actor" (instance $back "test:otel/actor"))))
  ;; Another one beside it, for a second task in the same store.
  (instance $beside (instantiate $actor (with "test:otel/host" (instance $host)) (with "test:otel/actor" (instance $nobody "test:otel/actor"))))
  (export "test:otel/actor" (instance $front "test:otel/actor"))
  (export "test:otel/beside" (instance $beside "test:otel/actor")))
