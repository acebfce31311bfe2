//===- Compile.h - checkpoint in, artifact out ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_PIPELINES_COMPILE_H
#define TRANSFORMER_PIPELINES_COMPILE_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <optional>
#include <string>
#include <vector>

namespace mlir::transformer {

/// How far to go.
enum class Emit {
  Profile,
  Curves,
  Transformer,
  Graph,
  Linalg,
  Ptx,
  LLVM,
  Assembly,
  Object,
  Artifact
};

/// What kind of machine runs the model.
enum class Machine { Cpu, Nvptx };

/// What the products are computed in; I4 is I8 with weights of 4 bits.
enum class Precision { F32, BF16, I8, I4 };
inline bool isInteger(Precision precision) {
  return precision == Precision::I8 || precision == Precision::I4;
}

/// How weights lie in their file: as they are used, so that they can be mapped,
/// or small, to be decoded when the model is loaded.
enum class Pack { None, Entropy };

struct CompileOptions {
  /// A checkpoint directory or a file of MLIR text.
  std::string input;
  /// A directory for Emit::Artifact; else a file, or "-" for standard output.
  std::string output = "-";
  Emit emit = Emit::Artifact;
  /// A level of CodeGen/Target.h, "host", or several with commas, for all of
  /// which the artifact gets code.
  std::string targetCpu = "host";
  Machine machine = Machine::Cpu;
  /// Chips of GPU/Chip.h with commas, and what activations and weights are
  /// stored as, with Machine::Nvptx.
  std::string gpuChip = "sm_80", gpuType = "f16";
  int64_t fftFrom = -1; // see ToNVVMOptions
  /// A CUDA toolkit for machine code; empty: where one is found.
  std::string cudaToolkit;
  /// A pass pipeline to run on the transformer dialect first.
  std::string passes;
  /// Drop parameters that change no result; false is for measuring.
  bool freeze = true;
  /// Let one linear make Q, K and V.
  bool mergeProjections = false;
  Pack pack = Pack::None;
  /// How transformer-round-bf16, transformer-quantize-i8 or -i4 follow, the
  /// latter two with a profile.
  Precision precision = Precision::F32;
  /// How I8 rounds the weights of linears; see transformer-quantize-i8. I4
  /// compensates always.
  bool compensate = false;
  double bits = 0;
  /// Tables go to their principal basis with so many bits per number; 0: not;
  /// see transformer-compress-embedding.
  double tableBits = 0;
  /// First of all, attentions are replaced by what this names, as the option
  /// `kinds` of transformer-replace-attention, and `auto` by this error; empty:
  /// none. With Emit::Profile: sums for that are part of it.
  std::string attention;
  double attentionError = 0;
  /// Before that, scores of attention are narrowed to so many numbers per head
  /// (transformer-narrow-heads), and feed-forward layers as far as this error
  /// allows (transformer-narrow-ffn); 0: not.
  int64_t qkRank = 0;
  double ffnError = 0;
  /// The same for modules by their path, "regex:number,...", which go first;
  /// see qk-ranks, head-counts and widths of those passes.
  std::string qkRanks, headCounts, ffnWidths;
  bool narrows() const {
    return qkRank > 0 || ffnError > 0 || !qkRanks.empty() ||
           !headCounts.empty() || !ffnWidths.empty();
  }
  /// Tables of positions are cut to so many tokens (transformer-cut-positions);
  /// 0: to the checkpoint's max_seq_length.
  std::optional<int64_t> maxLength;
  /// The name for the report.
  std::string preset = "exact";
  /// Of this checkpoint; they are added up. None: one is made.
  std::vector<std::string> profiles;
  /// What a profile is made of: a file of readSequences; empty: synthetic
  /// sequences.
  std::string sequences;
  /// Where a profile that was made is kept; empty: nowhere.
  std::string saveProfile;
  /// Options of transformer-to-llvm, as its pass pipeline has them.
  std::string lowering;
  /// The weights of a file of MLIR text; see transformer-load-weights.
  std::string weights;
  /// By plain loops, as transformer-to-llvm-naive does it: slow, small, and
  /// written apart from the fast way; for comparing numbers.
  bool naive = false;
  /// An ELF linker; empty: ld.lld, where it is found.
  std::string linker;
  /// Sequences x tokens of a call, or empty for a usual one, whose kernels are
  /// counted, measured and listed on standard output.
  std::optional<std::string> reportCpu;
  /// The same for a GPU, where nothing is measured.
  std::optional<std::string> reportGpu;
  /// For the report.
  std::string commandLine;
  /// Of the compiler; 0: one per CPU.
  unsigned threads = 0;
  bool quiet = false;
};

/// Gets every problem as one sentence.
using Problem = llvm::function_ref<void(const llvm::Twine &)>;

/// Does what `options` say; sizes and times go to `log`. All dialects and
/// passes must have been registered. Outputs are whole or absent.
LogicalResult compile(MLIRContext &context, const CompileOptions &options,
                      raw_ostream &log, Problem problem);

/// A checkpoint directory or a file of MLIR text as a verified module. Text is
/// checked for size and nesting before it is parsed.
FailureOr<OwningOpRef<ModuleOp>>
readModel(MLIRContext &context, const CompileOptions &options, Problem problem);

} // namespace mlir::transformer

#endif // TRANSFORMER_PIPELINES_COMPILE_H
