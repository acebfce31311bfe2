//===- DeviceModel.cpp - models on emulated GPUs --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "DeviceModel.h"
#include "EmulatorAsync.h"
#include "RealTransform.h"
#include "transformer/GPU/Chip.h"
#include "transformer/GPU/Fourier.h"
#include "transformer/GPU/Ptx.h"
#include "transformer/InitAll.h"
#include "transformer/Pipelines/Pipelines.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include "llvm/IRReader/IRReader.h"
#include "llvm/Support/SourceMgr.h"
#include "gtest/gtest.h"

#include <cmath>
#include <deque>
#include <random>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::test;

struct DeviceModel::State {
  std::unique_ptr<MLIRContext> context;
  OwningOpRef<ModuleOp> source, lowered;
  std::map<std::string, TensorValue> weights;
  std::vector<int> limits; // of ids
  Type dtype;
  std::mt19937 random{7};

  TensorValue randomTensor(Type element, ArrayRef<int64_t> shape, int limit) {
    TensorValue tensor{element, SmallVector<int64_t>(shape), {}};
    int64_t size = 1;
    for (int64_t dimension : shape)
      size *= dimension;
    std::normal_distribution<double> normal;
    std::uniform_int_distribution<int> whole(limit ? 0 : -127,
                                             limit ? limit - 1 : 127);
    for (int64_t i = 0; i < size; ++i)
      tensor.data.push_back(
          isa<FloatType>(element)
              ? roundToType(normal(random), element.isF32() ? dtype : element)
              : whole(random));
    return tensor;
  }
};

DeviceModel::DeviceModel() : state(std::make_unique<State>()) {}
DeviceModel::~DeviceModel() = default;

std::unique_ptr<DeviceModel> DeviceModel::create(StringRef text,
                                                 StringRef dtype, Edit edit,
                                                 int64_t fftFrom,
                                                 StringRef chip) {
  DialectRegistry registry;
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registerAllTransformerDialects(registry);
  std::unique_ptr<DeviceModel> model(new DeviceModel());
  State &s = *model->state;
  s.context =
      std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  s.source = parseSourceString<ModuleOp>(text, s.context.get());
  if (!s.source) {
    ADD_FAILURE() << "the test's module does not parse";
    return nullptr;
  }
  s.dtype = transformer::gpu::typeOfName(s.context.get(), dtype);
  for (auto global : s.source->getOps<ml_program::GlobalOp>()) {
    auto type = cast<RankedTensorType>(global.getType());
    TensorValue value =
        s.randomTensor(type.getElementType(), type.getShape(), 0);
    // As in a trained model, sums of products are about one, and scales are
    // small and positive.
    if (type.getRank() == 2 && isa<FloatType>(type.getElementType()))
      for (double &x : value.data)
        x /= 8;
    if (global.getSymName().contains("scale"))
      for (double &x : value.data)
        x = roundToType(0.001 + std::abs(x) / 256, s.dtype);
    global.setValueAttr(
        DenseElementsAttr::getFromRawBuffer(type, tensorToBytes(value)));
    s.weights[global.getSymName().str()] = value;
  }
  auto forward = s.source->lookupSymbol<func::FuncOp>("forward");
  for (unsigned i = 0; i < forward.getNumArguments(); ++i) {
    auto limit = forward.getArgAttrOfType<IntegerAttr>(i, "transformer.limit");
    s.limits.push_back(limit ? limit.getInt() : 1);
  }
  s.lowered = s.source->clone();
  ToNVVMOptions options;
  options.dtype = dtype.str();
  options.fftFrom = fftFrom;
  options.chip = chip.str();
  std::string problem;
  model->canOverlap =
      transformer::gpu::lookupChip(chip, problem)->overlapsKernels();
  PassManager former(s.context.get()), emitter(s.context.get());
  buildLaunchPipeline(former, options);
  buildDevicePipeline(emitter, options);
  auto change = [&](LLVM::LLVMFuncOp kernel) {
    auto spec = kernel->getAttrOfType<DictionaryAttr>(
        transformer::gpu::kKernelAttribute);
    if (!spec || !edit)
      return;
    NamedAttrList list(spec);
    edit(list);
    kernel->setAttr(transformer::gpu::kKernelAttribute,
                    list.getDictionary(s.context.get()));
  };
  bool isLowered = succeeded(former.run(*s.lowered));
  s.lowered->walk(change);
  if (!isLowered || failed(emitter.run(*s.lowered))) {
    ADD_FAILURE() << "the test's module was not lowered";
    return nullptr;
  }
  auto table = transformer::gpu::LaunchTable::of(
      *s.lowered, [&] { return s.lowered->emitError(); });
  if (failed(table)) {
    ADD_FAILURE() << "there is no table of launches";
    return nullptr;
  }
  model->table = std::move(*table);
  return model;
}

