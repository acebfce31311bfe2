//===- MeasureArtifact.cpp - times of an artifact's kernels ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Through the C interface of the library, as any program does.
//===----------------------------------------------------------------------===//
#include "transformer/Profile/MeasureArtifact.h"

#include "transformer/Runtime/model.h"
#include "transformer/Support/Error.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"

#include <chrono>
#include <dlfcn.h>

using namespace mlir;
using namespace mlir::transformer;

namespace {
/// The functions of model.h, in a library that is open.
struct Functions {
  explicit Functions(void *library) : library(library) {}
  template <typename Function> Function *get(const char *name, Function *) {
    return reinterpret_cast<Function *>(dlsym(library, name));
  }
  void *library;
};
} // namespace
#define CALL(name) functions.get(#name, &::name)

llvm::Expected<SpanTimes>
transformer::measureArtifact(StringRef directory, const Sequences &sequences) {
  void *library =
      dlopen((directory + "/model.so").str().c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return makeError("cannot load the model to measure it: " +
                     Twine(dlerror()));
  llvm::scope_exit close([&] { dlclose(library); });
  Functions functions(library);
  tm_error error;
  tm_options options = {};
  options.threads = 1;
  tm_model *model = nullptr;
  auto problem = [&] {
    return makeError("cannot run the model to measure it: " +
                     Twine(error.message));
  };
  if (CALL(tm_load)(directory.str().c_str(), &options, &model, &error) != TM_OK)
    return problem();
  llvm::scope_exit unload([&] { CALL(tm_free)(model); });

  std::vector<int32_t> offsets{0}, ids;
  std::vector<float> pixels;
  tm_batch batch = {};
  for (const std::vector<int32_t> &sequence : sequences.ids) {
    llvm::append_range(ids, sequence);
    offsets.push_back(int32_t(ids.size()));
  }
  for (const std::vector<float> &image : sequences.images)
    llvm::append_range(pixels, image);
  batch.sequences = sequences.ids.size() + sequences.images.size();
  if (sequences.images.empty())
    batch.offsets = offsets.data(), batch.input_ids = ids.data();
  else
    batch.pixel_values = pixels.data();
  int64_t tokens = sequences.images.empty()
                       ? int64_t(ids.size())
                       : batch.sequences * CALL(tm_max_length)(model);
  std::vector<std::vector<float>> arrays;
  std::vector<tm_output> outputs;
  for (int64_t i = 0, n = CALL(tm_output_count)(model); i < n; ++i) {
    tm_tensor_info info;
    if (CALL(tm_output_info)(model, i, &info) != TM_OK)
      continue;
    int64_t rows = info.rows == TM_TOKENS ? tokens : batch.sequences;
    arrays.emplace_back(rows * info.width);
    outputs.push_back({info.name, arrays.back().data(), arrays.back().size()});
  }
  auto run = [&] {
    return CALL(tm_run)(model, &batch, outputs.data(), outputs.size(),
                        &error) == TM_OK;
  };
  using Clock = std::chrono::steady_clock;
  auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  for (int i = 0; i < 2; ++i)
    if (!run())
      return problem();
  if (CALL(tm_profile_start)(model, 0, &error) != TM_OK)
    return problem();
  int64_t calls = 0;
  Clock::time_point start = Clock::now();
  for (; calls < 3 || since(start) < 0.2; ++calls)
    if (!run())
      return problem();
  SpanTimes times;
  times.callSeconds = since(start) / calls;
  times.level = CALL(tm_level)(model);
  std::vector<tm_profile_span> spans(CALL(tm_profile_spans)(model, nullptr, 0));
  CALL(tm_profile_spans)(model, spans.data(), spans.size());
  CALL(tm_profile_stop)(model);
  for (const tm_profile_span &span : spans)
    times.seconds.push_back(span.nanoseconds * 1e-9 / calls);
  return times;
}
