//===- TransformerOps.cpp - the generated op classes ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Only the TableGen output: it is the slowest file of the house to compile.
//===----------------------------------------------------------------------===//
#include "transformer/IR/TransformerDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace mlir::transformer;

#define GET_OP_CLASSES
#include "transformer/IR/TransformerOps.cpp.inc"
