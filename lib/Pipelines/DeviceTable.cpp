//===- DeviceTable.cpp - launches as constants for the runtime ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "DeviceTable.h"

#include "transformer/CodeGen/ConstantBuilder.h"
#include "transformer/GPU/Fourier.h"
#include "transformer/Runtime/abi.h"
#include "transformer/Support/Error.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/MapVector.h"

#include <array>
#include <cmath>
#include <cstring>
#include <map>

using namespace mlir;
using namespace mlir::transformer;
using gpu::DeviceBuffer;
using gpu::Launch;
using gpu::LaunchArgument;
using gpu::LaunchTable;

static int64_t bytesOf(const DeviceBuffer &buffer) {
  return buffer.width *
         int64_t(llvm::divideCeil(buffer.element.getIntOrFloatBitWidth(), 8));
}

DeviceSlots mlir::transformer::planSlots(const LaunchTable &table) {
  const std::vector<DeviceBuffer> &buffers = table.buffers;
  std::vector<size_t> last(buffers.size(), 0);
  for (auto [i, launch] : llvm::enumerate(table.launches))
    for (const LaunchArgument &argument : launch.arguments)
      if (argument.kind == LaunchArgument::Buffer)
        last[argument.index] = i;
  constexpr unsigned none = ~0u;
  DeviceSlots plan;
  plan.slotOf.assign(buffers.size(), none);
  SmallVector<unsigned> unused;
  // A slot that holds enough, the smallest of those, or the one that has to
  // grow least. Its rows are of one kind, so that its size is one product.
  auto take = [&](unsigned buffer) {
    int64_t wanted = bytesOf(buffers[buffer]), best = -1, bestCost = 0;
    for (auto [i, slot] : llvm::enumerate(unused)) {
      const DeviceBuffer &holds = buffers[plan.largest[slot]];
      if (holds.rows != buffers[buffer].rows)
        continue;
      int64_t spare = bytesOf(holds) - wanted;
      int64_t cost = spare < 0 ? (int64_t(1) << 40) - spare : spare;
      if (best < 0 || cost < bestCost)
        best = i, bestCost = cost;
    }
    if (best < 0) {
      plan.largest.push_back(buffer);
      return unsigned(plan.largest.size() - 1);
    }
    unsigned slot = unused[best];
    unused.erase(unused.begin() + best);
    if (bytesOf(buffers[plan.largest[slot]]) < wanted)
      plan.largest[slot] = buffer;
    return slot;
  };
  for (auto [i, launch] : llvm::enumerate(table.launches)) {
    SmallVector<unsigned> ending;
    for (const LaunchArgument &argument : launch.arguments) {
      if (argument.kind != LaunchArgument::Buffer)
        continue;
      unsigned buffer = argument.index;
      if (plan.slotOf[buffer] == none)
        plan.slotOf[buffer] = take(buffer);
      if (last[buffer] == i && !llvm::is_contained(ending, buffer))
        ending.push_back(buffer);
    }
    for (unsigned buffer : ending)
      unused.push_back(plan.slotOf[buffer]);
  }
  return plan;
}

namespace {
class TableMaker {
public:
  TableMaker(llvm::Module &llvmModule, ModuleOp module,
             const LaunchTable &table)
      : c(llvmModule), module(module), table(table), plan(planSlots(table)) {}

  llvm::Expected<llvm::Constant *> make(const gpu::Chip &chip,
                                        StringRef image) {
    SmallVector<llvm::Constant *> inputs, outputs, slots, launches;
    int64_t next = 0;
    for (const DeviceBuffer &input : table.inputs)
      inputs.push_back(c.record(
          {c.i64(input.name == "offsets" ? -1 : next++), size(input)}));
    for (const DeviceBuffer &output : table.outputs) {
      if (!output.element.isF32())
        return makeError("output '" + output.name +
                         "' is not of f32, which programs expect");
      outputs.push_back(size(output));
    }
    for (unsigned buffer : plan.largest)
      slots.push_back(size(table.buffers[buffer]));
    for (const Launch &launch : table.launches) {
      auto made = makeLaunch(launch);
      if (!made)
        return made.takeError();
      launches.push_back(*made);
    }
    SmallVector<llvm::Constant *> names;
    for (const auto &[name, index] : kernels)
      names.push_back(c.string(name));
    return c.array({c.record({c.i32(TM_DEVICE_VERSION),
                              c.i32(sizeof(tm_device_table)),
                              c.i32(chip.major),
                              c.i32(chip.minor),
                              c.i32(chip.isExact),
                              c.i32(table.fftFrom),
                              c.i64(chip.overlapsKernels()),
                              c.bytes(image),
                              c.i64(image.size()),
                              c.i64(names.size()),
                              c.array(names),
                              c.i64(inputs.size()),
                              c.array(inputs),
                              c.array(outputs),
                              c.i64(slots.size()),
                              c.array(slots),
                              c.i64(weights.size()),
                              c.array(weights),
                              c.i64(launches.size()),
                              c.array(launches),
                              c.i64(maps.size()),
                              c.array(maps)})});
  }

private:
  llvm::Constant *size(const DeviceBuffer &buffer) {
    int64_t row = bytesOf(buffer), fixed = 0, tokens = 0, sequences = 0;
    switch (buffer.rows) {
    case DeviceBuffer::Tokens:
      tokens = row;
      break;
    case DeviceBuffer::Sequences:
      sequences = row;
      break;
    case DeviceBuffer::Offsets:
      fixed = sequences = row;
      break;
    case DeviceBuffer::Fixed:
      fixed = row;
      break;
    }
    return c.record({c.i64(fixed), c.i64(tokens), c.i64(sequences)});
  }