static int64_t countOf(const transformer::gpu::DeviceBuffer &buffer,
                       int64_t tokens, int64_t sequences) {
  switch (buffer.rows) {
  case transformer::gpu::DeviceBuffer::Tokens:
    return tokens;
  case transformer::gpu::DeviceBuffer::Sequences:
    return sequences;
  case transformer::gpu::DeviceBuffer::Offsets:
    return sequences + 1;
  case transformer::gpu::DeviceBuffer::Fixed:
    return 1;
  }
  return 0;
}

static std::vector<char> bytesAs(TensorValue tensor, Type element) {
  tensor.elementType = element;
  return tensorToBytes(tensor);
}

/// [slices, rows, columns] to [rows, slices, columns].
static TensorValue stacked(const TensorValue &tensor, int64_t slices) {
  TensorValue result = tensor;
  if (!slices)
    return result;
  int64_t rows = tensor.shape[1], columns = tensor.shape[2];
  for (int64_t s = 0; s < slices; ++s)
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c)
        result.data[(r * slices + s) * columns + c] =
            tensor.data[(s * rows + r) * columns + c];
  return result;
}

static std::vector<char>
constantBytes(const transformer::gpu::LaunchArgument &argument) {
  std::string bytes =
      transformer::gpu::constantBytes(argument.weight, argument.element);
  return {bytes.begin(), bytes.end()};
}

static BoxMap boxMap(const transformer::gpu::ArrayMap &map, void *base,
                     int64_t tokens, int64_t sequences, Mutation mutation) {
  BoxMap made{};
  made.mark = BoxMap::kMark;
  made.base = static_cast<char *>(base);
  transformer::gpu::DeviceBuffer rows;
  rows.rows = map.rows;
  made.rows = map.rows == transformer::gpu::DeviceBuffer::Fixed
                  ? map.numRows
                  : countOf(rows, tokens, sequences);
  made.rows += mutation.mapRows, made.columns = map.columns;
  made.size = map.element.getIntOrFloatBitWidth() / 8;
  made.pitch = map.columns * made.size;
  made.columns += mutation.mapColumns;
  made.boxRows = map.boxRows, made.boxColumns = 128 / made.size;
  made.swizzle = mutation.mapSwizzle;
  return made;
}

