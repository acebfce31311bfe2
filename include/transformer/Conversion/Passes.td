//===- Passes.td - Conversion passes ---------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_CONVERSION_PASSES_TD
#define TRANSFORMER_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertTransformerToLinalg : Pass<"convert-transformer-to-linalg"> {
  let summary = "Lower every transformer op to linalg, tensor, arith, math and scf";
  let description = [{
    The reference semantics of the dialect on tensors, for CPU, GPU and for other
    compilers. f16 and bf16 ops compute in f32 and round at the end. `observe` is
    erased.

    Example:

    ```mlir
    %y = transformer.linear %x, %w bias %b activation gelu
        : (tensor<?x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<?x8xf32>
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect"];
}

def TransformerExpandCopies : Pass<"transformer-expand-copies"> {
  let summary = "Turn memref.copy into linalg, which needs no runtime library";
  let description = [{
    `memref.copy` between strided buffers lowers to a call into MLIR's runtime
    library, which compiled models do without. As a `linalg.generic` it becomes a
    loop like any other.

    Example:

    ```mlir
    memref.copy %a, %b : memref<?x4xf32> to memref<?x4xf32, strided<[8, 1]>>
    ```
  }];
  let statistics = [Statistic<"numExpanded", "expanded", "copies expanded">];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def TransformerExpandReshapes : Pass<"transformer-expand-reshapes"> {
  let summary = "Turn memref.expand_shape of several unknown sizes into a cast";
  let description = [{
    Upstream's `expand-strided-metadata` finds one unknown size of a dimension
    that is split; it cannot take two. The op knows its sizes, so the strides
    follow from them, and a `memref.reinterpret_cast` says so. Other reshapes
    stay.

    Example:

    ```mlir
    %y = memref.expand_shape %x [[0, 1], [2]] output_shape [%b, %n, 4]
        : memref<?x4xf32> into memref<?x?x4xf32>
    // becomes
    %y = memref.reinterpret_cast %x to offset: [0], sizes: [%b, %n, 4], strides: [%s, 4, 1]
        : memref<f32> to memref<?x?x4xf32>
    ```
  }];
  let statistics = [Statistic<"numExpanded", "expanded", "reshapes expanded">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"];
}

def TransformerInlineWeights : Pass<"transformer-inline-weights", "::mlir::ModuleOp"> {
  let summary = "Turn loads of bound weights into constants";
  let description = [{
    For lowerings that know nothing of weight files: every
    `ml_program.global_load_const` becomes an `arith.constant` over the same
    bytes, which are not copied, and private globals without other uses go. An
    extern weight is an error.

    Example:

    ```mlir
    %w = ml_program.global_load_const @w : tensor<2xf32>
    // becomes
    %w = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
    ```
  }];
  let statistics = [Statistic<"numInlined", "inlined", "loads turned into constants">];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

#endif // TRANSFORMER_CONVERSION_PASSES_TD
