//===- Pipelines.h - named pipelines --------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_PIPELINES_PIPELINES_H
#define TRANSFORMER_PIPELINES_PIPELINES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassOptions.h"

#include <string>

namespace mlir {
class OpPassManager;
namespace transformer {

/// Options of `transformer-to-llvm`.
struct ToLLVMOptions : public PassPipelineOptions<ToLLVMOptions> {
  Option<std::string> targetCpu{
      *this, "target-cpu",
      llvm::cl::desc("CPU level to compile for: host, or a name of the table"),
      llvm::cl::init("host")};
  Option<int64_t> rowBlock{
      *this, "row-block",
      llvm::cl::desc("most rows that a token-wise chain works on at once"),
      llvm::cl::init(64)};
  Option<bool> chains{
      *this, "chains",
      llvm::cl::desc("fuse token-wise ops that follow each other; false: each "
                     "is a loop over all rows, to measure what it is worth"),
      llvm::cl::init(true)};
  Option<bool> epilogues{
      *this, "epilogues",
      llvm::cl::desc("bias, activation and residual sum while a product is in "
                     "registers; false: each in a loop of its own"),
      llvm::cl::init(true)};
  Option<bool> probes{
      *this, "probes",
      llvm::cl::desc("mark where ops end, for the profile view"),
      llvm::cl::init(true)};
};

/// `transformer-to-llvm`: from a model module (@forward on packed batches) to
/// the LLVM dialect with the entry `void tm_forward(tm_call *)` of
/// Runtime/abi.h. Weights stay ml_program.global ops, in the order of the
/// weights file.
void buildToLLVMPipeline(OpPassManager &pm, const ToLLVMOptions &options);

/// Its two parts, the first of which is also `transformer-to-kernels`. It
/// ignores the target, so that all levels of an artifact share its results: the
/// layout of the weights, the chains, the places of buffers. The second is done
/// once per level.
void buildToKernelsPipeline(OpPassManager &pm, const ToLLVMOptions &options);
void buildKernelsToLLVMPipeline(OpPassManager &pm,
                                const ToLLVMOptions &options);

/// Options of `transformer-to-nvvm`.
struct ToNVVMOptions : public PassPipelineOptions<ToNVVMOptions> {
  Option<std::string> chip{
      *this, "gpu-chip",
      llvm::cl::desc("GPU to compile for: sm_80, sm_90, sm_90a or sm_100"),
      llvm::cl::init("sm_80")};
  Option<std::string> dtype{
      *this, "dtype",
      llvm::cl::desc("what activations and weights are stored as: f16, bf16 "
                     "or f32"),
      llvm::cl::init("f16")};
  Option<int64_t> fftFrom{
      *this, "fft-from",
      llvm::cl::desc("cuFFT transforms sequences of so many tokens and more; "
                     "0: none, -1: where it is faster by a model of costs"),
      llvm::cl::init(-1)};
};

/// `transformer-to-nvvm`: from a model module to a `gpu.module` in the LLVM
/// dialect and the table of launches (GPU/LaunchTable.h). The others are its
/// parts down to declared kernels, and below.
void buildToNVVMPipeline(OpPassManager &pm, const ToNVVMOptions &options);
void buildLaunchPipeline(OpPassManager &pm, const ToNVVMOptions &options);
void buildDevicePipeline(OpPassManager &pm, const ToNVVMOptions &options);

/// `transformer-to-llvm-naive`: the reference lowering by plain loops, from
/// transformer ops (or linalg) down to the LLVM dialect. Slow; the second
/// opinion of the tests. Functions keep memref descriptors; add
/// `llvm.emit_c_interface` to call them. Scalar math may call libm.
void buildNaiveToLLVMPipeline(OpPassManager &pm);

/// Options of `transformer-compress`; what is left out is not done.
struct CompressOptions : public PassPipelineOptions<CompressOptions> {
  Option<std::string> profile{
      *this, "profile",
      llvm::cl::desc("a profile.safetensors of this checkpoint; without one, "
                     "all passes take their forms that need no data"),
      llvm::cl::init("")};
  Option<std::string> saveProfile{
      *this, "save-profile",
      llvm::cl::desc("a file for the profile of the model as it is in between, "
                     "which passes behind the first that narrows go by"),
      llvm::cl::init("")};
  Option<std::string> attention{
      *this, "attention",
      llvm::cl::desc("kinds of transformer-replace-attention"),
      llvm::cl::init("")};
  Option<double> attentionError{
      *this, "attention-error",
      llvm::cl::desc("max-error of transformer-replace-attention"),
      llvm::cl::init(0)};
  Option<int64_t> qkRank{*this, "qk-rank",
                         llvm::cl::desc("qk-rank of transformer-narrow-heads"),
                         llvm::cl::init(0)};
  Option<std::string> qkRanks{
      *this, "qk-ranks", llvm::cl::desc("qk-ranks of transformer-narrow-heads"),
      llvm::cl::init("")};
  Option<std::string> headCounts{
      *this, "head-counts",
      llvm::cl::desc("head-counts of transformer-narrow-heads"),
      llvm::cl::init("")};
  Option<double> ffnError{*this, "ffn-error",
                          llvm::cl::desc("max-error of transformer-narrow-ffn"),
                          llvm::cl::init(0)};
  Option<std::string> ffnWidths{
      *this, "ffn-widths", llvm::cl::desc("widths of transformer-narrow-ffn"),
      llvm::cl::init("")};
  Option<double> svdRatio{*this, "svd-ratio",
                          llvm::cl::desc("ratio of transformer-factorize-svd"),
                          llvm::cl::init(0)};
  Option<double> svdError{*this, "svd-error",
                          llvm::cl::desc("error of transformer-factorize-svd"),
                          llvm::cl::init(0)};
  Option<std::string> svdOnly{
      *this, "svd-only", llvm::cl::desc("only of transformer-factorize-svd"),
      llvm::cl::init("")};
  Option<bool> pivoted{*this, "pivoted",
                       llvm::cl::desc("pivoted of transformer-factorize-svd"),
                       llvm::cl::init(false)};
  Option<double> tableBits{
      *this, "table-bits",
      llvm::cl::desc("bits of transformer-compress-embedding"),
      llvm::cl::init(0)};
  Option<double> bits{*this, "bits",
                      llvm::cl::desc("bits of transformer-quantize-i8"),
                      llvm::cl::init(0)};
  Option<int64_t> maxBytes{
      *this, "max-bytes",
      llvm::cl::desc("of the weight file: bits and table-bits follow, by "
                     "transformer-round-to-size"),
      llvm::cl::init(0)};
  Option<double> maxSize{
      *this, "max-size",
      llvm::cl::desc("the same as a part of what the weights take in f32, "
                     "where nothing narrows the model"),
      llvm::cl::init(0)};
  Option<bool> compensate{
      *this, "compensate",
      llvm::cl::desc("compensate of transformer-quantize-i8"),
      llvm::cl::init(false)};
};

/// `transformer-compress`: the compression passes in their order, for a plan,
/// as transformer-compile runs them: what loses nothing, attention, heads,
/// feed-forward layers, factors, tables, i8. Fails, and tells why, for an
/// option that its pass does not take.
LogicalResult buildCompressPipeline(OpPassManager &pm,
                                    const CompressOptions &options,
                                    raw_ostream &errors);

/// Registers the pipelines of this project. Safe to call more than once.
void registerTransformerPipelines();

} // namespace transformer
} // namespace mlir

#endif // TRANSFORMER_PIPELINES_PIPELINES_H
