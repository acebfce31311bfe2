//===- VerifyKernel.cpp - which kernels there can be ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Tiles.h"
#include "transformer/GPU/KernelSpec.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::transformer::gpu;

using EmitError = llvm::function_ref<InFlightDiagnostic()>;

static bool isOneOf(StringRef word, ArrayRef<StringRef> words) {
  return llvm::is_contained(words, word);
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
                  isOneOf(source.detail, {"mean", "cls", "max"}) &&
                  (!source.mask || source.mask.isInteger())
            : isFloat(source.element) && source.detail.empty() &&
                  (source.kind != RowSource::Lags || source.count % 2 == 1) &&
                  (source.kind != RowSource::Select || source.count > 0) &&
                  (source.kind != RowSource::Slice ||
                   (source.start >= 0 &&
                    source.start + spec.number("width") <= source.count)) &&
                  (source.kind != RowSource::Prepend ||
                   (source.length > 0 && source.count > 0));
    if (!isKnown)
      return emitError()
             << "each of the sources of a kernel of rows is 'TYPE',"
                " 'gather TYPE', 'gather i8 row', 'gather i8 one' "
                "'pool TYPE mean|cls|max' (and 'i8', 'i32' or 'i64', if some "
                "tokens are left out), 'unpool TYPE', 'lags TYPE COUNT' "
                "(odd), 'prepend TYPE LENGTH COUNT', 'select TYPE COUNT' or "
                "'slice TYPE COUNT START', TYPE f32, f16 or bf16";
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

/// What a pair has besides.
static LogicalResult verifyPair(const KernelSpec &spec, EmitError emitError) {
  Type input = spec.type("input"), hidden = spec.type("hidden");
  bool isI8 = input.isInteger(8);
  int64_t rank = spec.number("rank"), groups = spec.number("groups");
  if (!isFloat(hidden) || (!isI8 && hidden != input))
    return emitError() << "between the products of a pair is the type of the "
                          "factors, or, to be rounded to i8, f32, f16 or bf16";
  if (!isI8 && (spec.has("multiplier") || spec.has("scale")))
    return emitError() << "between the products of a pair only i8 has a "
                          "multiplier or a scale";
  if (spec.has("scale") && !spec.isUnit("scale") && !(spec.real("scale") > 0))
    return emitError() << "the scale between the products of a pair is a "
                          "number above 0, or an argument";
  if (rank < 1 || rank * (isI8 ? 1 : 2) % 16)
    return emitError() << "a pair of products on tensor cores needs a rank of "
                          "whole 16 bytes";
  if (groups < 1 || groups > pairTile(spec).tiles(spec.number("n")))
    return emitError() << "a pair of products needs 1 to "
                       << pairTile(spec).tiles(spec.number("n"))
                       << " groups of columns";
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
  bool isPair = spec.family() == "linear_pair";
  int64_t size = isI8 ? 1 : 2;
  if (input != weight || input.isF32() || spec.number("k") == 0 ||
      spec.number("k") * size % 16 || spec.number("n") % 2)
    return emitError() << "tensor cores take f16, bf16 or i8 factors of one "
                          "type, rows of whole 16 bytes, and an even number of "
                          "results"
                       << (isPair ? "" : "; use linear_simple");
  return isPair ? verifyPair(spec, emitError) : success();
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
  if (spec.has("mask") && !spec.mask())
    return emitError() << "the mask of an attention kernel is 'TYPE keys' or "
                          "'TYPE [batch] [heads] LENGTH', TYPE f32, f16, bf16, "
                          "i8, i32 or i64";
  if (spec.family() == "attention_simple")
    return success();
  if (spec.has("single"))
    return emitError() << "attention on tensor cores has many queries per "
                          "sequence; use attention_simple";
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

static LogicalResult verifyStack(const KernelSpec &spec, EmitError emitError) {
  if (spec.number("width") < 1 || spec.number("count") < 1 ||
      spec.number("count") % 2 == 0 || !isFloat(spec.type("input")) ||
      !isFloat(spec.type("output")))
    return emitError() << "a stack kernel needs a width, an odd count, and "
                          "input and output of f32, f16 or bf16";
  return success();
}

static LogicalResult verifyRope(const KernelSpec &spec, EmitError emitError) {
  int64_t heads = spec.number("heads"), dim = spec.number("dim"),
          turning = spec.number("turning");
  if (heads < 1 || dim < 1 || turning < 2 || turning > dim || turning % 2 ||
      !isFloat(spec.type("input")) || !isFloat(spec.type("output")))
    return emitError() << "a rope kernel needs heads, dim, an even number "
                          "turning of it, and input and output of f32, f16 or "
                          "bf16";
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
  if (family() == "stack")
    return verifyStack(*this, emitError);
  if (family() == "rope")
    return verifyRope(*this, emitError);
  if (isOneOf(family(),
              {"linear", "linear_pair", "linear_wgmma", "linear_simple"}))
    return verifyLinear(*this, emitError);
  if (isOneOf(family(), {"attention", "attention_wgmma", "attention_simple"}))
    return verifyAttention(*this, emitError);
  return emitError()
         << "there is no kernel family '" << family()
         << "'; there are rows, positions, patches, fold, mix, "
            "mix_simple, widen, mirror, stack, rope, linear, linear_pair, "
            "linear_wgmma, linear_simple, attention, attention_wgmma and "
            "attention_simple";
}
