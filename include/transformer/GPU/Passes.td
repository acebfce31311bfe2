//===- Passes.td - GPU passes -------------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_GPU_PASSES_TD
#define TRANSFORMER_GPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def TransformerFormLaunches : Pass<"transformer-form-launches", "::mlir::ModuleOp"> {
  let summary = "Turn @forward into device kernels and a table of their launches";
  let description = [{
    Each op of `@forward`, with what can be fused into it (embeddings, sums,
    pooling and rounding into norms; bias, activation and residual into
    products), becomes the launch of a kernel. A kernel is declared once for
    all ops that need the same, in `gpu.module @kernels`, with what it computes
    in `transformer.kernel`; transformer-emit-device emits its body.
    `@forward` goes; what is left of it is `transformer.launches` on the module:
    inputs, outputs, buffers and launches in program order. Weights stay
    globals. An op that no kernel computes is an error that names it; one that
    only a simple kernel computes leaves a remark. `gpu-chip` decides between
    kernels: for sm_90a products are those of warpgroups. Two linears in a row,
    as factors of low rank are, become one launch for those numbers of rows for
    which a model of costs says that it is faster; a remark has its numbers.

    Example:

    ```mlir
    func.func @forward(%x: tensor<?x64xf32> {transformer.input = "x"}, %g: tensor<64xf32>)
        -> (tensor<?x64xf32> {transformer.output = "y", transformer.rows = "tokens"}) {
      %y = transformer.layer_norm %x, %g {epsilon = 1.0e-5 : f32}
          : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
      return %y : tensor<?x64xf32>
    }
    ```
  }];
  let options = [
    Option<"dtype", "dtype", "std::string", "\"f16\"",
           "f16, bf16 or f32: what activations and weights are stored as">,
    Option<"chip", "gpu-chip", "std::string", "\"sm_80\"",
           "GPU that kernels are for, and whose rates decide which sequences cuFFT "
           "transforms and which linears share a launch">,
    Option<"fftFrom", "fft-from", "int64_t", "-1",
           "cuFFT transforms sequences of so many tokens and more; 0: none, -1: "
           "where it is faster by a model of costs">];
  let statistics = [
    Statistic<"numKernels", "kernels", "distinct kernels">,
    Statistic<"numLaunches", "launches", "launches">];
  let dependentDialects = ["::mlir::gpu::GPUDialect", "::mlir::LLVM::LLVMDialect"];
}

def TransformerEmitDevice : Pass<"transformer-emit-device", "::mlir::ModuleOp"> {
  let summary = "Emit the bodies of declared device kernels";
  let description = [{
    Gives every `llvm.func` with `transformer.kernel` in a `gpu.module` its
    arguments and its body, of arith, scf, LLVM dialect and NVVM intrinsics, and
    the module the target `gpu-chip`. How many threads a kernel is launched with
    is part of it (`nvvm.maxntid`).

    Example:

    ```mlir
    gpu.module @kernels {
      llvm.func @rows_0() attributes {transformer.kernel = {
          family = "rows", width = 64, sources = ["f16"], norm = "layer",
          epsilon = 1.0e-5 : f32, bias, output = "f16"}}
    }
    ```
  }];
  let options = [
    Option<"chip", "gpu-chip", "std::string", "\"sm_80\"", "GPU to make code for">];
  let statistics = [Statistic<"numKernels", "kernels", "emitted kernels">];
  let dependentDialects = ["::mlir::gpu::GPUDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::NVVM::NVVMDialect", "::mlir::arith::ArithDialect",
                           "::mlir::scf::SCFDialect"];
}

#endif // TRANSFORMER_GPU_PASSES_TD
