// RUN: transformer-opt %s --split-input-file --transformer-emit-kernels="target-cpu=x86-64-v3" --remarks-filter=transformer-emit-kernels --remark-format=emitRemark -o /dev/null 2>&1 | FileCheck %s
// RUN: transformer-opt %s --split-input-file --transformer-emit-kernels="target-cpu=avx512-vnni-bf16" --remarks-filter=transformer-emit-kernels --remark-format=emitRemark -o /dev/null 2>&1 | FileCheck %s --check-prefix=WIDE --implicit-check-not=widened
// RUN: transformer-opt %s --split-input-file --transformer-emit-kernels="target-cpu=neon-dotprod" --remarks-filter=transformer-emit-kernels --remark-format=emitRemark -o /dev/null 2>&1 | FileCheck %s --check-prefix=NEON

// Nothing to say.
func.func @fast(%x: memref<?x32xf32>, %w: memref<1x32x16xf32>, %y: memref<?x16xf32>) {
  transformer_kernel.contract %x, %w extras() outs(%y) attributes {maps = []} {
  ^bb0(%sum: f32):
    transformer_kernel.yield %sum : f32
  } : (memref<?x32xf32>, memref<1x32x16xf32>, memref<?x16xf32>) -> ()
  return
}

// -----
// CHECK: remark: [Missed] not-packed | Category:transformer-emit-kernels | {{.*}}weights are not packed: each call packs them again
// CHECK: [Missed] columns {{.*}}the last 4 of 20 columns take a register of 8
// WIDE: the last 4 of 20 columns take a register of 16
// NEON-NOT: columns take a register
func.func @odd(%x: memref<?x32xf32>, %w: memref<20x32xf32>, %y: memref<?x20xf32>) {
  transformer_kernel.contract %x, %w extras() outs(%y) attributes {maps = []} {
  ^bb0(%sum: f32):
    transformer_kernel.yield %sum : f32
  } : (memref<?x32xf32>, memref<20x32xf32>, memref<?x20xf32>) -> ()
  return
}

// -----
// CHECK: [Missed] depth {{.*}}the input has 33 columns, no multiple of 2: the last of each row are put together one by one
// CHECK: [Missed] depth {{.*}}the input has 33 columns, no multiple of 16: each tile widens the weights again
// CHECK: [Missed] widened {{.*}}bf16 is widened to f32: x86-64-v3 has no products of bf16
// WIDE: the input has 33 columns, no multiple of 2
// NEON: bf16 is widened to f32: neon-dotprod has no products of bf16
func.func @bf16(%x: memref<?x33xbf16>, %w: memref<1x17x32xbf16>, %y: memref<?x16xf32>) {
  transformer_kernel.contract %x, %w extras() outs(%y) attributes {maps = []} {
  ^bb0(%sum: f32):
    transformer_kernel.yield %sum : f32
  } : (memref<?x33xbf16>, memref<1x17x32xbf16>, memref<?x16xf32>) -> ()
  return
}

// -----
// CHECK: [Missed] widened {{.*}}products of i8 are added as i16: x86-64-v3 has no dot product of bytes
// NEON-NOT: has no dot product of bytes
func.func @i8(%x: memref<?x32xi8>, %w: memref<1x8x64xi8>, %y: memref<?x16xf32>) {
  transformer_kernel.contract %x, %w extras() outs(%y) attributes {maps = []} {
  ^bb0(%sum: i32):
    %f = arith.sitofp %sum : i32 to f32
    transformer_kernel.yield %f : f32
  } : (memref<?x32xi8>, memref<1x8x64xi8>, memref<?x16xf32>) -> ()
  return
}

// -----
// CHECK: [Missed] columns {{.*}}heads of queries have 20 columns, no multiple of 8: the last register is not full
// CHECK: [Missed] widened {{.*}}products of i8
// WIDE: heads of queries have 20 columns, no multiple of 16
// NEON: [Missed] widened {{.*}}i8 is widened to i32: the dot product of neon-dotprod takes no weights of eight bits without sign
func.func @attention(%q: memref<?x20xf32>, %v: memref<?x32xf32>, %o: memref<?x32xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  transformer_kernel.attention %q, %q, %v rows(%c0 of %n) outs(%o)
      {scale = 1.0 : f32, products = #transformer.products<i8>}
      : (memref<?x20xf32>, memref<?x20xf32>, memref<?x32xf32>, index, index, memref<?x32xf32>) -> ()
  return
}

// -----
// CHECK: [Missed] scalar {{.*}}left to scalar loops: it has 3 loops; one and two are supported
// CHECK: [Missed] scalar {{.*}}left to scalar loops: linalg.matmul has no kernel
#id = affine_map<(a, b, c) -> (a, b, c)>
func.func @loops(%x: memref<?x4x4xf32>, %m: memref<4x4xf32>) {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : memref<?x4x4xf32>) outs(%x : memref<?x4x4xf32>) {
  ^bb0(%in: f32, %out: f32):
    %n = arith.negf %in : f32
    linalg.yield %n : f32
  }
  linalg.matmul ins(%m, %m : memref<4x4xf32>, memref<4x4xf32>) outs(%m : memref<4x4xf32>)
  return
}
