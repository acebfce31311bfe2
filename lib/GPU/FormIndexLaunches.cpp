//===- FormIndexLaunches.cpp - launches by where tokens are ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Positions, patches, and what a row gets from others of its sequence.
//===----------------------------------------------------------------------===//
#include "LaunchFormer.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::gpu;

bool mlir::transformer::gpu::isOneEach(PositionsOp op) {
  auto ends = op.getOffsets().getDefiningOp<tensor::FromElementsOp>();
  if (!ends || ends.getElements().size() != 2 || op.getStart() != 0 ||
      op.getPaddingId() || !matchPattern(ends.getElements()[0], m_Zero()))
    return false;
  auto size = ends.getElements()[1].getDefiningOp<arith::IndexCastOp>();
  return size && size.getIn() == op.getTokens() &&
         op.getTokens().getDefiningOp<tensor::DimOp>();
}

LogicalResult LaunchFormer::formPositions(PositionsOp op) {
  if (isOneEach(op)) {
    for (OpOperand &use : op->getUses()) {
      auto attention = dyn_cast<AttentionOp>(use.getOwner());
      if (!attention || attention.getQueryOffsets() != use.get() ||
          !attention.getKeyOffsets())
        return op.emitOpError() << "counts sequences for an op that GPU "
                                   "kernels need no such numbers for";
    }
    return success();
  }
  FailureOr<Place> offsets = find(op.getOffsets(), op);
  if (failed(offsets))
    return failure();
  NamedAttrList spec;
  set(spec, "family", "positions");
  spec.set("start", b.getI64IntegerAttr(op.getStart()));
  Arguments arguments{offsets->argument};
  if (op.getIds() && op.getPaddingId()) {
    FailureOr<Place> ids = find(op.getIds(), op);
    if (failed(ids))
      return failure();
    spec.set("padding", b.getI64IntegerAttr(*op.getPaddingId()));
    arguments.push_back(ids->argument);
  }
  if (failed(place(op.getResult(), DeviceBuffer::Tokens)))
    return failure();
  arguments.push_back(places[op.getResult()].argument);
  arguments.push_back(numberOf(DeviceBuffer::Tokens));
  arguments.push_back(numberOf(DeviceBuffer::Sequences));
  launch(op, spec, DeviceBuffer::Tokens, std::move(arguments));
  return success();
}

/// The patches that `prepend` puts rows before, if all between works row by
/// row: rows for what comes before are then kept free from the start.
static PatchesOp patchesOf(PrependOp prepend) {
  llvm::SetVector<Operation *> between;
  between.insert(prepend);
  PatchesOp patches;
  for (size_t i = 0; i < between.size(); ++i)
    for (Value operand : between[i]->getOperands()) {
      // What has a row for each token; the others are parameters.
      auto type = dyn_cast<RankedTensorType>(operand.getType());
      if (!type || type.getRank() == 0 || !type.isDynamicDim(0))
        continue;
      Operation *op = operand.getDefiningOp();
      if (auto found = dyn_cast_if_present<PatchesOp>(op)) {
        if (patches && patches != found)
          return nullptr;
        patches = found;
      } else if (op && (isNorm(op) || isActivation(op) ||
                        isa<LinearOp, QuantizeOp, SelectOp, arith::AddFOp,
                            arith::ExtFOp, arith::TruncFOp>(op))) {
        between.insert(op);
      } else {
        return nullptr;
      }
    }
  auto isBetween = [&](Operation *user) { return between.contains(user); };
  for (Operation *op : between.getArrayRef().drop_front())
    if (!llvm::all_of(op->getUsers(), isBetween))
      return nullptr;
  return patches && llvm::all_of(patches->getUsers(), isBetween) ? patches
                                                                 : nullptr;
}

/// The first row op that follows patches up to the rows before them.
static PrependOp prependOf(PatchesOp patches) {
  Operation *op = patches;
  while (!op->use_empty()) {
    op = *op->user_begin();
    if (auto prepend = dyn_cast<PrependOp>(op))
      return patchesOf(prepend) == patches ? prepend : nullptr;
  }
  return nullptr;
}

LogicalResult LaunchFormer::formPatches(PatchesOp op) {
  PrependOp prepend = prependOf(op);
  FailureOr<Place> input = find(op.getInput(), op);
  if (failed(input) || failed(place(op.getResult(), DeviceBuffer::Tokens)))
    return failure();
  auto type = cast<RankedTensorType>(op.getInput().getType());
  int64_t size = op.getSize(),
          length = type.getDimSize(2) / size * (type.getDimSize(3) / size);
  if (!prepend || prepend.getLength() != uint64_t(length))
    return op.emitOpError() << "has no rows put before its patches, or ops "
                               "between that GPU kernels don't know";
  NamedAttrList spec;
  set(spec, "family", "patches");
  set(spec, "input", nameOf(input->buffer.element));
  set(spec, "output", nameOf(places[op.getResult()].buffer.element));
  auto number = [&](StringRef name, int64_t value) {
    spec.set(name, b.getI64IntegerAttr(value));
  };
  number("channels", type.getDimSize(1));
  number("height", type.getDimSize(2));
  number("width", type.getDimSize(3));
  number("size", size);
  number("before", prepend.getRows().getType().getDimSize(0));
  launch(op, spec, DeviceBuffer::Tokens,
         {input->argument, places[op.getResult()].argument,
          numberOf(DeviceBuffer::Tokens)});
  return success();
}

