//===- GivenOptions.cpp - skip=, only= and profile= of passes -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "GivenOptions.h"

#include "transformer/Support/Error.h"
#include "transformer/Support/Limits.h"
#include "transformer/Transforms/Quantize.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer;

llvm::Error transformer::checkSize(StringRef name,
                                   std::optional<int64_t> value) {
  if (!value || (*value >= 1 && *value <= limits::optionSize))
    return llvm::Error::success();
  return makeError(name + " is " + llvm::Twine(*value) + ", expected 1 to " +
                   llvm::Twine(limits::optionSize));
}

llvm::Error transformer::checkWeight(StringRef name, double value) {
  if (std::isfinite(value) && value >= 0)
    return llvm::Error::success();
  return makeError(
      llvm::formatv("{0} is {1}, expected a number of at least 0", name, value)
          .str());
}

llvm::Expected<GivenOptions> GivenOptions::read(ModuleOp module, StringRef skip,
                                                StringRef only,
                                                StringRef profile) {
  llvm::Expected<ModuleFilter> filter = ModuleFilter::create(skip, only);
  if (!filter)
    return filter.takeError();
  GivenOptions given;
  given.filter = std::move(*filter);
  if (profile.empty())
    return given;
  llvm::Expected<Profile> read = readProfile(profile);
  if (!read)
    return read.takeError();
  std::string why = whyNotOf(*read, module);
  if (!why.empty())
    return makeError(profile + " " + why);
  given.profile = std::move(*read);
  return given;
}

llvm::Error GivenOptions::save(StringRef path) const {
  if (path.empty())
    return llvm::Error::success();
  if (!profile)
    return makeError("save-profile= needs a profile=");
  return writeProfile(*profile, path);
}

LogicalResult
transformer::runWithGiven(ModuleOp module, StringRef flag, StringRef skip,
                          StringRef only, StringRef profile,
                          StringRef saveProfile,
                          function_ref<llvm::Error(GivenOptions &)> work) {
  auto run = [&]() -> llvm::Error {
    llvm::Expected<GivenOptions> given =
        GivenOptions::read(module, skip, only, profile);
    if (!given)
      return given.takeError();
    if (llvm::Error error = work(*given))
      return error;
    return given->save(saveProfile);
  };
  if (llvm::Error error = run())
    return module.emitError()
           << flag << ": " << llvm::toString(std::move(error));
  return success();
}
