//===- EmitFft.cpp - transformer_kernel.fft_mix to vectors ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// y = Re(FFT_rows(FFT_columns(x))) of one sequence [n, H], in two sweeps.
//
// 1. Along the sequence, with lanes = columns. The input is real, so two groups
//    of columns share one complex transform, and of a column's spectrum, which
//    is conjugate-symmetric, half is enough: rows s with s < n - s. Row 0 and,
//    for even n, row n / 2 are real; they go as real and imaginary part of one.
//    Blocks of rows are transposed as the second sweep reads them.
// 2. Along the hidden dimension, with lanes = rows s. The transform of row
//    n - s is the mirrored conjugate of that of row s, so one gives both.
//
// Source: the symmetries of the discrete Fourier transform of real data, as in
// Sorensen et al., "Real-valued fast Fourier transform algorithms", 1987.
//===----------------------------------------------------------------------===//
#include "FftStages.h"
#include "transformer/CodeGen/Passes.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMEREMITFFT
#include "transformer/CodeGen/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// Groups of columns that the first stage does at once, so that it reads whole
/// runs of cache lines of a row.
constexpr int64_t kGroups = 4;
/// Rows of powers of two would all meet in the same sets of the caches.
constexpr int64_t kPadding = 4;

int64_t roundUp(int64_t value, int64_t to) {
  return (value + to - 1) / to * to;
}

/// The function for one hidden width, and one length if that is known.
class FftMixEmitter {
public:
  FftMixEmitter(FftLanes &e, ModuleOp module, int64_t hidden, int64_t length)
      : e(e), module(module), stages(e, module), lanes(e.target.lanes),
        hidden(hidden), length(length) {}

  MemRefType rowsType() {
    return MemRefType::get({ShapedType::kDynamic, hidden}, e.getF32Type(),
                           StridedLayoutAttr::get(e.getContext(),
                                                  ShapedType::kDynamic,
                                                  {ShapedType::kDynamic, 1}));
  }
  /// Blocks of `lanes` rows of half the spectrum, transposed.
  MemRefType spectrumType() {
    return MemRefType::get(
        {ShapedType::kDynamic, roundUp(hidden, 2 * lanes) + kPadding, 2, lanes},
        e.getF32Type());
  }

