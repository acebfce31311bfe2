//===- GivenOptions.h - skip=, only= and profile= of passes ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_TRANSFORMS_GIVENOPTIONS_H
#define TRANSFORMER_LIB_TRANSFORMS_GIVENOPTIONS_H

#include "transformer/Support/Profile.h"
#include "transformer/Transforms/ModuleFilter.h"

#include "mlir/IR/BuiltinOps.h"

namespace mlir::transformer {

/// What the options of these names, which passes share, stand for.
struct GivenOptions {
  ModuleFilter filter;
  std::optional<Profile> profile; // none: no file was named

  /// Refuses patterns that are none, and a profile of another model.
  static llvm::Expected<GivenOptions> read(ModuleOp module, StringRef skip,
                                           StringRef only, StringRef profile);
  /// Writes the profile, as passes have changed it, to `path` unless that is
  /// empty.
  llvm::Error save(StringRef path) const;
  Profile *known() { return profile ? &*profile : nullptr; }
};

/// The run of a pass on `module`: `work` with what its options stand for, then
/// the profile to `saveProfile`. What is wrong is an error of the pass `flag`.
LogicalResult runWithGiven(ModuleOp module, StringRef flag, StringRef skip,
                           StringRef only, StringRef profile,
                           StringRef saveProfile,
                           function_ref<llvm::Error(GivenOptions &)> work);

/// Refuses what is no size, and what is no finite number of at least 0.
llvm::Error checkSize(StringRef name, std::optional<int64_t> value);
llvm::Error checkWeight(StringRef name, double value);

/// An option that a user may leave out.
template <typename To, typename Option>
void takeGiven(std::optional<To> &to, const Option &option) {
  if (option.hasValue())
    to = option.getValue();
}

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_TRANSFORMS_GIVENOPTIONS_H
