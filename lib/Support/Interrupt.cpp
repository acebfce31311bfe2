//===- Interrupt.cpp - leaving nothing behind when stopped ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything below the handlers is restricted to async-signal-safe calls:
// fixed tables, raw directory reads, no allocation.
//===----------------------------------------------------------------------===//
#include "transformer/Support/Interrupt.h"

#include "llvm/Support/ErrorHandling.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace llvm;
using namespace mlir::transformer;

namespace {
enum SlotState { free, filling, used };
struct PathSlot {
  std::atomic<int> state{SlotState::free};
  char path[PATH_MAX];
};
struct MappingSlot {
  std::atomic<int> state{SlotState::free};
  uintptr_t base;
  size_t bytes;
  char path[256];
};
struct DirectoryEntry { // the layout of getdents64
  uint64_t inode;
  int64_t offset;
  unsigned short length;
  unsigned char type;
  char name[];
};
} // namespace

static PathSlot pathSlots[16];
static MappingSlot mappingSlots[64];

// Removes what is inside of the open directory `fd`.
static void emptyDirectory(int fd, int depth) {
  alignas(DirectoryEntry) char buffer[2048];
  // Removing entries may hide others from a running scan: repeat it.
  for (int pass = 0; pass < 1000; ++pass) {
    bool hasEntries = false;
    lseek(fd, 0, SEEK_SET);
    long got;
    while ((got = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0) {
      for (long at = 0; at < got;) {
        auto *entry = reinterpret_cast<DirectoryEntry *>(buffer + at);
        at += entry->length;
        if (!strcmp(entry->name, ".") || !strcmp(entry->name, ".."))
          continue;
        hasEntries = true;
        if (unlinkat(fd, entry->name, 0) == 0 || depth == 0)
          continue;
        int child = openat(fd, entry->name,
                           O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (child < 0)
          continue;
        emptyDirectory(child, depth - 1);
        close(child);
        unlinkat(fd, entry->name, AT_REMOVEDIR);
      }
    }
    if (!hasEntries)
      return;
  }
}

static void removeTemporaries() {
  for (PathSlot &slot : pathSlots) {
    if (slot.state.load() != SlotState::used)
      continue;
    if (unlink(slot.path) == 0)
      continue;
    int fd = open(slot.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
      continue;
    emptyDirectory(fd, 8);
    close(fd);
    rmdir(slot.path);
  }
}

static void onStop(int signal) {
  removeTemporaries();
  // SA_RESETHAND has put the default action back.
  raise(signal);
}

static void say(const char *text) {
  if (write(STDERR_FILENO, text, strlen(text)) < 0)
    return;
}

static void onBusError(int signal, siginfo_t *info, void *) {
  auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  for (MappingSlot &slot : mappingSlots) {
    if (slot.state.load() != SlotState::used || address < slot.base ||
        address - slot.base >= slot.bytes)
      continue;
    say("error: ");
    say(slot.path);
    say(": the file was cut short, or cannot be read any more, while it was "
        "in use\n");
    removeTemporaries();
    _exit(1);
  }
  raise(signal);
}

// There is no memory to unwind with, and LLVM would abort.
[[noreturn]] static void onNoMemory() {
  say("error: out of memory: more of it, or a higher limit (ulimit -v), is "
      "needed\n");
  removeTemporaries();
  _exit(1);
}

void mlir::transformer::installFatalErrorExit() {
  install_fatal_error_handler([](void *, const char *reason, bool) {
    say("error: ");
    say(reason);
    say("\n");
    removeTemporaries();
    _exit(1);
  });
}

void mlir::transformer::installInterruptCleanup() {
  std::set_new_handler(onNoMemory);
  install_bad_alloc_error_handler(
      [](void *, const char *, bool) { onNoMemory(); });
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction old;
    if (sigaction(signal, nullptr, &old) == 0 && old.sa_handler == SIG_IGN)
      continue;
    struct sigaction action = {};
    action.sa_handler = onStop;
    action.sa_flags = SA_RESETHAND | SA_NODEFER;
    sigfillset(&action.sa_mask);
    sigdelset(&action.sa_mask, signal);
    sigaction(signal, &action, nullptr);
  }
  struct sigaction action = {};
  action.sa_sigaction = onBusError;
  action.sa_flags = SA_SIGINFO | SA_RESETHAND | SA_NODEFER;
  sigaction(SIGBUS, &action, nullptr);
  signal(SIGXFSZ, SIG_IGN);
}

void mlir::transformer::endWithParent() {
  const char *parent = getenv("TRANSFORMER_MLIR_PARENT");
  if (!parent)
    return;
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  // It may have ended before that.
  if (kill(pid_t(strtol(parent, nullptr, 10)), 0) && errno == ESRCH)
    raise(SIGTERM);
}

TemporaryPath::TemporaryPath(StringRef path) {
  if (path.size() >= PATH_MAX)
    return;
  for (int i = 0; i < int(std::size(pathSlots)); ++i) {
    int expected = SlotState::free;
    if (!pathSlots[i].state.compare_exchange_strong(expected,
                                                    SlotState::filling))
      continue;
    memcpy(pathSlots[i].path, path.data(), path.size());
    pathSlots[i].path[path.size()] = 0;
    pathSlots[i].state = SlotState::used;
    slot = i;
    return;
  }
}

void TemporaryPath::release() {
  if (slot >= 0)
    pathSlots[slot].state = SlotState::free;
  slot = -1;
}

void mlir::transformer::rememberMapping(const void *base, size_t bytes,
                                        StringRef path) {
  for (MappingSlot &slot : mappingSlots) {
    int expected = SlotState::free;
    if (!slot.state.compare_exchange_strong(expected, SlotState::filling))
      continue;
    slot.base = reinterpret_cast<uintptr_t>(base);
    slot.bytes = bytes;
    path = path.take_back(sizeof slot.path - 1);
    memcpy(slot.path, path.data(), path.size());
    slot.path[path.size()] = 0;
    slot.state = SlotState::used;
    return;
  }
}

void mlir::transformer::forgetMapping(const void *base) {
  for (MappingSlot &slot : mappingSlots)
    if (slot.state.load() == SlotState::used &&
        slot.base == reinterpret_cast<uintptr_t>(base))
      slot.state = SlotState::free;
}
