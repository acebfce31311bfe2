//===- Sequences.h - what runs through a model for a profile --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_PROFILE_SEQUENCES_H
#define TRANSFORMER_PROFILE_SEQUENCES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace mlir::transformer {

/// The inputs of a model: token ids, or images.
struct Sequences {
  std::vector<std::vector<int32_t>> ids;
  std::vector<std::vector<float>> images; // channels x height x width
  /// For the profile.
  std::string source;
};

struct SyntheticOptions {
  int64_t count = 320, images = 16;
  int64_t shortest = 4, longest = 40; // tokens, with the special ones
  uint64_t seed = 1;
};

/// Sequences for the model in `module` that need no text: lengths uniform, ids
/// by Zipf's law over the vocabulary, because tokenizers number frequent tokens
/// first, between the tokens that the tokenizer in `directory` (if there is
/// one) puts around a sentence. Images are normal noise. The same options give
/// the same sequences on every machine.
llvm::Expected<Sequences> syntheticSequences(ModuleOp module,
                                             llvm::StringRef directory,
                                             const SyntheticOptions &options);

/// From a .safetensors file: "ids" I32 [tokens], all sequences end to end, and
/// "lengths" I32 [sequences]; the metadata "source" says what they are. All ids
/// and lengths are ones that the model in `module` takes.
llvm::Expected<Sequences> readSequences(ModuleOp module, llvm::StringRef path);

/// The tensor of the input `name` of @forward, and where its numbers end (0: it
/// is not said); null if there is no such input.
RankedTensorType inputOf(ModuleOp module, llvm::StringRef name, int64_t &limit);

} // namespace mlir::transformer

#endif // TRANSFORMER_PROFILE_SEQUENCES_H
