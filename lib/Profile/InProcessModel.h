//===- InProcessModel.h - compiled code without an artifact ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_PROFILE_INPROCESSMODEL_H
#define TRANSFORMER_LIB_PROFILE_INPROCESSMODEL_H

#include "transformer/Profile/Sequences.h"
#include "transformer/Runtime/abi.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <vector>

namespace mlir::transformer {

/// Gets the rows of an observed tensor, `stride` floats apart; `site` is an
/// index of InProcessModel::sites.
using Observer =
    llvm::function_ref<void(int64_t site, const float *rows, int64_t count,
                            int64_t width, int64_t stride)>;

/// One chunk of inputs, packed.
struct Batch {
  std::vector<int32_t> offsets = {0};
  std::vector<int32_t> ids;
  std::vector<float> pixels;
};

/// Whole sequences, in their order; each image has `imageTokens`.
std::vector<Batch> makeBatches(const Sequences &sequences, int64_t imageTokens);

/// Calls `work` on so many threads at once, this one among them, but not on
/// more than there are `jobs`; it takes jobs from a counter of its own.
void onThreads(unsigned threads, size_t jobs, function_ref<void()> work);

/// An instrumented model as machine code in this process. Any number of threads
/// may run it at once.
class InProcessModel {
public:
  /// Lowers `module`, which is of no use afterwards.
  static llvm::Expected<std::unique_ptr<InProcessModel>>
  create(ModuleOp module);

  llvm::ArrayRef<std::string> sites() const { return siteNames; }
  const tm_descriptor &descriptor() const { return *described; }
  /// Takes the weights of `variant`, a module of the same ops and shapes (which
  /// is of no use afterwards), for the code that is there.
  llvm::Error takeWeights(ModuleOp variant);
  /// Computes all, on the calling thread. `outputs` (null: not) get the rows of
  /// each output.
  llvm::Error run(const Batch &batch, Observer observer,
                  std::vector<std::vector<float>> *outputs = nullptr) const;

private:
  InProcessModel() = default;
  llvm::Error copyWeights(ModuleOp module);
  llvm::Error load(llvm::ArrayRef<char> object);

  std::unique_ptr<llvm::orc::LLJIT> jit;
  std::vector<std::string> siteNames;
  std::vector<int64_t> widths; // of the sites
  int64_t weightsBytes = 0;
  std::unique_ptr<char, decltype(&std::free)> weights{nullptr, &std::free};
  const tm_descriptor *described = nullptr;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_PROFILE_INPROCESSMODEL_H