bool DeviceModel::run(ArrayRef<int> lengths, Mutation mutation,
                      bool isDescending) {
  State &s = *state;
  int64_t sequences = lengths.size();
  TensorValue offsets{
      IntegerType::get(s.context.get(), 32), {sequences + 1}, {0}};
  for (int length : lengths)
    offsets.data.push_back(offsets.data.back() + length);
  int64_t tokens = offsets.data.back();

  s.random.seed(11);
  SmallVector<TensorValue> arguments;
  auto forward = s.source->lookupSymbol<func::FuncOp>("forward");
  for (auto [i, buffer] : llvm::enumerate(table.inputs)) {
    if (buffer.rows == transformer::gpu::DeviceBuffer::Offsets) {
      arguments.push_back(offsets);
      continue;
    }
    SmallVector<int64_t> shape(
        cast<ShapedType>(forward.getArgumentTypes()[i]).getShape());
    bool isDense = table.inputs.size() > forward.getNumArguments();
    for (auto [at, size] : llvm::enumerate(shape))
      if (ShapedType::isDynamic(size))
        size = isDense && at ? tokens / sequences
               : isDense ||
                       buffer.rows == transformer::gpu::DeviceBuffer::Sequences
                   ? sequences
                   : tokens;
    Type element =
        cast<ShapedType>(forward.getArgumentTypes()[i]).getElementType();
    bool isBoolean = element.isInteger(1);
    arguments.push_back(
        s.randomTensor(element, shape, isBoolean ? 2 : s.limits[i]));
    if (isa<FloatType>(buffer.element) && scale != 1)
      for (double &x : arguments.back().data)
        x = roundToType(x * scale, buffer.element);
  }
  if (changeInputs)
    changeInputs(arguments);
  FailureOr<SmallVector<TensorValue>> right = interpret(
      forward, ArrayRef(arguments).take_front(forward.getNumArguments()));
  if (failed(right))
    return true;
  expected.assign(right->begin(), right->end());

  auto context = std::make_unique<llvm::LLVMContext>();
  auto code = transformer::gpu::deviceToLLVM(
      *s.lowered->getOps<::mlir::gpu::GPUModuleOp>().begin(), *context);
  if (!code) {
    ADD_FAILURE() << llvm::toString(code.takeError());
    return true;
  }
  auto emulator =
      Emulator::create(std::move(*code), std::move(context), mutation, &counts);
  if (!emulator) {
    ADD_FAILURE() << llvm::toString(emulator.takeError());
    return true;
  }
  (*emulator)->isDescending = isDescending;

  std::deque<std::vector<char>> memory;
  auto add = [&](std::vector<char> bytes, bool isWritable) {
    // What a wrong kernel does beyond the end is reported, and harms nothing.
    constexpr size_t kBeyond = 1 << 16;
    size_t size = bytes.size();
    std::vector<char> &all = memory.emplace_back(size + 2 * kBeyond, char(0));
    std::copy(bytes.begin(), bytes.end(), all.begin() + kBeyond);
    (*emulator)->addMemory(&all[kBeyond], size, isWritable);
    return static_cast<void *>(&all[kBeyond]);
  };
  auto allocate = [&](const transformer::gpu::DeviceBuffer &buffer) {
    return add(
        std::vector<char>(countOf(buffer, tokens, sequences) * buffer.width *
                              buffer.element.getIntOrFloatBitWidth() / 8,
                          char(0xff)),
        true);
  };
  std::vector<void *> inputs, outputs, buffers;
  for (auto [argument, buffer] : llvm::zip_equal(arguments, table.inputs))
    inputs.push_back(add(bytesAs(argument, buffer.element), false));
  for (const transformer::gpu::DeviceBuffer &buffer : table.outputs)
    outputs.push_back(allocate(buffer));
  for (const transformer::gpu::DeviceBuffer &buffer : table.buffers)
    buffers.push_back(allocate(buffer));
  bool fft = hasFft && table.fftFrom;
  auto isLong = [&](int64_t length) { return fft && length >= table.fftFrom; };
  // What has made the inputs may be a kernel as well.
  bool overlaps = canOverlap;
  for (const transformer::gpu::Launch &launch : table.launches) {
    bool isNeeded =
        launch.need == transformer::gpu::Launch::Short
            ? llvm::any_of(lengths, [&](int n) { return n && !isLong(n); })
        : launch.need == transformer::gpu::Launch::Long
            ? llvm::any_of(lengths, isLong)
            : true;
    bool isChosen = !isFew   ? launch.isFor(tokens, sequences)
                    : *isFew ? launch.above == 0
                             : launch.most == INT64_MAX;
    if (!isNeeded || !isChosen)
      continue;
    if (launch.kernel == transformer::gpu::kFftCall) {
      int64_t width = launch.shape.columns, room = width / 2 * 2 + 2;
      auto *rows = static_cast<float *>(buffers[launch.arguments[0].index]);
      for (auto [s, length] : llvm::enumerate(lengths))
        if (isLong(length))
          transformInPlace(rows + int64_t(offsets.data[s]) * room, length,
                           width);
      overlaps = false;
      continue;
    }
    std::deque<void *> pointers;
    std::deque<BoxMap> maps;
    int32_t numTokens = tokens + mutation.rows, numSequences = sequences,
            fftFrom = fft ? table.fftFrom : INT32_MAX;
    std::vector<void *> parameters;
    for (const transformer::gpu::LaunchArgument &argument : launch.arguments) {
      using Kind = transformer::gpu::LaunchArgument;
      if (argument.kind == Kind::NumTokens ||
          argument.kind == Kind::NumSequences ||
          argument.kind == Kind::FftFrom) {
        parameters.push_back(argument.kind == Kind::NumTokens ? &numTokens
                             : argument.kind == Kind::NumSequences
                                 ? &numSequences
                                 : &fftFrom);
        continue;
      }
      pointers.push_back(
          argument.kind == Kind::Input    ? inputs[argument.index]
          : argument.kind == Kind::Output ? outputs[argument.index]
          : argument.kind == Kind::Buffer ? buffers[argument.index]
          : argument.kind == Kind::Constant
              ? add(constantBytes(argument), false)
              : add(bytesAs(
                        stacked(s.weights.at(argument.weight), argument.slices),
                        argument.element),
                    false));
      if (argument.map) {
        maps.push_back(boxMap(*argument.map, pointers.back(), tokens, sequences,
                              mutation));
        parameters.push_back(&maps.back());
        continue;
      }
      parameters.push_back(&pointers.back());
    }
    const transformer::gpu::LaunchShape &shape = launch.shape;
    auto [gridX, gridY] = transformer::gpu::gridOf(shape, tokens, sequences,
                                                   /*multiprocessors=*/1);
    if (shape.resident)
      gridX = std::min(gridX, mostBlocks);
    (*emulator)->launch(launch.kernel, parameters, gridX, gridY, shape.threads,
                        shape.sharedBytes, overlaps);
    overlaps = canOverlap;
  }
  reports = (*emulator)->reports;
  results.clear();
  for (auto [i, buffer] : llvm::enumerate(table.outputs)) {
    auto *data = static_cast<const char *>(outputs[i]);
    SmallVector<int64_t> shape = expected[i].shape;
    int64_t bytes = countOf(buffer, tokens, sequences) * buffer.width *
                    buffer.element.getIntOrFloatBitWidth() / 8;
    auto value = tensorFromBytes(buffer.element, shape, {data, size_t(bytes)},
                                 [&] { return s.source->emitError(); });
    if (failed(value))
      return true;
    results.push_back(std::move(*value));
  }
  return false;
}

