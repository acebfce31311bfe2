// RUN: transformer-opt %s --transformer-pack-weights | FileCheck %s

// Panels have 16 columns on every level: 20 rows of weights make two panels, the
// second one filled up with zeros.
// CHECK: ml_program.global private @w.packed(dense_resource<w.packed> : tensor<2x2x16xf32>) : tensor<2x2x16xf32>
// CHECK: ml_program.global private @extern.packed({{.*}}extern{{.*}}) : tensor<2x2x16xf32>
// CHECK-NOT: ml_program.global private @unused
ml_program.global private @w(dense<1.0> : tensor<20x2xf32>) : tensor<20x2xf32>
ml_program.global private @extern(#ml_program.extern : tensor<20x2xf32>) : tensor<20x2xf32>
ml_program.global private @unused(dense<1.0> : tensor<2xf32>) : tensor<2xf32>

// CHECK-LABEL: func.func private @chain(
// CHECK-SAME: tensor<2x2x16xf32>
// CHECK: transformer_kernel.contract
// CHECK: (tensor<?x2xf32>, tensor<2x2x16xf32>
func.func private @chain(%x: tensor<?x2xf32>, %w: tensor<20x2xf32>, %out: tensor<?x20xf32>) -> tensor<?x20xf32>
    attributes {transformer.chain} {
  %y = transformer_kernel.contract %x, %w extras() outs(%out) attributes {maps = []} {
  ^bb0(%sum: f32):
    transformer_kernel.yield %sum : f32
  } : (tensor<?x2xf32>, tensor<20x2xf32>, tensor<?x20xf32>) -> tensor<?x20xf32>
  return %y : tensor<?x20xf32>
}

// CHECK-LABEL: func.func @forward
// CHECK: ml_program.global_load_const @w.packed : tensor<2x2x16xf32>
// CHECK: ml_program.global_load_const @extern.packed : tensor<2x2x16xf32>
func.func @forward(%x: tensor<?x2xf32>, %out: tensor<?x20xf32>) -> (tensor<?x20xf32>, tensor<?x20xf32>) {
  %w = ml_program.global_load_const @w : tensor<20x2xf32>
  %e = ml_program.global_load_const @extern : tensor<20x2xf32>
  %0 = call @chain(%x, %w, %out) : (tensor<?x2xf32>, tensor<20x2xf32>, tensor<?x20xf32>) -> tensor<?x20xf32>
  %1 = call @chain(%x, %e, %out) : (tensor<?x2xf32>, tensor<20x2xf32>, tensor<?x20xf32>) -> tensor<?x20xf32>
  return %0, %1 : tensor<?x20xf32>, tensor<?x20xf32>
}

// A dimension of k past the first lies a whole panel further on.
// CHECK: w.packed: "0x40000000{{((0000803F)+)}}{{(0{96})}}{{((0000803F)+)}}{{(0{96})}}"
