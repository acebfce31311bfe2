//===- LoadWeights.cpp - weight files to globals --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/IR/Weights.h"
#include "transformer/Support/Checkpoint.h"
#include "transformer/Support/Error.h"
#include "transformer/Support/Limits.h"
#include "transformer/Transforms/Passes.h"
#include "transformer/Transforms/Transforms.h"

#include "mlir/IR/Remarks.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERLOADWEIGHTS
#include "transformer/Transforms/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

/// Why `entry` is not the value of a global of `type`, or nothing.
static std::string misfit(const Checkpoint::Entry &entry,
                          RankedTensorType type) {
  std::string tensor =
      (entry.file->path() + ": tensor " + quoted(entry.name)).str();
  std::optional<DataType> wanted = dataTypeOf(type.getElementType());
  if (entry.info->type != wanted)
    return tensor + " has dtype " + dataTypeName(entry.info->type).str() +
           ", but the module needs " + dataTypeName(*wanted).str();
  if (ArrayRef<int64_t>(entry.info->shape) != type.getShape())
    return tensor + " has shape " + shapeString(entry.info->shape) +
           ", but the module needs " + shapeString(type.getShape());
  return "";
}

static std::string bind(ml_program::GlobalOp global, const Checkpoint &file) {
  StringRef name = global.getSymName();
  auto type = dyn_cast<RankedTensorType>(global.getType());
  if (!type || !type.hasStaticShape() || !dataTypeOf(type.getElementType()))
    return "global " + quoted(name) +
           " is extern, but its type is none of a weight in a file (a static "
           "tensor of f64, f32, f16, bf16 or 8 to 64 bit integers)";
  std::optional<Checkpoint::Entry> entry = file.find(name);
  if (!entry)
    return file.path().str() + ": tensor " + quoted(name) +
           " is missing; the module needs it with shape " +
           shapeString(type.getShape());
  std::string problem = misfit(*entry, type);
  if (problem.empty())
    global.setValueAttr(
        weightOver(type, name, entry->data(), entry->file->file()));
  return problem;
}

FailureOr<int64_t> transformer::loadWeights(ModuleOp module, StringRef file) {
  llvm::Expected<Checkpoint> checkpoint = Checkpoint::open(file);
  int64_t bound = 0;
  size_t problems = 0;
  if (!checkpoint) {
    llvm::handleAllErrors(checkpoint.takeError(),
                          [&](const llvm::ErrorInfoBase &error) {
                            if (problems++ < limits::listedProblems)
                              module.emitError() << error.message();
                          });
    return failure();
  }
  for (auto global : module.getOps<ml_program::GlobalOp>()) {
    if (!isExtern(global))
      continue;
    std::string problem = bind(global, *checkpoint);
    if (problem.empty())
      ++bound;
    else if (problems++ < limits::listedProblems)
      global.emitError() << problem;
  }
  if (problems > limits::listedProblems)
    module.emitError() << "and " << problems - limits::listedProblems
                       << " more problems";
  if (problems)
    return failure();
  if (llvm::Error error = checkpoint->checkUnchanged())
    return module.emitError() << llvm::toString(std::move(error));
  if (bound && !module->hasAttr(kCheckpointAttribute))
    module->setAttr(
        kCheckpointAttribute,
        StringAttr::get(module.getContext(), checkpoint->fingerprint()));
  return bound;
}

namespace {
struct LoadWeights
    : public transformer::impl::TransformerLoadWeightsBase<LoadWeights> {
  using TransformerLoadWeightsBase::TransformerLoadWeightsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (file.empty()) {
      module.emitError() << "transformer-load-weights needs file=PATH: a "
                            ".safetensors file, an index or a directory";
      return signalPassFailure();
    }
    FailureOr<int64_t> bound = loadWeights(module, file);
    if (failed(bound))
      return signalPassFailure();
    numBound += *bound;
    remark::passed(
        module.getLoc(),
        remark::RemarkOpts::name("weights-bound").category(getArgument()))
        << remark::add("bound {0} weights to {1}", *bound, file.getValue());
  }
};
} // namespace