  /// `func @transformer_fft_mix_...(x, y, front, back, spare, table, spectrum)`
  func::FuncOp getOrEmit() {
    std::string name =
        llvm::formatv("transformer_fft_mix_{0}_of_{1}", lanes, hidden);
    if (length >= 0)
      name += "_by_" + std::to_string(length);
    if (auto found = module.lookupSymbol<func::FuncOp>(name))
      return found;
    Type buffer = e.bufferType();
    func::FuncOp func = stages.declare(name,
                                       {rowsType(), rowsType(), buffer, buffer,
                                        buffer, e.tableType(), spectrumType()},
                                       {});
    OpBuilder::InsertionGuard guard(e);
    Block *entry = &func.getBody().front();
    e.setInsertionPointToStart(entry);
    func::ReturnOp::create(e);
    e.setInsertionPointToStart(entry);
    x = entry->getArgument(0), y = entry->getArgument(1);
    front = entry->getArgument(2), back = entry->getArgument(3);
    spare = entry->getArgument(4), rowTable = entry->getArgument(5);
    spectrum = entry->getArgument(6);
    n = length >= 0 ? e.index(length)
                    : memref::DimOp::create(e, x, 0).getResult();
    Value any =
        arith::CmpIOp::create(e, arith::CmpIPredicate::ne, n, e.index(0));
    auto guarded = scf::IfOp::create(e, any, /*withElseRegion=*/false);
    e.setInsertionPointToStart(guarded.thenBlock());
    setLength(n);
    if (length >= 0)
      rowTable = stages.constantTable(length);
    else
      func::CallOp::create(e, stages.getOrEmitTwiddles(),
                           ValueRange{rowTable, n});
    alongSequence();
    alongHidden();
    return func;
  }

private:
  void setLength(Value rows) {
    n = rows;
    half = e.div(n, 2), pairs = e.div(e.add(n, 1), 2);
    isEven = compare(arith::CmpIPredicate::eq, e.mul(half, 2), n);
  }
  Value compare(arith::CmpIPredicate how, Value a, Value b) {
    return arith::CmpIOp::create(e, how, a, b);
  }
  Value select(Value flag, Value a, Value b) {
    return arith::SelectOp::create(e, flag, a, b);
  }
  void guarded(Value flag, function_ref<void()> body,
               function_ref<void()> otherwise = {}) {
    auto op = scf::IfOp::create(e, flag, /*withElseRegion=*/!!otherwise);
    OpBuilder::InsertionGuard guard(e);
    e.setInsertionPointToStart(op.thenBlock());
    body();
    if (otherwise) {
      e.setInsertionPointToStart(op.elseBlock());
      otherwise();
    }
  }
  /// `buffer` from element `at` on, `size` of them.
  Value part(Value buffer, Value at, Value size) {
    auto from = cast<MemRefType>(buffer.getType());
    SmallVector<OpFoldResult> offsets{at}, sizes{size};
    if (from.getRank() == 4) {
      offsets.push_back(e.getIndexAttr(0));
      sizes = {e.getIndexAttr(1), size};
    }
    offsets.append(2, e.getIndexAttr(0));
    sizes.append({e.getIndexAttr(2), e.getIndexAttr(lanes)});
    SmallVector<OpFoldResult> ones(sizes.size(), e.getIndexAttr(1));
    MemRefType type = e.bufferType();
    return memref::SubViewOp::create(e, type, buffer, offsets, sizes, ones);
  }
  Value transform(func::FuncOp fft, Value in, Value a, Value b, Value table,
                  Value size, Value c) {
    return func::CallOp::create(e, fft,
                                ValueRange{in, a, b, spare, table, size, c})
        .getResult(0);
  }

  void alongSequence() {
    int64_t width = 2 * lanes, full = hidden / width * width;
    Value stride = e.add(n, 1);
    auto columnOf = [&](Value c0, Value g) {
      return e.add(c0, e.mul(g, width));
    };
    auto store = [&](Complex z, Value g, Value point) {
      e.storePoint(z, front, e.add(e.mulIndex(g, stride), point));
    };
    // The rest of the transform of a group, from current length c on.
    auto finish = [&](Value g, Value column, Value c, int64_t known) {
      Value in = part(front, e.mulIndex(g, stride), n);
      func::FuncOp fft = length > 0 ? stages.getOrEmitFft(length, known)
                                    : stages.getOrEmitFft();
      Value z = transform(fft, in, back, in, rowTable, n, c);
      func::CallOp::create(e, getOrEmitSeparate(),
                           ValueRange{z, spectrum, column, n});
    };
    if (full)
      e.loop(e.index(0), e.index(full), kGroups * width, [&](Value c0) {
        Value left = e.div(e.sub(e.index(full), c0), width);
        Value count = e.min(left, e.index(kGroups));
        FftSource source;
        source.store = store;
        source.load = [&](Value g, Value row) {
          Value column = columnOf(c0, g);
          return Complex{e.load(x, {row, column}),
                         e.load(x, {row, e.add(column, lanes)})};
        };
        source.prefetch = [&](Value g, Value row) {
          memref::PrefetchOp::create(e, x, ValueRange{row, columnOf(c0, g)},
                                     /*isWrite=*/false, /*locality=*/3,
                                     /*isDataCache=*/true);
        };
        Value c = stages.firstStage(source, count, rowTable, n);
        e.loop(e.index(0), count, 1, [&](Value g) {
          finish(g, columnOf(c0, g), c, stages.lengthAfterFirst(length));
        });
      });
    if (full == hidden)
      return;
    Value zero = e.index(0), column = e.index(full);
    e.loop(zero, n, 1, [&](Value row) {
      auto load = [&](int64_t from) {
        if (from >= hidden)
          return e.splat(0.0f);
        return e.load(x, {row, e.index(from)}, e.firstLanes(hidden - from));
      };
      store({load(full), load(full + lanes)}, zero, row);
    });
    finish(zero, column, n, length);
  }

