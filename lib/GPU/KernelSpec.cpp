//===- KernelSpec.cpp - what a device kernel computes ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/GPU/KernelSpec.h"
#include "Tiles.h"
#include "transformer/GPU/Fourier.h"

#include "mlir/Dialect/LLVMIR/LLVMTypes.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::transformer::gpu;

Type mlir::transformer::gpu::typeOfName(MLIRContext *context, StringRef name) {
  Builder b(context);
  return llvm::StringSwitch<Type>(name)
      .Case("f32", b.getF32Type())
      .Case("f16", b.getF16Type())
      .Case("bf16", b.getBF16Type())
      .Case("i8", b.getI8Type())
      .Case("i32", b.getI32Type())
      .Default(Type());
}

StringRef KernelSpec::word(StringRef name) const {
  auto attribute = dictionary.getAs<StringAttr>(name);
  return attribute ? attribute.getValue() : "";
}
int64_t KernelSpec::number(StringRef name) const {
  auto attribute = dictionary.getAs<IntegerAttr>(name);
  return attribute ? attribute.getInt() : 0;
}
float KernelSpec::real(StringRef name) const {
  auto attribute = dictionary.getAs<FloatAttr>(name);
  return attribute ? attribute.getValue().convertToDouble() : 0;
}
Type KernelSpec::type(StringRef name) const {
  return typeOfName(dictionary.getContext(), word(name));
}

SmallVector<RowSource> KernelSpec::sources() const {
  SmallVector<RowSource> sources;
  if (auto list = dictionary.getAs<ArrayAttr>("sources"))
    for (Attribute attribute : list) {
      auto text = dyn_cast<StringAttr>(attribute);
      SmallVector<StringRef, 4> words;
      (text ? text.getValue() : StringRef()).split(words, ' ');
      RowSource source;
      auto kind = llvm::StringSwitch<std::optional<RowSource::Kind>>(words[0])
                      .Case("gather", RowSource::Gather)
                      .Case("pool", RowSource::Pool)
                      .Case("unpool", RowSource::Unpool)
                      .Case("lags", RowSource::Lags)
                      .Case("prepend", RowSource::Prepend)
                      .Default(std::nullopt);
      source.kind = kind.value_or(RowSource::Dense);
      size_t at = kind ? 1 : 0;
      if (at < words.size())
        source.element = typeOfName(dictionary.getContext(), words[at]);
      ArrayRef<StringRef> rest =
          ArrayRef(words).drop_front(std::min(words.size(), at + 1));
      auto readNumber = [&](int64_t &number) {
        if (rest.empty() || rest.consume_front().getAsInteger(10, number))
          number = 0;
      };
      if (source.kind == RowSource::Prepend)
        readNumber(source.length);
      if (source.kind == RowSource::Prepend || source.kind == RowSource::Lags)
        readNumber(source.count);
      if (!rest.empty())
        source.detail = rest[0];
      sources.push_back(source);
    }
  return sources;
}

using EmitError = llvm::function_ref<InFlightDiagnostic()>;

static bool isOneOf(StringRef word, ArrayRef<StringRef> words) {
  return llvm::is_contained(words, word);
}
int64_t RowSource::numPointers() const {
  switch (kind) {
  case Dense:
    return 1;
  case Gather:
    return detail.empty() ? 2 : 3;
  case Lags:
    return 3;
  case Pool:
  case Unpool:
  case Prepend:
    return 2;
  }
  llvm_unreachable("all kinds are above");
}
static bool isFloat(Type type) { return type && isa<FloatType>(type); }

static LogicalResult verifyRows(const KernelSpec &spec, EmitError emitError) {
  int64_t width = spec.number("width");
  if (width < 1 || width > kMostColumns)
    return emitError() << "a kernel of rows needs a width from 1 to "
                       << kMostColumns;
  SmallVector<RowSource> sources = spec.sources();
  if (sources.empty())
    return emitError() << "a kernel of rows needs sources";
  for (const RowSource &source : sources) {
    bool isI8 = source.element && source.element.isInteger(8);
    bool isKnown =
        source.kind == RowSource::Gather
            ? (isI8 ? isOneOf(source.detail, {"row", "one"})
                    : isFloat(source.element) && source.detail.empty())
        : source.kind == RowSource::Pool
            ? isFloat(source.element) &&
                  isOneOf(source.detail, {"mean", "cls", "max"})
            : isFloat(source.element) && source.detail.empty() &&
                  (source.kind != RowSource::Lags || source.count % 2 == 1) &&
                  (source.kind != RowSource::Prepend ||
                   (source.length > 0 && source.count > 0));
    if (!isKnown)
      return emitError()
             << "each of the sources of a kernel of rows is 'TYPE',"
                " 'gather TYPE', 'gather i8 row', 'gather i8 one' "
                "'pool TYPE mean|cls|max', 'unpool TYPE', 'lags TYPE COUNT' "
                "(odd) or 'prepend TYPE LENGTH COUNT', TYPE f32, f16 or bf16";
  }
  if (!isOneOf(spec.word("norm"), {"", "layer", "rms", "l2"}))
    return emitError() << "the norm of a kernel of rows is layer, rms or l2";
  if (spec.has("scale") && !spec.isUnit("scale") && !(spec.real("scale") > 0))
    return emitError() << "the scale of a kernel of rows is a number above 0, "
                          "or an argument";
  if (spec.has("output") ? !isFloat(spec.type("output"))
                         : !spec.has("quantize"))
    return emitError() << "a kernel of rows needs an output of f32, f16 or "
                          "bf16, or quantize";
  return success();
}

