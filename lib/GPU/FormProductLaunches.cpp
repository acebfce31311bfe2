//===- FormProductLaunches.cpp - launches of linears and attention --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "LaunchFormer.h"
#include "Tiles.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::gpu;

std::string LaunchFormer::whyNot(const KernelSpec &wanted) {
  // The one list of conditions is that of the kernel.
  std::string why;
  ScopedDiagnosticHandler handler(b.getContext(), [&](Diagnostic &problem) {
    why = problem.str();
    return success();
  });
  if (succeeded(wanted.verify(
          [&] { return mlir::emitError(UnknownLoc::get(b.getContext())); })))
    why.clear();
  return why;
}

void LaunchFormer::launchBest(Operation *op, NamedAttrList &spec,
                              DeviceBuffer::Rows rows, Arguments arguments) {
  KernelSpec wanted(spec.getDictionary(b.getContext()));
  std::string why = whyNot(wanted);
  if (!why.empty()) {
    set(spec, "family", (wanted.family() + "_simple").str());
  } else if (wanted.family() == "linear") {
    return launchLinear(op, spec, rows, std::move(arguments));
  }
  launch(op, spec, rows, std::move(arguments), why);
}

void LaunchFormer::launchLinear(Operation *op, NamedAttrList &spec,
                                DeviceBuffer::Rows rows, Arguments arguments) {
  KernelSpec wanted(spec.getDictionary(b.getContext()));
  int64_t n = wanted.number("n"), k = wanted.number("k");
  int64_t rowBytes = k * (wanted.type("input").isInteger(8) ? 1 : 2);
  int64_t few = hasWgmma ? mostFewRows(n, rowBytes, rates.multiprocessors)
                         : mostFewRows(n, rates.multiprocessors);
  if (hasWgmma) // whatever mma.sync takes, wgmma takes too
    set(spec, "family", "linear_wgmma");
  for (bool isFew : {true, false}) {
    int64_t from = isFew ? above : std::max(above, few),
            to = isFew ? std::min(most, few) : most;
    if (from >= to)
      continue;
    if (hasWgmma) {
      WgmmaTile tile = wgmmaTile(n, rowBytes, isFew);
      bool isTokens = rows != DeviceBuffer::Sequences; // as numberOf
      arguments[0].map = {isTokens ? DeviceBuffer::Tokens
                                   : DeviceBuffer::Sequences,
                          0, k, wanted.type("input"), tile.m()};
      arguments[1].map = {DeviceBuffer::Fixed, n, k, wanted.type("weight"),
                          tile.n};
    }
    NamedAttrList own = spec;
    if (isFew)
      own.set("few", b.getUnitAttr());
    Launch &made = launch(op, own, rows, arguments);
    made.above = from, made.most = to;
  }
}

LogicalResult LaunchFormer::formLinear(LinearOp op, arith::AddFOp sum,
                                       const Pair *pair) {
  LinearOp first = pair ? pair->down : op;
  FailureOr<Place> input = find(first.getInput(), first),
                   weight = find(op.getWeight(), op);
  if (failed(input) || failed(weight))
    return failure();
  NamedAttrList spec;
  Arguments arguments{input->argument};
  if (pair) {
    spec = pair->spec;
    if (failed(addDown(*pair, spec, arguments)))
      return failure();
  } else {
    set(spec, "family", "linear");
    set(spec, "input", nameOf(input->buffer.element));
    set(spec, "weight", nameOf(weight->buffer.element));
    auto type = cast<RankedTensorType>(op.getWeight().getType());
    spec.set("n", b.getI64IntegerAttr(type.getDimSize(0)));
    spec.set("k", b.getI64IntegerAttr(type.getDimSize(1)));
  }
  if (op.getActivation() != Activation::none)
    set(spec, "activation", stringifyActivation(op.getActivation()));
  arguments.push_back(weight->argument);
  auto add = [&](Value parameter) {
    FailureOr<LaunchArgument> argument = vector(parameter, op);
    if (succeeded(argument))
      arguments.push_back(*argument);
    return argument;
  };
  if (op.getBias()) {
    spec.set("bias", b.getUnitAttr());
    if (failed(add(op.getBias())))
      return failure();
  }
  if (op.getInputScales()) {
    if (!pair) {
      FailureOr<Place> scales = find(op.getInputScales(), op);
      if (failed(scales))
        return failure();
      arguments.push_back(scales->argument);
    }
    if (failed(add(op.getWeightScales())))
      return failure();
  }
  Value result = op.getResult();
  if (sum) {
    Value other = sum.getLhs() == result ? sum.getRhs() : sum.getLhs();
    FailureOr<Place> residual = find(other, sum);
    if (failed(residual))
      return failure();
    set(spec, "residual", nameOf(residual->buffer.element));
    arguments.push_back(residual->argument);
    result = sum.getResult();
  }
  DeviceBuffer::Rows rows = input->buffer.rows;
  if (failed(place(result, rows)))
    return failure();
  set(spec, "output", nameOf(places[result].buffer.element));
  arguments.push_back(places[result].argument);
  arguments.push_back(numberOf(rows));
  if (pair)
    return launchPair(op, sum, *pair, spec, rows, arguments);
  launchBest(op, spec, rows, std::move(arguments));
  return success();
}