  /// `func (z, spectrum, column, n)`, see emitSeparate.
  func::FuncOp getOrEmitSeparate() {
    std::string name =
        llvm::formatv("transformer_fft_separate_{0}_of_{1}", lanes, hidden);
    if (auto found = module.lookupSymbol<func::FuncOp>(name))
      return found;
    func::FuncOp func = stages.declare(
        name,
        {e.bufferType(), spectrumType(), e.getIndexType(), e.getIndexType()},
        {});
    FftMixEmitter other(e, module, hidden, -1);
    OpBuilder::InsertionGuard guard(e);
    Block &entry = func.getBody().front();
    e.setInsertionPointToStart(&entry);
    other.spectrum = entry.getArgument(1);
    other.setLength(entry.getArgument(3));
    other.emitSeparate(entry.getArgument(0), entry.getArgument(2));
    func::ReturnOp::create(e);
    return func;
  }

  /// Two groups of columns from `column` on out of their common transform.
  void emitSeparate(Value z, Value column) {
    Value last = e.sub(pairs, e.index(1)), zero = e.index(0);
    e.loop(zero, pairs, lanes, [&](Value p0) {
      Value isFirst = compare(arith::CmpIPredicate::eq, p0, zero);
      Value isReal = arith::AndIOp::create(e, isFirst, isEven);
      Value block = e.div(p0, lanes);
      fetchBlock(e.min(e.add(block, 1), e.div(last, lanes)), column);
      for (int64_t which : {0, 1}) {
        SmallVector<Value> re, im;
        for (int64_t r = 0; r < lanes; ++r) {
          Value s = e.min(e.add(p0, r), last), t = e.sub(n, s);
          if (r == 0)
            t = select(isFirst, zero, t);
          Complex u = e.loadPoint(z, s), w = e.loadPoint(z, t);
          Value a = which ? e.fadd(u.im, w.im) : e.fadd(u.re, w.re);
          Value b = which ? e.fsub(w.re, u.re) : e.fsub(u.im, w.im);
          re.push_back(e.fmul(a, 0.5)), im.push_back(e.fmul(b, 0.5));
          if (r == 0) {
            Complex middle = e.loadPoint(z, half);
            im[0] = select(isReal, which ? middle.im : middle.re, im[0]);
          }
        }
        for (int64_t i : {0, 1}) {
          SmallVector<Value> &rows = i ? im : re;
          e.transpose(rows);
          for (int64_t r = 0; r < lanes; ++r)
            e.store(
                rows[r], spectrum,
                {block, e.add(column, which * lanes + r), e.index(i), zero});
        }
      }
    });
  }

  /// What the next block of rows will be written to is far apart.
  void fetchBlock(Value block, Value column) {
    constexpr int64_t kCacheLine = 16;
    for (int64_t i = 0; i < 2 * lanes; ++i)
      for (int64_t at = 0; at < 2 * lanes; at += kCacheLine)
        memref::PrefetchOp::create(
            e, spectrum,
            ValueRange{block, e.add(column, i), e.index(at / lanes),
                       e.index(at % lanes)},
            /*isWrite=*/true, /*locality=*/3, /*isDataCache=*/true);
  }

  void alongHidden() {
    Value table = stages.constantTable(hidden), h = e.index(hidden);
    func::FuncOp fft = stages.getOrEmitFft(hidden, hidden);
    e.loop(e.index(0), pairs, lanes, [&](Value p0) {
      Value in = part(spectrum, e.div(p0, lanes), h);
      Value z =
          transform(fft, in, part(front, e.index(0), h), back, table, h, h);
      Value isFirst = compare(arith::CmpIPredicate::eq, p0, e.index(0));
      guarded(isFirst, [&] { realRows(z); });
      Value end = e.add(p0, lanes);
      Value isWhole = arith::AndIOp::create(
          e, compare(arith::CmpIPredicate::ne, p0, e.index(0)),
          compare(arith::CmpIPredicate::ule, end, pairs));
      guarded(
          isWhole, [&] { writeRows(z, p0, {}); },
          [&] { writeRows(z, p0, isFirst); });
    });
  }

