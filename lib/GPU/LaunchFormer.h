//===- LaunchFormer.h - ops of @forward to launches -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_GPU_LAUNCHFORMER_H
#define TRANSFORMER_LIB_GPU_LAUNCHFORMER_H

#include "PairModel.h"
#include "transformer/GPU/LaunchTable.h"
#include "transformer/GPU/PerformanceModel.h"
#include "transformer/IR/TransformerDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <optional>

namespace mlir::transformer::gpu {

inline StringRef nameOf(Type type) {
  return type.isF32()         ? "f32"
         : type.isF16()       ? "f16"
         : type.isBF16()      ? "bf16"
         : type.isInteger(8)  ? "i8"
         : type.isInteger(64) ? "i64"
                              : "i32";
}
inline Type elementOf(Value value) {
  return cast<ShapedType>(value.getType()).getElementType();
}
inline int64_t widthOf(Value value) {
  return cast<ShapedType>(value.getType()).getShape().back();
}
inline bool isActivation(Operation *op) {
  return isa<GeluOp, GeluTanhOp, ReluOp, SiluOp, TanhOp>(op);
}
inline bool isNorm(Operation *op) {
  return isa<LayerNormOp, RmsNormOp, L2NormalizeOp>(op);
}
/// Whether there is a matrix per lag, and not a factor per lag and channel.
inline bool hasMatrices(TokenMixOp op) {
  return cast<ShapedType>(op.getWeight().getType()).getRank() == 3;
}
/// What a kernel of rows can start with, beside dense rows and their sums.
inline bool isMix(Operation *op) {
  auto mix = dyn_cast<TokenMixOp>(op);
  return isa<UnpoolOp, FftMixOp, PrependOp, SelectOp, tensor::ExtractSliceOp>(
             op) ||
         (mix && !hasMatrices(mix));
}
/// How an argument that is a mask lies in memory; nothing if it is none.
std::optional<DeviceBuffer::Rows> maskRows(BlockArgument argument);
/// Whether `op` gives offsets 0, 1, 2, ...: sequences of one row each.
bool isOneEach(PositionsOp op);

/// Builds the table, op by op.
class LaunchFormer {
public:
  /// `fftFrom`: see LaunchTable; nothing: where it is faster by `rates`.
  LaunchFormer(func::FuncOp forward, Type dtype, bool hasWgmma,
               ::mlir::gpu::GPUModuleOp device, const ChipRates &rates,
               std::optional<int64_t> fftFrom)
      : forward(forward), dtype(dtype), hasWgmma(hasWgmma), device(device),
        rates(rates), fftFrom(fftFrom), b(forward.getContext()) {}
  LogicalResult run();
  LaunchTable table;
  unsigned numKernels = 0;

private:
  struct Place {
    LaunchArgument argument;
    DeviceBuffer buffer;
  };
  using Arguments = std::vector<LaunchArgument>;