  static std::optional<int32_t> number(Type type) {
    return type.isF32()         ? TM_NUMBER_F32
           : type.isF16()       ? TM_NUMBER_F16
           : type.isBF16()      ? TM_NUMBER_BF16
           : type.isInteger(8)  ? TM_NUMBER_I8
           : type.isInteger(32) ? std::optional<int32_t>(TM_NUMBER_I32)
                                : std::nullopt;
  }

  /// What would become infinite without a word.
  static llvm::Error checkRange(ml_program::GlobalOp global) {
    ArrayRef<char> data;
    Attribute value = global.getValueAttr();
    if (auto resource = dyn_cast_or_null<DenseResourceElementsAttr>(value)) {
      if (const AsmResourceBlob *blob = resource.getRawHandle().getBlob())
        data = blob->getData();
    } else if (auto dense = dyn_cast_or_null<DenseElementsAttr>(value)) {
      data = dense.getRawData();
    }
    for (size_t i = 0; i + 4 <= data.size(); i += 4) {
      float number;
      memcpy(&number, data.data() + i, 4);
      if (std::isfinite(number) && std::abs(number) >= 65520)
        return makeError("weight '" + global.getSymName() +
                         "' has values beyond 65504, where f16 ends; compile "
                         "with --dtype=bf16");
    }
    return llvm::Error::success();
  }

  /// The index of a weight in one type; each is on the device once.
  llvm::Expected<unsigned> weight(const LaunchArgument &argument) {
    auto [found, isNew] = weightIndices.insert(
        {{argument.weight, argument.element, argument.slices},
         unsigned(weights.size())});
    if (!isNew)
      return found->second;
    auto global = dyn_cast_or_null<ml_program::GlobalOp>(
        SymbolTable::lookupSymbolIn(module, argument.weight));
    auto offset = global
                      ? global->getAttrOfType<IntegerAttr>("transformer.offset")
                      : IntegerAttr();
    if (!offset)
      return makeError("internal error: a launch needs weight '" +
                       argument.weight + "', which is not in the file");
    auto type = cast<RankedTensorType>(global.getType());
    std::optional<int32_t> stored = number(type.getElementType()),
                           wanted = number(argument.element);
    bool isSame = type.getElementType() == argument.element;
    if (!stored || !wanted ||
        (!isSame && !(isa<FloatType>(type.getElementType()) &&
                      isa<FloatType>(argument.element))))
      return makeError("weight '" + argument.weight +
                       "' has a type that no GPU kernel reads");
    if (argument.element.isF16() && type.getElementType().isF32())
      if (llvm::Error error = checkRange(global))
        return std::move(error);
    weights.push_back(c.record(
        {c.nothing(), c.i64(offset.getInt()), c.i64(type.getNumElements()),
         c.i32(*stored), c.i32(*wanted), c.i32(argument.slices),
         c.i32(argument.slices ? type.getDimSize(1) : 0)}));
    return found->second;
  }

  /// The same of numbers that are no weights: they are part of the library.
  unsigned constant(const LaunchArgument &argument) {
    auto [found, isNew] = constantIndices.insert(
        {{argument.weight, argument.element, 0}, unsigned(weights.size())});
    if (isNew) {
      int32_t type = *number(argument.element);
      weights.push_back(c.record(
          {c.bytes(gpu::constantBytes(argument.weight, argument.element)),
           c.i64(0), c.i64(gpu::constantSize(argument.weight)), c.i32(type),
           c.i32(type), c.i32(0), c.i32(0)}));
    }
    return found->second;
  }