  /// Rows 0 and, for even n, n / 2, which are lane 0 of the first block: the
  /// transforms of real rows, one from the real and one from the imaginary
  /// part.
  void realRows(Value z) {
    Value zero = e.index(0), one = e.index(1);
    Value scale = arith::ConstantOp::create(e, e.getF32FloatAttr(0.5f));
    e.loop(zero, e.index(hidden), 1, [&](Value h) {
      Value isZero = compare(arith::CmpIPredicate::eq, h, zero);
      Value mirror = select(isZero, zero, e.sub(e.index(hidden), h));
      auto mean = [&](Value part) -> Value {
        Value a = memref::LoadOp::create(e, z, ValueRange{h, part, zero});
        Value b = memref::LoadOp::create(e, z, ValueRange{mirror, part, zero});
        return e.fmul(e.fadd(a, b), scale);
      };
      memref::StoreOp::create(e, mean(zero), y, ValueRange{zero, h});
      guarded(isEven, [&] {
        memref::StoreOp::create(e, mean(one), y, ValueRange{half, h});
      });
    });
  }

  /// Rows s and n - s of a block. With `isFirst` given, only those that exist
  /// and are not real.
  void writeRows(Value z, Value p0, Value isFirst) {
    auto run = [&](Value h, ArrayRef<int64_t> counts, bool first) {
      SmallVector<SmallVector<Value>> squares;
      for (auto [v, count] : llvm::enumerate(counts)) {
        SmallVector<Value> &rows = squares.emplace_back();
        for (int64_t i = 0; i < lanes; ++i) {
          Value at = e.add(h, v * lanes + std::min(i, count - 1));
          rows.push_back(e.load(z, {at, e.index(0), e.index(0)}));
        }
        e.transpose(rows);
      }
      for (int64_t r = 0; r < lanes; ++r) {
        Value s = e.add(p0, r), t = e.sub(n, s);
        auto write = [&] {
          for (auto [v, count] : llvm::enumerate(counts)) {
            Value column = e.add(h, v * lanes), row = squares[v][r];
            e.store(row, y, {s, column}, e.firstLanes(count));
            writeMirrored(row, t, column, count, first && v == 0);
          }
        };
        if (!isFirst) {
          write();
          continue;
        }
        Value wanted = compare(arith::CmpIPredicate::ult, s, pairs);
        if (r == 0)
          wanted = arith::AndIOp::create(
              e, wanted, compare(arith::CmpIPredicate::ne, p0, e.index(0)));
        guarded(wanted, write);
      }
    };
    // Both halves of a cache line follow each other: rows that lie a power of
    // two apart would push each other out of the nearest cache in between.
    bool inPairs = !isFirst && e.hasManyRegisters() && hidden >= 2 * lanes;
    SmallVector<int64_t> counts(inPairs ? 2 : 1, lanes);
    counts[0] = std::min(hidden, lanes);
    int64_t at = std::min(hidden, inPairs ? 2 * lanes : lanes);
    run(e.index(0), counts, true);
    for (; !counts.empty(); counts.pop_back()) {
      int64_t step = counts.size() * lanes;
      int64_t end = at + (hidden - at) / step * step;
      if (end > at)
        e.loop(e.index(at), e.index(end), step,
               [&](Value h) { run(h, counts, false); });
      at = end;
    }
    if (hidden > at)
      run(e.index(at), hidden - at, false);
  }

  /// Columns h, h + 1, .. of a row s are columns H - h, H - h - 1, .. of row
  /// n - s, and column 0 is itself.
  void writeMirrored(Value row, Value t, Value h, int64_t count, bool first) {
    int64_t moved = first ? count - 1 : count;
    Value to = e.sub(e.index(hidden - count + 1), h);
    if (first)
      vector::StoreOp::create(e,
                              vector::ExtractStridedSliceOp::create(
                                  e, row, ArrayRef<int64_t>{0},
                                  ArrayRef<int64_t>{1}, ArrayRef<int64_t>{1}),
                              y, ValueRange{t, e.index(0)});
    if (moved)
      e.store(e.reversed(row, count), y, {t, to}, e.firstLanes(moved));
  }

