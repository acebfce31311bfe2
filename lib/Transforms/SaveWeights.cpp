//===- SaveWeights.cpp - globals to a weight file -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/IR/Weights.h"
#include "transformer/Support/Error.h"
#include "transformer/Support/Limits.h"
#include "transformer/Support/SafetensorsWriter.h"
#include "transformer/Transforms/Passes.h"
#include "transformer/Transforms/Transforms.h"

#include "mlir/IR/Remarks.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERSAVEWEIGHTS
#include "transformer/Transforms/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

static std::string add(ml_program::GlobalOp global, SafetensorsWriter &writer) {
  std::string name = quoted(global.getSymName());
  auto type = dyn_cast<RankedTensorType>(global.getType());
  if (!type || !type.hasStaticShape() || !dataTypeOf(type.getElementType()))
    return "global " + name +
           " has a type that a weight file can't hold (it holds static tensors "
           "of f64, f32, f16, bf16 and 8 to 64 bit integers)";
  DataType dataType = *dataTypeOf(type.getElementType());
  std::optional<WeightBytes> value = bytesOf(global.getValueAttr(), type);
  if (!value)
    return "global " + name +
           (isExtern(global) ? " is extern, so its numbers are not known; run "
                               "transformer-load-weights before"
                             : " has no data of the size of its type");
  ArrayRef<char> bytes = value->bytes;
  if (!value->isSplat) {
    writer.add(global.getSymName().str(), dataType, type.getShape(), bytes);
    return "";
  }
  int64_t count = type.getNumElements();
  writer.add(global.getSymName().str(), dataType, type.getShape(),
             [bytes, count](SafetensorsWriter::Sink sink) {
               std::vector<char> all;
               all.reserve(bytes.size() * count);
               for (int64_t i = 0; i < count; ++i)
                 all.insert(all.end(), bytes.begin(), bytes.end());
               return sink(all);
             });
  return "";
}

FailureOr<int64_t> transformer::saveWeights(ModuleOp module, StringRef file) {
  SafetensorsWriter writer;
  writer.addMetadata("format", "pt"); // which other readers insist on
  size_t problems = 0;
  for (auto global : module.getOps<ml_program::GlobalOp>()) {
    std::string problem = add(global, writer);
    if (!problem.empty() && problems++ < limits::listedProblems)
      global.emitError() << problem;
  }
  if (problems > limits::listedProblems)
    module.emitError() << "and " << problems - limits::listedProblems
                       << " more problems";
  if (problems)
    return failure();
  if (llvm::Error error = writer.write(file))
    return module.emitError() << llvm::toString(std::move(error));
  int64_t saved = 0;
  for (auto global : module.getOps<ml_program::GlobalOp>()) {
    global.setValueAttr(
        ml_program::ExternAttr::get(module.getContext(), global.getType()));
    ++saved;
  }
  return saved;
}

namespace {
struct SaveWeights
    : public transformer::impl::TransformerSaveWeightsBase<SaveWeights> {
  using TransformerSaveWeightsBase::TransformerSaveWeightsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (file.empty()) {
      module.emitError() << "transformer-save-weights needs file=PATH, the "
                            ".safetensors file to write";
      return signalPassFailure();
    }
    FailureOr<int64_t> saved = saveWeights(module, file);
    if (failed(saved))
      return signalPassFailure();
    numSaved += *saved;
    remark::passed(
        module.getLoc(),
        remark::RemarkOpts::name("weights-saved").category(getArgument()))
        << remark::add("saved {0} weights to {1}", *saved, file.getValue());
  }
};
} // namespace
