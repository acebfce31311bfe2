//===- InProcessModel.cpp - compiled code without an artifact -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "InProcessModel.h"

#include "transformer/CodeGen/Object.h"
#include "transformer/CodeGen/Target.h"
#include "transformer/IR/Weights.h"
#include "transformer/Support/Error.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"

#include <thread>

using namespace mlir;
using namespace mlir::transformer;

static constexpr int64_t kAlignment = 64;

/// Rows of one call: enough to keep the kernels busy, few enough for the
/// observed tensors to stay small.
static constexpr int64_t kTokens = 1024;

std::vector<Batch> transformer::makeBatches(const Sequences &sequences,
                                            int64_t imageTokens) {
  std::vector<Batch> batches;
  auto next = [&](int64_t tokens) -> Batch & {
    if (batches.empty() || batches.back().offsets.back() + tokens > kTokens)
      batches.emplace_back();
    Batch &batch = batches.back();
    batch.offsets.push_back(batch.offsets.back() + int32_t(tokens));
    return batch;
  };
  for (const std::vector<int32_t> &ids : sequences.ids)
    llvm::append_range(next(ids.size()).ids, ids);
  for (const std::vector<float> &image : sequences.images)
    llvm::append_range(next(imageTokens).pixels, image);
  return batches;
}

void transformer::onThreads(unsigned threads, size_t jobs,
                            function_ref<void()> work) {
  std::vector<std::thread> others;
  for (size_t i = 1; i < std::min<size_t>(threads, jobs); ++i)
    others.emplace_back([&] { work(); });
  work();
  for (std::thread &other : others)
    other.join();
}

/// Who listens on this thread. Observed tensors are handed over by the thread
/// that called the entry.
static thread_local const Observer *listener = nullptr;

namespace {
/// Memory of a thread that stays for its next batch: pages that are new to a
/// process are cleared by the system first.
class Scratch {
public:
  char *get(int64_t bytes) {
    if (bytes > size) {
      memory.reset(); // before there are two
      memory.reset(static_cast<char *>(std::aligned_alloc(kAlignment, bytes)));
      size = memory ? bytes : 0;
    }
    return memory.get();
  }

private:
  std::unique_ptr<char, decltype(&std::free)> memory{nullptr, &std::free};
  int64_t size = 0;
};
} // namespace

static thread_local Scratch scratch;

/// Called by the code, with the parts of a buffer.
static void receive(int64_t site, float *, float *data, int64_t offset,
                    int64_t rows, int64_t width, int64_t stride, int64_t) {
  (*listener)(site, data + offset, rows, width, stride);
}

/// A parallel region, one index after the other.
static void runSerially(tm_call *call, tm_body body, void *captures,
                        int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    body(captures, i, static_cast<char *>(call->pool));
}

static llvm::Error runPipeline(ModuleOp module, const std::string &text) {
  std::string why;
  // What passes remark on this build is of no interest to who asked for a
  // profile.
  ScopedDiagnosticHandler handler(
      module.getContext(), [&](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() == DiagnosticSeverity::Error &&
            why.empty())
          why = diagnostic.str();
        return success();
      });
  PassManager manager(module.getContext());
  llvm::raw_string_ostream stream(why);
  if (succeeded(parsePassPipeline(text, manager, stream)) &&
      succeeded(manager.run(module)))
    return llvm::Error::success();
  return makeError("cannot compile the model for a profile: " + why);
}

llvm::Expected<std::unique_ptr<InProcessModel>>
InProcessModel::create(ModuleOp module) {
  std::unique_ptr<InProcessModel> model(new InProcessModel());
  std::string why;
  FailureOr<Target> target = lookupTarget("host", why);
  if (failed(target))
    return makeError(why);
  if (llvm::Error error = runPipeline(module, "transformer-emit-observe"))
    return std::move(error);
  for (Attribute site : module->getAttrOfType<ArrayAttr>("transformer.sites"))
    model->siteNames.push_back(cast<StringAttr>(site).str());
  for (auto function : module.getOps<func::FuncOp>()) {
    StringRef name = function.getSymName();
    int64_t width;
    if (name.consume_front("tm_observe.") && !name.getAsInteger(10, width))
      model->widths.push_back(width);
  }
  if (llvm::Error error = runPipeline(
          module, "transformer-to-llvm{target-cpu=" + target->name + "}"))
    return std::move(error);
  if (llvm::Error error = model->copyWeights(module))
    return std::move(error);
  llvm::Expected<NativeCode> code =
      NativeCode::create(module, *target, WeightsIdentity());
  if (!code)
    return code.takeError();
  code->optimize(llvm::OptimizationLevel::O2);
  auto object = code->emitObject(Calls::Elsewhere);
  if (!object)
    return object.takeError();
  if (llvm::Error error = model->load(*object))
    return std::move(error);
  return model;
}

llvm::Error InProcessModel::takeWeights(ModuleOp variant) {
  if (llvm::Error error = runPipeline(variant, "transformer-emit-observe"))
    return error;
  if (llvm::Error error = runPipeline(variant, "transformer-to-kernels"))
    return error;
  auto total = variant->getAttrOfType<IntegerAttr>("transformer.weights_bytes");
  if (!total || total.getInt() != weightsBytes)
    return makeError("internal error: a variant of the model has other shapes");
  return copyWeights(variant);
}

