//===- KernelSpec.h - what a device kernel computes -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel is an llvm.func of a gpu.module. Before its body is emitted it is a
// declaration with the attribute `transformer.kernel`, a dictionary that says
// what it computes. This header reads such dictionaries, and derives from them
// how the kernel is launched and which arguments it takes.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_GPU_KERNELSPEC_H
#define TRANSFORMER_GPU_KERNELSPEC_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"

#include <optional>

namespace mlir::transformer::gpu {

inline constexpr llvm::StringLiteral kKernelAttribute = "transformer.kernel";

/// Of a map (CUtensorMap), in a kernel's parameters.
inline constexpr int64_t kMapBytes = 128, kMapAlignment = 64;

/// One term of the sum that a kernel of rows starts with.
struct RowSource {
  enum Kind {
    Dense,
    Gather,
    Pool,
    Unpool,  // the row of the token's sequence
    Lags,    // neighbours in the sequence, each with factors per channel
    Prepend, // a parameter in the first `count` rows of each `length + count`
    Select,  // columns by i32 indices, of rows of `count` numbers
    Slice    // columns from `start` on, of rows of `count` numbers
  } kind = Dense;
  Type element;
  /// Of Gather from an i8 table: a scale per row ("row"), or one ("one"). Of
  /// Pool: mean, cls or max.
  StringRef detail;
  /// Of Pool: of a number per token, which is 0 where the token is left out;
  /// null: all count.
  Type mask;
  int64_t length = 0, start = 0, count = 0; // count: of Lags, how many

  int64_t numPointers() const;
  /// Whether the kernel has to search for the sequences of its rows.
  bool needsSequences() const { return kind == Unpool || kind == Lags; }
};

/// What an attention kernel reads of a mask, "TYPE keys" or "TYPE [batch]
/// [heads] LENGTH": a number for each key, of all sequences back to back; or
/// LENGTH rows of LENGTH numbers, by query and key in the sequence, for each
/// sequence and head that it has some of its own for.
struct MaskForm {
  Type element; // integers: 0 hides the key; floats are added to the score
  bool isPerKey = false, hasBatch = false, hasHeads = false;
  int64_t length = 0;
  bool isAdded() const { return isa<FloatType>(element); }
};

/// How many blocks: a linear function of the batch.
enum class GridRows {
  Tokens,    // ceil(tokens / per)
  Sequences, // ceil(sequences / per)
  Blocks     // floor(tokens / per) + sequences: see sequenceOfBlock
};

struct LaunchShape {
  GridRows rows = GridRows::Tokens;
  int64_t per = 1;
  int64_t columns = 1; // gridDim.y
  int64_t threads = 128;
  int64_t sharedBytes = 0;
  /// If not 0, at most so many blocks per multiprocessor are launched, all in
  /// the first dimension; they share the work of the others.
  int64_t resident = 0;
};

/// A view of the dictionary. The getters are for what verify() has let pass.
class KernelSpec {
public:
  explicit KernelSpec(DictionaryAttr dictionary) : dictionary(dictionary) {}

  StringRef family() const { return word("family"); }
  StringRef word(StringRef name) const;
  int64_t number(StringRef name) const;
  float real(StringRef name) const;
  bool has(StringRef name) const { return bool(dictionary.get(name)); }
  /// Whether it is there as a word of its own, without a value.
  bool isUnit(StringRef name) const {
    return bool(dictionary.getAs<UnitAttr>(name));
  }
  /// The type that is named by the word `name`; null if there is none.
  Type type(StringRef name) const;
  SmallVector<RowSource> sources() const;
  /// Nothing if there is no mask, or none that is of a form above.
  std::optional<MaskForm> mask() const;
  DictionaryAttr attribute() const { return dictionary; }

  /// Whether the dictionary is one that this version knows how to emit; if not,
  /// one sentence goes to `emitError`.
  LogicalResult
  verify(llvm::function_ref<InFlightDiagnostic()> emitError) const;

  LaunchShape launch() const;
  /// How many of the first arguments are maps of arrays, which the driver
  /// makes; kernels copy boxes of arrays by them.
  unsigned numMaps() const { return family() == "linear_wgmma" ? 2 : 0; }
  /// Pointers to maps, pointers to global memory, then 32-bit integers.
  SmallVector<Type> argumentTypes() const;

private:
  DictionaryAttr dictionary;
};

/// The float or integer type of a name such as f16 or i8; null for others.
Type typeOfName(MLIRContext *context, StringRef name);

} // namespace mlir::transformer::gpu

#endif // TRANSFORMER_GPU_KERNELSPEC_H
