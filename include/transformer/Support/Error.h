//===- Error.h - one-sentence errors --------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_SUPPORT_ERROR_H
#define TRANSFORMER_SUPPORT_ERROR_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"

#include <string>

namespace mlir::transformer {

/// An error that is one sentence for the user.
llvm::Error makeError(const llvm::Twine &message);

/// "`message`: No such file or directory", from errno.
llvm::Error makeErrnoError(const llvm::Twine &message, int code);

/// A string from a file as it may appear in a message: quotes, control
/// characters and everything beyond ASCII escaped (terminals obey some of it),
/// cut at limits::printedName bytes.
std::string escaped(llvm::StringRef text);

/// The same between single quotes.
std::string quoted(llvm::StringRef text);

/// "[384, 1536]".
std::string shapeString(llvm::ArrayRef<int64_t> shape);

} // namespace mlir::transformer

#endif // TRANSFORMER_SUPPORT_ERROR_H
