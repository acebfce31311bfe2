//===- FormRowLaunches.cpp - launches of row kernels ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "LaunchFormer.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::gpu;

LogicalResult LaunchFormer::addSource(Value value, Operation *user, bool isRoot,
                                      SmallVectorImpl<Attribute> &sources,
                                      Arguments &arguments,
                                      std::optional<DeviceBuffer::Rows> &rows) {
  Operation *op = value.getDefiningOp();
  bool isPart = op && (isRoot || isAbsorbed(op));
  if (auto sum = dyn_cast_if_present<arith::AddFOp>(op); sum && isPart) {
    for (Value operand : {sum.getLhs(), sum.getRhs()})
      if (failed(addSource(operand, op, /*isRoot=*/false, sources, arguments,
                           rows)))
        return failure();
    return success();
  }
  if (auto pool = dyn_cast_if_present<PoolOp>(op); pool && isPart) {
    FailureOr<Place> data = find(pool.getInput(), pool);
    if (failed(data))
      return failure();
    FailureOr<Place> offsets = find(pool.getOffsets(), pool);
    if (failed(offsets))
      return failure();
    rows = DeviceBuffer::Sequences;
    std::string text = ("pool " + nameOf(data->buffer.element) + " " +
                        stringifyPoolKind(pool.getKind()))
                           .str();
    arguments.push_back(data->argument);
    arguments.push_back(offsets->argument);
    if (pool.getMask()) {
      FailureOr<Type> element = addMask(pool.getMask(), pool, arguments);
      if (failed(element))
        return failure();
      text += (" " + nameOf(*element)).str();
    }
    sources.push_back(b.getStringAttr(text));
    return success();
  }
  if (auto gather = dyn_cast_if_present<EmbeddingOp>(op); gather && isPart) {
    FailureOr<Place> ids = find(gather.getIds(), gather),
                     data = find(gather.getTable(), gather);
    if (failed(ids) || failed(data))
      return failure();
    if (!ids->buffer.element.isInteger(32))
      return gather.emitOpError() << "has ids of " << ids->buffer.element
                                  << "; GPU kernels read i32";
    rows = ids->buffer.rows;
    std::string text = ("gather " + nameOf(data->buffer.element)).str();
    arguments.push_back(data->argument);
    arguments.push_back(ids->argument);
    if (Value scales = gather.getScales()) {
      text += cast<ShapedType>(scales.getType()).getDimSize(0) == 1 ? " one"
                                                                    : " row";
      FailureOr<LaunchArgument> more = vector(scales, gather);
      if (failed(more))
        return failure();
      arguments.push_back(*more);
    }
    sources.push_back(b.getStringAttr(text));
    return success();
  }
  if (auto wider = dyn_cast_if_present<arith::ExtFOp>(op); wider && isPart)
    return addSource(wider.getIn(), wider, /*isRoot=*/false, sources, arguments,
                     rows);
  if (op && isPart && isMix(op))
    return addMix(op, sources, arguments, rows);
  FailureOr<Place> data = find(value, user);
  if (failed(data))
    return failure();
  if (!isa<FloatType>(data->buffer.element))
    return user->emitOpError() << "has rows of " << data->buffer.element;
  if (!rows)
    rows = data->buffer.rows;
  sources.push_back(b.getStringAttr(nameOf(data->buffer.element)));
  arguments.push_back(data->argument);
  return success();
}

LogicalResult LaunchFormer::addRounding(QuantizeOp op, NamedAttrList &spec,
                                        Arguments &arguments) {
  if (Value multiplier = op.getMultiplier()) {
    FailureOr<LaunchArgument> argument = vector(multiplier, op);
    if (failed(argument))
      return failure();
    arguments.push_back(*argument);
    spec.set("multiplier", b.getUnitAttr());
  }
  if (Value scale = op.getScale()) {
    // A number of the kernel, or one in memory.
    DenseFPElementsAttr constant;
    if (matchPattern(scale, m_Constant(&constant))) {
      spec.set("scale",
               b.getF32FloatAttr(
                   constant.getSplatValue<APFloat>().convertToFloat()));
    } else {
      FailureOr<LaunchArgument> argument = vector(scale, op);
      if (failed(argument))
        return failure();
      arguments.push_back(*argument);
      spec.set("scale", b.getUnitAttr());
    }
  }
  return success();
}

LogicalResult LaunchFormer::formRows(Operation *op) {
  NamedAttrList spec;
  set(spec, "family", "rows");
  SmallVector<Attribute> sources;
  Arguments arguments;
  std::optional<DeviceBuffer::Rows> rows;
  Value result = op->getResult(0);
  spec.set("width", b.getI64IntegerAttr(widthOf(result)));
  auto quantize = dyn_cast<QuantizeOp>(op);
  bool isSource = isa<arith::AddFOp, EmbeddingOp, PoolOp>(op) || isMix(op);
  if (failed(addSource(isSource ? result : op->getOperand(0), op, isSource,
                       sources, arguments, rows)))
    return failure();
  Value weight, bias, residual;
  if (auto norm = dyn_cast<LayerNormOp>(op)) {
    set(spec, "norm", "layer");
    spec.set("epsilon", norm.getEpsilonAttr());
    weight = norm.getWeight(), bias = norm.getBias();
    residual = norm.getResidual();
  } else if (auto norm = dyn_cast<RmsNormOp>(op)) {
    set(spec, "norm", "rms");
    spec.set("epsilon", norm.getEpsilonAttr());
    weight = norm.getWeight(), residual = norm.getResidual();
  } else if (auto norm = dyn_cast<L2NormalizeOp>(op)) {
    set(spec, "norm", "l2");
    spec.set("epsilon", norm.getEpsilonAttr());
  } else if (isActivation(op)) {
    set(spec, "activation", op->getName().stripDialect());
  }
  if (residual && failed(addSource(residual, op, /*isRoot=*/false, sources,
                                   arguments, rows)))
    return failure();
  spec.set("sources", b.getArrayAttr(sources));
  for (Value parameter : {weight, bias}) {
    if (!parameter)
      continue;
    FailureOr<LaunchArgument> argument = vector(parameter, op);
    if (failed(argument))
      return failure();
    arguments.push_back(*argument);
  }
  if (bias)
    spec.set("bias", b.getUnitAttr());

  // Rounding reads what is in registers.
  if (!quantize)
    for (Operation *user : result.getUsers())
      if (auto next = dyn_cast<QuantizeOp>(user))
        if (!quantize)
          quantize = next;
  if (quantize && failed(addRounding(quantize, spec, arguments)))
    return failure();
  if (op != quantize && !(quantize && result.hasOneUse())) {
    if (failed(place(result, *rows)))
      return failure();
    arguments.push_back(places[result].argument);
    set(spec, "output", nameOf(places[result].buffer.element));
  }
  if (quantize) {
    for (Value value : quantize->getResults()) {
      if (failed(place(value, *rows)))
        return failure();
      arguments.push_back(places[value].argument);
    }
    spec.set("quantize", b.getUnitAttr());
  }
  arguments.push_back(numberOf(*rows));
  if (llvm::any_of(
          KernelSpec(spec.getDictionary(b.getContext())).sources(),
          [](const RowSource &source) { return source.needsSequences(); }))
    arguments.push_back(numberOf(DeviceBuffer::Sequences));
  launch(op, spec, *rows, std::move(arguments));
  return success();
}