static LogicalResult verifyLinear(const KernelSpec &spec, EmitError emitError) {
  if (spec.number("n") < 1 || spec.number("k") < 0)
    return emitError() << "a linear kernel needs n > 0 and k >= 0";
  Type input = spec.type("input"), weight = spec.type("weight");
  bool isI8 = input && input.isInteger(8);
  if (!input || !weight ||
      (isI8 ? weight != input : !isFloat(input) || !isFloat(weight)))
    return emitError() << "a linear kernel needs an input and a weight of f32, "
                          "f16 or bf16, or both of i8";
  if (!isFloat(spec.type("output")) ||
      (spec.has("residual") && !isFloat(spec.type("residual"))))
    return emitError()
           << "output and residual of a linear kernel are f32, f16 or bf16";
  if (spec.family() == "linear_simple")
    return success();
  int64_t size = isI8 ? 1 : 2;
  if (input != weight || input.isF32() || spec.number("k") == 0 ||
      spec.number("k") * size % 16 || spec.number("n") % 2)
    return emitError() << "tensor cores take f16, bf16 or i8 factors of one "
                          "type, rows of whole 16 bytes, and an even number of "
                          "results; use linear_simple";
  return success();
}

static LogicalResult verifyAttention(const KernelSpec &spec,
                                     EmitError emitError) {
  int64_t heads = spec.number("heads"), kvHeads = spec.number("kv_heads");
  int64_t qk = spec.number("qk_dim"), value = spec.number("value_dim");
  if (heads < 1 || kvHeads < 1 || heads % kvHeads || qk < 1 || value < 1 ||
      qk > 1024 || value > 1024)
    return emitError() << "an attention kernel needs heads, kv_heads that "
                          "divide them, qk_dim and value_dim (1 to 1024)";
  if (!isFloat(spec.type("input")) || !isFloat(spec.type("output")))
    return emitError()
           << "input and output of an attention kernel are f32, f16 or bf16";
  if (spec.has("mask") && spec.number("mask") < 1)
    return emitError() << "the mask of an attention kernel is its length";
  if (spec.family() == "attention_simple")
    return success();
  if (spec.has("mask") || spec.has("single"))
    return emitError() << "attention on tensor cores has neither a mask nor a "
                          "query per sequence; use attention_simple";
  if (spec.type("input").isF32() || qk % 16 || value % 16 || qk > 128 ||
      value > 128)
    return emitError() << "attention on tensor cores takes f16 or bf16 and "
                          "head dims of 16, 32, ... 128; use attention_simple";
  return success();
}

static LogicalResult verifyFourier(const KernelSpec &spec,
                                   EmitError emitError) {
  int64_t width = spec.number("width");
  if (width < 1 || width > kMostFourierColumns || !isFloat(spec.type("input")))
    return emitError() << "a kernel of Fourier transforms needs a width from 1 "
                          "to "
                       << kMostFourierColumns
                       << " and an input of f32, f16 or bf16";
  if (spec.family() == "mirror")
    return success();
  if (spec.family() == "fold" || spec.family() == "widen")
    return isFloat(spec.type("output"))
               ? success()
               : emitError() << "the output of a " << spec.family()
                             << " kernel is f32, f16 or bf16";
  if (spec.number("table") < 1 || spec.number("table") > kMostMixTable)
    return emitError() << "the table of a mix kernel has 1 to " << kMostMixTable
                       << " entries";
  if (spec.family() == "mix" && spec.type("input").isF32())
    return emitError() << "they take f16 and bf16, and these are f32";
  return success();
}

static LogicalResult verifyPatches(const KernelSpec &spec,
                                   EmitError emitError) {
  int64_t size = spec.number("size"), height = spec.number("height"),
          width = spec.number("width");
  if (size < 1 || spec.number("channels") < 1 || height < size ||
      width < size || height % size || width % size ||
      spec.number("before") < 0)
    return emitError() << "a kernel of patches needs channels, and a size that "
                          "divides height and width";
  if (!isFloat(spec.type("input")) || !isFloat(spec.type("output")))
    return emitError()
           << "input and output of a kernel of patches are f32, f16 or bf16";
  return success();
}

