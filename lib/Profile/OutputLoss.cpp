//===- OutputLoss.cpp - what a changed model's outputs lost ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Profile/OutputLoss.h"
#include "InProcessModel.h"

#include "transformer/Support/Error.h"

#include "mlir/IR/OwningOpRef.h"

#include <atomic>

using namespace mlir;
using namespace mlir::transformer;

struct OutputLoss::Inputs {
  std::vector<Batch> batches;
};

OutputLoss::OutputLoss() = default;
OutputLoss::~OutputLoss() = default;
OutputLoss::OutputLoss(OutputLoss &&) = default;

static llvm::Expected<std::unique_ptr<InProcessModel>>
compiled(ModuleOp module) {
  OwningOpRef<ModuleOp> copy = module.clone();
  return InProcessModel::create(*copy);
}

/// The rows of the output, of each batch.
llvm::Expected<std::vector<std::vector<float>>>
OutputLoss::run(const InProcessModel &model) const {
  const std::vector<Batch> &batches = inputs->batches;
  std::vector<std::vector<float>> rows(batches.size());
  std::vector<std::string> problems(batches.size());
  std::atomic<size_t> next = 0;
  auto work = [&] {
    for (size_t i; (i = next++) < batches.size();) {
      std::vector<std::vector<float>> outputs;
      llvm::Error error = model.run(
          batches[i], [](int64_t, const float *, int64_t, int64_t, int64_t) {},
          &outputs);
      problems[i] = llvm::toString(std::move(error));
      if (problems[i].empty())
        rows[i] = std::move(outputs[index]);
    }
  };
  onThreads(threads, batches.size(), work);
  for (const std::string &problem : problems)
    if (!problem.empty())
      return makeError(problem);
  return rows;
}

llvm::Expected<OutputLoss> OutputLoss::create(ModuleOp module,
                                              const Sequences &sequences,
                                              unsigned threads) {
  OutputLoss loss;
  auto model = compiled(module);
  if (!model)
    return model.takeError();
  loss.model = std::move(*model);
  const tm_descriptor &d = loss.model->descriptor();
  loss.index = d.output_count - 1;
  for (StringRef wanted : {"logits", "sentence_embedding"})
    for (int64_t i = 0; i < d.output_count; ++i)
      if (wanted == d.outputs[i].name)
        loss.index = i;
  loss.name = d.outputs[loss.index].name;
  loss.width = d.outputs[loss.index].width;
  loss.threads = threads;
  loss.inputs.reset(new Inputs{makeBatches(sequences, d.max_length)});
  for (const Batch &batch : loss.inputs->batches)
    loss.tokenCount += batch.offsets.back();
  auto rows = loss.run(*loss.model);
  if (!rows)
    return rows.takeError();
  loss.original = std::move(*rows);
  std::vector<double> sums(loss.width);
  double squares = 0, count = 0;
  for (const std::vector<float> &part : loss.original)
    for (size_t i = 0; i < part.size(); ++i) {
      sums[i % loss.width] += part[i];
      squares += double(part[i]) * part[i];
      count += i % loss.width == 0;
    }
  for (double sum : sums)
    squares -= sum * sum / count;
  loss.variance = squares;
  if (!(loss.variance > 0) || !std::isfinite(loss.variance))
    return makeError("the output " + quoted(loss.name) +
                     " is the same for all sequences, so that nothing can be "
                     "lost: give more sequences");
  return loss;
}

llvm::Expected<double> OutputLoss::of(ModuleOp variant, bool hasSameShapes) {
  std::unique_ptr<InProcessModel> own;
  if (hasSameShapes) {
    OwningOpRef<ModuleOp> copy = variant.clone();
    if (llvm::Error error = model->takeWeights(*copy)) {
      // A bias where there was none is another shape.
      llvm::consumeError(std::move(error));
      hasSameShapes = false;
    }
  }
  if (!hasSameShapes) {
    auto fresh = compiled(variant);
    if (!fresh)
      return fresh.takeError();
    own = std::move(*fresh);
  }
  auto rows = run(own ? *own : *model);
  if (!rows)
    return rows.takeError();
  double error = 0;
  for (auto [before, after] : llvm::zip_equal(original, *rows))
    for (auto [a, b] : llvm::zip_equal(before, after))
      error += double(a - b) * (a - b);
  return error / variance;
}
