;; A program of WASI 0.1 that waits for two clocks: one that comes in 50 ms, and an absolute time 95 ms from now. It fails if it is told that the latter has come
;; before it has.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $now (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $now (i32.const 1) (i64.const 0) (i32.const 200)))
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 50000000))
    (i32.store (i32.const 64) (i32.const 1))
    (i64.store (i32.const 72) (i64.add (i64.load (i32.const 200)) (i64.const 95000000)))
    (i32.store16 (i32.const 88) (i32.const 1))
    (if (call $poll (i32.const 0) (i32.const 256) (i32.const 2) (i32.const 192)) (then (call $exit (i32.const 1))))
    (if (i32.eqz (i32.load (i32.const 192))) (then (call $exit (i32.const 1))))
    (drop (call $now (i32.const 1) (i64.const 0) (i32.const 200)))
    (if (i32.eq (i32.load (i32.const 192)) (i32.const 2))
      (then (if (i64.lt_u (i64.load (i32.const 200)) (i64.load (i32.const 72))) (then (call $exit (i32.const 1))))))))
