;; Every instruction of core 2.0, SIMD, tail calls and typed function references, each behind an unreachable of its own.
;; Generated from lists of names; 136 plain, 23 memory, 236 vector instructions.
(module
  (type $ft (func (param i32) (result i32)))
  (import "" "f" (func $imp (type $ft)))
  (import "" "g" (global $gi (mut i64)))
  (memory 1)
  (table $t0 4 funcref)
  (table $t1 4 externref)
  (global $g (mut i32) (i32.const 200))
  (global $v (mut v128) (v128.const i64x2 1 2))
  (global $e i32 (i32.add (i32.const 3) (i32.mul (i32.const 2) (i32.sub (i32.const 9) (i32.const 2)))))
  (global $r (mut funcref) (ref.func $id))
  (elem $el0 (i32.const 1) $id $imp)
  (elem $el1 (table $t0) (i32.const 0) funcref (ref.func $id) (ref.null func))
  (elem $el2 func $id)
  (elem declare func $id)
  (data $d0 (i32.const 0) "abc")
  (data $d1 "passive")
  (export "id" (func $id))
  (func $id (type $ft) local.get 0)
  (func $ints (param $p i32) (local $l i32) (local $l2 v128)
    block unreachable i32.eqz unreachable end
    block unreachable i32.eq unreachable end
    block unreachable i32.ne unreachable end
    block unreachable i32.lt_s unreachable end
    block unreachable i32.lt_u unreachable end
    block unreachable i32.gt_s unreachable end
    block unreachable i32.gt_u unreachable end
    block unreachable i32.le_s unreachable end
    block unreachable i32.le_u unreachable end
    block unreachable i32.ge_s unreachable end
    block unreachable i32.ge_u unreachable end
    block unreachable i32.clz unreachable end
    block unreachable i32.ctz unreachable end
    block unreachable i32.popcnt unreachable end
    block unreachable i32.add unreachable end
    block unreachable i32.sub unreachable end
    block unreachable i32.mul unreachable end
    block unreachable i32.div_s unreachable end
    block unreachable i32.div_u unreachable end
    block unreachable i32.rem_s unreachable end
    block unreachable i32.rem_u unreachable end
    block unreachable i32.and unreachable end
    block unreachable i32.or unreachable end
    block unreachable i32.xor unreachable end
    block unreachable i32.shl unreachable end
    block unreachable i32.shr_s unreachable end
    block unreachable i32.shr_u unreachable end
    block unreachable i32.rotl unreachable end
    block unreachable i32.rotr unreachable end
    block unreachable i32.extend8_s unreachable end
    block unreachable i32.extend16_s unreachable end
    block unreachable i64.eqz unreachable end
    block unreachable i64.eq unreachable end
    block unreachable i64.ne unreachable end
    block unreachable i64.lt_s unreachable end
    block unreachable i64.lt_u unreachable end
    block unreachable i64.gt_s unreachable end
    block unreachable i64.gt_u unreachable end
    block unreachable i64.le_s unreachable end
    block unreachable i64.le_u unreachable end
    block unreachable i64.ge_s unreachable end
    block unreachable i64.ge_u unreachable end
    block unreachable i64.clz unreachable end
    block unreachable i64.ctz unreachable end
    block unreachable i64.popcnt unreachable end
    block unreachable i64.add unreachable end
    block unreachable i64.sub unreachable end
    block unreachable i64.mul unreachable end
    block unreachable i64.div_s unreachable end
    block unreachable i64.div_u unreachable end
    block unreachable i64.rem_s unreachable end
    block unreachable i64.rem_u unreachable end
    block unreachable i64.and unreachable end
    block unreachable i64.or unreachable end
    block unreachable i64.xor unreachable end
    block unreachable i64.shl unreachable end
    block unreachable i64.shr_s unreachable end
    block unreachable i64.shr_u unreachable end
    block unreachable i64.rotl unreachable end
    block unreachable i64.rotr unreachable end
    block unreachable i64.extend8_s unreachable end
    block unreachable i64.extend16_s unreachable end
    block unreachable i64.extend32_s unreachable end
    block unreachable i32.wrap_i64 unreachable end
    block unreachable i64.extend_i32_s unreachable end
    block unreachable i64.extend_i32_u unreachable end
    block unreachable f32.eq unreachable end
    block unreachable f32.ne unreachable end
    block unreachable f32.lt unreachable end
    block unreachable f32.gt unreachable end
    block unreachable f32.le unreachable end
    block unreachable f32.ge unreachable end
    block unreachable f32.abs unreachable end
    block unreachable f32.neg unreachable end
    block unreachable f32.ceil unreachable end
    block unreachable f32.floor unreachable end
    block unreachable f32.trunc unreachable end
    block unreachable f32.nearest unreachable end
    block unreachable f32.sqrt unreachable end
    block unreachable f32.add unreachable end
    block unreachable f32.sub unreachable end
    block unreachable f32.mul unreachable end
    block unreachable f32.div unreachable end
    block unreachable f32.min unreachable end
    block unreachable f32.max unreachable end
    block unreachable f32.copysign unreachable end
    block unreachable i32.trunc_f32_s unreachable end
    block unreachable f32.convert_i32_s unreachable end
    block unreachable i32.trunc_sat_f32_s unreachable end
    block unreachable i32.trunc_f32_u unreachable end
    block unreachable f32.convert_i32_u unreachable end
    block unreachable i32.trunc_sat_f32_u unreachable end
    block unreachable i64.trunc_f32_s unreachable end
    block unreachable f32.convert_i64_s unreachable end
    block unreachable i64.trunc_sat_f32_s unreachable end
    block unreachable i64.trunc_f32_u unreachable end
    block unreachable f32.convert_i64_u unreachable end
    block unreachable i64.trunc_sat_f32_u unreachable end
    block unreachable f64.eq unreachable end
    block unreachable f64.ne unreachable end
    block unreachable f64.lt unreachable end
    block unreachable f64.gt unreachable end
    block unreachable f64.le unreachable end
    block unreachable f64.ge unreachable end
    block unreachable f64.abs unreachable end
    block unreachable f64.neg unreachable end
    block unreachable f64.ceil unreachable end
    block unreachable f64.floor unreachable end
    block unreachable f64.trunc unreachable end
    block unreachable f64.nearest unreachable end
    block unreachable f64.sqrt unreachable end
    block unreachable f64.add unreachable end
    block unreachable f64.sub unreachable end
    block unreachable f64.mul unreachable end
    block unreachable f64.div unreachable end
    block unreachable f64.min unreachable end
    block unreachable f64.max unreachable end
    block unreachable f64.copysign unreachable end
    block unreachable i32.trunc_f64_s unreachable end
    block unreachable f64.convert_i32_s unreachable end
    block unreachable i32.trunc_sat_f64_s unreachable end
    block unreachable i32.trunc_f64_u unreachable end
    block unreachable f64.convert_i32_u unreachable end
    block unreachable i32.trunc_sat_f64_u unreachable end
    block unreachable i64.trunc_f64_s unreachable end
    block unreachable f64.convert_i64_s unreachable end
    block unreachable i64.trunc_sat_f64_s unreachable end
    block unreachable i64.trunc_f64_u unreachable end
    block unreachable f64.convert_i64_u unreachable end
    block unreachable i64.trunc_sat_f64_u unreachable end
    block unreachable f32.demote_f64 unreachable end
    block unreachable f64.promote_f32 unreachable end
    block unreachable i32.reinterpret_f32 unreachable end
    block unreachable i64.reinterpret_f64 unreachable end
    block unreachable f32.reinterpret_i32 unreachable end
    block unreachable f64.reinterpret_i64 unreachable end
  )
  (func $mem (param $p i32) (local $l i32) (local $l2 v128)
    block unreachable i32.load offset=70000 unreachable end
    block unreachable i32.load8_s offset=70000 unreachable end
    block unreachable i32.load8_u offset=70000 unreachable end
    block unreachable i32.load16_s offset=70000 unreachable end
    block unreachable i32.load16_u offset=70000 unreachable end
    block unreachable i32.store offset=70000 unreachable end
    block unreachable i32.store8 offset=70000 unreachable end
    block unreachable i32.store16 offset=70000 unreachable end
    block unreachable i64.load offset=70000 unreachable end
    block unreachable i64.load8_s offset=70000 unreachable end
    block unreachable i64.load8_u offset=70000 unreachable end
    block unreachable i64.load16_s offset=70000 unreachable end
    block unreachable i64.load16_u offset=70000 unreachable end
    block unreachable i64.load32_s offset=70000 unreachable end
    block unreachable i64.load32_u offset=70000 unreachable end
    block unreachable i64.store offset=70000 unreachable end
    block unreachable i64.store8 offset=70000 unreachable end
    block unreachable i64.store16 offset=70000 unreachable end
    block unreachable i64.store32 offset=70000 unreachable end
    block unreachable f32.load offset=70000 unreachable end
    block unreachable f32.store offset=70000 unreachable end
    block unreachable f64.load offset=70000 unreachable end
    block unreachable f64.store offset=70000 unreachable end
  )
  (func $vec (param $p i32) (local $l i32) (local $l2 v128)
    block unreachable v128.load offset=300 unreachable end
    block unreachable v128.load8x8_s offset=300 unreachable end
    block unreachable v128.load8x8_u offset=300 unreachable end
    block unreachable v128.load16x4_s offset=300 unreachable end
    block unreachable v128.load16x4_u offset=300 unreachable end
    block unreachable v128.load32x2_s offset=300 unreachable end
    block unreachable v128.load32x2_u offset=300 unreachable end
    block unreachable v128.load8_splat offset=300 unreachable end
    block unreachable v128.load16_splat offset=300 unreachable end
    block unreachable v128.load32_splat offset=300 unreachable end
    block unreachable v128.load64_splat offset=300 unreachable end
    block unreachable v128.load32_zero offset=300 unreachable end
    block unreachable v128.load64_zero offset=300 unreachable end
    block unreachable v128.store offset=300 unreachable end
    block unreachable v128.load8_lane offset=300 1 unreachable end
    block unreachable v128.store8_lane offset=300 1 unreachable end
    block unreachable v128.load16_lane offset=300 1 unreachable end
    block unreachable v128.store16_lane offset=300 1 unreachable end
    block unreachable v128.load32_lane offset=300 1 unreachable end
    block unreachable v128.store32_lane offset=300 1 unreachable end
    block unreachable v128.load64_lane offset=300 1 unreachable end
    block unreachable v128.store64_lane offset=300 1 unreachable end
    block unreachable v128.const i64x2 1 2 unreachable end
    block unreachable i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 unreachable end
    block unreachable i8x16.swizzle unreachable end
    block unreachable i8x16.splat unreachable end
    block unreachable i8x16.replace_lane 1 unreachable end
    block unreachable i16x8.splat unreachable end
    block unreachable i16x8.replace_lane 1 unreachable end
    block unreachable i32x4.splat unreachable end
    block unreachable i32x4.replace_lane 1 unreachable end
    block unreachable i64x2.splat unreachable end
    block unreachable i64x2.replace_lane 1 unreachable end
    block unreachable f32x4.splat unreachable end
    block unreachable f32x4.replace_lane 1 unreachable end
    block unreachable f64x2.splat unreachable end
    block unreachable f64x2.replace_lane 1 unreachable end
    block unreachable i8x16.extract_lane_s 1 unreachable end
    block unreachable i8x16.extract_lane_u 1 unreachable end
    block unreachable i16x8.extract_lane_s 1 unreachable end
    block unreachable i16x8.extract_lane_u 1 unreachable end
    block unreachable i32x4.extract_lane 1 unreachable end
    block unreachable i64x2.extract_lane 1 unreachable end
    block unreachable f32x4.extract_lane 1 unreachable end
    block unreachable f64x2.extract_lane 1 unreachable end
    block unreachable i8x16.eq unreachable end
    block unreachable i8x16.ne unreachable end
    block unreachable i8x16.lt_s unreachable end
    block unreachable i8x16.lt_u unreachable end
    block unreachable i8x16.gt_s unreachable end
    block unreachable i8x16.gt_u unreachable end
    block unreachable i8x16.le_s unreachable end
    block unreachable i8x16.le_u unreachable end
    block unreachable i8x16.ge_s unreachable end
    block unreachable i8x16.ge_u unreachable end
    block unreachable i16x8.eq unreachable end
    block unreachable i16x8.ne unreachable end
    block unreachable i16x8.lt_s unreachable end
    block unreachable i16x8.lt_u unreachable end
    block unreachable i16x8.gt_s unreachable end
    block unreachable i16x8.gt_u unreachable end
    block unreachable i16x8.le_s unreachable end
    block unreachable i16x8.le_u unreachable end
    block unreachable i16x8.ge_s unreachable end
    block unreachable i16x8.ge_u unreachable end
    block unreachable i32x4.eq unreachable end
    block unreachable i32x4.ne unreachable end
    block unreachable i32x4.lt_s unreachable end
    block unreachable i32x4.lt_u unreachable end
    block unreachable i32x4.gt_s unreachable end
    block unreachable i32x4.gt_u unreachable end
    block unreachable i32x4.le_s unreachable end
    block unreachable i32x4.le_u unreachable end
    block unreachable i32x4.ge_s unreachable end
    block unreachable i32x4.ge_u unreachable end
    block unreachable i64x2.eq unreachable end
    block unreachable i64x2.ne unreachable end
    block unreachable i64x2.lt_s unreachable end
    block unreachable i64x2.gt_s unreachable end
    block unreachable i64x2.le_s unreachable end
    block unreachable i64x2.ge_s unreachable end
    block unreachable f32x4.eq unreachable end
    block unreachable f32x4.ne unreachable end
    block unreachable f32x4.lt unreachable end
    block unreachable f32x4.gt unreachable end
    block unreachable f32x4.le unreachable end
    block unreachable f32x4.ge unreachable end
    block unreachable f32x4.abs unreachable end
    block unreachable f32x4.neg unreachable end
    block unreachable f32x4.sqrt unreachable end
    block unreachable f32x4.add unreachable end
    block unreachable f32x4.sub unreachable end
    block unreachable f32x4.mul unreachable end
    block unreachable f32x4.div unreachable end
    block unreachable f32x4.min unreachable end
    block unreachable f32x4.max unreachable end
    block unreachable f32x4.pmin unreachable end
    block unreachable f32x4.pmax unreachable end
    block unreachable f32x4.ceil unreachable end
    block unreachable f32x4.floor unreachable end
    block unreachable f32x4.trunc unreachable end
    block unreachable f32x4.nearest unreachable end
    block unreachable f64x2.eq unreachable end
    block unreachable f64x2.ne unreachable end
    block unreachable f64x2.lt unreachable end
    block unreachable f64x2.gt unreachable end
    block unreachable f64x2.le unreachable end
    block unreachable f64x2.ge unreachable end
    block unreachable f64x2.abs unreachable end
    block unreachable f64x2.neg unreachable end
    block unreachable f64x2.sqrt unreachable end
    block unreachable f64x2.add unreachable end
    block unreachable f64x2.sub unreachable end
    block unreachable f64x2.mul unreachable end
    block unreachable f64x2.div unreachable end
    block unreachable f64x2.min unreachable end
    block unreachable f64x2.max unreachable end
    block unreachable f64x2.pmin unreachable end
    block unreachable f64x2.pmax unreachable end
    block unreachable f64x2.ceil unreachable end
    block unreachable f64x2.floor unreachable end
    block unreachable f64x2.trunc unreachable end
    block unreachable f64x2.nearest unreachable end
    block unreachable v128.not unreachable end
    block unreachable v128.and unreachable end
    block unreachable v128.andnot unreachable end
    block unreachable v128.or unreachable end
    block unreachable v128.xor unreachable end
    block unreachable v128.bitselect unreachable end
    block unreachable v128.any_true unreachable end
    block unreachable i8x16.abs unreachable end
    block unreachable i8x16.neg unreachable end
    block unreachable i8x16.all_true unreachable end
    block unreachable i8x16.bitmask unreachable end
    block unreachable i8x16.shl unreachable end
    block unreachable i8x16.shr_s unreachable end
    block unreachable i8x16.shr_u unreachable end
    block unreachable i8x16.add unreachable end
    block unreachable i8x16.sub unreachable end
    block unreachable i16x8.abs unreachable end
    block unreachable i16x8.neg unreachable end
    block unreachable i16x8.all_true unreachable end
    block unreachable i16x8.bitmask unreachable end
    block unreachable i16x8.shl unreachable end
    block unreachable i16x8.shr_s unreachable end
    block unreachable i16x8.shr_u unreachable end
    block unreachable i16x8.add unreachable end
    block unreachable i16x8.sub unreachable end
    block unreachable i32x4.abs unreachable end
    block unreachable i32x4.neg unreachable end
    block unreachable i32x4.all_true unreachable end
    block unreachable i32x4.bitmask unreachable end
    block unreachable i32x4.shl unreachable end
    block unreachable i32x4.shr_s unreachable end
    block unreachable i32x4.shr_u unreachable end
    block unreachable i32x4.add unreachable end
    block unreachable i32x4.sub unreachable end
    block unreachable i64x2.abs unreachable end
    block unreachable i64x2.neg unreachable end
    block unreachable i64x2.all_true unreachable end
    block unreachable i64x2.bitmask unreachable end
    block unreachable i64x2.shl unreachable end
    block unreachable i64x2.shr_s unreachable end
    block unreachable i64x2.shr_u unreachable end
    block unreachable i64x2.add unreachable end
    block unreachable i64x2.sub unreachable end
    block unreachable i8x16.add_sat_s unreachable end
    block unreachable i8x16.add_sat_u unreachable end
    block unreachable i8x16.sub_sat_s unreachable end
    block unreachable i8x16.sub_sat_u unreachable end
    block unreachable i8x16.avgr_u unreachable end
    block unreachable i16x8.add_sat_s unreachable end
    block unreachable i16x8.add_sat_u unreachable end
    block unreachable i16x8.sub_sat_s unreachable end
    block unreachable i16x8.sub_sat_u unreachable end
    block unreachable i16x8.avgr_u unreachable end
    block unreachable i8x16.min_s unreachable end
    block unreachable i8x16.min_u unreachable end
    block unreachable i8x16.max_s unreachable end
    block unreachable i8x16.max_u unreachable end
    block unreachable i16x8.min_s unreachable end
    block unreachable i16x8.min_u unreachable end
    block unreachable i16x8.max_s unreachable end
    block unreachable i16x8.max_u unreachable end
    block unreachable i32x4.min_s unreachable end
    block unreachable i32x4.min_u unreachable end
    block unreachable i32x4.max_s unreachable end
    block unreachable i32x4.max_u unreachable end
    block unreachable i8x16.popcnt unreachable end
    block unreachable i8x16.narrow_i16x8_s unreachable end
    block unreachable i8x16.narrow_i16x8_u unreachable end
    block unreachable i16x8.narrow_i32x4_s unreachable end
    block unreachable i16x8.narrow_i32x4_u unreachable end
    block unreachable i16x8.q15mulr_sat_s unreachable end
    block unreachable i16x8.mul unreachable end
    block unreachable i32x4.mul unreachable end
    block unreachable i64x2.mul unreachable end
    block unreachable i32x4.dot_i16x8_s unreachable end
    block unreachable i16x8.extadd_pairwise_i8x16_s unreachable end
    block unreachable i16x8.extadd_pairwise_i8x16_u unreachable end
    block unreachable i32x4.extadd_pairwise_i16x8_s unreachable end
    block unreachable i32x4.extadd_pairwise_i16x8_u unreachable end
    block unreachable i16x8.extend_low_i8x16_s unreachable end
    block unreachable i16x8.extmul_low_i8x16_s unreachable end
    block unreachable i16x8.extend_high_i8x16_s unreachable end
    block unreachable i16x8.extmul_high_i8x16_s unreachable end
    block unreachable i16x8.extend_low_i8x16_u unreachable end
    block unreachable i16x8.extmul_low_i8x16_u unreachable end
    block unreachable i16x8.extend_high_i8x16_u unreachable end
    block unreachable i16x8.extmul_high_i8x16_u unreachable end
    block unreachable i32x4.extend_low_i16x8_s unreachable end
    block unreachable i32x4.extmul_low_i16x8_s unreachable end
    block unreachable i32x4.extend_high_i16x8_s unreachable end
    block unreachable i32x4.extmul_high_i16x8_s unreachable end
    block unreachable i32x4.extend_low_i16x8_u unreachable end
    block unreachable i32x4.extmul_low_i16x8_u unreachable end
    block unreachable i32x4.extend_high_i16x8_u unreachable end
    block unreachable i32x4.extmul_high_i16x8_u unreachable end
    block unreachable i64x2.extend_low_i32x4_s unreachable end
    block unreachable i64x2.extmul_low_i32x4_s unreachable end
    block unreachable i64x2.extend_high_i32x4_s unreachable end
    block unreachable i64x2.extmul_high_i32x4_s unreachable end
    block unreachable i64x2.extend_low_i32x4_u unreachable end
    block unreachable i64x2.extmul_low_i32x4_u unreachable end
    block unreachable i64x2.extend_high_i32x4_u unreachable end
    block unreachable i64x2.extmul_high_i32x4_u unreachable end
    block unreachable i32x4.trunc_sat_f32x4_s unreachable end
    block unreachable f32x4.convert_i32x4_s unreachable end
    block unreachable i32x4.trunc_sat_f64x2_s_zero unreachable end
    block unreachable f64x2.convert_low_i32x4_s unreachable end
    block unreachable i32x4.trunc_sat_f32x4_u unreachable end
    block unreachable f32x4.convert_i32x4_u unreachable end
    block unreachable i32x4.trunc_sat_f64x2_u_zero unreachable end
    block unreachable f64x2.convert_low_i32x4_u unreachable end
    block unreachable f32x4.demote_f64x2_zero unreachable end
    block unreachable f64x2.promote_low_f32x4 unreachable end
  )
  (func $other (param $p i32) (result i32) (local $x i32) (local $y externref) (local $z funcref)
    nop
    i64.const -1 drop  i64.const 9223372036854775807 drop i32.const -2147483648 drop
    f32.const 1.5 drop f64.const 2.5 drop
    memory.size drop
    (memory.grow (i32.const 0)) drop
    (memory.init $d1 (i32.const 0) (i32.const 0) (local.get $p)) data.drop $d1
    (memory.copy (i32.const 0) (i32.const 0) (local.get $p))
    (memory.copy (i32.const 0) (i32.const 0) (i32.const 8))
    (memory.fill (i32.const 0) (i32.const 0) (local.get $p))
    (table.init $t0 $el2 (i32.const 0) (i32.const 0) (local.get $p)) elem.drop $el2
    (table.copy $t0 $t0 (i32.const 0) (i32.const 0) (local.get $p))
    (table.fill $t1 (i32.const 0) (local.get $y) (local.get $p))
    (table.grow $t1 (local.get $y) (local.get $p)) drop
    table.size $t1 drop
    (table.set $t1 (i32.const 0) (table.get $t1 (i32.const 1)))
    (local.set $z (ref.func $id)) (ref.is_null (local.get $z)) drop
    ref.null extern local.set $y
    (global.set $g (global.get $g)) (global.set $gi (global.get $gi))
    (select (i32.const 1) (i32.const 2) (local.get $p)) drop
    (select (result externref) (local.get $y) (local.get $y) (local.get $p)) drop
    (local.tee $x (call_indirect $t0 (type $ft) (i32.const 1) (i32.const 0))) drop
    block (result i32)
      loop (result i32)
        (if (result i32) (local.get $p) (then i32.const 1) (else i32.const 2))
        local.tee $x
        br_if 0
        local.get $x
      end
    end
    drop
    i32.const 1 i32.const 2 (loop $multi (param i32 i32) (result i32) drop)
    drop
    block $a block $b block $c (br_table $a $b $c (local.get $p)) end end end
    (if (local.get $p) (then (return (call $imp (i32.const 1)))))
    (if (local.get $p) (then (return_call $id (i32.const 1))))
    (if (local.get $p) (then (return_call_indirect $t0 (type $ft) (i32.const 1) (i32.const 0))))
    (call $id (i32.const 1))))