/// To where the code expects them, and out of the module.
llvm::Error InProcessModel::copyWeights(ModuleOp module) {
  auto total = module->getAttrOfType<IntegerAttr>("transformer.weights_bytes");
  if (!total)
    return makeError("internal error: the lowered model has no weights_bytes");
  weightsBytes = total.getInt();
  size_t bytes = llvm::alignTo(std::max<int64_t>(weightsBytes, 1), kAlignment);
  weights.reset(static_cast<char *>(std::aligned_alloc(kAlignment, bytes)));
  if (!weights)
    return makeError("out of memory: the weights need " + Twine(bytes) +
                     " bytes");
  for (auto global :
       llvm::make_early_inc_range(module.getOps<ml_program::GlobalOp>())) {
    auto offset = global->getAttrOfType<IntegerAttr>("transformer.offset");
    auto type = dyn_cast<RankedTensorType>(global.getType());
    if (!offset || !type)
      continue;
    std::optional<WeightBytes> known = bytesOf(global.getValueAttr(), type);
    if (!known)
      return makeError("the numbers of weight " + quoted(global.getSymName()) +
                       " are not known; name their file with --weights");
    char *to = weights.get() + offset.getInt();
    size_t size = known->bytes.size();
    for (int64_t i = 0, n = known->isSplat ? type.getNumElements() : 1; i < n;
         ++i)
      std::memcpy(to + i * size, known->bytes.data(), size);
    global.erase();
  }
  return llvm::Error::success();
}

llvm::Error InProcessModel::load(llvm::ArrayRef<char> object) {
  auto created = llvm::orc::LLJITBuilder().create();
  if (!created)
    return created.takeError();
  jit = std::move(*created);
  llvm::orc::SymbolMap receivers;
  for (int64_t width : widths)
    receivers[jit->mangleAndIntern("tm_observe." + std::to_string(width))] = {
        llvm::orc::ExecutorAddr::fromPtr(&receive),
        llvm::JITSymbolFlags::Exported};
  if (llvm::Error error = jit->getMainJITDylib().define(
          llvm::orc::absoluteSymbols(std::move(receivers))))
    return error;
  if (llvm::Error error =
          jit->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(
              StringRef(object.data(), object.size()), "model")))
    return error;
  auto description = jit->lookup("tm_model_descriptor");
  if (!description)
    return description.takeError();
  described = description->toPtr<const tm_descriptor *>();
  return llvm::Error::success();
}

llvm::Error
InProcessModel::run(const Batch &batch, Observer observer,
                    std::vector<std::vector<float>> *outputs) const {
  const tm_descriptor &d = *described;
  int64_t tokens = batch.offsets.back(), sequences = batch.offsets.size() - 1;
  std::vector<int32_t> zeros(tokens);
  tm_call call = {};
  call.weights = weights.get();
  call.tokens = tokens, call.sequences = sequences;
  call.offsets = batch.offsets.data();
  for (int64_t i = 0; i < d.input_count; ++i) {
    StringRef name = d.inputs[i].name;
    call.inputs[i] = name == "pixel_values" ? (void *)batch.pixels.data()
                     : name == "input_ids"  ? (void *)batch.ids.data()
                                            : (void *)zeros.data();
  }
  // One block: the workspace, that of the thread, and all outputs.
  int64_t size = d.workspace_fixed + tokens * d.workspace_per_token +
                 sequences * d.workspace_per_sequence;
  std::vector<int64_t> at;
  auto reserve = [&](int64_t bytes) {
    at.push_back(size);
    size = llvm::alignTo(size + bytes, kAlignment);
  };
  size = llvm::alignTo(size, kAlignment);
  reserve(TM_THREAD_HEADER + d.thread_workspace);
  auto sizeOf = [&](int64_t i) {
    return (d.outputs[i].rows == TM_PER_TOKEN ? tokens : sequences) *
           int64_t(d.outputs[i].width);
  };
  for (int64_t i = 0; i < d.output_count; ++i)
    reserve(sizeOf(i) * int64_t(sizeof(float)));
  char *memory = scratch.get(std::max(size, kAlignment));
  if (!memory)
    return makeError("out of memory: running the model for a profile needs " +
                     Twine(size) + " bytes");
  call.workspace = memory;
  // In front of a thread's workspace lies a header: nobody measures here.
  std::memset(memory + at[0], 0, TM_THREAD_HEADER);
  call.pool = memory + at[0] + TM_THREAD_HEADER;
  for (int64_t i = 0; i < d.output_count; ++i)
    call.outputs[i] = memory + at[1 + i];
  call.wanted = ~uint64_t(0);
  call.parallel = runSerially;
  call.threads = 1;
  listener = &observer;
  d.forward(&call);
  listener = nullptr;
  if (outputs)
    for (int64_t i = 0; i < d.output_count; ++i) {
      auto *rows = static_cast<const float *>(call.outputs[i]);
      outputs->emplace_back(rows, rows + sizeOf(i));
    }
  return llvm::Error::success();
}
