//===- Turns.h - batches are added up in their order ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_PROFILE_TURNS_H
#define TRANSFORMER_LIB_PROFILE_TURNS_H

#include "llvm/ADT/STLFunctionalExtras.h"

#include <condition_variable>
#include <mutex>
#include <vector>

namespace mlir::transformer {

/// Sums of floating-point numbers depend on their order. So threads that have
/// parts of sums add them in the order of batches, for each sum.
class Turns {
public:
  explicit Turns(size_t sums = 0) : next(sums) {}
  void resize(size_t sums) { next.resize(sums); }

  /// Runs `add` when all batches before `batch` were added to `sum`.
  void take(size_t batch, size_t sum, llvm::function_ref<void()> add) {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return hasFailed || next[sum] == batch; });
    if (hasFailed)
      return;
    lock.unlock(); // nobody else has this turn
    add();
    lock.lock();
    ++next[sum];
    changed.notify_all();
  }

  /// Lets nobody wait for a batch that failed.
  void giveUp() {
    std::lock_guard<std::mutex> lock(mutex);
    hasFailed = true;
    changed.notify_all();
  }

private:
  std::vector<size_t> next; // batch, of each sum
  std::mutex mutex;
  std::condition_variable changed;
  bool hasFailed = false;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_PROFILE_TURNS_H
