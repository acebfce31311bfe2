//===- FormLaunches.cpp - @forward as a table of launches -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "LaunchFormer.h"
#include "PackDense.h"
#include "transformer/GPU/Chip.h"
#include "transformer/GPU/Passes.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERFORMLAUNCHES
#include "transformer/GPU/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::gpu;

/// The only user of a result that nothing else needs; else null.
static Operation *onlyUser(Value value) {
  if (!value.hasOneUse())
    return nullptr;
  return *value.user_begin();
}

/// A linear that the addition of a residual is part of.
static LinearOp linearOf(arith::AddFOp sum) {
  for (Value operand : {sum.getLhs(), sum.getRhs()})
    if (auto linear = operand.getDefiningOp<LinearOp>())
      if (onlyUser(operand) == sum && sum.getLhs() != sum.getRhs())
        return linear;
  return nullptr;
}

/// Whether an op is computed by the launch of the op that uses it.
bool LaunchFormer::isAbsorbed(Operation *op) {
  Operation *user =
      op->getNumResults() == 1 ? onlyUser(op->getResult(0)) : nullptr;
  if (!user)
    return false;
  auto sum = dyn_cast<arith::AddFOp>(user);
  if (auto linear = dyn_cast<LinearOp>(op))
    return sum && linearOf(sum) == linear;
  bool isSum = isNorm(user) || (sum && !linearOf(sum));
  isSum |= isa<arith::ExtFOp>(user);
  if (isa<EmbeddingOp>(op) || isMix(op))
    return isSum && !isa<L2NormalizeOp>(user);
  if (isa<PoolOp>(op))
    return isa<L2NormalizeOp>(user);
  if (isa<arith::ExtFOp>(op))
    return isSum && !isa<arith::ExtFOp>(user) && !isa<L2NormalizeOp>(user);
  if (auto own = dyn_cast<arith::AddFOp>(op))
    return !linearOf(own) && isSum && !isa<arith::ExtFOp>(user);
  return false;
}

/// Gives a result its place: an output, or a buffer.
LogicalResult LaunchFormer::place(Value value, DeviceBuffer::Rows rows) {
  if (places.contains(value)) // by another launch, for other numbers of rows
    return success();
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || type.getRank() > 2 || type.getRank() == 0)
    return forward.emitOpError()
           << "has a tensor that is not packed: " << value.getType()
           << "; transformer-unpad packs dense batches";
  Place place;
  place.buffer.rows = rows;
  place.buffer.width = type.getRank() == 2 ? type.getDimSize(1) : 1;
  if (ShapedType::isDynamic(place.buffer.width))
    return forward.emitOpError()
           << "has rows of unknown width: " << value.getType();
  Operation *terminator = forward.getBody().front().getTerminator();
  bool isOutput = false;
  for (OpOperand &use : value.getUses()) {
    if (use.getOwner() != terminator || isOutput)
      continue;
    isOutput = true;
    place.argument.kind = LaunchArgument::Output;
    place.argument.index = use.getOperandNumber();
  }
  place.buffer.element = type.getElementType();
  if (isOutput) {
    table.outputs[place.argument.index].rows = rows;
  } else {
    // Scales have rank one and stay as they are.
    if (type.getElementType().isF32() && type.getRank() == 2)
      place.buffer.element = dtype;
    place.argument.kind = LaunchArgument::Buffer;
    place.argument.index = table.buffers.size();
    table.buffers.push_back(place.buffer);
  }
  places[value] = place;
  return success();
}

/// Where an operand is: a weight, or what was placed before.
FailureOr<LaunchFormer::Place> LaunchFormer::find(Value value,
                                                  Operation *user) {
  if (auto found = places.find(value); found != places.end())
    return found->second;
  auto weight = value.getDefiningOp<ml_program::GlobalLoadConstOp>();
  if (!weight)
    return user->emitOpError()
           << "has an operand that no GPU kernel computes, of type "
           << value.getType();
  Place place;
  place.argument.kind = LaunchArgument::Weight;
  place.argument.weight = weight.getGlobal().getLeafReference().str();
  Type element = elementOf(value);
  place.argument.element = element.isF32() ? dtype : element;
  place.buffer.rows = DeviceBuffer::Fixed;
  place.buffer.element = place.argument.element;
  return place;
}

