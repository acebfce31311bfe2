//===- Options.h - the command line of transformer-compile ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_TOOLS_TRANSFORMER_COMPILE_OPTIONS_H
#define TRANSFORMER_TOOLS_TRANSFORMER_COMPILE_OPTIONS_H

#include "transformer/Pipelines/Compile.h"

namespace mlir::transformer {

/// Ends the process with status 1 on wrong usage.
CompileOptions parseCompileOptions(int argc, char **argv);

} // namespace mlir::transformer

#endif // TRANSFORMER_TOOLS_TRANSFORMER_COMPILE_OPTIONS_H
