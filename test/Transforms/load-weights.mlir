// RUN: rm -rf %t && mkdir %t && split-file %s %t
// RUN: transformer-opt %t/model.mlir --transformer-save-weights=file=%t/w.safetensors -o /dev/null
// RUN: transformer-opt %t/wanted.mlir --transformer-load-weights=file=%t/w.safetensors | FileCheck %s
// RUN: not transformer-opt %t/other.mlir --transformer-load-weights=file=%t/w.safetensors 2>&1 | FileCheck %s --check-prefix=OTHER
// RUN: not transformer-opt %t/model.mlir --transformer-load-weights=file=%t/none.safetensors 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not transformer-opt %t/model.mlir --transformer-load-weights 2>&1 | FileCheck %s --check-prefix=UNNAMED
// RUN: not transformer-opt %t/model.mlir --transformer-save-weights 2>&1 | FileCheck %s --check-prefix=UNNAMED-SAVE
// RUN: not transformer-opt %t/wanted.mlir --transformer-save-weights=file=%t/x.safetensors 2>&1 | FileCheck %s --check-prefix=EXTERN
// RUN: not ls %t/x.safetensors
// RUN: not transformer-opt %t/odd.mlir --transformer-save-weights=file=%t/x.safetensors 2>&1 | FileCheck %s --check-prefix=ODD
// RUN: not transformer-opt %t/model.mlir --transformer-save-weights=file=%t/no/x.safetensors 2>&1 | FileCheck %s --check-prefix=NOWHERE

// NONE: none.safetensors
// UNNAMED: transformer-load-weights needs file=PATH
// UNNAMED-SAVE: transformer-save-weights needs file=PATH
// EXTERN: global 'b' is extern, so its numbers are not known; run transformer-load-weights before
// ODD: global 'flags' has a type that a weight file can't hold
// ODD: global 'nothing' has no data of the size of its type
// NOWHERE: error: {{.*}}x.safetensors

//--- model.mlir
ml_program.global private @a(dense<[1.0, 2.0]> : tensor<2xf32>) : tensor<2xf32>
ml_program.global private @b(dense<3.0> : tensor<2x2xf32>) : tensor<2x2xf32>

//--- wanted.mlir
// What is bound stays as it is, and not every tensor of the file is needed.
// CHECK: @b(dense_resource<b> : tensor<2x2xf32>)
// CHECK: @bound(dense<5.000000e+00> : tensor<2xf32>)
ml_program.global private @b(#ml_program.extern : tensor<2x2xf32>) : tensor<2x2xf32>
ml_program.global private @bound(dense<5.0> : tensor<2xf32>) : tensor<2xf32>

//--- other.mlir
// All problems at once.
// OTHER: error: {{.*}}w.safetensors: tensor 'a' has dtype F32, but the module needs F16
// OTHER: error: {{.*}}w.safetensors: tensor 'b' has shape [2, 2], but the module needs [2, 3]
// OTHER: error: {{.*}}w.safetensors: tensor 'c' is missing; the module needs it with shape [4]
// OTHER: error: global 'd' is extern, but its type is none of a weight in a file
ml_program.global private @a(#ml_program.extern : tensor<2xf16>) : tensor<2xf16>
ml_program.global private @b(#ml_program.extern : tensor<2x3xf32>) : tensor<2x3xf32>
ml_program.global private @c(#ml_program.extern : tensor<4xf32>) : tensor<4xf32>
ml_program.global private @d(#ml_program.extern : tensor<?xf32>) : tensor<?xf32>

//--- odd.mlir
ml_program.global private @flags(dense<true> : tensor<2xi1>) : tensor<2xi1>
ml_program.global private @nothing(dense_resource<nothing> : tensor<2xf32>) : tensor<2xf32>
