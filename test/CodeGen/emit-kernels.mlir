// RUN: transformer-opt %s --transformer-emit-kernels="target-cpu=avx512-vnni" | FileCheck %s
// RUN: transformer-opt %s --transformer-emit-kernels="target-cpu=x86-64" | FileCheck %s --check-prefix=SSE

// CHECK-LABEL: func.func @contract
// SSE-LABEL: func.func @contract
func.func @contract(%x: memref<?x8xf32>, %bias: memref<64xf32>, %y: memref<?x64xf32>) {
  // Panels, tiles of up to eight rows by two registers, k.
  // CHECK: scf.for
  // CHECK: scf.for
  // CHECK: scf.index_switch
  // CHECK: case 1 {
  // CHECK: scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>) {
  // CHECK: case 8 {
  // CHECK: scf.for {{.*}} -> (vector<16xf32>
  // CHECK-COUNT-2: vector.load {{.*}} vector<16xf32>
  // CHECK-COUNT-16: math.fma
  // CHECK: scf.yield
  // CHECK-COUNT-16: vector.store
  // CHECK-NOT: case 9
  // CHECK-NOT: transformer_kernel.contract
  // Without fused multiply-add there is none: a library would be called.
  // SSE-NOT: math.fma
  // SSE: vector<4xf32>
  %w = memref.alloc() : memref<64x8xf32>
  transformer_kernel.contract %x, %w extras(%bias) outs(%y)
      attributes {maps = [affine_map<(m, n) -> (n)>]} {
  ^bb0(%sum: f32, %b: f32):
    %0 = arith.addf %sum, %b : f32
    transformer_kernel.yield %0 : f32
  } : (memref<?x8xf32>, memref<64x8xf32>, memref<64xf32>, memref<?x64xf32>) -> ()
  return
}

// The three generics of a layer norm are one loop over rows.
// CHECK-LABEL: func.func @layer_norm
// CHECK: scf.for
// CHECK: vector.store
// CHECK-NOT: vector.store
// CHECK: return
func.func @layer_norm(%x: memref<?x48xf32>, %sum: memref<?xf32>, %y: memref<?x48xf32>) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %n = memref.dim %x, %c0 : memref<?x48xf32>
  %xs = memref.subview %x[0, 0] [%n, 48] [1, 1] : memref<?x48xf32> to memref<?x48xf32, strided<[48, 1]>>
  %ss = memref.subview %sum[0] [%n] [1] : memref<?xf32> to memref<?xf32, strided<[1]>>
  %ys = memref.subview %y[0, 0] [%n, 48] [1, 1] : memref<?x48xf32> to memref<?x48xf32, strided<[48, 1]>>
  linalg.fill ins(%zero : f32) outs(%ss : memref<?xf32, strided<[1]>>)
  linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>],
      iterator_types = ["parallel", "reduction"]}
      ins(%xs : memref<?x48xf32, strided<[48, 1]>>) outs(%ss : memref<?xf32, strided<[1]>>) {
  ^bb0(%a: f32, %acc: f32):
    %0 = arith.addf %acc, %a : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>, affine_map<(d0, d1) -> (d0, d1)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%xs, %ss : memref<?x48xf32, strided<[48, 1]>>, memref<?xf32, strided<[1]>>)
      outs(%ys : memref<?x48xf32, strided<[48, 1]>>) {
  ^bb0(%a: f32, %s: f32, %o: f32):
    %0 = arith.subf %a, %s : f32
    linalg.yield %0 : f32
  }
  return
}

// CHECK-LABEL: func.func @attention
// CHECK-DAG: memref.alloc() {{.*}} : memref<8x32x16xf32>
// CHECK-DAG: memref.alloc() {{.*}} : memref<128x2x16xf32>
// CHECK-DAG: memref.alloc() {{.*}} : memref<8x144xf32>
// CHECK: vector.shuffle
// No call of a math library: 2^x by its bits.
// CHECK: arith.shli {{.*}} : vector<16xi32>
// CHECK-NOT: math.exp
func.func @attention(%q: memref<?x32xf32>, %k: memref<?x32xf32>, %v: memref<?x32xf32>, %o: memref<?x32xf32>) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %k, %c0 : memref<?x32xf32>
  transformer_kernel.attention %q, %k, %v rows(%c0 of %n) outs(%o) {scale = 0.25 : f32, max_keys = 128 : i64}
      : (memref<?x32xf32>, memref<?x32xf32>, memref<?x32xf32>, index, index, memref<?x32xf32>) -> ()
  return
}
