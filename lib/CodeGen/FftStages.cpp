//===- FftStages.cpp - a mixed-radix FFT over vector lanes ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "FftStages.h"

#include "mlir/IR/Matchers.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// The next radix of current length c is that of the first rule with
/// c % divisor == remainder; without one it is the smallest prime factor.
struct Rule {
  int64_t divisor, remainder, radix;
};

constexpr int64_t kExactly = int64_t(1) << 40;

/// Odd radices after fours and before the last power of two, which has no
/// twiddles and can afford the largest butterfly. Eights spill where there are
/// 16 registers only.
constexpr Rule kRules[] = {{64, 0, 8},       {16, 0, 4},      {8, 4, 4},
                           {3, 0, 3},        {5, 0, 5},       {7, 0, 7},
                           {kExactly, 8, 8}, {kExactly, 2, 2}};

ArrayRef<Rule> rulesOf(FftLanes &e) {
  return ArrayRef<Rule>(kRules).drop_front(e.hasManyRegisters() ? 0 : 1);
}

/// 0 for a prime factor without a rule.
int64_t radixOf(FftLanes &e, int64_t c) {
  for (const Rule &rule : rulesOf(e))
    if (c % rule.divisor == rule.remainder)
      return rule.radix;
  return 0;
}

std::optional<int64_t> constantOf(Value v) {
  IntegerAttr value;
  if (matchPattern(v, m_Constant(&value)))
    return value.getInt();
  return std::nullopt;
}

Value equals(FftLanes &e, Value a, int64_t b) {
  return arith::CmpIOp::create(e, arith::CmpIPredicate::eq, a, e.index(b));
}

Value remainder(FftLanes &e, Value a, Value b) {
  return arith::RemUIOp::create(e, a, b);
}

Value divide(FftLanes &e, Value a, Value b) {
  return arith::DivUIOp::create(e, a, b);
}

struct Stage {
  Value x, y, spare, table, n, s, m;
};

/// One stage of a fixed radix.
void fixedStage(FftLanes &e, const Stage &st, int64_t r) {
  auto butterflies = [&](Value p, bool last) {
    SmallVector<Complex> w(r);
    Value step = e.mulIndex(p, st.s);
    for (int64_t k = 1; k < r && !last; ++k)
      w[k] = e.twiddle(st.table, e.mul(step, k));
    Value to = e.mul(step, r);
    e.loop(e.index(0), st.s, 1, [&](Value q) {
      SmallVector<Complex> a;
      for (int64_t j = 0; j < r; ++j) {
        Value row = e.add(p, e.mul(st.m, j));
        a.push_back(e.loadPoint(st.x, e.add(q, e.mulIndex(st.s, row))));
      }
      e.butterfly(a);
      for (int64_t k = 0; k < r; ++k)
        e.storePoint(k && !last ? e.times(a[k], w[k]) : a[k], st.y,
                     e.add(e.add(q, to), e.mul(st.s, k)));
    });
  };
  auto all = [&] {
    e.loop(e.index(0), st.m, 1, [&](Value p) { butterflies(p, false); });
  };
  // The last stage has twiddles of one.
  if (std::optional<int64_t> m = constantOf(st.m)) {
    *m == 1 ? butterflies(e.index(0), true) : all();
    return;
  }
  auto isLast = scf::IfOp::create(e, equals(e, st.m, 1), true);
  OpBuilder::InsertionGuard guard(e);
  e.setInsertionPointToStart(isLast.thenBlock());
  butterflies(e.index(0), true);
  e.setInsertionPointToStart(isLast.elseBlock());
  all();
}