/// A vector of parameters, which kernels read as f32.
FailureOr<LaunchArgument> LaunchFormer::vector(Value value, Operation *user) {
  FailureOr<Place> place = find(value, user);
  if (failed(place))
    return failure();
  if (place->argument.kind == LaunchArgument::Weight)
    place->argument.element = b.getF32Type();
  else if (!place->buffer.element.isF32())
    return user->emitOpError() << "has parameters of " << place->buffer.element
                               << " that are no weights: expected f32";
  return place->argument;
}

Launch &LaunchFormer::launch(Operation *op, NamedAttrList &spec,
                             DeviceBuffer::Rows rows, Arguments arguments,
                             StringRef simple) {
  if (!simple.empty())
    remark::missed(op->getLoc(), remark::RemarkOpts::name("SimpleKernel")
                                     .category("transformer-form-launches"))
        << remark::add("{0}", ("no tensor cores: " + simple).str());
  if (rows == DeviceBuffer::Sequences)
    set(spec, "grid", "sequences");
  DictionaryAttr dictionary = spec.getDictionary(b.getContext());
  std::string &name = kernels[dictionary];
  KernelSpec kernel(dictionary);
  if (name.empty()) {
    name = (kernel.family() + "_" + Twine(numKernels++)).str();
    OpBuilder builder = OpBuilder::atBlockEnd(device.getBody());
    auto function = LLVM::LLVMFuncOp::create(
        builder, op->getLoc(), name,
        LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()),
                                    {}));
    function->setAttr(kKernelAttribute, dictionary);
  }
  table.launches.push_back({name, kernel.launch(), Launch::Always,
                            std::move(arguments), above, most});
  return table.launches.back();
}

LogicalResult LaunchFormer::form(Operation *op) {
  if (op->hasTrait<OpTrait::IsTerminator>() || op->use_empty() ||
      isa<ml_program::GlobalLoadConstOp, tensor::DimOp, arith::ConstantOp,
          arith::IndexCastOp, tensor::FromElementsOp, arith::CmpIOp,
          tensor::SplatOp>(op) ||
      isAbsorbed(op) || paired.contains(op))
    return success();
  if (auto quantize = dyn_cast<QuantizeOp>(op);
      quantize && places.contains(quantize.getResult()))
    return success(); // its producer has rounded
  if (auto positions = dyn_cast<PositionsOp>(op))
    return formPositions(positions);
  if (auto patches = dyn_cast<PatchesOp>(op))
    return formPatches(patches);
  if (auto linear = dyn_cast<LinearOp>(op)) {
    if (failed(planPair(linear)))
      return failure();
    if (paired.contains(op))
      return success();
    return formLinear(linear, nullptr, pairOf(linear));
  }
  if (auto attention = dyn_cast<AttentionOp>(op))
    return formAttention(attention);
  if (auto rope = dyn_cast<RopeOp>(op))
    return formRope(rope);
  if (auto mix = dyn_cast<TokenMixOp>(op); mix && hasMatrices(mix))
    return formLagMatrices(mix);
  if (auto sum = dyn_cast<arith::AddFOp>(op))
    if (LinearOp linear = linearOf(sum))
      return formLinear(linear, sum, pairOf(linear));
  if (isNorm(op) || isActivation(op) || isMix(op) ||
      isa<arith::AddFOp, EmbeddingOp, PoolOp, QuantizeOp, arith::ExtFOp,
          arith::TruncFOp>(op))
    return formRows(op);
  return op->emitOpError() << "has no GPU kernel";
}

