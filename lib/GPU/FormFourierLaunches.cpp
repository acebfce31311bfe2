//===- FormFourierLaunches.cpp - launches of Fourier transforms -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Along the rows: two products with constant matrices, of the halves that rows
// are folded to. Along the sequences: a kernel that makes its own matrices.
// Sequences that are long enough go through cuFFT instead, if it is there when
// the model is loaded.
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

/// The most tokens that a sequence can have; 0: nobody says.
static int64_t longestOf(Operation *op) {
  auto model = op->getParentOfType<ModuleOp>()->getAttrOfType<DictionaryAttr>(
      "transformer.model");
  auto length = model ? model.getAs<IntegerAttr>("max_length") : IntegerAttr();
  return length ? std::max<int64_t>(length.getInt(), 0) : 0;
}

/// The transformed rows, in f32: their sums may be too large for f16.
FailureOr<LaunchArgument> LaunchFormer::formFourier(FftMixOp op) {
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
  int64_t longest = longestOf(op);
  int64_t from =
      fftFrom ? *fftFrom : gpu::fftFrom(shape.width, dtype, rates, longest);
  if (longest && from > longest)
    from = 0;
  // One length for all transforms of a model, whose widths are mostly one.
  if (from && (!table.fftFrom || from < table.fftFrom))
    table.fftFrom = from;
  size_t firstShort = table.launches.size();
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
  if (longest)
    number(mix, "longest", longest);
  number(mix, "table",
         longest ? std::min(kMostMixTable, longest) : kMostMixTable);
  LaunchArgument mixed = makeBuffer(shape.width, b.getF32Type());
  Arguments arguments{real, imaginary, offsets->argument, mixed,
                      numberOf(DeviceBuffer::Sequences)};
  LaunchArgument end{LaunchArgument::FftFrom};
  if (from) {
    mix.set("fft", b.getUnitAttr());
    arguments.push_back(end);
  }
  launchBest(op, mix, DeviceBuffer::Tokens, std::move(arguments));
  if (!from)
    return mixed;

  for (size_t i = firstShort; i < table.launches.size(); ++i)
    table.launches[i].need = Launch::Short;
  size_t firstLong = table.launches.size();
  LaunchArgument wide = makeBuffer(shape.width / 2 * 2 + 2, b.getF32Type());
  NamedAttrList widen, mirror;
  set(widen, "family", "widen");
  set(widen, "input", nameOf(input->buffer.element));
  set(widen, "output", "f32");
  number(widen, "width", shape.width);
  launch(op, widen, DeviceBuffer::Tokens, {input->argument, wide, tokens});
  Launch &call = table.launches.emplace_back();
  call.kernel = kFftCall.str();
  call.shape.columns = shape.width;
  call.arguments = {wide};
  set(mirror, "family", "mirror");
  set(mirror, "input", "f32");
  number(mirror, "width", shape.width);
  launch(op, mirror, DeviceBuffer::Tokens,
         {wide, offsets->argument, mixed, tokens,
          numberOf(DeviceBuffer::Sequences), end});
  for (size_t i = firstLong; i < table.launches.size(); ++i)
    table.launches[i].need = Launch::Long;
  return mixed;
}
