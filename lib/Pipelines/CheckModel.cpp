//===- CheckModel.cpp - can a module become an artifact? ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CheckModel.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace mlir::transformer;

// Gives all problems before it fails.
static LogicalResult checkInputs(func::FuncOp forward) {
  bool isGood = true, hasOffsets = false;
  llvm::StringSet<> seen;
  for (unsigned i = 0; i < forward.getNumArguments(); ++i) {
    auto problem = [&] {
      isGood = false;
      return forward.emitError("argument ") << i << " of @forward ";
    };
    auto type = dyn_cast<RankedTensorType>(forward.getArgumentTypes()[i]);
    auto name = forward.getArgAttrOfType<StringAttr>(i, "transformer.input");
    StringRef text = name ? name.getValue() : "";
    bool isInteger = type && type.getElementType().isInteger(32) &&
                     type.getRank() == 1 && type.isDynamicDim(0);
    bool isPixels = type && type.getElementType().isF32() &&
                    type.getRank() > 1 && type.getNumDynamicDims() == 1 &&
                    type.isDynamicDim(0);
    if (!llvm::is_contained(
            {"input_ids", "token_type_ids", "pixel_values", "offsets"}, text))
      problem() << "needs the attribute transformer.input = \"input_ids\", "
                   "\"token_type_ids\", \"pixel_values\" or \"offsets\"";
    else if (!seen.insert(text).second)
      problem() << "is a second '" << text << "'";
    else if (text == "pixel_values" ? !isPixels : !isInteger)
      problem() << "('" << text << "') is " << forward.getArgumentTypes()[i]
                << "; it must be "
                << (text == "pixel_values" ? "tensor<?xCxHxWxf32>"
                                           : "tensor<?xi32>");
    hasOffsets |= text == "offsets";
  }
  if (isGood && !hasOffsets)
    return forward.emitError(
        "@forward has no argument with transformer.input = \"offsets\"");
  return success(isGood);
}

static LogicalResult checkOutputs(func::FuncOp forward) {
  bool isGood = true;
  llvm::StringSet<> seen;
  for (unsigned i = 0; i < forward.getNumResults(); ++i) {
    auto problem = [&] {
      isGood = false;
      return forward.emitError("result ") << i << " of @forward ";
    };
    auto type = dyn_cast<RankedTensorType>(forward.getResultTypes()[i]);
    auto name =
        forward.getResultAttrOfType<StringAttr>(i, "transformer.output");
    auto rows = forward.getResultAttrOfType<StringAttr>(i, "transformer.rows");
    if (!name || name.empty())
      problem() << "needs the attribute transformer.output with its name";
    else if (!seen.insert(name.getValue()).second)
      problem() << "is a second '" << name.getValue() << "'";
    else if (!rows ||
             (rows.getValue() != "tokens" && rows.getValue() != "sequences"))
      problem() << "('" << name.getValue()
                << "') needs transformer.rows = \"tokens\" or \"sequences\"";
    else if (!type || type.getRank() != 2 || !type.isDynamicDim(0) ||
             type.isDynamicDim(1) || !type.getElementType().isF32())
      problem() << "('" << name.getValue() << "') is "
                << forward.getResultTypes()[i]
                << "; it must be tensor<?xNxf32>";
  }
  if (forward.getNumResults() == 0)
    return forward.emitError("@forward returns nothing");
  return success(isGood);
}

LogicalResult mlir::transformer::checkModel(ModuleOp module) {
  auto forward = module.lookupSymbol<func::FuncOp>("forward");
  if (!forward || forward.isExternal())
    return module.emitError("the model has no function @forward");
  auto model = module->getAttrOfType<DictionaryAttr>("transformer.model");
  auto length = model ? model.getAs<IntegerAttr>("max_length") : IntegerAttr();
  bool isGood = length && length.getInt() > 0;
  if (!isGood)
    module.emitError("the module needs the attribute transformer.model = "
                     "{max_length = N : i64}, with the most tokens that a "
                     "sequence may have");
  bool areInputsGood = succeeded(checkInputs(forward));
  bool areOutputsGood = succeeded(checkOutputs(forward));
  return success(isGood && areInputsGood && areOutputsGood);
}
