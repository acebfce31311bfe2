// RUN: %python %S/Inputs/make-profile.py %t.profile 'wide=[[1,0,2,1],[0,1,2,0],[2,1,0,1],[1,1,1,3],[0,0,3,1]]'
// RUN: transformer-opt %s --transformer-round-to-size='max-bytes=600 skip=wide|table' | FileCheck %s
// RUN: transformer-opt %s --transformer-round-to-size='max-bytes=156 profile=%t.profile only=wide|table' --remarks-filter='transformer-.*' --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=GRIDS
// RUN: transformer-opt %s --transformer-round-to-size='max-size=0.31 profile=%t.profile only=wide|table' --remarks-filter='transformer-.*' --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=PART
// RUN: not transformer-opt %s --transformer-round-to-size='max-bytes=121 profile=%t.profile only=wide|table' 2>&1 | FileCheck %s --check-prefix=LEAST
// RUN: not transformer-opt %s --transformer-round-to-size='max-bytes=156 only=wide|table' 2>&1 | FileCheck %s --check-prefix=PROFILE
// RUN: not transformer-opt %s --transformer-round-to-size='max-bytes=156 only=nothing' 2>&1 | FileCheck %s --check-prefix=NOTHING
// RUN: not transformer-opt %s --transformer-round-to-size 2>&1 | FileCheck %s --check-prefix=ONE
// RUN: not transformer-opt %s --transformer-round-to-size='max-size=nan' 2>&1 | FileCheck %s --check-prefix=NAN
// LEAST: transformer-round-to-size: rounding alone gives 122 bytes at least, and 121 are asked for: narrow or factorize the model first
// PROFILE: transformer-round-to-size: {{[0-9.]+}} bits per weight are fitted to the inputs: give a profile= with Gram matrices
// NOTHING: transformer-round-to-size: there is no f32 linear to round
// ONE: transformer-round-to-size: give one of max-bytes= and max-size=
// NAN: transformer-round-to-size: max-size is no part above 0 and up to 1

// Small enough in 8 bits.
// CHECK-LABEL: func @example
// CHECK: arith.constant dense<{{\[}}[64, -127], [127, 64]]> : tensor<2x2xi8>
func.func @example(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense<[[1.0, -2.0], [0.5, 0.25]]> : tensor<2x2xf32>
  %y = transformer.linear %x, %w activation gelu : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// 48 weights of 16 rows and columns, a table of 80 numbers with a basis of 20 bytes, and 4 numbers that stay: 100 + 6 b + 10 t bytes.
// GRIDS-DAG: {{[3-6]\.[0-9]+}} bits per weight and {{[1-4]\.[0-9]+}} per number of tables, for 15{{[56]}} bytes, entropy coded
// PART-DAG: bits per weight and {{.*}} per number of tables, for 16{{[34]}} bytes, entropy coded
// GRIDS-LABEL: func @grids
// GRIDS: tensor<40x2xi8>
// GRIDS: tensor<12x4xi8>
func.func @grids(%ids: tensor<?xi32>, %x: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x12xf32>) {
  %table = arith.constant dense<[[0.09, 1.25], [-0.93, 0.99], [-0.26, -0.26], [1.90, 0.16], [-0.04, 0.73], [1.13, -0.03], [0.59, -0.97], [-0.37, -0.44], [-1.33, -1.51], [-1.63, -0.24], [-0.17, -0.32], [0.07, -1.34], [-0.08, 0.24], [0.75, -0.85], [-0.40, -2.02], [-0.50, -2.20], [-1.42, 1.10], [-2.20, 0.80], [0.33, -0.31], [0.46, 0.53], [1.05, -0.23], [-0.59, -0.60], [-0.99, -0.04], [-0.79, 1.07], [-1.87, -1.09], [-0.95, -2.09], [1.90, -2.41], [-0.28, -0.53], [1.66, -1.99], [1.07, -0.73], [-0.16, -0.67], [0.64, -1.14], [-0.08, 0.35], [1.84, -2.41], [1.53, 0.95], [-0.48, 0.30], [-0.47, 1.65], [0.21, -0.22], [-0.23, -0.20], [-0.18, -0.88]]> : tensor<40x2xf32>
  %w = arith.constant dense<[[2.06, -1.91, -3.61, -0.12], [-0.15, 0.37, -0.20, -0.15], [0.33, 0.97, -0.45, -0.37], [1.94, 0.53, -0.99, 2.32], [0.78, -0.59, -1.17, 0.30], [-0.83, -1.06, -1.30, -0.51], [1.11, -0.43, -1.45, 0.67], [0.07, 0.84, 1.20, -0.17], [-0.14, -0.05, -1.13, 0.67], [1.37, 0.17, -0.24, -0.26], [-0.78, -0.80, -0.40, -0.84], [-0.44, -1.58, 0.35, 0.05]]> : tensor<12x4xf32>
  %t = transformer.embedding %ids, %table : (tensor<?xi32>, tensor<40x2xf32>) -> tensor<?x2xf32> loc("table")
  %y = transformer.linear %x, %w : (tensor<?x4xf32>, tensor<12x4xf32>) -> tensor<?x12xf32> loc("wide")
  return %t, %y : tensor<?x2xf32>, tensor<?x12xf32>
}
