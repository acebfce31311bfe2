// RUN: transformer-opt %s --transformer-expand-math=target-cpu=x86-64-v3 | FileCheck %s

// CHECK-LABEL: func @vector
// CHECK-NOT: math.{{(exp|exp2|erf|tanh)}}
// CHECK: math.fma {{.*}} : vector<16xf32>
// CHECK-NOT: math.{{(exp|exp2|erf|tanh)}}
func.func @vector(%x: vector<16xf32>) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {
  %0 = math.exp2 %x : vector<16xf32>
  %1 = math.exp %x : vector<16xf32>
  %2 = math.erf %x : vector<16xf32>
  %3 = math.tanh %x : vector<16xf32>
  return %0, %1, %2, %3 : vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>
}

// Narrow types are computed in f32 and rounded once.
// CHECK-LABEL: func @half
// CHECK: arith.extf %{{.*}} : vector<8xbf16> to vector<8xf32>
// CHECK-NOT: math.tanh
// CHECK-NOT: arith.truncf
// CHECK: arith.bitcast %{{.*}} : vector<8xi16> to vector<8xbf16>
func.func @half(%x: vector<8xbf16>) -> vector<8xbf16> {
  %0 = math.tanh %x : vector<8xbf16>
  return %0 : vector<8xbf16>
}

// CHECK-LABEL: func @angles
// CHECK-NOT: math.{{(sin|cos)}}
func.func @angles(%x: f32) -> (f32, f32) {
  %0 = math.sin %x : f32
  %1 = math.cos %x : f32
  return %0, %1 : f32, f32
}

// The angles of rotary embeddings.
// CHECK-LABEL: func @f64
// CHECK-NOT: math.{{(exp|sin|cos)}}
// CHECK: math.fma {{.*}} : f64
func.func @f64(%x: f64) -> (f64, f64, f64) {
  %0 = math.exp %x : f64
  %1 = math.sin %0 : f64
  %2 = math.cos %0 : f64
  return %0, %1, %2 : f64, f64, f64
}

// CHECK-LABEL: func @negative_f64
// CHECK: math.erf {{.*}} : f64
func.func @negative_f64(%x: f64) -> f64 {
  %0 = math.erf %x : f64
  return %0 : f64
}