LogicalResult LaunchFormer::run() {
  for (BlockArgument argument : forward.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type)
      return forward.emitOpError() << "has an argument that is no tensor";
    auto name = forward.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                     "transformer.input");
    Place place;
    DeviceBuffer &buffer = place.buffer;
    buffer.name = name ? name.str() : "";
    buffer.element = type.getElementType();
    if (buffer.element.isInteger(1)) // in a byte
      buffer.element = b.getI8Type();
    bool isOffsets = llvm::any_of(argument.getUses(), [](OpOperand &use) {
      if (auto op = dyn_cast<AttentionOp>(use.getOwner()))
        return op.getQueryOffsets() == use.get() ||
               op.getKeyOffsets() == use.get();
      if (auto op = dyn_cast<PoolOp>(use.getOwner()))
        return op.getOffsets() == use.get();
      if (auto op = dyn_cast<UnpoolOp>(use.getOwner()))
        return op.getOffsets() == use.get();
      if (auto op = dyn_cast<TokenMixOp>(use.getOwner()))
        return op.getOffsets() == use.get();
      if (auto op = dyn_cast<FftMixOp>(use.getOwner()))
        return op.getOffsets() == use.get();
      auto op = dyn_cast<PositionsOp>(use.getOwner());
      return op && op.getOffsets() == use.get();
    });
    bool isImages = llvm::any_of(argument.getUsers(), [](Operation *user) {
      return isa<PatchesOp>(user);
    });
    std::optional<DeviceBuffer::Rows> ofMask = maskRows(argument);
    buffer.rows = ofMask                  ? *ofMask
                  : type.hasStaticShape() ? DeviceBuffer::Fixed
                  : isImages              ? DeviceBuffer::Sequences
                  : isOffsets             ? DeviceBuffer::Offsets
                                          : DeviceBuffer::Tokens;
    buffer.width = 1;
    // Of masks, what there is for each token or sequence.
    int64_t counted = !ofMask                                  ? 0
                      : buffer.rows == DeviceBuffer::Tokens    ? 2
                      : buffer.rows == DeviceBuffer::Sequences ? 1
                                                               : 0;
    for (int64_t size : type.getShape().drop_front(counted))
      if (!ShapedType::isDynamic(size))
        buffer.width *= size;
    place.argument.kind = LaunchArgument::Input;
    place.argument.index = argument.getArgNumber();
    table.inputs.push_back(buffer);
    places[argument] = place;
  }
  for (unsigned i = 0; i < forward.getNumResults(); ++i) {
    auto name =
        forward.getResultAttrOfType<StringAttr>(i, "transformer.output");
    auto type = cast<ShapedType>(forward.getResultTypes()[i]);
    DeviceBuffer output;
    output.name = name ? name.str() : "";
    output.element = type.getElementType();
    output.width = type.getRank() == 2 ? type.getDimSize(1) : 1;
    table.outputs.push_back(output);
  }
  if (failed(checkMasks()))
    return failure();
  for (Operation &op : forward.getBody().front())
    if (failed(form(&op)))
      return failure();
  SmallPtrSet<Value, 4> returned;
  for (Value value : forward.getBody().front().getTerminator()->getOperands()) {
    auto found = places.find(value);
    if (found == places.end() ||
        found->second.argument.kind != LaunchArgument::Output ||
        !returned.insert(value).second)
      return forward.emitOpError()
             << "returns an argument, a weight, or one value twice";
  }
  return success();
}

namespace {
struct FormLaunches
    : transformer::impl::TransformerFormLaunchesBase<FormLaunches> {
  using TransformerFormLaunchesBase::TransformerFormLaunchesBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    Type type = typeOfName(&getContext(), dtype);
    if (!type || !isa<FloatType>(type)) {
      module.emitError() << "there is no GPU code for dtype '" << dtype
                         << "'; there are f16, bf16 and f32";
      return signalPassFailure();
    }
    std::string message;
    const Chip *target = lookupChip(chip, message);
    if (!target) {
      module.emitError() << message;
      return signalPassFailure();
    }
    auto forward = module.lookupSymbol<func::FuncOp>("forward");
    if (!forward || forward.isExternal()) {
      module.emitError() << "has no function @forward";
      return signalPassFailure();
    }
    if (failed(packDense(forward)))
      return signalPassFailure();
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    auto device =
        ::mlir::gpu::GPUModuleOp::create(builder, module.getLoc(), "kernels");
    std::optional<int64_t> from;
    if (fftFrom >= 0)
      from = fftFrom;
    LaunchFormer former(forward, type, target->name == "sm_90a", device,
                        ratesOf(*target), from);
    if (failed(former.run()))
      return signalPassFailure();
    numKernels += former.numKernels;
    numLaunches += former.table.launches.size();
    module->setAttr(kLaunchesAttribute,
                    former.table.toAttribute(&getContext()));
    forward.erase();
  }
};
} // namespace
