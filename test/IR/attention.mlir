// Parses and prints attention in every form.
// RUN: transformer-opt %s --verify-roundtrip | FileCheck %s
// RUN: transformer-opt %s --mlir-print-op-generic | transformer-opt | FileCheck %s

// CHECK-LABEL: func.func @packed(
// CHECK: transformer.attention %{{.*}}, %{{.*}}, %{{.*}} offsets(%{{.*}}) {num_heads = 12 : i64, num_kv_heads = 12 : i64} : (tensor<?x384xf32>, tensor<?x384xf32>, tensor<?x384xf32>, tensor<?xi32>) -> tensor<?x384xf32>
func.func @packed(%q: tensor<?x384xf32>, %o: tensor<?xi32>) -> tensor<?x384xf32> {
  %y = transformer.attention %q, %q, %q offsets(%o) {num_heads = 12 : i64, num_kv_heads = 12 : i64}
      : (tensor<?x384xf32>, tensor<?x384xf32>, tensor<?x384xf32>, tensor<?xi32>) -> tensor<?x384xf32>
  return %y : tensor<?x384xf32>
}

// CHECK-LABEL: func.func @causal_and_scale(
// CHECK: transformer.attention %{{.*}}, %{{.*}}, %{{.*}} offsets(%{{.*}}) {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 2.500000e-01 : f32} : (tensor<9x8xf32>, tensor<9x8xf32>, tensor<9x8xf32>, tensor<3xi32>) -> tensor<9x8xf32>
func.func @causal_and_scale(%q: tensor<9x8xf32>, %o: tensor<3xi32>) -> tensor<9x8xf32> {
  %y = transformer.attention %q, %q, %q offsets(%o) {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64, scale = 2.500000e-01 : f32}
      : (tensor<9x8xf32>, tensor<9x8xf32>, tensor<9x8xf32>, tensor<3xi32>) -> tensor<9x8xf32>
  return %y : tensor<9x8xf32>
}

