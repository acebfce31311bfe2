//===- Calibrate.h - a profile, and what is fitted to it ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_PIPELINES_CALIBRATE_H
#define TRANSFORMER_LIB_PIPELINES_CALIBRATE_H

#include "Artifact.h"

#include "transformer/Profile/Sequences.h"
#include "transformer/Support/Profile.h"

namespace mlir::transformer {

/// The sequences that `options` name, or synthetic ones.
llvm::Expected<Sequences> sequencesFor(ModuleOp module,
                                       const CompileOptions &options);

/// What runs through `module` is the sequences that `options` name, or
/// synthetic ones. Progress goes to `log` once a second.
llvm::Expected<Profile> makeProfile(ModuleOp module,
                                    const CompileOptions &options, bool grams,
                                    raw_ostream &log);

/// Adds those of `paths`, which must be of the same checkpoint.
llvm::Error addProfiles(Profile &sum, ArrayRef<std::string> paths);

/// The profile that `options` name, or one that is made. One with Gram matrices
/// if `grams`.
llvm::Expected<Profile> profileFor(ModuleOp module,
                                   const CompileOptions &options, bool grams,
                                   raw_ostream &log);

/// Rounds the linears and tables of `module` to i8, by such a profile.
LogicalResult quantizeByProfile(ModuleOp module, const CompileOptions &options,
                                Report &report, raw_ostream &log,
                                Problem problem);

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_PIPELINES_CALIBRATE_H
