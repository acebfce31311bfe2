// RUN: transformer-opt %s --transformer-insert-probes | FileCheck %s
// RUN: transformer-opt %s --transformer-insert-probes --transformer-outline-parallel | FileCheck %s --check-prefix=LOWER

// Code of one op follows its like: one probe. Addresses take no time. The two
// calls have spans of their own, with the paths of their layers.
// CHECK: module attributes {transformer.kernels = [{cost = {{.*}}, function = "chain", number = 0 : i64, tile = "6x16 vfmadd231ps ymm"},
// CHECK-SAME: {cost = {{.*}}, function = "chain", number = 1 : i64, tile = ""}, {{.*}} function = "pool", number = 0 : i64, tile = ""}],
// CHECK-SAME: transformer.spans = {{\[\[}}"linear+gelu", "layer.0.dense"], ["layer_norm", "layer.0.norm"],
// CHECK-SAME: ["linear+gelu", "layer.1.dense"], ["layer_norm", "layer.1.norm"], ["pool", "head"]]}
// LOWER-LABEL: func.func private @chain_body(
// LOWER-SAME: %[[SPACE:[^:,]*]]: memref<?xi8>)
// LOWER: memref.store
// LOWER: memref.store
// LOWER: %[[ADDRESS:.*]] = memref.extract_aligned_pointer_as_index %[[SPACE]]
// LOWER: llvm.getelementptr %{{.*}}[-8]
// LOWER: %[[RECORDER:.*]] = llvm.load
// LOWER: scf.if
// LOWER-NEXT: llvm.mlir.constant(0 : i64)
// LOWER-NEXT: llvm.call @probe_hit(%[[RECORDER]],
// LOWER: memref.store
// LOWER: llvm.call @probe_hit
// CHECK-LABEL: func.func private @chain(
func.func private @chain(%x: memref<8xf32>) attributes {transformer.chain,
    transformer.tiles = [[array<i64: 0>, "6x16 vfmadd231ps ymm"]]} {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %zero = arith.constant 0.0 : f32
  // CHECK: scf.forall
  // CHECK-NEXT: memref.store
  // CHECK-NEXT: memref.store
  // CHECK-NEXT: transformer_kernel.probe 0
  // CHECK-NEXT: memref.subview
  // CHECK-NEXT: memref.store
  // CHECK-NEXT: transformer_kernel.probe 1
  // CHECK-NEXT: }
  scf.forall (%i) in (2) {
    memref.store %zero, %x[%i] : memref<8xf32> loc(fused<0>["dense"])
    memref.store %zero, %x[%c0] : memref<8xf32> loc("dense"(fused<0>["dense"]))
    %part = memref.subview %x[4] [4] [1] : memref<8xf32> to memref<4xf32, strided<[1], offset: 4>>
    memref.store %zero, %part[%i] : memref<4xf32, strided<[1], offset: 4>> loc(fused<1>["norm"])
  }
  // CHECK-NOT: probe
  // CHECK: return
  return
}
// A function of one op has no numbers.
// CHECK-LABEL: func.func private @pool(
// CHECK: memref.store
// CHECK-NEXT: transformer_kernel.probe 0
// LOWER-LABEL: func.func private @pool(
// LOWER-SAME: %[[CALL:.*]]: !llvm.ptr
// LOWER: llvm.getelementptr %[[CALL]][256]
// LOWER: llvm.call @probe_hit
func.func private @pool(%x: memref<8xf32>) attributes {transformer.region} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  memref.store %zero, %x[%c0] : memref<8xf32>
  return
}
// CHECK-LABEL: func.func @forward(
// CHECK: transformer_kernel.enter 0
// CHECK-NEXT: call @chain
// CHECK-NEXT: transformer_kernel.enter 2
// CHECK-NEXT: call @chain
// CHECK-NEXT: transformer_kernel.enter 4
// CHECK-NEXT: call @pool
// LOWER-LABEL: func.func @forward(
// LOWER: llvm.call @probe_enter
// LOWER: call @chain(
// LOWER: llvm.func internal @probe_hit({{.*}}) attributes {passthrough = ["cold", "noinline"]}
func.func @forward(%x: memref<8xf32>) {
  call @chain(%x) : (memref<8xf32>) -> () loc(fused<[["linear+gelu", "layer.0.dense"], ["layer_norm", "layer.0.norm"]]>["l0"])
  call @chain(%x) : (memref<8xf32>) -> () loc(fused<[["linear+gelu", "layer.1.dense"], ["layer_norm", "layer.1.norm"]]>["l1"])
  call @pool(%x) : (memref<8xf32>) -> () loc(fused<[["pool", "head"]]>["p"])
  return
}
