//===- LaunchTable.cpp - what the host does, in order ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/GPU/LaunchTable.h"
#include "transformer/GPU/Fourier.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::transformer::gpu;

static constexpr StringRef kRows[] = {"tokens", "sequences", "offsets",
                                      "fixed"};
static constexpr StringRef kGrids[] = {"tokens", "sequences", "blocks"};
static constexpr StringRef kNeeds[] = {"", "short", "long"};

int64_t mlir::transformer::gpu::gridBlocks(const LaunchShape &shape,
                                           int64_t tokens, int64_t sequences) {
  if (shape.rows == GridRows::Blocks)
    return tokens / shape.per + sequences;
  return llvm::divideCeil(shape.rows == GridRows::Tokens ? tokens : sequences,
                          shape.per);
}

std::pair<int64_t, int64_t>
mlir::transformer::gpu::gridOf(const LaunchShape &shape, int64_t tokens,
                               int64_t sequences, int64_t multiprocessors) {
  int64_t blocks = gridBlocks(shape, tokens, sequences);
  if (!shape.resident)
    return {blocks, shape.columns};
  return {std::min(blocks * shape.columns, shape.resident * multiprocessors),
          1};
}

static std::string nameOfType(Type type) {
  std::string name;
  llvm::raw_string_ostream(name) << type;
  return name;
}

static std::string textOf(const DeviceBuffer &buffer) {
  return (kRows[buffer.rows] + " " + Twine(buffer.width) + " " +
          nameOfType(buffer.element) +
          (buffer.name.empty() ? "" : " " + buffer.name))
      .str();
}

static std::string textOf(const LaunchArgument &argument) {
  if (argument.map) {
    const ArrayMap &map = *argument.map;
    LaunchArgument array = argument;
    array.map.reset();
    return ("map " +
            (map.rows == DeviceBuffer::Fixed ? Twine(map.numRows)
                                             : Twine(kRows[map.rows])) +
            " " + Twine(map.columns) + " " + nameOfType(map.element) + " " +
            Twine(map.boxRows) + " " + textOf(array))
        .str();
  }
  switch (argument.kind) {
  case LaunchArgument::Input:
    return "input " + std::to_string(argument.index);
  case LaunchArgument::Output:
    return "output " + std::to_string(argument.index);
  case LaunchArgument::Buffer:
    return "buffer " + std::to_string(argument.index);
  case LaunchArgument::Weight:
    return (argument.slices ? "stacked " + std::to_string(argument.slices) + " "
                            : "weight ") +
           nameOfType(argument.element) + " " + argument.weight;
  case LaunchArgument::Constant:
    return "constant " + nameOfType(argument.element) + " " + argument.weight;
  case LaunchArgument::NumTokens:
    return "tokens";
  case LaunchArgument::NumSequences:
    return "sequences";
  case LaunchArgument::FftFrom:
    return "fft_from";
  }
  llvm_unreachable("all kinds are above");
}

DictionaryAttr LaunchTable::toAttribute(MLIRContext *context) const {
  Builder b(context);
  auto texts = [&](const auto &items) {
    SmallVector<Attribute> list;
    for (const auto &item : items)
      list.push_back(b.getStringAttr(textOf(item)));
    return b.getArrayAttr(list);
  };
  SmallVector<Attribute> list;
  for (const Launch &launch : launches) {
    const LaunchShape &shape = launch.shape;
    auto named = [&](StringRef name, Attribute value) {
      return b.getNamedAttr(name, value);
    };
    SmallVector<NamedAttribute> fields(
        {named("kernel", b.getStringAttr(launch.kernel)),
         named("grid", b.getStringAttr(kGrids[int(shape.rows)])),
         named("per", b.getI64IntegerAttr(shape.per)),
         named("columns", b.getI64IntegerAttr(shape.columns)),
         named("threads", b.getI64IntegerAttr(shape.threads)),
         named("shared", b.getI64IntegerAttr(shape.sharedBytes)),
         named("arguments", texts(launch.arguments))});
    if (launch.need != Launch::Always)
      fields.push_back(named("need", b.getStringAttr(kNeeds[launch.need])));
    if (shape.resident)
      fields.push_back(named("resident", b.getI64IntegerAttr(shape.resident)));
    if (launch.above)
      fields.push_back(named("above", b.getI64IntegerAttr(launch.above)));
    if (launch.most != INT64_MAX)
      fields.push_back(named("most", b.getI64IntegerAttr(launch.most)));
    list.push_back(b.getDictionaryAttr(fields));
  }
  SmallVector<NamedAttribute> all(
      {b.getNamedAttr("inputs", texts(inputs)),
       b.getNamedAttr("outputs", texts(outputs)),
       b.getNamedAttr("buffers", texts(buffers)),
       b.getNamedAttr("list", b.getArrayAttr(list))});
  if (fftFrom)
    all.push_back(b.getNamedAttr("fft_from", b.getI64IntegerAttr(fftFrom)));
  return b.getDictionaryAttr(all);
}

template <typename T>
static std::optional<T> indexIn(ArrayRef<StringRef> names, StringRef name) {
  const auto *found = llvm::find(names, name);
  if (found == names.end())
    return std::nullopt;
  return T(found - names.begin());
}

