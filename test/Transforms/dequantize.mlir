// RUN: transformer-opt %s --transformer-dequantize --split-input-file --remarks-filter='transformer-dequantize' --remark-format=emitRemark 2> %t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks

// CHECK-LABEL: func @example
// CHECK: %[[W:.*]] = arith.constant dense<{{\[}}[1.000000e+00, 2.000000e+00]]> : tensor<1x2xf32>
// CHECK-NEXT: transformer.linear %arg0, %[[W]] :
// REMARK: the linear is f32
func.func @example(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %w = arith.constant dense<[[2, 4]]> : tensor<1x2xi8>
  %ws = arith.constant dense<0.5> : tensor<1xf32>
  %q, %s = transformer.quantize %x : (tensor<?x2xf32>) -> (tensor<?x2xi8>, tensor<?xf32>)
  %y = transformer.linear %q, %w scales(%s, %ws) : (tensor<?x2xi8>, tensor<1x2xi8>, tensor<?xf32>, tensor<1xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Multipliers of columns go into the weight; one quantize serves two linears.
// CHECK-LABEL: func @multiplier
// CHECK-NOT: transformer.quantize
// CHECK-DAG: %[[A:.*]] = arith.constant dense<{{\[}}[1.000000e+00, 8.000000e+00]]> : tensor<1x2xf32>
// CHECK-DAG: %[[B:.*]] = arith.constant dense<{{\[}}[2.000000e+00, 1.600000e+01], [3.000000e+00, 0.000000e+00]]> : tensor<2x2xf32>
// CHECK-DAG: transformer.linear %arg0, %[[A]] activation gelu :
// CHECK-DAG: transformer.linear %arg0, %[[B]] bias %arg1 :
func.func @multiplier(%x: tensor<?x2xf32>, %b: tensor<2xf32>) -> (tensor<?x1xf32>, tensor<?x2xf32>) {
  %m = arith.constant dense<[1.0, 4.0]> : tensor<2xbf16>
  %q, %s = transformer.quantize %x multiplier %m : (tensor<?x2xf32>, tensor<2xbf16>) -> (tensor<?x2xi8>, tensor<?xf32>)
  %w = arith.constant dense<[[2, 4]]> : tensor<1x2xi8>
  %ws = arith.constant dense<0.5> : tensor<1xf32>
  %v = arith.constant dense<[[1, 2], [3, 0]]> : tensor<2x2xi8>
  %vs = arith.constant dense<[2.0, 1.0]> : tensor<2xf32>
  %y = transformer.linear %q, %w scales(%s, %ws) activation gelu : (tensor<?x2xi8>, tensor<1x2xi8>, tensor<?xf32>, tensor<1xf32>) -> tensor<?x1xf32>
  %z = transformer.linear %q, %v bias %b scales(%s, %vs) : (tensor<?x2xi8>, tensor<2x2xi8>, tensor<2xf32>, tensor<?xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %y, %z : tensor<?x1xf32>, tensor<?x2xf32>
}

// -----

// CHECK-LABEL: func @bf16
// CHECK-NOT: arith.extf
// CHECK: transformer.embedding %arg0, %{{.*}} : (tensor<?xi32>, tensor<2x2xf32>) -> tensor<?x2xf32>
// CHECK-NOT: arith.truncf
// CHECK: transformer.linear {{.*}} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
// CHECK: transformer.attention
// CHECK-NOT: products
// CHECK: return
// REMARK: the linear is f32
// REMARK: the table is f32
func.func @bf16(%ids: tensor<?xi32>, %o: tensor<?xi32>) -> tensor<?x2xf32> {
  %t = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xbf16>
  %r = transformer.embedding %ids, %t : (tensor<?xi32>, tensor<2x2xbf16>) -> tensor<?x2xbf16>
  %x = arith.extf %r : tensor<?x2xbf16> to tensor<?x2xf32>
  %n = arith.truncf %x : tensor<?x2xf32> to tensor<?x2xbf16>
  %w = arith.constant dense<[[1.0, 2.0], [5.0, 6.0]]> : tensor<2x2xbf16>
  %y = transformer.linear %n, %w : (tensor<?x2xbf16>, tensor<2x2xbf16>) -> tensor<?x2xf32>
  %z = transformer.attention %y, %y, %y offsets(%o) products bf16 {num_heads = 1, num_kv_heads = 1} : (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32>
  return %z : tensor<?x2xf32>
}

// -----

// A table in another basis is one table again: 2 (1, 2) times the basis, plus the mean.
// CHECK-LABEL: func @basis
// CHECK: %[[T:.*]] = arith.constant dense<{{\[}}[2.000000e+00, 1.400000e+01], [6.000000e+00, 2.600000e+01]]> : tensor<2x2xf32>
// CHECK-NEXT: transformer.embedding %arg0, %[[T]] : (tensor<?xi32>, tensor<2x2xf32>) -> tensor<?x2xf32>
// CHECK-NEXT: return
func.func @basis(%ids: tensor<?xi32>) -> tensor<?x2xf32> {
  %t = arith.constant dense<[[1, 2], [3, 4]]> : tensor<2x2xi8>
  %step = arith.constant dense<2.0> : tensor<1xf32>
  %scale = arith.constant dense<2.0> : tensor<f32>
  %r = transformer.embedding %ids, %t scales(%step) : (tensor<?xi32>, tensor<2x2xi8>, tensor<1xf32>) -> tensor<?x2xf32>
  %q, %s = transformer.quantize %r scale(%scale) : (tensor<?x2xf32>, tensor<f32>) -> (tensor<?x2xi8>, tensor<?xf32>)
  %b = arith.constant dense<[[1, 0], [0, 3]]> : tensor<2x2xi8>
  %bs = arith.constant dense<1.0> : tensor<2xf32>
  %m = arith.constant dense<[0.0, 2.0]> : tensor<2xf32>
  %y = transformer.linear %q, %b bias %m scales(%s, %bs) : (tensor<?x2xi8>, tensor<2x2xi8>, tensor<2xf32>, tensor<?xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// CHECK-LABEL: func @not_ours
// CHECK: transformer.linear %arg0
// REMARK: stays as it is: its input is not of one quantize
// REMARK: stays as it is: it is not rounded
// REMARK: stays as it is: its numbers are not known
func.func @not_ours(%q: tensor<?x2xi8>, %s: tensor<?xf32>, %x: tensor<?x2xf32>, %w: tensor<1x2xi8>, %ws: tensor<1xf32>, %f: tensor<1x2xf32>)
    -> (tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>) {
  %y = transformer.linear %q, %w scales(%s, %ws) : (tensor<?x2xi8>, tensor<1x2xi8>, tensor<?xf32>, tensor<1xf32>) -> tensor<?x1xf32>
  %z = transformer.linear %x, %f : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %r, %t = transformer.quantize %x : (tensor<?x2xf32>) -> (tensor<?x2xi8>, tensor<?xf32>)
  %u = transformer.linear %r, %w scales(%t, %ws) : (tensor<?x2xi8>, tensor<1x2xi8>, tensor<?xf32>, tensor<1xf32>) -> tensor<?x1xf32>
  return %y, %z, %u : tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>
}
