// RUN: transformer-opt %s --transformer-emit-kernels="target-cpu=avx512-vnni" | FileCheck %s

// Packed weights are fetched ahead, and one row takes four panels at once.
// CHECK-LABEL: func.func @packed
func.func @packed(%x: memref<?x64xf32>, %w: memref<16x64x16xf32>, %y: memref<?x256xf32>) {
  // CHECK: scf.if
  // CHECK: case 1 {
  // CHECK: memref.prefetch
  // CHECK-COUNT-8: vector.load {{.*}} vector<16xf32>
  // CHECK-COUNT-8: math.fma
  // CHECK: } else {
  // CHECK-NOT: case 2 {
  // CHECK: case 3 {
  // CHECK: memref.prefetch
  transformer_kernel.contract %x, %w extras() outs(%y) attributes {maps = []} {
  ^bb0(%sum: f32):
    transformer_kernel.yield %sum : f32
  } : (memref<?x64xf32>, memref<16x64x16xf32>, memref<?x256xf32>) -> ()
  return
}
