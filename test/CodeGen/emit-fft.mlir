// RUN: transformer-opt %s --transformer-emit-fft="lanes=8" | FileCheck %s

// CHECK-LABEL: func.func @dynamic
func.func @dynamic(%x: memref<?x24xf32>, %y: memref<?x24xf32>) {
  // CHECK: memref.alloc() {{.*}} : memref<512x2x8xf32>
  // CHECK: call @transformer_fft_twiddles
  // CHECK: call @transformer_fft_8
  // CHECK: vector.transpose
  // CHECK-NOT: transformer_kernel.fft_mix
  transformer_kernel.fft_mix %x outs(%y) {max_rows = 512 : i64}
      : (memref<?x24xf32>, memref<?x24xf32>) -> ()
  return
}

// One transform serves every length, so it is emitted once.
// CHECK-LABEL: func.func @unbounded
func.func @unbounded(%x: memref<?x16xf32>, %y: memref<?x16xf32>) {
  // CHECK: memref.alloc(%{{.*}}) {{.*}} : memref<?x2x8xf32>
  transformer_kernel.fft_mix %x outs(%y)
      : (memref<?x16xf32>, memref<?x16xf32>) -> ()
  return
}

// CHECK: func.func private @transformer_fft_8(
// CHECK: scf.while
// CHECK-NOT: func.func private @transformer_fft_8
