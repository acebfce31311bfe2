//===- Origins.cpp - which ops of the model code comes from ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Origins.h"

#include "transformer/IR/TransformerDialect.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace mlir::transformer;

Location transformer::numberedLoc(Location loc, int64_t number) {
  MLIRContext *context = loc.getContext();
  Attribute metadata = Builder(context).getI64IntegerAttr(number);
  // The name stays outermost, where others look for it.
  if (auto name = dyn_cast<NameLoc>(loc))
    return NameLoc::get(name.getName(),
                        FusedLoc::get(context, {name.getChildLoc()}, metadata));
  return FusedLoc::get(context, {loc}, metadata);
}

static std::string kindOf(Operation *op) {
  StringRef name = op->getName().stripDialect();
  std::string kind = name.str();
  if (name == "addf" || name == "mulf" || name == "subf" || name == "divf")
    kind.pop_back();
  if (auto linear = dyn_cast<LinearOp>(op))
    if (linear.getActivation() != Activation::none)
      kind += "+" + stringifyActivation(linear.getActivation()).str();
  return kind;
}

static std::string pathOf(Location loc) {
  if (auto name = loc->findInstanceOf<NameLoc>())
    return name.getName().str();
  if (auto line = loc->findInstanceOf<FileLineColLoc>())
    return "line " + std::to_string(line.getLine());
  return "";
}

Location transformer::originsLoc(ArrayRef<Operation *> ops) {
  Builder b(ops.front()->getContext());
  SmallVector<Attribute> origins;
  SmallVector<Location> locations;
  for (Operation *op : ops) {
    origins.push_back(b.getArrayAttr(
        {b.getStringAttr(kindOf(op)), b.getStringAttr(pathOf(op->getLoc())),
         b.getDenseF64ArrayAttr(costOf(op).numbers())}));
    locations.push_back(op->getLoc());
  }
  return FusedLoc::get(b.getContext(), locations, b.getArrayAttr(origins));
}

SmallVector<int64_t> transformer::numbersIn(Operation *op) {
  SmallVector<int64_t> numbers;
  op->walk<WalkOrder::PreOrder>([&](Operation *inner) {
    inner->getLoc()->walk([&](Location loc) {
      auto fused = dyn_cast<FusedLoc>(loc);
      auto number = fused ? dyn_cast_or_null<IntegerAttr>(fused.getMetadata())
                          : IntegerAttr();
      if (number && !llvm::is_contained(numbers, number.getInt()))
        numbers.push_back(number.getInt());
      return WalkResult::advance();
    });
  });
  return numbers;
}

SmallVector<Origin> transformer::originsOf(Location call) {
  SmallVector<Origin> result;
  auto fused = dyn_cast<FusedLoc>(call);
  auto origins =
      fused ? dyn_cast_or_null<ArrayAttr>(fused.getMetadata()) : ArrayAttr();
  if (!origins)
    return result;
  for (Attribute origin : origins) {
    auto parts = dyn_cast<ArrayAttr>(origin);
    if (!parts || parts.size() < 2)
      return {};
    Cost cost;
    if (parts.size() == 3)
      cost = Cost::fromNumbers(cast<DenseF64ArrayAttr>(parts[2]));
    result.push_back({cast<StringAttr>(parts[0]).getValue(),
                      cast<StringAttr>(parts[1]).getValue(), cost});
  }
  return result;
}
