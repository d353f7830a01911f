;; The memory of the adapter (adapter.wat): what hosts return to the adapter, and the table of its file descriptors. A module without imports, so that its
;; instance is there before functions are lowered with this memory.
;;
;;   0x0100  the errno of WASI 0.1 for each error-code of wasi:filesystem 0.2
;;   0x0140  the filetype of WASI 0.1 for each descriptor-type
;;   0x0400  room for the result of one call
;;   0x1000  1024 file descriptors of 32 bytes
;;   0x9000  memory that is given out; release gives back what was given out after the last keep
(module
  (memory (export "memory") 1)
  (data (i32.const 0x100) "\02\06\07\08\0a\10\13\14\16\19\1a\1b\1c\1d\1f\20\22\23\25\2b\2c\2e\30\33\36\37\38\3a\3b\3c\3d\3f\40\45\46\4a\4b")
  (data (i32.const 0x140) "\00\01\02\03\00\07\04\06")
  (global $next (mut i32) (i32.const 0x9000))
  (global $kept (mut i32) (i32.const 0x9000))

  (func (export "realloc") (param $old i32) (param $had i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32) (local $end i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1))) (i32.sub (i32.const 0) (local.get $align))))
    (local.set $end (i32.add (local.get $at) (local.get $size)))
    (if (i32.lt_u (local.get $end) (local.get $at)) (then (unreachable)))
    (if (i32.gt_u (local.get $end) (i32.shl (memory.size) (i32.const 16)))
      (then
        (if (i32.eq (i32.const -1) (memory.grow (i32.add (i32.const 1)
              (i32.shr_u (i32.sub (local.get $end) (i32.shl (memory.size) (i32.const 16))) (i32.const 16)))))
          (then (unreachable)))))
    (global.set $next (local.get $end))
    (memory.copy (local.get $at) (local.get $old)
      (select (local.get $had) (local.get $size) (i32.lt_u (local.get $had) (local.get $size))))
    (local.get $at))
  (func (export "release") (global.set $next (global.get $kept)))
  (func (export "keep") (global.set $kept (global.get $next)))

  (func (export "load8") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "load32") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "load64") (param i32) (result i64) (i64.load (local.get 0)))
  (func (export "store8") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
  (func (export "store32") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
  (func (export "store64") (param i32 i64) (i64.store (local.get 0) (local.get 1))))
