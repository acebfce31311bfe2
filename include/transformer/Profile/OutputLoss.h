//===- OutputLoss.h - what a changed model's outputs lost -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_PROFILE_OUTPUTLOSS_H
#define TRANSFORMER_PROFILE_OUTPUTLOSS_H

#include "transformer/Profile/Sequences.h"

#include <memory>

namespace mlir::transformer {

class InProcessModel;

/// Runs variants of a model beside the original, in this process.
class OutputLoss {
public:
  /// Compiles `module` (which stays as it is) for this machine and keeps its
  /// outputs for `sequences`. Weights must be bound, all passes registered.
  static llvm::Expected<OutputLoss>
  create(ModuleOp module, const Sequences &sequences, unsigned threads);
  ~OutputLoss();
  OutputLoss(OutputLoss &&);

  /// The squared error of the outputs of `variant` (which stays as it is) as a
  /// part of their variance over rows: for embeddings of length 1 about 1 -
  /// cosine over 1 - the mean cosine of two inputs. Rows are those of the
  /// output that users are after: sentence_embedding, or logits, or the last
  /// one. A variant with the ops and shapes of the original is faster: its code
  /// is there.
  llvm::Expected<double> of(ModuleOp variant, bool hasSameShapes);

  llvm::StringRef output() const { return name; }
  int64_t tokens() const { return tokenCount; }

private:
  OutputLoss();
  llvm::Expected<std::vector<std::vector<float>>>
  run(const InProcessModel &model) const;

  std::unique_ptr<InProcessModel> model;
  struct Inputs;
  std::unique_ptr<Inputs> inputs;
  std::string name;
  int64_t index = 0, width = 0, tokenCount = 0;
  unsigned threads = 1;
  std::vector<std::vector<float>> original; // by batch
  double variance = 0;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_PROFILE_OUTPUTLOSS_H