// CHECK-LABEL: func.func @cross(
// CHECK: transformer.attention %{{.*}}, %{{.*}}, %{{.*}} offsets(%{{.*}}, %{{.*}}) {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x8xf32>
func.func @cross(%q: tensor<?x8xf32>, %k: tensor<?x8xf32>, %o: tensor<?xi32>, %p: tensor<?xi32>) -> tensor<?x8xf32> {
  %y = transformer.attention %q, %k, %k offsets(%o, %p) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @grouped_heads_wide_values(
// CHECK: transformer.attention %{{.*}}, %{{.*}}, %{{.*}} offsets(%{{.*}}) {num_heads = 8 : i64, num_kv_heads = 2 : i64} : (tensor<?x32xf16>, tensor<?x8xf16>, tensor<?x10xf16>, tensor<?xi32>) -> tensor<?x40xf16>
func.func @grouped_heads_wide_values(%q: tensor<?x32xf16>, %k: tensor<?x8xf16>, %v: tensor<?x10xf16>, %o: tensor<?xi32>) -> tensor<?x40xf16> {
  %y = transformer.attention %q, %k, %v offsets(%o) {num_heads = 8 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x32xf16>, tensor<?x8xf16>, tensor<?x10xf16>, tensor<?xi32>) -> tensor<?x40xf16>
  return %y : tensor<?x40xf16>
}

// CHECK-LABEL: func.func @packed_bias(
// CHECK: transformer.attention %{{.*}}, %{{.*}}, %{{.*}} offsets(%{{.*}}) mask(%{{.*}}) {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<?x8xbf16>, tensor<?x8xbf16>, tensor<?x8xbf16>, tensor<?xi32>, tensor<2x64x64xbf16>) -> tensor<?x8xbf16>
func.func @packed_bias(%q: tensor<?x8xbf16>, %o: tensor<?xi32>, %m: tensor<2x64x64xbf16>) -> tensor<?x8xbf16> {
  %y = transformer.attention %q, %q, %q offsets(%o) mask(%m) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x8xbf16>, tensor<?x8xbf16>, tensor<?x8xbf16>, tensor<?xi32>, tensor<2x64x64xbf16>) -> tensor<?x8xbf16>
  return %y : tensor<?x8xbf16>
}

// CHECK-LABEL: func.func @dense(
// CHECK: transformer.attention %{{.*}}, %{{.*}}, %{{.*}} {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
func.func @dense(%q: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %y = transformer.attention %q, %q, %q {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// CHECK-LABEL: func.func @key_mask(
// CHECK: transformer.attention %{{.*}}, %{{.*}}, %{{.*}} mask(%{{.*}}) {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<2x5x8xf32>, tensor<2x6x8xf32>, tensor<2x6x8xf32>, tensor<2x6xi1>) -> tensor<2x5x8xf32>
func.func @key_mask(%q: tensor<2x5x8xf32>, %k: tensor<2x6x8xf32>, %m: tensor<2x6xi1>) -> tensor<2x5x8xf32> {
  %y = transformer.attention %q, %k, %k mask(%m) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<2x5x8xf32>, tensor<2x6x8xf32>, tensor<2x6x8xf32>, tensor<2x6xi1>) -> tensor<2x5x8xf32>
  return %y : tensor<2x5x8xf32>
}

// CHECK-LABEL: func.func @float_key_mask(
// CHECK: transformer.attention %{{.*}}, %{{.*}}, %{{.*}} mask(%{{.*}}) {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<2x5x8xf32>, tensor<2x5x8xf32>, tensor<2x5x8xf32>, tensor<2x5xf32>) -> tensor<2x5x8xf32>
func.func @float_key_mask(%q: tensor<2x5x8xf32>, %m: tensor<2x5xf32>) -> tensor<2x5x8xf32> {
  %y = transformer.attention %q, %q, %q mask(%m) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<2x5x8xf32>, tensor<2x5x8xf32>, tensor<2x5x8xf32>, tensor<2x5xf32>) -> tensor<2x5x8xf32>
  return %y : tensor<2x5x8xf32>
}

// CHECK-LABEL: func.func @full_mask(
// CHECK: transformer.attention %{{.*}}, %{{.*}}, %{{.*}} mask(%{{.*}}) {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<2x5x8xf32>, tensor<2x5x8xf32>, tensor<2x5x8xf32>, tensor<2x2x5x5xi1>) -> tensor<2x5x8xf32>
func.func @full_mask(%q: tensor<2x5x8xf32>, %m: tensor<2x2x5x5xi1>) -> tensor<2x5x8xf32> {
  %y = transformer.attention %q, %q, %q mask(%m) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<2x5x8xf32>, tensor<2x5x8xf32>, tensor<2x5x8xf32>, tensor<2x2x5x5xi1>) -> tensor<2x5x8xf32>
  return %y : tensor<2x5x8xf32>
}

// CHECK-LABEL: func.func @broadcast_mask(
// CHECK: transformer.attention %{{.*}}, %{{.*}}, %{{.*}} mask(%{{.*}}) {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<1x1x?x?xf32>) -> tensor<?x?x8xf32>
func.func @broadcast_mask(%q: tensor<?x?x8xf32>, %m: tensor<1x1x?x?xf32>) -> tensor<?x?x8xf32> {
  %y = transformer.attention %q, %q, %q mask(%m) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<1x1x?x?xf32>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// CHECK-LABEL: func.func @products(
// CHECK: transformer.attention %{{.*}}, %{{.*}}, %{{.*}} offsets(%{{.*}}) products i8 {num_heads = 2 : i64, num_kv_heads = 2 : i64} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
// CHECK: transformer.attention %{{.*}}, %{{.*}}, %{{.*}} offsets(%{{.*}}) products bf16 {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64}
// CHECK: transformer.attention %{{.*}}, %{{.*}}, %{{.*}} offsets(%{{.*}}) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
func.func @products(%q: tensor<?x8xf32>, %o: tensor<?xi32>) -> tensor<?x8xf32> {
  %x = transformer.attention %q, %q, %q offsets(%o) products i8 {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  %y = transformer.attention %x, %x, %x offsets(%o) products bf16 {causal, num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  %z = transformer.attention %y, %y, %y offsets(%o) products f32 {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
  return %z : tensor<?x8xf32>
}