  FftLanes &e;
  ModuleOp module;
  FftStages stages;
  int64_t lanes, hidden, length;
  Value x, y, n, half, pairs, isEven;
  Value front, back, spare, rowTable, spectrum;
};

/// Scratch for one op, of static size where the length has a bound, and the
/// call.
void emitCall(kernel::FftMixOp op, const Target &target, int64_t registers) {
  FftLanes e(op, target, registers);
  auto type = cast<MemRefType>(op.getInput().getType());
  int64_t hidden = type.getDimSize(1), lanes = target.lanes;
  int64_t length = type.isDynamicDim(0) ? -1 : type.getDimSize(0);
  auto module = op->getParentOfType<ModuleOp>();
  FftMixEmitter mix(e, module, hidden, length);
  func::FuncOp func = mix.getOrEmit();

  std::optional<int64_t> bound;
  if (length >= 0)
    bound = length;
  else if (op.getMaxRows())
    bound = *op.getMaxRows();
  Value n = memref::DimOp::create(e, op.getInput(), 0);
  // A buffer of (n + add) * factor / divisor, rounded up, at least `least`.
  auto buffer = [&](MemRefType type, int64_t add, int64_t factor,
                    int64_t divisor, int64_t least) -> Value {
    SmallVector<int64_t> shape(type.getShape());
    if (bound) {
      shape[0] =
          std::max(roundUp((*bound + add) * factor, divisor) / divisor, least);
      auto fixed = MemRefType::get(shape, type.getElementType());
      Value v = memref::AllocOp::create(e, fixed, e.getI64IntegerAttr(64));
      return memref::CastOp::create(e, type, v);
    }
    Value size = e.mul(e.add(n, add), factor);
    size = e.max(e.div(e.add(size, divisor - 1), divisor), e.index(least));
    auto plain = MemRefType::get(shape, type.getElementType());
    Value v = memref::AllocOp::create(e, plain, ValueRange{size},
                                      e.getI64IntegerAttr(64));
    return plain == type ? v : memref::CastOp::create(e, type, v).getResult();
  };
  MemRefType points = e.bufferType();
  SmallVector<Value> operands{
      memref::CastOp::create(e, mix.rowsType(), op.getInput()),
      memref::CastOp::create(e, mix.rowsType(), op.getInit()),
      buffer(points, 1, std::min(kGroups, hidden / (2 * lanes) + 1), 1, hidden),
      buffer(points, 0, 1, 1, hidden),
      buffer(points, 0, 1, 1, hidden),
      buffer(e.tableType(), lanes, 2, 1, 2),
      buffer(mix.spectrumType(), 1, 1, 2 * lanes, 1)};
  func::CallOp::create(e, func, operands);
  op.erase();
}

struct EmitFftPass
    : public transformer::impl::TransformerEmitFftBase<EmitFftPass> {
  using TransformerEmitFftBase::TransformerEmitFftBase;

  void runOnOperation() override {
    std::string error;
    FailureOr<Target> found = lookupTarget(target, error);
    if (failed(found)) {
      getOperation().emitError(error);
      return signalPassFailure();
    }
    // Transforms of 8 lanes at once take half of the first-level cache that 16
    // take, and are 1.0 to 1.8 times as fast where AVX-512 is executed in
    // halves.
    Target narrow = *found;
    narrow.lanes = std::min<int64_t>(narrow.lanes, 8);
    SmallVector<kernel::FftMixOp> ops;
    getOperation().walk([&](kernel::FftMixOp op) { ops.push_back(op); });
    for (kernel::FftMixOp op : ops) {
      auto type = dyn_cast<MemRefType>(op.getInput().getType());
      if (!type || !type.getElementType().isF32()) {
        op.emitError("is only emitted for f32 memrefs, but works on ")
            << op.getInput().getType();
        return signalPassFailure();
      }
      emitCall(op, narrow, found->registers());
      ++numEmitted;
    }
  }
};

} // namespace
