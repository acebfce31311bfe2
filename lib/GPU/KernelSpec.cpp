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
      .Case("i64", b.getI64Type())
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
                      .Case("select", RowSource::Select)
                      .Case("slice", RowSource::Slice)
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
      if (source.kind == RowSource::Prepend || source.kind == RowSource::Lags ||
          source.kind == RowSource::Select || source.kind == RowSource::Slice)
        readNumber(source.count);
      if (source.kind == RowSource::Slice)
        readNumber(source.start);
      if (!rest.empty())
        source.detail = rest[0];
      if (source.kind == RowSource::Pool && rest.size() > 1)
        source.mask = typeOfName(dictionary.getContext(), rest[1]);
      sources.push_back(source);
    }
  return sources;
}

std::optional<MaskForm> KernelSpec::mask() const {
  SmallVector<StringRef, 4> words;
  word("mask").split(words, ' ');
  MaskForm form;
  form.element = typeOfName(dictionary.getContext(), words[0]);
  ArrayRef<StringRef> rest = ArrayRef(words).drop_front();
  auto take = [&](StringRef name) {
    bool isNext = !rest.empty() && rest[0] == name;
    rest = rest.drop_front(isNext);
    return isNext;
  };
  form.isPerKey = take("keys");
  form.hasBatch = !form.isPerKey && take("batch");
  form.hasHeads = !form.isPerKey && take("heads");
  if (!form.isPerKey &&
      (rest.empty() || rest.consume_front().getAsInteger(10, form.length) ||
       form.length < 1))
    return std::nullopt;
  return form.element && rest.empty() ? std::optional(form) : std::nullopt;
}

int64_t RowSource::numPointers() const {
  switch (kind) {
  case Dense:
  case Slice:
    return 1;
  case Gather:
    return detail.empty() ? 2 : 3;
  case Lags:
    return 3;
  case Pool:
    return mask ? 3 : 2;
  case Unpool:
  case Prepend:
  case Select:
    return 2;
  }
  llvm_unreachable("all kinds are above");
}

LinearTile mlir::transformer::gpu::linearTile(const KernelSpec &spec) {
  return linearTile(spec.number("n"), spec.has("few"));
}

WgmmaTile mlir::transformer::gpu::wgmmaTile(const KernelSpec &spec) {
  int64_t size = spec.type("input").isInteger(8) ? 1 : 2;
  return wgmmaTile(spec.number("n"), spec.number("k") * size, spec.has("few"));
}

PairTile mlir::transformer::gpu::pairTile(const KernelSpec &spec) {
  bool isI8 = spec.type("input").isInteger(8);
  int64_t bits = spec.type("hidden").getIntOrFloatBitWidth();
  return pairTile(spec.number("n"), spec.number("rank"), isI8 ? 1 : 2,
                  isI8 ? bits / 8 : 0);
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
  } else if (llvm::is_contained({"patches", "widen", "mirror", "stack", "rope"},
                                family())) {
    shape.per = 1;
  } else if (family() == "linear") {
    LinearTile tile = linearTile(*this);
    shape.per = tile.m;
    shape.columns = llvm::divideCeil(number("n"), tile.n);
    shape.threads = tile.threads();
    shape.sharedBytes = tile.sharedBytes();
  } else if (family() == "linear_pair") {
    PairTile tile = pairTile(*this);
    shape.per = tile.m();
    shape.columns = number("groups");
    shape.threads = tile.down.threads();
    shape.sharedBytes = tile.sharedBytes();
  } else if (family() == "linear_wgmma") {
    WgmmaTile tile = wgmmaTile(*this);
    shape.per = tile.m();
    shape.columns = llvm::divideCeil(number("n"), tile.n);
    shape.threads = tile.threads();
    shape.sharedBytes = tile.sharedBytes();
    shape.resident = tile.resident();
  } else if (family() == "linear_simple") {
    shape.per = kSimpleTile;
    shape.columns = llvm::divideCeil(number("n"), kSimpleTile);
    shape.threads = kSimpleTile * kSimpleTile;
    shape.sharedBytes = 2 * 4 * kSimpleTile * (kSimpleTile + 1);
  } else if (family() == "attention" || family() == "attention_wgmma") {
    bool isWgmma = family() == "attention_wgmma";
    AttentionTile tile = (isWgmma ? attentionWgmmaTile : attentionTile)(
        number("qk_dim"), number("value_dim"));
    shape.rows = GridRows::Blocks;
    shape.per = tile.queries;
    shape.columns = number("heads");
    shape.threads = 32 * tile.warps();
    shape.sharedBytes = tile.sharedBytes();
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
  } else if (family() == "stack") {
    // input, offsets, output; tokens, sequences
    pointers = 3, numbers = 2;
  } else if (family() == "rope") {
    pointers = 4; // input, positions, turns, output
  } else if (family() == "mirror") {
    // transform, offsets, output; tokens, sequences, fft_from
    pointers = 3, numbers = 3;
  } else if (family() == "fold") {
    pointers = 3; // input, even and odd half
  } else if (family() == "mix" || family() == "mix_simple") {
    // real and imaginary part, offsets, output; sequences, fft_from
    pointers = 4, numbers = 1 + has("fft");
  } else if (family() == "linear_pair") {
    // input, first weight, second weight, output; scales of i8
    pointers = 4 + has("down_bias") + has("bias") + has("residual") +
               3 * type("input").isInteger(8) + has("multiplier") +
               isUnit("scale");
  } else if (StringRef(family()).starts_with("linear")) {
    pointers =
        3 + has("bias") + has("residual") + 2 * type("input").isInteger(8);
  } else {
    // query, key, value, offsets, key offsets, mask, output; tokens, sequences
    pointers = 5 + has("key_offsets") + has("mask"), numbers = 2;
  }
  SmallVector<Type> types(numMaps(), LLVM::LLVMPointerType::get(context));
  types.append(pointers - numMaps(),
               LLVM::LLVMPointerType::get(context, /*addrSpace=*/1));
  types.append(numbers, IntegerType::get(context, 32));
  return types;
}