LogicalResult KernelSpec::verify(EmitError emitError) const {
  static constexpr StringRef activations[] = {
      "", "none", "gelu", "gelu_tanh", "relu", "silu", "tanh"};
  if (!isOneOf(word("activation"), activations))
    return emitError() << "there is no activation '" << word("activation")
                       << "'";
  if (family() == "rows")
    return verifyRows(*this, emitError);
  if (family() == "positions")
    return success();
  if (isOneOf(family(), {"fold", "mix", "mix_simple", "widen", "mirror"}))
    return verifyFourier(*this, emitError);
  if (family() == "patches")
    return verifyPatches(*this, emitError);
  if (isOneOf(family(), {"linear", "linear_simple"}))
    return verifyLinear(*this, emitError);
  if (isOneOf(family(), {"attention", "attention_simple"}))
    return verifyAttention(*this, emitError);
  return emitError() << "there is no kernel family '" << family()
                     << "'; there are rows, positions, patches, fold, mix, "
                        "mix_simple, widen, mirror, linear, linear_simple, "
                        "attention and attention_simple";
}

LaunchShape KernelSpec::launch() const {
  LaunchShape shape;
  if (word("grid") == "sequences")
    shape.rows = GridRows::Sequences;
  if (family() == "rows") {
    RowsTile tile = rowsTile(number("width"));
    shape.per = tile.rowsPerBlock();
    shape.threads = tile.threads();
    // One number per warp for each of at most three sums over a row.
    shape.sharedBytes = tile.warps == 1 ? 0 : 3 * 4 * tile.warps;
  } else if (family() == "positions") {
    shape.per = shape.threads;
  } else if (family() == "fold") {
    shape.per = kFoldRows;
    shape.threads = 32 * kFoldRows;
  } else if (family() == "mix" || family() == "mix_simple") {
    FourierShape fourier(number("width"));
    bool isTile = family() == "mix";
    shape.rows = GridRows::Blocks;
    shape.per = 2 * (isTile ? kMixRows : kMixSimpleRows);
    shape.columns =
        isTile ? llvm::divideCeil(fourier.half, kMixColumns) + fourier.hasLast()
               : llvm::divideCeil(fourier.width / 2 + 1, shape.threads);
    shape.sharedBytes =
        isTile ? kMixTileBytes + 4 * number("table") : 8 * number("table");
  } else if (isOneOf(family(), {"patches", "widen", "mirror"})) {
    shape.per = 1;
  } else if (family() == "linear") {
    LinearTile tile =
        linearTile(number("n"), number("k"), type("input").isInteger(8));
    shape.per = tile.m;
    shape.columns = llvm::divideCeil(number("n"), tile.n);
    shape.threads = tile.threads();
    shape.sharedBytes = tile.sharedBytes();
  } else if (family() == "linear_simple") {
    shape.per = kSimpleTile;
    shape.columns = llvm::divideCeil(number("n"), kSimpleTile);
    shape.threads = kSimpleTile * kSimpleTile;
    shape.sharedBytes = 2 * 4 * kSimpleTile * (kSimpleTile + 1);
  } else if (family() == "attention") {
    AttentionTile tile = attentionTile(number("qk_dim"), number("value_dim"));
    shape.rows = GridRows::Blocks;
    shape.per = tile.queries;
    shape.columns = number("heads");
    shape.threads = 32 * tile.warps();
    int64_t qk = number("qk_dim"), value = number("value_dim");
    shape.sharedBytes = 2 * (tile.queries * qk + 2 * tile.keys * (qk + value));
  } else {
    shape.per = kSimpleAttentionWarps;
    shape.columns = number("heads");
    shape.threads = 32 * kSimpleAttentionWarps;
  }
  return shape;
}

SmallVector<Type> KernelSpec::argumentTypes() const {
  MLIRContext *context = dictionary.getContext();
  int64_t pointers = 0, numbers = 1;
  if (family() == "rows") {
    for (const RowSource &source : sources()) {
      pointers += source.numPointers();
      if (source.needsSequences())
        numbers = 2; // rows, sequences
    }
    StringRef norm = word("norm");
    pointers += (norm == "layer" || norm == "rms") + has("bias") +
                has("multiplier") + isUnit("scale") + has("output") +
                2 * has("quantize");
  } else if (family() == "positions") {
    // offsets, ids, output; tokens, sequences
    pointers = 2 + has("padding"), numbers = 2;
  } else if (family() == "patches" || family() == "widen") {
    pointers = 2; // input, output
  } else if (family() == "mirror") {
    // transform, offsets, output; tokens, sequences, fft_from
    pointers = 3, numbers = 3;
  } else if (family() == "fold") {
    pointers = 3; // input, even and odd half
  } else if (family() == "mix" || family() == "mix_simple") {
    // real and imaginary part, offsets, output; sequences, fft_from
    pointers = 4, numbers = 1 + has("fft");
  } else if (StringRef(family()).starts_with("linear")) {
    pointers =
        3 + has("bias") + has("residual") + 2 * type("input").isInteger(8);
  } else {
    // query, key, value, offsets, key offsets, mask, output; tokens, sequences
    pointers = 5 + has("key_offsets") + has("mask"), numbers = 2;
  }
  SmallVector<Type> types(pointers,
                          LLVM::LLVMPointerType::get(context, /*addrSpace=*/1));
  types.append(numbers, IntegerType::get(context, 32));
  return types;
}