  LogicalResult place(Value value, DeviceBuffer::Rows rows);
  FailureOr<Place> find(Value value, Operation *user);
  FailureOr<LaunchArgument> vector(Value weight, Operation *user);
  /// Says which masks there can be, if there are others.
  LogicalResult checkMasks();
  /// Adds the argument that a mask is, and returns the type that it is read as.
  FailureOr<Type> addMask(Value mask, Operation *op, Arguments &arguments);
  /// The words of a KernelSpec for it.
  FailureOr<std::string> formMask(AttentionOp op, Arguments &arguments);
  bool isAbsorbed(Operation *op);
  LogicalResult form(Operation *op);
  LogicalResult formPositions(PositionsOp op);
  LogicalResult formPatches(PatchesOp op);
  LogicalResult addMix(Operation *op, SmallVectorImpl<Attribute> &sources,
                       Arguments &arguments,
                       std::optional<DeviceBuffer::Rows> &rows);
  LogicalResult addSelect(SelectOp op, SmallVectorImpl<Attribute> &sources,
                          Arguments &arguments,
                          std::optional<DeviceBuffer::Rows> &rows);
  LogicalResult addSlice(tensor::ExtractSliceOp op,
                         SmallVectorImpl<Attribute> &sources,
                         Arguments &arguments,
                         std::optional<DeviceBuffer::Rows> &rows);
  LogicalResult formRope(RopeOp op);
  LogicalResult formLagMatrices(TokenMixOp op);
  FailureOr<LaunchArgument> formFourier(FftMixOp op);
  LaunchArgument makeBuffer(int64_t width, Type element);
  LogicalResult formRows(Operation *op);
  LogicalResult addSource(Value value, Operation *user, bool isRoot,
                          SmallVectorImpl<Attribute> &sources,
                          Arguments &arguments,
                          std::optional<DeviceBuffer::Rows> &rows);
  /// Two linears in a row, and what rounds to i8 between them, or null.
  struct Pair {
    LinearOp down;
    QuantizeOp round;
    NamedAttrList spec; // but for what the second one adds
    PairWork work;
    std::vector<PairChoice> choices;
  };
  /// Notes that a linear and the next one are to be launched as one, where that
  /// can be and pays.
  LogicalResult planPair(LinearOp down);
  LogicalResult addDown(const Pair &pair, NamedAttrList &spec,
                        Arguments &arguments);
  LogicalResult launchPair(LinearOp up, arith::AddFOp sum, const Pair &pair,
                           NamedAttrList &spec, DeviceBuffer::Rows rows,
                           const Arguments &arguments);
  /// The multiplier and the scale of a rounding.
  LogicalResult addRounding(QuantizeOp op, NamedAttrList &spec,
                            Arguments &arguments);
  /// `pair`: whose second linear it is, or null.
  LogicalResult formLinear(LinearOp op, arith::AddFOp sum, const Pair *pair);
  const Pair *pairOf(LinearOp up) const {
    auto found = pairs.find(up);
    return found == pairs.end() ? nullptr : &found->second;
  }
  LogicalResult formAttention(AttentionOp op);
  Launch &launch(Operation *op, NamedAttrList &spec, DeviceBuffer::Rows rows,
                 Arguments arguments, StringRef simple = "");
  /// On tensor cores: a kernel for few rows, and one for more.
  void launchLinear(Operation *op, NamedAttrList &spec, DeviceBuffer::Rows rows,
                    Arguments arguments);
  /// Why no such kernel can be; empty: it can.
  std::string whyNot(const KernelSpec &wanted);
  /// On tensor cores if the kernel takes that, of linears by wgmma where the
  /// chip has it; else by the simple one, whose name ends with _simple.
  void launchBest(Operation *op, NamedAttrList &spec, DeviceBuffer::Rows rows,
                  Arguments arguments);
  void set(NamedAttrList &spec, StringRef name, StringRef word) {
    spec.set(name, b.getStringAttr(word));
  }

  func::FuncOp forward;
  Type dtype;
  bool hasWgmma; // of the chip
  ::mlir::gpu::GPUModuleOp device;
  const ChipRates &rates;
  std::optional<int64_t> fftFrom;
  Builder b;
  DenseMap<Value, Place> places;
  DenseMap<Operation *, Pair> pairs; // by the second linear
  DenseSet<Operation *> paired;      // what comes before it
  /// Which numbers of rows launches are for that are made now.
  int64_t above = 0, most = INT64_MAX;
  DenseMap<Attribute, std::string> kernels; // by what they compute
};

/// As the last number of a kernel of rows has it.
inline LaunchArgument numberOf(DeviceBuffer::Rows rows) {
  return {rows == DeviceBuffer::Sequences ? LaunchArgument::NumSequences
                                          : LaunchArgument::NumTokens};
}

} // namespace mlir::transformer::gpu

#endif // TRANSFORMER_LIB_GPU_LAUNCHFORMER_H
