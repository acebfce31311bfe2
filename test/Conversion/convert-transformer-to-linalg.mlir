// RUN: transformer-opt %s --convert-transformer-to-linalg --split-input-file | FileCheck %s --implicit-check-not=transformer.

// A fill, a contraction on the logical weight, one elementwise op.
// CHECK: #[[X:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK: #[[W:.*]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-LABEL: func.func @linear
func.func @linear(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32> {
  // CHECK: linalg.fill
  // CHECK: linalg.generic {indexing_maps = [#[[X]], #[[W]], #{{.*}}], iterator_types = ["parallel", "parallel", "reduction"]}
  // CHECK: arith.mulf
  // CHECK: arith.addf
  // CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel"]
  // CHECK: math.erf
  %y = transformer.linear %x, %w bias %b activation gelu
      : (tensor<?x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// Exact i32 sums, then the scales.
// CHECK-LABEL: func.func @linear_i8
func.func @linear_i8(%x: tensor<?x4xi8>, %w: tensor<8x4xi8>, %xs: tensor<?xf32>, %ws: tensor<8xf32>) -> tensor<?x8xf32> {
  // CHECK: arith.extsi
  // CHECK: arith.muli
  // CHECK: arith.sitofp
  %y = transformer.linear %x, %w scales(%xs, %ws)
      : (tensor<?x4xi8>, tensor<8x4xi8>, tensor<?xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// Leading dimensions are rows; narrow floats compute in f32.
// CHECK-LABEL: func.func @dense_f16
func.func @dense_f16(%x: tensor<2x3x4xf16>, %w: tensor<8x4xf16>) -> tensor<2x3x8xf16> {
  // CHECK: tensor.collapse_shape {{.*}} : tensor<2x3x4xf16> into tensor<6x4xf16>
  // CHECK: arith.extf
  // CHECK: arith.truncf
  // CHECK: tensor.expand_shape {{.*}} : tensor<6x8xf16> into tensor<2x3x8xf16>
  %y = transformer.linear %x, %w : (tensor<2x3x4xf16>, tensor<8x4xf16>) -> tensor<2x3x8xf16>
  return %y : tensor<2x3x8xf16>
}

// -----

// Three generics: the sum, the squared differences, the result.
// CHECK-LABEL: func.func @layer_norm
func.func @layer_norm(%x: tensor<?x4xf32>, %g: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<?x4xf32> {
  // CHECK-COUNT-2: iterator_types = ["parallel", "reduction"]
  // CHECK: iterator_types = ["parallel", "parallel"]
  // CHECK: math.sqrt
  %y = transformer.layer_norm %x, %g, %b {epsilon = 1.0e-5 : f32}
      : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// No loops in the dense static form: other compilers take it as it is.
// CHECK-LABEL: func.func @attention_dense
// CHECK-NOT: scf.
func.func @attention_dense(%q: tensor<2x3x8xf32>, %k: tensor<2x5x8xf32>, %m: tensor<2x5xi1>) -> tensor<2x3x8xf32> {
  %y = transformer.attention %q, %k, %k mask(%m) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<2x3x8xf32>, tensor<2x5x8xf32>, tensor<2x5x8xf32>, tensor<2x5xi1>) -> tensor<2x3x8xf32>
  return %y : tensor<2x3x8xf32>
}

// -----

// CHECK-LABEL: func.func @attention_packed
func.func @attention_packed(%q: tensor<?x8xf32>, %o: tensor<?xi32>) -> tensor<?x8xf32> {
  // CHECK: scf.for
  // CHECK: tensor.extract_slice
  // CHECK: math.exp
  // CHECK: tensor.insert_slice
  %y = transformer.attention %q, %q, %q offsets(%o) {num_heads = 2 : i64, num_kv_heads = 2 : i64, causal}
      : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// Rounded rows, exact sums, and weights of eight bits.
// CHECK-LABEL: func.func @attention_i8
// CHECK-COUNT-3: arith.fptosi {{.*}} : f32 to i32
// CHECK: arith.muli {{.*}} : i32
// CHECK: arith.sitofp
// CHECK: math.exp
// CHECK: math.roundeven
// CHECK: arith.muli {{.*}} : i32
// CHECK: arith.sitofp
func.func @attention_i8(%q: tensor<2x3x8xf32>) -> tensor<2x3x8xf32> {
  %y = transformer.attention %q, %q, %q products i8 {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<2x3x8xf32>) -> tensor<2x3x8xf32>
  return %y : tensor<2x3x8xf32>
}

// -----

// CHECK-LABEL: func.func @attention_bf16
// CHECK-COUNT-4: arith.truncf {{.*}} : f32 to bf16
func.func @attention_bf16(%q: tensor<2x3x8xf32>) -> tensor<2x3x8xf32> {
  %y = transformer.attention %q, %q, %q products bf16 {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<2x3x8xf32>, tensor<2x3x8xf32>, tensor<2x3x8xf32>) -> tensor<2x3x8xf32>
  return %y : tensor<2x3x8xf32>
}

// -----

// CHECK-LABEL: func.func @observed
// CHECK-NEXT: return
func.func @observed(%x: tensor<?x8xf32>) {
  transformer.observe %x site "here" : tensor<?x8xf32>
  return
}

// -----

// A result may be less known than its operands, or more.
// CHECK-LABEL: func.func @less_known
func.func @less_known(%x: tensor<2x3x4xf32>, %w: tensor<?x4xf32>) -> tensor<?x3x?xf32> {
  // CHECK: tensor.cast %{{.*}} : tensor<2x3x?xf32> to tensor<?x3x?xf32>
  %y = transformer.linear %x, %w : (tensor<2x3x4xf32>, tensor<?x4xf32>) -> tensor<?x3x?xf32>
  return %y : tensor<?x3x?xf32>
}

// -----

// CHECK-LABEL: func.func @more_known
func.func @more_known(%x: tensor<?x?x4xf32>) -> (tensor<2x3x4xi8>, tensor<2x3xf32>) {
  // CHECK: tensor.cast %{{.*}} : tensor<?x?x4xi8> to tensor<2x3x4xi8>
  // CHECK: tensor.cast %{{.*}} : tensor<?x?xf32> to tensor<2x3xf32>
  %q, %s = transformer.quantize %x : (tensor<?x?x4xf32>) -> (tensor<2x3x4xi8>, tensor<2x3xf32>)
  return %q, %s : tensor<2x3x4xi8>, tensor<2x3xf32>
}

// -----

// CHECK-LABEL: func.func @scalar
func.func @scalar(%x: tensor<f32>) -> tensor<f32> {
  // CHECK: tensor.expand_shape %{{.*}} [] output_shape [1] : tensor<f32> into tensor<1xf32>
  // CHECK: tensor.collapse_shape %{{.*}} [] : tensor<1xf32> into tensor<f32>
  %y = transformer.silu %x : tensor<f32>
  return %y : tensor<f32>
}

// -----

// No rows, whatever the other size is.
// CHECK-LABEL: func.func @no_rows
func.func @no_rows(%x: tensor<0x?x4xf32>) -> tensor<0x?x4xf32> {
  // CHECK-NOT: _shape
  %y = transformer.tanh %x : tensor<0x?x4xf32>
  return %y : tensor<0x?x4xf32>
}