/// One stage of an odd radix by definition, in pairs a_j +- a_(r-j), whose
/// factors are real. The pairs are kept in `spare`.
void primeStage(FftLanes &e, const Stage &st, Value r) {
  const int64_t tile = e.hasManyRegisters() ? 4 : 2;
  Value one = e.index(1), half = e.div(r, 2), unit = divide(e, st.n, r);
  Value end = e.add(half, 1);
  auto element = [&](Value p, Value q, Value j) {
    return e.loadPoint(
        st.x, e.add(q, e.mulIndex(st.s, e.add(p, e.mulIndex(st.m, j)))));
  };
  auto sumsOf = [&](Value first, Value p, Value q, Complex a0) {
    SmallVector<Value> k, carried;
    for (int64_t i = 0; i < tile; ++i)
      k.push_back(e.min(e.add(first, i), half));
    Value zero = e.splat(0.0f);
    for (int64_t i = 0; i < tile; ++i)
      carried.append({k[i], a0.re, a0.im, zero, zero});
    SmallVector<Value> sums =
        e.loop(one, end, 1, carried, [&](Value j, ValueRange acc) {
          Value at = e.sub(j, one);
          Complex u = e.loadPoint(st.spare, at);
          Complex v = e.loadPoint(st.spare, e.add(at, half));
          SmallVector<Value> next;
          for (int64_t i = 0; i < tile; ++i) {
            ValueRange old = acc.slice(5 * i, 5);
            // w^(j k) = re + i im for a_j, and its conjugate for a_(r-j).
            Complex w = e.twiddle(st.table, e.mulIndex(old[0], unit));
            Value jk = e.add(old[0], k[i]);
            Value wrapped = e.sub(jk, r);
            Value beyond =
                arith::CmpIOp::create(e, arith::CmpIPredicate::uge, jk, r);
            next.push_back(arith::SelectOp::create(e, beyond, wrapped, jk));
            next.push_back(e.multiplyAdd(u.re, w.re, old[1]));
            next.push_back(e.multiplyAdd(u.im, w.re, old[2]));
            next.push_back(e.multiplyAdd(v.re, w.im, old[3]));
            next.push_back(e.multiplyAdd(v.im, w.im, old[4]));
          }
          return next;
        });
    Value to = e.add(q, e.mulIndex(st.s, e.mulIndex(p, r)));
    Value step = e.mulIndex(p, st.s);
    for (int64_t i = 0; i < tile; ++i) {
      Complex even{sums[5 * i + 1], sums[5 * i + 2]};
      Complex odd{sums[5 * i + 3], sums[5 * i + 4]};
      Value mirror = e.sub(r, k[i]);
      for (auto [at, value] :
           {std::pair<Value, Complex>{k[i], e.plusTurned(even, odd)},
            {mirror, e.minusTurned(even, odd)}})
        e.storePoint(e.times(value, e.twiddle(st.table, e.mulIndex(step, at))),
                     st.y, e.add(to, e.mulIndex(st.s, at)));
    }
  };
  e.loop(e.index(0), st.m, 1, [&](Value p) {
    e.loop(e.index(0), st.s, 1, [&](Value q) {
      Complex a0 = element(p, q, e.index(0));
      SmallVector<Value> total =
          e.loop(one, end, 1, {a0.re, a0.im}, [&](Value j, ValueRange acc) {
            Complex u = element(p, q, j), v = element(p, q, e.sub(r, j));
            Complex sum = e.plus(u, v);
            Value at = e.sub(j, one);
            e.storePoint(sum, st.spare, at);
            e.storePoint(e.minus(u, v), st.spare, e.add(at, half));
            return SmallVector<Value>{e.fadd(acc[0], sum.re),
                                      e.fadd(acc[1], sum.im)};
          });
      e.storePoint({total[0], total[1]}, st.y,
                   e.add(q, e.mulIndex(st.s, e.mulIndex(p, r))));
      e.loop(one, end, tile, [&](Value k) { sumsOf(k, p, q, a0); });
    });
  });
}

/// The smallest prime factor of c, which has none below 11 but perhaps 2.
Value smallestPrime(FftLanes &e, Value c) {
  Type index = e.getIndexType();
  auto search =
      scf::WhileOp::create(e, TypeRange{index}, ValueRange{e.index(11)});
  OpBuilder::InsertionGuard guard(e);
  Block *before = e.createBlock(&search.getBefore(), {}, index, {e.getLoc()});
  Value left = remainder(e, c, before->getArgument(0));
  Value go =
      arith::CmpIOp::create(e, arith::CmpIPredicate::ne, left, e.index(0));
  scf::ConditionOp::create(e, go, before->getArguments());
  Block *after = e.createBlock(&search.getAfter(), {}, index, {e.getLoc()});
  scf::YieldOp::create(e, ValueRange{e.add(after->getArgument(0), 2)});
  return search.getResult(0);
}

/// Runs `body` with the radix of the rule that c takes, or with 0; returns
/// what it yields.
Value switchRadix(FftLanes &e, Value c, function_ref<Value(int64_t)> body) {
  ArrayRef<Rule> rules = rulesOf(e);
  Value which = e.index(rules.size());
  SmallVector<int64_t> cases;
  for (int64_t i = rules.size() - 1; i >= 0; --i) {
    const Rule &rule = rules[i];
    Value rest =
        rule.divisor == kExactly ? c : remainder(e, c, e.index(rule.divisor));
    which = arith::SelectOp::create(e, equals(e, rest, rule.remainder),
                                    e.index(i), which);
    cases.push_back(rules.size() - 1 - i);
  }
  auto pick = scf::IndexSwitchOp::create(e, TypeRange{e.getIndexType()}, which,
                                         cases, cases.size());
  for (size_t i = 0; i <= cases.size(); ++i) {
    OpBuilder::InsertionGuard guard(e);
    Region &region =
        i < cases.size() ? pick.getCaseRegions()[i] : pick.getDefaultRegion();
    e.createBlock(&region);
    Value result = body(i < cases.size() ? rules[i].radix : 0);
    scf::YieldOp::create(e, ValueRange{result});
  }
  return pick.getResult(0);
}

} // namespace

func::FuncOp FftStages::declare(std::string name, TypeRange inputs,
                                TypeRange results) {
  OpBuilder b(module.getContext());
  b.setInsertionPointToEnd(module.getBody());
  auto func = func::FuncOp::create(b, module.getLoc(), name,
                                   b.getFunctionType(inputs, results));
  func.setPrivate();
  func.addEntryBlock();
  return func;
}

