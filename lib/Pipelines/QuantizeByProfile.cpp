//===- QuantizeByProfile.cpp - i8 with a profile of the model -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "QuantizeByProfile.h"
#include "CheckModel.h"

#include "transformer/Profile/Profiler.h"
#include "transformer/Support/Error.h"
#include "transformer/Transforms/Quantize.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/ThreadPool.h"

using namespace mlir;
using namespace mlir::transformer;

/// Where the tokenizer may lie: beside the weights.
static StringRef directoryOf(const CompileOptions &options) {
  for (StringRef path : {options.input, options.weights})
    if (llvm::sys::fs::is_directory(path))
      return path;
  return "";
}

static llvm::Expected<Profile> profileOf(ModuleOp module,
                                         const CompileOptions &options) {
  if (!options.profile.empty()) {
    llvm::Expected<Profile> read = readProfile(options.profile);
    if (!read)
      return read;
    std::string why = whyNotOf(*read, module);
    if (!why.empty())
      return makeError(options.profile + " " + why);
    return read;
  }
  llvm::Expected<Sequences> sequences =
      syntheticSequences(module, directoryOf(options), SyntheticOptions());
  if (!sequences)
    return sequences.takeError();
  MLIRContext *context = module.getContext();
  unsigned threads = context->isMultithreadingEnabled()
                         ? context->getThreadPool().getMaxConcurrency()
                         : 1;
  llvm::Expected<Profile> made = profileModel(module, *sequences, threads);
  if (made && !options.saveProfile.empty())
    if (llvm::Error error = writeProfile(*made, options.saveProfile))
      return std::move(error);
  return made;
}

LogicalResult
mlir::transformer::quantizeByProfile(ModuleOp module,
                                     const CompileOptions &options,
                                     Report &report, Problem problem) {
  if (failed(checkModel(module)))
    return failure();
  llvm::Expected<Profile> profile = profileOf(module, options);
  if (!profile) {
    problem(llvm::toString(profile.takeError()));
    return failure();
  }
  report.profileSource = profile->source;
  report.profileTokens = profile->tokens;
  QuantizeI8Options how;
  how.profile = &*profile;
  quantizeI8(module, how);
  return success();
}