static std::optional<DeviceBuffer> parseBuffer(MLIRContext *context,
                                               StringRef text) {
  SmallVector<StringRef, 4> words;
  text.split(words, ' ', /*MaxSplit=*/3);
  DeviceBuffer buffer;
  if (words.size() < 3 || words[1].getAsInteger(10, buffer.width))
    return std::nullopt;
  auto rows = indexIn<DeviceBuffer::Rows>(kRows, words[0]);
  buffer.element = typeOfName(context, words[2]);
  if (!rows || !buffer.element)
    return std::nullopt;
  buffer.rows = *rows;
  if (words.size() > 3)
    buffer.name = words[3].str();
  return buffer;
}

static std::optional<LaunchArgument> parseArgument(MLIRContext *context,
                                                   StringRef text);

static std::optional<LaunchArgument> parseMap(MLIRContext *context,
                                              StringRef text) {
  SmallVector<StringRef, 5> words;
  text.split(words, ' ', /*MaxSplit=*/4);
  if (words.size() != 5)
    return std::nullopt;
  std::optional<LaunchArgument> argument = parseArgument(context, words[4]);
  ArrayMap map;
  map.element = typeOfName(context, words[2]);
  if (auto rows =
          indexIn<DeviceBuffer::Rows>({"tokens", "sequences"}, words[0]))
    map.rows = *rows;
  else if (words[0].getAsInteger(10, map.numRows))
    return std::nullopt;
  if (!argument || argument->map ||
      argument->kind >= LaunchArgument::NumTokens || !map.element ||
      words[1].getAsInteger(10, map.columns) ||
      words[3].getAsInteger(10, map.boxRows))
    return std::nullopt;
  argument->map = map;
  return argument;
}

static std::optional<LaunchArgument> parseArgument(MLIRContext *context,
                                                   StringRef text) {
  auto [kind, rest] = text.split(' ');
  if (kind == "map")
    return parseMap(context, rest);
  LaunchArgument argument{LaunchArgument::NumTokens};
  if (text == "tokens")
    return argument;
  argument.kind = LaunchArgument::NumSequences;
  if (text == "sequences")
    return argument;
  argument.kind = LaunchArgument::FftFrom;
  if (text == "fft_from")
    return argument;
  if (kind == "weight" || kind == "constant" || kind == "stacked") {
    bool isWeight = kind != "constant";
    if (kind == "stacked") {
      auto [slices, more] = rest.split(' ');
      if (slices.getAsInteger(10, argument.slices) || argument.slices < 1)
        return std::nullopt;
      rest = more;
    }
    auto [type, name] = rest.split(' ');
    argument.kind =
        isWeight ? LaunchArgument::Weight : LaunchArgument::Constant;
    argument.element = typeOfName(context, type);
    argument.weight = name.str();
    return argument.element && (isWeight || constantSize(name))
               ? std::optional(argument)
               : std::nullopt;
  }
  auto found =
      indexIn<LaunchArgument::Kind>({"input", "output", "buffer"}, kind);
  if (!found || rest.getAsInteger(10, argument.index))
    return std::nullopt;
  argument.kind = *found;
  return argument;
}

template <typename T, typename Parse>
static bool parseAll(Attribute attribute, std::vector<T> &items, Parse parse) {
  auto list = dyn_cast_if_present<ArrayAttr>(attribute);
  if (!list)
    return false;
  for (Attribute element : list) {
    auto text = dyn_cast<StringAttr>(element);
    auto item = text ? parse(text.getContext(), text.getValue()) : std::nullopt;
    if (!item)
      return false;
    items.push_back(std::move(*item));
  }
  return true;
}

static bool parseLaunch(Attribute attribute, Launch &launch) {
  auto dictionary = dyn_cast<DictionaryAttr>(attribute);
  if (!dictionary)
    return false;
  KernelSpec words(dictionary);
  launch.kernel = words.word("kernel").str();
  auto rows = indexIn<GridRows>(kGrids, words.word("grid"));
  LaunchShape &shape = launch.shape;
  shape.rows = rows.value_or(GridRows::Tokens);
  shape.per = words.number("per");
  shape.columns = words.number("columns");
  shape.threads = words.number("threads");
  shape.sharedBytes = words.number("shared");
  shape.resident = words.number("resident");
  launch.above = words.number("above");
  if (words.has("most"))
    launch.most = words.number("most");
  auto need = indexIn<Launch::Need>(kNeeds, words.word("need"));
  launch.need = need.value_or(Launch::Always);
  return rows && need && !launch.kernel.empty() && shape.per > 0 &&
         parseAll(dictionary.get("arguments"), launch.arguments, parseArgument);
}

FailureOr<LaunchTable>
LaunchTable::of(Operation *module,
                llvm::function_ref<InFlightDiagnostic()> emitError) {
  LaunchTable table;
  auto dictionary = module->getAttrOfType<DictionaryAttr>(kLaunchesAttribute);
  bool isGood =
      dictionary &&
      parseAll(dictionary.get("inputs"), table.inputs, parseBuffer) &&
      parseAll(dictionary.get("outputs"), table.outputs, parseBuffer) &&
      parseAll(dictionary.get("buffers"), table.buffers, parseBuffer);
  if (isGood)
    table.fftFrom = KernelSpec(dictionary).number("fft_from");
  auto list = isGood ? dictionary.getAs<ArrayAttr>("list") : ArrayAttr();
  isGood = bool(list);
  if (list)
    for (Attribute attribute : list)
      isGood &= parseLaunch(attribute, table.launches.emplace_back());
  if (!isGood)
    return emitError() << "has no '" << kLaunchesAttribute
                       << "' as transformer-form-launches makes it";
  return table;
}
