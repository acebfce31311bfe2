//===- FormPairLaunches.cpp - launches of two linears in a row ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A linear whose result only another one reads, which may round it to i8
// before: as factors of low rank are. Both may be one launch, for those numbers
// of rows for which that is faster by the model of PairModel.cpp.
//===----------------------------------------------------------------------===//
#include "LaunchFormer.h"

#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::gpu;

/// The linear that alone uses a result, and what rounds its input, or null.
static std::pair<LinearOp, QuantizeOp> nextLinear(LinearOp down) {
  if (!down.getResult().hasOneUse())
    return {};
  Operation *user = *down.getResult().user_begin();
  auto round = dyn_cast<QuantizeOp>(user);
  if (!round) {
    auto up = dyn_cast<LinearOp>(user);
    return {up && up.getInput() == down.getResult() ? up : LinearOp(), nullptr};
  }
  if (round.getInput() != down.getResult())
    return {};
  LinearOp up;
  for (Value value : round->getResults()) {
    auto next = value.hasOneUse() ? dyn_cast<LinearOp>(*value.user_begin())
                                  : LinearOp();
    if (!next || (up && next != up))
      return {};
    up = next;
  }
  return {up, round};
}

/// Why no launch does both.
static std::string whyTwo(LinearOp down, QuantizeOp round, LinearOp up) {
  if (down.getActivation() != Activation::none)
    return "the first has an activation";
  if (bool(down.getInputScales()) != bool(round) ||
      bool(up.getInputScales()) != bool(round))
    return "one is of i8 and the other is not";
  return "";
}

LogicalResult LaunchFormer::planPair(LinearOp down) {
  auto [up, round] = nextLinear(down);
  if (!up || pairs.contains(down))
    return success();
  auto keepTwo = [&](const std::string &why) {
    remark::missed(down.getLoc(), remark::RemarkOpts::name("LinearPair")
                                      .category("transformer-form-launches"))
        << remark::add("{0}", "two launches for two linears in a row: " + why);
    return success();
  };
  std::string why = whyTwo(down, round, up);
  if (!why.empty())
    return keepTwo(why);
  FailureOr<Place> input = find(down.getInput(), down),
                   weight = find(down.getWeight(), down);
  if (failed(input) || failed(weight))
    return failure();
  auto sizes = cast<RankedTensorType>(down.getWeight().getType());
  Pair pair{down, round, {}, {}, {}};
  Type hidden = elementOf(down.getResult());
  hidden = hidden.isF32() ? dtype : hidden;
  pair.work = {widthOf(up.getResult()),
               sizes.getDimSize(1),
               sizes.getDimSize(0),
               round ? 1 : 2,
               hidden.getIntOrFloatBitWidth() / 8,
               dtype.getIntOrFloatBitWidth() / 8};
  NamedAttrList &spec = pair.spec;
  set(spec, "family", "linear_pair");
  set(spec, "input", nameOf(input->buffer.element));
  set(spec, "weight", nameOf(weight->buffer.element));
  set(spec, "hidden", nameOf(hidden));
  spec.set("n", b.getI64IntegerAttr(pair.work.n));
  spec.set("k", b.getI64IntegerAttr(pair.work.k));
  spec.set("rank", b.getI64IntegerAttr(pair.work.rank));
  spec.set("groups", b.getI64IntegerAttr(1));
  NamedAttrList whole = spec;
  set(whole, "output", nameOf(dtype));
  why = whyNot(KernelSpec(whole.getDictionary(b.getContext())));
  if (!why.empty())
    return keepTwo(why);
  // As a block may have: 1 KiB of a multiprocessor's is the driver's.
  int64_t bytes = pair.work.tile().sharedBytes();
  if (bytes > rates.sharedBytes - 1024)
    return keepTwo(llvm::formatv("rank {0} needs {1} bytes of shared memory, "
                                 "and a block may have {2}",
                                 pair.work.rank, bytes,
                                 rates.sharedBytes - 1024));
  pair.choices = choosePairs(pair.work, rates, hasWgmma);
  std::string times;
  for (const PairChoice &choice : pair.choices)
    times += llvm::formatv(
        "{0}{1} for {2} (of {3} rows: {4:f1} us in one, {5:f1} us in two)",
        times.empty() ? "" : ", ", choice.groups ? "one" : "two",
        choice.most == INT64_MAX
            ? std::string(times.empty() ? "any number of rows" : "more")
            : llvm::formatv("at most {0} rows", choice.most).str(),
        choice.rows, choice.one * 1e6, choice.two * 1e6);
  if (pair.choices.size() == 1 && !pair.choices[0].groups)
    return keepTwo("one would take longer by the performance model: " + times);
  remark::passed(down.getLoc(), remark::RemarkOpts::name("LinearPair")
                                    .category("transformer-form-launches"))
      << remark::add("{0}",
                     llvm::formatv("launches for two linears in a row, of rank "
                                   "{0}, by the performance model: {1}",
                                   pair.work.rank, times)
                         .str());
  pairs.insert({up, std::move(pair)});
  if (round)
    paired.insert(round);
  paired.insert(down);
  return success();
}

LogicalResult LaunchFormer::addDown(const Pair &pair, NamedAttrList &spec,
                                    Arguments &arguments) {
  LinearOp down = pair.down;
  FailureOr<Place> weight = find(down.getWeight(), down);
  if (failed(weight))
    return failure();
  arguments.push_back(weight->argument);
  if (down.getBias()) {
    FailureOr<LaunchArgument> bias = vector(down.getBias(), down);
    if (failed(bias))
      return failure();
    arguments.push_back(*bias);
    spec.set("down_bias", b.getUnitAttr());
  }
  if (!pair.round)
    return success();
  FailureOr<Place> scales = find(down.getInputScales(), down);
  FailureOr<LaunchArgument> own = vector(down.getWeightScales(), down);
  if (failed(scales) || failed(own))
    return failure();
  arguments.push_back(scales->argument);
  arguments.push_back(*own);
  return addRounding(pair.round, spec, arguments);
}

LogicalResult LaunchFormer::launchPair(LinearOp up, arith::AddFOp sum,
                                       const Pair &pair, NamedAttrList &spec,
                                       DeviceBuffer::Rows rows,
                                       const Arguments &arguments) {
  int64_t last = 0;
  for (const PairChoice &choice : pair.choices) {
    above = last, most = choice.most;
    last = choice.most;
    if (choice.groups) {
      NamedAttrList own = spec;
      own.set("groups", b.getI64IntegerAttr(choice.groups));
      launch(up, own, rows, arguments);
      continue;
    }
    LinearOp down = pair.down;
    if (failed(formLinear(down, nullptr, nullptr)) ||
        (pair.round && failed(formRows(pair.round))) ||
        failed(formLinear(up, sum, nullptr)))
      return failure();
  }
  above = 0, most = INT64_MAX;
  return success();
}
