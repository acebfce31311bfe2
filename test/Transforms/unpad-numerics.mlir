// The tokens have the same numbers before and after: both ways through the plain
// lowering, run and compared.
// RUN: transformer-opt %s --transformer-to-llvm-naive -o %t.dense
// RUN: transformer-opt %s --cse --transformer-unpad --transformer-to-llvm-naive -o %t.packed
// RUN: %run %t.dense | grep -v Unranked > %t.before
// RUN: %run %t.packed | grep -v Unranked > %t.after
// RUN: diff %t.before %t.after
// RUN: grep -c '\[' %t.after | FileCheck %s
// CHECK: 13

func.func private @printMemrefF32(tensor<*xf32>) attributes {llvm.emit_c_interface}

func.func private @f(%ids: tensor<3x4xi32>, %long: tensor<3x4xi64>) -> (tensor<3x4x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>) {
  %table = arith.constant dense<[[0.1, -0.5, 1.5, 0.7], [2.0, 0.3, -1.0, 0.4], [0.9, 0.8, 0.2, -0.6], [-1.2, 0.5, 0.6, 1.1]]> : tensor<4x4xf32>
  %g = arith.constant dense<[1.0, 0.5, 2.0, 1.5]> : tensor<4xf32>
  %b = arith.constant dense<[0.1, 0.2, 0.3, 0.4]> : tensor<4xf32>
  %zero = arith.constant dense<0> : tensor<3x4xi64>
  %x = transformer.embedding %ids, %table : (tensor<3x4xi32>, tensor<4x4xf32>) -> tensor<3x4x4xf32>
  %n = transformer.layer_norm %x, %g, %b {epsilon = 1.0e-5 : f32} : (tensor<3x4x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<3x4x4xf32>
  %m = arith.cmpi ne, %long, %zero : tensor<3x4xi64>
  %q = transformer.linear %n, %table bias %b activation gelu : (tensor<3x4x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<3x4x4xf32>
  %y = transformer.attention %q, %n, %n mask(%m) {num_heads = 2, num_kv_heads = 2}
      : (tensor<3x4x4xf32>, tensor<3x4x4xf32>, tensor<3x4x4xf32>, tensor<3x4xi1>) -> tensor<3x4x4xf32>
  %c = transformer.attention %q, %n, %y mask(%m) {num_heads = 2, num_kv_heads = 2, causal}
      : (tensor<3x4x4xf32>, tensor<3x4x4xf32>, tensor<3x4x4xf32>, tensor<3x4xi1>) -> tensor<3x4x4xf32>
  %r = arith.addf %c, %x : tensor<3x4x4xf32>
  %mean = transformer.pool mean %r mask(%m) : (tensor<3x4x4xf32>, tensor<3x4xi1>) -> tensor<3x4xf32>
  %max = transformer.pool max %r mask(%m) : (tensor<3x4x4xf32>, tensor<3x4xi1>) -> tensor<3x4xf32>
  return %r, %mean, %max : tensor<3x4x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>
}

func.func @main() {
  %ids = arith.constant dense<[[0, 1, 2, 3], [3, 2, 0, 1], [1, 1, 1, 1]]> : tensor<3x4xi32>
  %mask = arith.constant dense<[[1, 1, 1, 0], [1, 1, 1, 1], [0, 0, 0, 0]]> : tensor<3x4xi64>
  %r, %mean, %max = call @f(%ids, %mask) : (tensor<3x4xi32>, tensor<3x4xi64>) -> (tensor<3x4x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>)
  %r0 = tensor.extract_slice %r[0, 0, 0] [1, 3, 4] [1, 1, 1] : tensor<3x4x4xf32> to tensor<3x4xf32>
  %r1 = tensor.extract_slice %r[1, 0, 0] [1, 4, 4] [1, 1, 1] : tensor<3x4x4xf32> to tensor<4x4xf32>
  %u0 = tensor.cast %r0 : tensor<3x4xf32> to tensor<*xf32>
  %u1 = tensor.cast %r1 : tensor<4x4xf32> to tensor<*xf32>
  %u2 = tensor.cast %mean : tensor<3x4xf32> to tensor<*xf32>
  %u3 = tensor.cast %max : tensor<3x4xf32> to tensor<*xf32>
  call @printMemrefF32(%u0) : (tensor<*xf32>) -> ()
  call @printMemrefF32(%u1) : (tensor<*xf32>) -> ()
  call @printMemrefF32(%u2) : (tensor<*xf32>) -> ()
  call @printMemrefF32(%u3) : (tensor<*xf32>) -> ()
  return
}
