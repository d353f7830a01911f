;; grow: a command that grows a memory until it is refused, touches its last byte, and grows a table until it is refused. It fails unless the
;; memory was let grow at all.
(component
  (core module $m
    (memory (export "memory") 1)
    (table $t 1 funcref)
    (func (export "run") (result i32)
      (block $full
        (loop $more
          (br_if $full (i32.eq (memory.grow (i32.const 160)) (i32.const -1)))
          (i32.store (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 4)) (i32.const 7))
          (br $more)))
      (block $full
        (loop $more
          (br_if $full (i32.eq (table.grow $t (ref.null func) (i32.const 500000)) (i32.const -1)))
          (br $more)))
      (i32.eq (memory.size) (i32.const 1))))
  (core instance $i (instantiate $m))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $run (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $run)))