  /// Its index; one for all launches that see an array alike.
  unsigned addMap(const gpu::ArrayMap &map, llvm::Constant *array, int32_t kind,
                  int32_t index) {
    auto [found, isNew] =
        mapIndices.insert({{kind, index, map.columns, *number(map.element),
                            map.boxRows, int64_t(map.rows)},
                           unsigned(maps.size())});
    if (isNew)
      maps.push_back(
          c.record({array,
                    c.record({c.i64(map.numRows),
                              c.i64(map.rows == DeviceBuffer::Tokens),
                              c.i64(map.rows == DeviceBuffer::Sequences)}),
                    c.i64(map.columns), c.i32(*number(map.element)),
                    c.i32(map.boxRows)}));
    return found->second;
  }

  llvm::Expected<llvm::Constant *> makeLaunch(const Launch &launch) {
    SmallVector<llvm::Constant *> arguments;
    for (const LaunchArgument &argument : launch.arguments) {
      int32_t kind = 0, index = argument.index;
      switch (argument.kind) {
      case LaunchArgument::Input:
        kind = TM_ARGUMENT_INPUT;
        break;
      case LaunchArgument::Output:
        kind = TM_ARGUMENT_OUTPUT;
        break;
      case LaunchArgument::Buffer:
        kind = TM_ARGUMENT_SLOT;
        index = plan.slotOf[argument.index];
        break;
      case LaunchArgument::Weight: {
        llvm::Expected<unsigned> found = weight(argument);
        if (!found)
          return found.takeError();
        kind = TM_ARGUMENT_WEIGHT;
        index = *found;
        break;
      }
      case LaunchArgument::Constant:
        kind = TM_ARGUMENT_WEIGHT;
        index = constant(argument);
        break;
      case LaunchArgument::NumTokens:
        kind = TM_ARGUMENT_TOKENS;
        break;
      case LaunchArgument::NumSequences:
        kind = TM_ARGUMENT_SEQUENCES;
        break;
      case LaunchArgument::FftFrom:
        kind = TM_ARGUMENT_FFT_FROM;
        break;
      }
      llvm::Constant *made = c.record({c.i32(kind), c.i32(index)});
      if (argument.map)
        made = c.record({c.i32(TM_ARGUMENT_MAP),
                         c.i32(addMap(*argument.map, made, kind, index))});
      arguments.push_back(made);
    }
    if (arguments.size() > TM_MAX_ARGUMENTS)
      return makeError("internal error: kernel " + launch.kernel + " has " +
                       Twine(arguments.size()) + " arguments");
    const gpu::LaunchShape &shape = launch.shape;
    int64_t grid = shape.rows == gpu::GridRows::Tokens      ? TM_GRID_TOKENS
                   : shape.rows == gpu::GridRows::Sequences ? TM_GRID_SEQUENCES
                                                            : TM_GRID_BLOCKS;
    int64_t kernel = -1;
    if (launch.kernel != gpu::kFftCall)
      kernel = kernels.insert({launch.kernel, unsigned(kernels.size())})
                   .first->second;
    int64_t need = launch.need == Launch::Short  ? TM_NEED_SHORT
                   : launch.need == Launch::Long ? TM_NEED_LONG
                                                 : TM_NEED_ALWAYS;
    return c.record({c.i64(kernel), c.i64(need), c.i64(grid), c.i64(shape.per),
                     c.i64(shape.columns), c.i64(shape.threads),
                     c.i64(shape.sharedBytes), c.i64(shape.resident),
                     c.i64(launch.above), c.i64(launch.most),
                     c.i64(arguments.size()), c.array(arguments)});
  }

  ConstantBuilder c;
  ModuleOp module;
  const LaunchTable &table;
  DeviceSlots plan;
  llvm::MapVector<StringRef, unsigned> kernels;
  llvm::DenseMap<std::tuple<StringRef, Type, int64_t>, unsigned> weightIndices,
      constantIndices;
  std::map<std::array<int64_t, 6>, unsigned> mapIndices;
  SmallVector<llvm::Constant *> weights, maps;
};
} // namespace

llvm::Expected<llvm::Constant *>
mlir::transformer::makeDeviceTable(llvm::Module &llvmModule, ModuleOp module,
                                   const LaunchTable &table,
                                   const gpu::Chip &chip, StringRef image) {
  return TableMaker(llvmModule, module, table).make(chip, image);
}
