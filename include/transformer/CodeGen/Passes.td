//===- Passes.td - CodeGen passes ---------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_CODEGEN_PASSES_TD
#define TRANSFORMER_CODEGEN_PASSES_TD

include "mlir/Pass/PassBase.td"

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
