//===- EntropyModel.cpp - which columns share their counts ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Columns are sorted by entropy and cut into as many classes as a stream may
// have; each then moves to the class that codes it best, and classes merge in
// pairs as long as a table that is saved is worth more than what is lost.
//===----------------------------------------------------------------------===//
#include "EntropyModel.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::entropy;

namespace {
/// A class while they are searched: its counts and what it costs.
struct Class {
  Counts counts = {};
  double bits = 0;
};

class Search {
public:
  Search(llvm::ArrayRef<char> bytes, const ByteLayout &layout);
  Model run();

private:
  void startByEntropy();
  void moveColumns();
  void dropEmpty();
  void mergeBest();
  void recount();
  double total() const;

  std::vector<Counts> columns;
  std::vector<uint8_t> classOf;
  std::vector<Class> classes;
};
} // namespace

static void add(Counts &to, const Counts &from) {
  for (unsigned s = 0; s < kSymbols; ++s)
    to[s] += from[s];
}

static bool isEmpty(const Counts &counts) {
  return llvm::all_of(counts, [](uint32_t count) { return count == 0; });
}

static double bitsOfSymbols(const Counts &counts, const Levels &levels) {
  Frequencies frequencies = frequenciesOf(levels);
  double bits = 0;
  for (unsigned s = 0; s < kSymbols; ++s)
    if (counts[s])
      bits += counts[s] * (kPrecision - std::log2(double(frequencies[s])));
  return bits;
}

/// The symbols with a table of their own, and the table.
static double bitsOf(const Counts &counts) {
  if (isEmpty(counts))
    return 0;
  Levels levels = levelsOf(counts);
  BitWriter table;
  writeLevels(levels, table);
  return 8.0 * table.bytes.size() + bitsOfSymbols(counts, levels);
}

Search::Search(llvm::ArrayRef<char> bytes, const ByteLayout &layout)
    : columns(layout.columns()), classOf(layout.columns()) {
  // A layout repeats: positions are walked without a division for each.
  for (size_t p = 0; p < bytes.size();)
    for (uint32_t g = 0; g < layout.groups; ++g) {
      Counts *group = &columns[size_t(g) * layout.group];
      for (uint32_t i = 0; i < layout.stride && p < bytes.size(); ++i, ++p)
        ++group[p % layout.group][symbolOf(bytes[p])];
    }
}