func::FuncOp FftStages::getOrEmitFft() {
  std::string name = "transformer_fft_" + std::to_string(e.target.lanes);
  if (auto found = module.lookupSymbol<func::FuncOp>(name))
    return found;
  Type buffer = e.bufferType(), index = e.getIndexType();
  func::FuncOp func = declare(
      name, {buffer, buffer, buffer, buffer, e.tableType(), index, index},
      {buffer});
  OpBuilder::InsertionGuard guard(e);
  Block &entry = func.getBody().front();
  e.setInsertionPointToStart(&entry);
  Value spare = entry.getArgument(3), table = entry.getArgument(4);
  Value n = entry.getArgument(5);

  // State: current length c, the data, the next buffer and the one after it.
  SmallVector<Type> types{index, buffer, buffer, buffer};
  SmallVector<Location> locs(4, e.getLoc());
  auto stages = scf::WhileOp::create(
      e, types,
      ValueRange{entry.getArgument(6), entry.getArgument(0),
                 entry.getArgument(1), entry.getArgument(2)});
  {
    OpBuilder::InsertionGuard inner(e);
    Block *before = e.createBlock(&stages.getBefore(), {}, types, locs);
    Value more = arith::CmpIOp::create(e, arith::CmpIPredicate::ugt,
                                       before->getArgument(0), e.index(1));
    scf::ConditionOp::create(e, more, before->getArguments());
    Block *body = e.createBlock(&stages.getAfter(), {}, types, locs);
    Value c = body->getArgument(0), s = divide(e, n, c);
    Value x = body->getArgument(1), y = body->getArgument(2);
    Value m = switchRadix(e, c, [&](int64_t radix) {
      Value r = radix ? e.index(radix) : smallestPrime(e, c);
      Value rest = divide(e, c, r);
      Stage stage{x, y, spare, table, n, s, rest};
      radix ? fixedStage(e, stage, radix) : primeStage(e, stage, r);
      return rest;
    });
    scf::YieldOp::create(e, ValueRange{m, y, body->getArgument(3), y});
  }
  func::ReturnOp::create(e, ValueRange{stages.getResult(1)});
  return func;
}

func::FuncOp FftStages::getOrEmitFft(int64_t n, int64_t c) {
  std::string name = llvm::formatv("transformer_fft_{0}_of_{1}_from_{2}",
                                   e.target.lanes, n, c);
  if (auto found = module.lookupSymbol<func::FuncOp>(name))
    return found;
  Type buffer = e.bufferType(), index = e.getIndexType();
  func::FuncOp func = declare(
      name, {buffer, buffer, buffer, buffer, e.tableType(), index, index},
      {buffer});
  OpBuilder::InsertionGuard guard(e);
  Block &entry = func.getBody().front();
  e.setInsertionPointToStart(&entry);
  Value x = entry.getArgument(0), y = entry.getArgument(1);
  Value after = entry.getArgument(2);
  while (c > 1) {
    int64_t radix = radixOf(e, c), r = radix;
    for (int64_t prime = 11; !r; prime += 2)
      r = c % prime == 0 ? prime : 0;
    Stage stage{x,
                y,
                entry.getArgument(3),
                entry.getArgument(4),
                e.index(n),
                e.index(n / c),
                e.index(c / r)};
    radix ? fixedStage(e, stage, radix) : primeStage(e, stage, e.index(r));
    x = y, y = after, after = x;
    c /= r;
  }
  func::ReturnOp::create(e, ValueRange{x});
  return func;
}

int64_t FftStages::lengthAfterFirst(int64_t n) {
  int64_t radix = n ? radixOf(e, n) : 0;
  return radix ? n / radix : n;
}

Value FftStages::firstStage(const FftSource &source, Value count, Value table,
                            Value n) {
  constexpr int64_t kAhead = 2;
  auto stage = [&](int64_t r) -> Value {
    if (!r) {
      e.loop(e.index(0), n, 1, [&](Value i) {
        e.loop(e.index(0), count, 1,
               [&](Value g) { source.store(source.load(g, i), g, i); });
      });
      return n;
    }
    Value m = e.div(n, r);
    e.loop(e.index(0), m, 1, [&](Value p) {
      SmallVector<Complex> w(r);
      for (int64_t k = 1; k < r; ++k)
        w[k] = e.twiddle(table, e.mul(p, k));
      Value later = e.min(e.add(p, kAhead), e.sub(m, e.index(1)));
      e.loop(e.index(0), count, 1, [&](Value g) {
        SmallVector<Complex> a;
        for (int64_t j = 0; j < r; ++j)
          source.prefetch(g, e.add(later, e.mul(m, j)));
        for (int64_t j = 0; j < r; ++j)
          a.push_back(source.load(g, e.add(p, e.mul(m, j))));
        e.butterfly(a);
        for (int64_t k = 0; k < r; ++k)
          source.store(k ? e.times(a[k], w[k]) : a[k], g,
                       e.add(e.mul(p, r), k));
      });
    });
    return m;
  };
  if (std::optional<int64_t> known = constantOf(n))
    return stage(radixOf(e, *known));
  return switchRadix(e, n, stage);
}