LogicalResult LaunchFormer::formAttention(AttentionOp op) {
  auto positions = op.getQueryOffsets().getDefiningOp<PositionsOp>();
  bool isSingle = positions && op.getKeyOffsets() && isOneEach(positions);
  // Where queries are one each, their offsets are not read.
  Value queryOffsets = isSingle ? op.getKeyOffsets() : op.getQueryOffsets();
  FailureOr<Place> query = find(op.getQuery(), op), key = find(op.getKey(), op),
                   value = find(op.getValue(), op),
                   offsets = find(queryOffsets, op);
  if (failed(query) || failed(key) || failed(value) || failed(offsets))
    return failure();
  if (query->buffer.element != key->buffer.element ||
      query->buffer.element != value->buffer.element)
    return op.emitOpError() << "has operands of several types";
  NamedAttrList spec;
  set(spec, "family", "attention");
  set(spec, "input", nameOf(query->buffer.element));
  spec.set("heads", b.getI64IntegerAttr(op.getNumHeads()));
  spec.set("kv_heads", b.getI64IntegerAttr(op.getNumKvHeads()));
  spec.set("qk_dim", b.getI64IntegerAttr(op.getQkDim()));
  spec.set("value_dim", b.getI64IntegerAttr(op.getValueDim()));
  spec.set("scale", b.getF32FloatAttr(op.getEffectiveScale()));
  if (op.getCausal())
    spec.set("causal", b.getUnitAttr());
  Arguments arguments{query->argument, key->argument, value->argument,
                      offsets->argument};
  if (op.getKeyOffsets() && !isSingle) {
    FailureOr<Place> keys = find(op.getKeyOffsets(), op);
    if (failed(keys))
      return failure();
    spec.set("key_offsets", b.getUnitAttr());
    arguments.push_back(keys->argument);
  }
  if (op.getMask()) {
    FailureOr<std::string> form = formMask(op, arguments);
    if (failed(form))
      return failure();
    set(spec, "mask", *form);
  }
  DeviceBuffer::Rows rows =
      isSingle ? DeviceBuffer::Sequences : DeviceBuffer::Tokens;
  if (isSingle)
    spec.set("single", b.getUnitAttr());
  if (query->buffer.rows != rows)
    return op.emitOpError() << "has queries that are neither tokens nor one "
                               "per sequence";
  if (failed(place(op.getResult(), rows)))
    return failure();
  set(spec, "output", nameOf(places[op.getResult()].buffer.element));
  arguments.push_back(places[op.getResult()].argument);
  arguments.push_back(numberOf(DeviceBuffer::Tokens));
  arguments.push_back(numberOf(DeviceBuffer::Sequences));
  std::string why;
  Type type = query->buffer.element;
  if (type.isF32())
    why = "they take f16 and bf16, and these are f32";
  else if (op.getQkDim() % 16 || op.getValueDim() % 16 || op.getQkDim() > 128 ||
           op.getValueDim() > 128)
    why = "they take head dims of 16, 32, ... 128";
  else if (isSingle)
    why = "they take many queries per sequence, and this has one";
  if (!why.empty())
    set(spec, "family", "attention_simple");
  else if (hasWgmma)
    set(spec, "family", "attention_wgmma");
  launch(op, spec, rows, std::move(arguments), why);
  return success();
}