void Search::startByEntropy() {
  std::vector<double> entropy(columns.size());
  for (auto [counts, bits] : llvm::zip_equal(columns, entropy)) {
    uint64_t sum = 0;
    for (uint32_t count : counts)
      if (count) {
        sum += count;
        bits -= count * std::log2(double(count));
      }
    if (sum)
      bits = bits / sum + std::log2(double(sum));
  }
  std::vector<uint32_t> order(columns.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::stable_sort(
      order, [&](uint32_t a, uint32_t b) { return entropy[a] < entropy[b]; });
  size_t count = std::min<size_t>(kMaxEntropyClasses, columns.size());
  classes.resize(count);
  for (size_t i = 0; i < order.size(); ++i)
    classOf[order[i]] = uint8_t(i * count / order.size());
  recount();
}

void Search::recount() {
  for (Class &c : classes)
    c = Class();
  for (auto [counts, index] : llvm::zip_equal(columns, classOf))
    add(classes[index].counts, counts);
  for (Class &c : classes)
    c.bits = bitsOf(c.counts);
}

void Search::moveColumns() {
  std::vector<std::array<float, kSymbols>> costs(classes.size());
  for (auto [c, cost] : llvm::zip_equal(classes, costs)) {
    // A little of every symbol, so that no column is shut out.
    double sum =
        std::accumulate(c.counts.begin(), c.counts.end(), 0.0) + kSymbols / 8.0;
    for (unsigned s = 0; s < kSymbols; ++s)
      cost[s] = float(std::log2(sum / (c.counts[s] + 1 / 8.0)));
  }
  for (auto [counts, index] : llvm::zip_equal(columns, classOf)) {
    unsigned present[kSymbols], size = 0;
    for (unsigned s = 0; s < kSymbols; ++s)
      if (counts[s])
        present[size++] = s;
    float best = std::numeric_limits<float>::max();
    for (size_t c = 0; c < classes.size(); ++c) {
      float cost = 0;
      for (unsigned i = 0; i < size; ++i)
        cost += float(counts[present[i]]) * costs[c][present[i]];
      if (cost < best) {
        best = cost;
        index = uint8_t(c);
      }
    }
  }
  recount();
  dropEmpty();
}

void Search::dropEmpty() {
  std::vector<uint8_t> renamed(classes.size());
  std::vector<Class> kept;
  for (auto [c, name] : llvm::zip_equal(classes, renamed)) {
    name = uint8_t(kept.size());
    if (!isEmpty(c.counts))
      kept.push_back(c);
  }
  if (kept.empty()) // nothing is to be coded
    kept.resize(1);
  classes = std::move(kept);
  for (uint8_t &index : classOf)
    index = std::min<uint8_t>(renamed[index], uint8_t(classes.size() - 1));
}

double Search::total() const {
  double bits = double(columns.size()) * bitsOfClass(classes.size());
  for (const Class &c : classes)
    bits += c.bits;
  return bits;
}

Model Search::run() {
  startByEntropy();
  dropEmpty();
  for (int i = 0; i < 3; ++i)
    moveColumns();
  mergeBest();
  moveColumns();

  Model model;
  model.classOf = classOf;
  BitWriter description;
  description.add(uint32_t(classes.size() - 1), 5);
  for (const Class &c : classes) {
    Counts counts = c.counts;
    if (isEmpty(counts)) // a table has at least one symbol
      counts[0] = 1;
    model.levels.push_back(levelsOf(counts));
    writeLevels(model.levels.back(), description);
    model.bits += bitsOfSymbols(c.counts, model.levels.back());
  }
  for (uint8_t index : classOf)
    description.add(index, bitsOfClass(classes.size()));
  model.description = std::move(description.bytes);
  return model;
}

/// Merges down to one class, pair by cheapest pair, and takes the best number
/// on the way.
void Search::mergeBest() {
  size_t count = classes.size();
  std::vector<Class> now = classes;
  std::vector<bool> isThere(count, true);
  // What a merge of i and j > i adds.
  std::vector<std::vector<double>> added(count, std::vector<double>(count));
  auto compare = [&](size_t i, size_t j) {
    Counts both = now[i].counts;
    add(both, now[j].counts);
    added[std::min(i, j)][std::max(i, j)] =
        bitsOf(both) - now[i].bits - now[j].bits;
  };
  for (size_t i = 0; i < count; ++i)
    for (size_t j = i + 1; j < count; ++j)
      compare(i, j);
  std::vector<uint8_t> target(count), best;
  std::iota(target.begin(), target.end(), 0);
  best = target;
  double bits = total(), least = bits;
  for (size_t left = count; left > 1; --left) {
    size_t a = 0, b = 0;
    double smallest = std::numeric_limits<double>::max();
    for (size_t i = 0; i < count; ++i)
      for (size_t j = i + 1; j < count; ++j)
        if (isThere[i] && isThere[j] && added[i][j] < smallest) {
          smallest = added[i][j];
          a = i, b = j;
        }
    bits += smallest + double(columns.size()) * (double(bitsOfClass(left - 1)) -
                                                 double(bitsOfClass(left)));
    add(now[a].counts, now[b].counts);
    now[a].bits += now[b].bits + smallest;
    isThere[b] = false;
    for (uint8_t &t : target)
      if (t == b)
        t = uint8_t(a);
    for (size_t i = 0; i < count; ++i)
      if (isThere[i] && i != a)
        compare(i, a);
    if (bits < least) {
      least = bits;
      best = target;
    }
  }
  for (uint8_t &index : classOf)
    index = best[index];
  recount();
  dropEmpty();
}

Model entropy::modelOf(llvm::ArrayRef<char> bytes, const ByteLayout &layout) {
  return Search(bytes, layout).run();
}
