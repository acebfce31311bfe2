//===- QuantizeByProfile.h - i8 with a profile of the model ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_PIPELINES_QUANTIZEBYPROFILE_H
#define TRANSFORMER_LIB_PIPELINES_QUANTIZEBYPROFILE_H

#include "Artifact.h"

namespace mlir::transformer {

/// Rounds the linears and tables of `module` to i8, by the profile that
/// `options` name or by one of synthetic sequences.
LogicalResult quantizeByProfile(ModuleOp module, const CompileOptions &options,
                                Report &report, Problem problem);

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_PIPELINES_QUANTIZEBYPROFILE_H
