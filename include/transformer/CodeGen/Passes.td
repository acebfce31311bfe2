//===- Passes.td - CodeGen passes ---------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_CODEGEN_PASSES_TD
#define TRANSFORMER_CODEGEN_PASSES_TD

include "mlir/Pass/PassBase.td"

def TransformerFormChains : Pass<"transformer-form-chains", "::mlir::ModuleOp"> {
  let summary = "Outline token-wise ops of @forward into shared chain functions";
  let description = [{
    A chain is a maximal group of ops whose row t needs row t of its operands
    only (linear, norms, activations, residual additions, embeddings), of the
    same rows and needed by the same outputs. Each distinct chain becomes one
    private function `(activations, weights, destinations) -> results`; layers
    that differ in their weights only call the same one. Calls and the ops left
    between them carry `transformer.wanted`, the bit set of the outputs that
    need them.

    Example:

    ```mlir
    func.func @forward(%x: tensor<?x8xf32> {transformer.input = "x"}) -> tensor<?x8xf32> {
      %w = ml_program.global_load_const @w : tensor<8x8xf32>
      %y = transformer.linear %x, %w : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
      %z = transformer.relu %y : tensor<?x8xf32>
      return %z : tensor<?x8xf32>
    }
    ```
  }];
  let statistics = [
    Statistic<"numChains", "chains", "distinct chain functions">,
    Statistic<"numCalls", "calls", "calls of chain functions">];
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect"];
}

def TransformerEmitFft : Pass<"transformer-emit-fft", "::mlir::ModuleOp"> {
  let summary = "Expand transformer_kernel.fft_mix to vector code";
  let description = [{
    Replaces each `transformer_kernel.fft_mix` on f32 memrefs by two sweeps of
    fast Fourier transforms with one transform per vector lane. The transform is
    a function of the module, of any length; the passes that follow see ordinary
    scf, vector and memref ops. Scratch is a `memref.alloc` of static size when
    `max_rows` is known.

    Example:

    ```mlir
    transformer_kernel.fft_mix %x outs(%y) {max_rows = 512 : i64}
        : (memref<?x768xf32>, memref<?x768xf32>) -> ()
    ```
  }];
  let options = [Option<"lanes", "lanes", "int64_t", "16",
                        "floats in a vector register">];
  let statistics = [Statistic<"numEmitted", "emitted", "ops expanded">];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect"];
}

#endif // TRANSFORMER_CODEGEN_PASSES_TD
