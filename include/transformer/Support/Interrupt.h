//===- Interrupt.h - leaving nothing behind when stopped ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_SUPPORT_INTERRUPT_H
#define TRANSFORMER_SUPPORT_INTERRUPT_H

#include "llvm/ADT/StringRef.h"

namespace mlir::transformer {

/// For the main function of a tool: on SIGINT, SIGTERM and SIGHUP (unless they
/// were ignored, as under nohup) the temporary files and directories below are
/// removed and the process ends by that signal. A mapped input that was cut
/// short ends the process with a sentence and status 1 instead of SIGBUS. A
/// file size limit becomes an error of the write instead of SIGXFSZ, and a lack
/// of memory a sentence and status 1.
void installInterruptCleanup();

/// For the main function of a tool that another program runs: if
/// TRANSFORMER_MLIR_PARENT is the number of the process that started this one,
/// its end, by whatever cause, is a SIGTERM here.
void endWithParent();

/// For the main function of a tool for users: what LLVM would abort on (a
/// thread that cannot be started) is a sentence and status 1.
void installFatalErrorExit();

/// A file or directory (with everything in it) to be removed if the process is
/// stopped before release(). Does not remove anything itself.
class TemporaryPath {
public:
  explicit TemporaryPath(llvm::StringRef path);
  ~TemporaryPath() { release(); }
  TemporaryPath(const TemporaryPath &) = delete;
  TemporaryPath &operator=(const TemporaryPath &) = delete;
  void release();

private:
  int slot = -1;
};

/// Names a mapping for the message about files that were cut short.
void rememberMapping(const void *base, size_t bytes, llvm::StringRef path);
void forgetMapping(const void *base);

} // namespace mlir::transformer

#endif // TRANSFORMER_SUPPORT_INTERRUPT_H