LogicalResult LaunchFormer::addSelect(SelectOp op,
                                      SmallVectorImpl<Attribute> &sources,
                                      Arguments &arguments,
                                      std::optional<DeviceBuffer::Rows> &rows) {
  FailureOr<Place> data = find(op.getInput(), op),
                   indices = find(op.getIndices(), op);
  if (failed(data) || failed(indices))
    return failure();
  if (!isa<FloatType>(data->buffer.element))
    return op.emitOpError() << "has rows of " << data->buffer.element;
  if (!rows)
    rows = data->buffer.rows;
  sources.push_back(b.getStringAttr("select " + nameOf(data->buffer.element) +
                                    " " + Twine(widthOf(op.getInput()))));
  arguments.push_back(data->argument);
  arguments.push_back(indices->argument);
  return success();
}

/// Columns of all rows: what one linear has made for several.
LogicalResult LaunchFormer::addSlice(tensor::ExtractSliceOp op,
                                     SmallVectorImpl<Attribute> &sources,
                                     Arguments &arguments,
                                     std::optional<DeviceBuffer::Rows> &rows) {
  auto number = [](OpFoldResult value) {
    return getConstantIntValue(value).value_or(-1);
  };
  Value input = op.getSource();
  FailureOr<Place> data = find(input, op);
  if (failed(data))
    return failure();
  bool hasAllRows = false;
  if (op.getType().getRank() == 2 && op.getSourceType().getRank() == 2) {
    OpFoldResult size = op.getMixedSizes()[0];
    auto dim = dyn_cast<Value>(size)
                   ? cast<Value>(size).getDefiningOp<tensor::DimOp>()
                   : nullptr;
    auto like = dim ? places.find(dim.getSource()) : places.end();
    hasAllRows = number(op.getMixedOffsets()[0]) == 0 &&
                 (number(size) == op.getSourceType().getDimSize(0) ||
                  (like != places.end() && dim.getConstantIndex() == 0 &&
                   like->second.buffer.rows == data->buffer.rows));
  }
  if (!hasAllRows || number(op.getMixedOffsets()[1]) < 0 || !op.hasUnitStride())
    return op.emitOpError() << "has a GPU kernel for columns of all rows alone";
  if (!isa<FloatType>(data->buffer.element))
    return op.emitOpError() << "has rows of " << data->buffer.element;
  if (!rows)
    rows = data->buffer.rows;
  sources.push_back(b.getStringAttr("slice " + nameOf(data->buffer.element) +
                                    " " + Twine(widthOf(input)) + " " +
                                    Twine(number(op.getMixedOffsets()[1]))));
  arguments.push_back(data->argument);
  return success();
}

LogicalResult LaunchFormer::addMix(Operation *op,
                                   SmallVectorImpl<Attribute> &sources,
                                   Arguments &arguments,
                                   std::optional<DeviceBuffer::Rows> &rows) {
  if (auto select = dyn_cast<SelectOp>(op))
    return addSelect(select, sources, arguments, rows);
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
    return addSlice(slice, sources, arguments, rows);
  rows = DeviceBuffer::Tokens;
  if (auto fft = dyn_cast<FftMixOp>(op)) {
    FailureOr<LaunchArgument> mixed = formFourier(fft);
    if (failed(mixed))
      return failure();
    sources.push_back(b.getStringAttr("f32"));
    arguments.push_back(*mixed);
    return success();
  }
  Value offsets, parameter;
  std::string before, after;
  if (auto unpool = dyn_cast<UnpoolOp>(op)) {
    before = "unpool ", offsets = unpool.getOffsets();
  } else if (auto mix = dyn_cast<TokenMixOp>(op)) {
    auto type = cast<RankedTensorType>(mix.getWeight().getType());
    before = "lags ", after = " " + std::to_string(type.getDimSize(0));
    offsets = mix.getOffsets(), parameter = mix.getWeight();
  } else {
    auto prepend = cast<PrependOp>(op);
    if (!patchesOf(prepend))
      return op->emitOpError() << "puts rows before what are no patches of "
                                  "images, which no GPU kernel does";
    before = "prepend ", parameter = prepend.getRows();
    after = " " + std::to_string(prepend.getLength()) + " " +
            std::to_string(prepend.getRows().getType().getDimSize(0));
  }
  FailureOr<Place> data = find(op->getOperand(0), op);
  if (failed(data))
    return failure();
  StringRef element = nameOf(data->buffer.element);
  arguments.push_back(data->argument);
  sources.push_back(b.getStringAttr(before + element + after));
  if (offsets) {
    FailureOr<Place> found = find(offsets, op);
    if (failed(found))
      return failure();
    arguments.push_back(found->argument);
  }
  if (parameter) {
    FailureOr<LaunchArgument> found = vector(parameter, op);
    if (failed(found))
      return failure();
    arguments.push_back(*found);
  }
  return success();
}
