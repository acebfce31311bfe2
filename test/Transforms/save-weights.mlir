// RUN: rm -rf %t && mkdir %t
// RUN: transformer-opt %s --transformer-save-weights=file=%t/w.safetensors -o %t/extern.mlir
// RUN: FileCheck %s < %t/extern.mlir
// RUN: transformer-opt %t/extern.mlir --transformer-load-weights=file=%t/w.safetensors | FileCheck %s --check-prefix=BOUND
// A directory that holds the file does too, and saving over the source is safe. Loading notes which weights these are.
// RUN: mv %t/w.safetensors %t/model.safetensors
// RUN: transformer-opt %t/extern.mlir --transformer-load-weights=file=%t --transformer-save-weights=file=%t/model.safetensors | sed 's/^module attributes {transformer.checkpoint = "[0-9a-f]*"}/module/' | diff %t/extern.mlir -
// RUN: transformer-opt %t/extern.mlir --transformer-load-weights=file=%t | FileCheck %s --check-prefix=BOUND
// RUN: transformer-opt %t/extern.mlir --transformer-load-weights=file=%t -o %t/x --remarks-filter=".*" --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=REMARK

// REMARK: bound 6 weights to

// CHECK: #[[EXTERN:.*]] = #ml_program.extern : tensor<2xf32>
// CHECK: ml_program.global private @pooler.dense.bias(#[[EXTERN]]) : tensor<2xf32>
// BOUND: @pooler.dense.bias(dense_resource<pooler.dense.bias> : tensor<2xf32>)
ml_program.global private @"pooler.dense.bias"(dense<[1.0, 2.0]> : tensor<2xf32>) : tensor<2xf32>
// CHECK: @splat(#{{.*}}) : tensor<2x3xf16>
// BOUND: @splat(dense_resource<splat> : tensor<2x3xf16>)
ml_program.global private @splat(dense<1.5> : tensor<2x3xf16>) : tensor<2x3xf16>
ml_program.global private @half(dense<[1.0, -2.0]> : tensor<2xbf16>) : tensor<2xbf16>
ml_program.global private @bytes(dense<[1, -2, 3]> : tensor<3xi8>) : tensor<3xi8>
ml_program.global private @none(dense<> : tensor<0x4xf32>) : tensor<0x4xf32>
ml_program.global private @scalar(dense<7> : tensor<i64>) : tensor<i64>

// BOUND: {-#
// BOUND-DAG: pooler.dense.bias: "0x040000000000803F00000040"
// BOUND-DAG: splat: "0x02000000003E003E003E003E003E003E"
// BOUND-DAG: half: "0x02000000803F00C0"
// BOUND-DAG: bytes: "0x0100000001FE03"
// BOUND-DAG: scalar: "0x080000000700000000000000"
