//===- FormFourierLaunches.cpp - launches of Fourier transforms -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Along the rows: two products with constant matrices, of the halves that rows
// are folded to. Along the sequences: a kernel that makes its own matrices.
//===----------------------------------------------------------------------===//
#include "LaunchFormer.h"
#include "Tiles.h"
#include "transformer/GPU/Fourier.h"

#include "mlir/IR/BuiltinOps.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::gpu;

LaunchArgument LaunchFormer::makeBuffer(int64_t width, Type element) {
  LaunchArgument made{
      LaunchArgument::Buffer, unsigned(table.buffers.size()), {}, {}};
  table.buffers.push_back({DeviceBuffer::Tokens, width, element, ""});
  return made;
}

/// The transformed rows, in f32: their sums may be too large for f16.
FailureOr<LaunchArgument> LaunchFormer::formFourier(FftMixOp op) {
  if (!op.getOffsets())
    return op.emitOpError() << "is dense; transformer-unpad packs it";
  FailureOr<Place> input = find(op.getInput(), op),
                   offsets = find(op.getOffsets(), op);
  if (failed(input) || failed(offsets))
    return failure();
  FourierShape shape(widthOf(op.getInput()));
  if (shape.width > kMostFourierColumns)
    return op.emitOpError()
           << "has rows of " << shape.width << "; GPU kernels transform up to "
           << kMostFourierColumns;
  NamedAttrList fold;
  auto number = [&](NamedAttrList &spec, StringRef name, int64_t value) {
    spec.set(name, b.getI64IntegerAttr(value));
  };
  set(fold, "family", "fold");
  set(fold, "input", nameOf(input->buffer.element));
  set(fold, "output", nameOf(dtype));
  number(fold, "width", shape.width);
  LaunchArgument even = makeBuffer(shape.evenDepth, dtype),
                 odd = makeBuffer(shape.oddDepth, dtype);
  LaunchArgument tokens = numberOf(DeviceBuffer::Tokens);
  launch(op, fold, DeviceBuffer::Tokens, {input->argument, even, odd, tokens});

  auto product = [&](LaunchArgument half, int64_t depth, StringRef name) {
    NamedAttrList spec;
    set(spec, "family", "linear");
    for (StringRef part : {"input", "weight", "output"})
      set(spec, part, nameOf(dtype));
    number(spec, "n", shape.columns);
    number(spec, "k", depth);
    LaunchArgument matrix{LaunchArgument::Constant, 0,
                          (name + " " + Twine(shape.width)).str(), dtype};
    LaunchArgument result = makeBuffer(shape.columns, dtype);
    launchBest(op, spec, DeviceBuffer::Tokens, {half, matrix, result, tokens});
    return result;
  };
  LaunchArgument real = product(even, shape.evenDepth, "cosines"),
                 imaginary = product(odd, shape.oddDepth, "sines");

  NamedAttrList mix;
  set(mix, "family", "mix");
  set(mix, "input", nameOf(dtype));
  number(mix, "width", shape.width);
  int64_t table = kMostMixTable;
  auto model = op->getParentOfType<ModuleOp>()->getAttrOfType<DictionaryAttr>(
      "transformer.model");
  auto longest = model ? model.getAs<IntegerAttr>("max_length") : IntegerAttr();
  if (longest && longest.getInt() > 0) {
    table = std::min(table, longest.getInt());
    number(mix, "longest", longest.getInt());
  }
  number(mix, "table", table);
  LaunchArgument mixed = makeBuffer(shape.width, b.getF32Type());
  launchBest(op, mix, DeviceBuffer::Tokens,
             {real, imaginary, offsets->argument, mixed,
              numberOf(DeviceBuffer::Sequences)});
  return mixed;
}
