// RUN: transformer-opt %s --transformer-emit-fft="target-cpu=x86-64-v3" | FileCheck %s
// RUN: transformer-opt %s --transformer-emit-fft="target-cpu=x86-64" | FileCheck %s --check-prefix=SSE
// RUN: not transformer-opt %s --transformer-emit-fft="target-cpu=i386" 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: error: unknown target 'i386'; supported are host,

// CHECK: memref.global "private" constant @transformer_fft_table_24 : memref<48xf32>

// Scratch is bounded by max_rows; the work is a call.
// CHECK-LABEL: func.func @dynamic
// SSE-LABEL: func.func @dynamic
func.func @dynamic(%x: memref<?x24xf32>, %y: memref<?x24xf32>) {
  // CHECK-NOT: transformer_kernel.fft_mix
  // CHECK: memref.alloc() {alignment = 64 : i64} : memref<1026x2x8xf32>
  // CHECK: memref.alloc() {alignment = 64 : i64} : memref<512x2x8xf32>
  // CHECK: call @transformer_fft_mix_8_of_24(
  // SSE: call @transformer_fft_mix_4_of_24(
  transformer_kernel.fft_mix %x outs(%y) {max_rows = 512 : i64}
      : (memref<?x24xf32>, memref<?x24xf32>) -> ()
  return
}

// CHECK-LABEL: func.func @unbounded
func.func @unbounded(%x: memref<?x16xf32>, %y: memref<?x16xf32>) {
  // CHECK: memref.alloc(%{{.*}}) {alignment = 64 : i64} : memref<?x2x8xf32
  // CHECK: call @transformer_fft_mix_8_of_16(
  transformer_kernel.fft_mix %x outs(%y)
      : (memref<?x16xf32>, memref<?x16xf32>) -> ()
  return
}

// A static length has a plan of its own, and a table made when compiling.
// CHECK-LABEL: func.func @known
func.func @known(%x: memref<12x24xf32>, %y: memref<12x24xf32>) {
  // CHECK: call @transformer_fft_mix_8_of_24_by_12(
  transformer_kernel.fft_mix %x outs(%y)
      : (memref<12x24xf32>, memref<12x24xf32>) -> ()
  return
}

// The table for a length that is known when running is made by the call.
// CHECK: func.func private @transformer_fft_mix_8_of_24(
// CHECK: call @transformer_fft_twiddles_8
// CHECK: call @transformer_fft_8(
// CHECK: call @transformer_fft_separate_8_of_24
// CHECK: call @transformer_fft_8_of_24_from_24(
// SSE: func.func private @transformer_fft_mix_4_of_24(
// SSE-NOT: math.fma

// One transform serves every length, so it is emitted once.
// CHECK: func.func private @transformer_fft_8(
// CHECK: scf.while
// CHECK: scf.index_switch
// CHECK-NOT: func.func private @transformer_fft_8(

// CHECK: func.func private @transformer_fft_mix_8_of_24_by_12(
// CHECK-NOT: call @transformer_fft_twiddles_8
// CHECK: call @transformer_fft_8_of_12_from_3(