double DeviceModel::error() const {
  double most = 0;
  for (auto [want, got] : llvm::zip_equal(expected, results))
    for (auto [x, y] : llvm::zip_equal(want.data, got.data)) {
      double difference = std::abs(x - y);
      if (std::isnan(x) && std::isnan(y))
        continue;
      if (!(difference <= most)) // NaN too
        most = std::isnan(difference) ? INFINITY : difference;
    }
  return most;
}

void test::expectRight(StringRef text, StringRef dtype,
                       const std::vector<std::vector<int>> &batches,
                       double tolerance) {
  auto model = DeviceModel::create(text, dtype);
  ASSERT_TRUE(model);
  std::vector<bool> kinds{false};
  for (const transformer::gpu::Launch &launch : model->table.launches)
    if (launch.above)
      kinds = {true, false};
  for (auto [number, lengths] : llvm::enumerate(batches)) {
    std::vector<TensorValue> others;
    bool isDescending = number % 2; // the order of lanes, which must not matter
    for (bool isFew : kinds) {
      model->isFew = isFew;
      ASSERT_FALSE(model->run(lengths, {}, isDescending));
      // Which kernel a row goes through makes no difference.
      for (auto [one, other] : llvm::zip(model->results, others))
        EXPECT_EQ(one.data, other.data) << text.str() << dtype.str();
      others = model->results;
      EXPECT_LE(model->error(), tolerance) << text.str() << dtype.str();
      for (auto [what, count] : model->reports)
        ADD_FAILURE() << what << ", " << count << " times: " << text.str();
      isDescending = !isDescending;
    }
  }
}

std::unique_ptr<Emulator> test::emulatorOf(StringRef text, Mutation mutation,
                                           Mutable *counts,
                                           std::string *problem) {
  auto context = std::make_unique<llvm::LLVMContext>();
  llvm::SMDiagnostic wrong;
  auto code =
      llvm::parseIR(llvm::MemoryBufferRef(text, "test"), wrong, *context);
  if (!code) {
    ADD_FAILURE() << wrong.getMessage().str() << wrong.getLineContents().str();
    return nullptr;
  }
  auto made =
      Emulator::create(std::move(code), std::move(context), mutation, counts);
  if (made)
    return std::move(*made);
  std::string what = llvm::toString(made.takeError());
  if (problem)
    *problem = what;
  else
    ADD_FAILURE() << what;
  return nullptr;
}
