//===- ReadModel.cpp - a checkpoint directory or MLIR text ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Artifact.h"

#include "transformer/Import/Import.h"
#include "transformer/Pipelines/Compile.h"
#include "transformer/Support/Error.h"
#include "transformer/Support/Limits.h"
#include "transformer/Support/MappedFile.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace mlir::transformer;

// The parser recurses for each bracket, so that text made of them would
// overflow its stack. Strings and comments do not count.
static uint64_t deepestNesting(StringRef text) {
  uint64_t depth = 0, deepest = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i], next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (c == '"') {
      for (++i; i < text.size() && text[i] != '"' && text[i] != '\n'; ++i)
        i += text[i] == '\\';
    } else if (c == '/' && next == '/') {
      i = std::min(text.find('\n', i), text.size());
    } else if (c == '-' && next == '>') {
      ++i;
    } else if (c == '(' || c == '[' || c == '{' || (c == '<' && next != '=')) {
      deepest = std::max(deepest, ++depth);
    } else if (c == ')' || c == ']' || c == '}' || (c == '>' && next != '=')) {
      depth -= depth > 0;
    }
  }
  return deepest;
}

static FailureOr<OwningOpRef<ModuleOp>>
readText(MLIRContext &context, StringRef path, Problem problem) {
  auto text = readSmallFile(path, limits::textBytes);
  if (!text) {
    problem(toString(text.takeError()));
    return failure();
  }
  if (StringRef(*text).starts_with("ML\xefR")) {
    problem(path +
            " is MLIR bytecode, which is not read from files that others "
            "wrote; give the text form");
    return failure();
  }
  if (uint64_t depth = deepestNesting(*text); depth > limits::textDepth) {
    problem(path + ": brackets are nested " + Twine(depth) +
            " deep (supported: " + Twine(limits::textDepth) + ")");
    return failure();
  }
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(*text, path),
                             llvm::SMLoc());
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, &context);
  if (!module)
    return failure(); // the parser has said why
  return module;
}

FailureOr<OwningOpRef<ModuleOp>>
mlir::transformer::readModel(MLIRContext &context,
                             const CompileOptions &options, Problem problem) {
  StringRef path = options.input;
  llvm::sys::fs::file_status status;
  if (std::error_code code = llvm::sys::fs::status(path, status)) {
    problem("cannot read " + path + ": " + code.message());
    return failure();
  }
  if (!llvm::sys::fs::is_directory(status))
    return readText(context, path, problem);
  if (isArtifact(path)) {
    FailureOr<OwningOpRef<ModuleOp>> module =
        readText(context, (path + "/model.mlir").str(), problem);
    if (failed(module))
      return failure();
    if (llvm::Error error = bindArtifact(**module, path)) {
      problem(toString(std::move(error)));
      return failure();
    }
    return module;
  }
  ImportOptions importOptions;
  // Text names the weights and does not hold them.
  importOptions.bindWeights = options.emit != Emit::Transformer ||
                              !options.passes.empty() ||
                              options.precision != Precision::F32;
  importOptions.note = [&](const Twine &message) {
    emitRemark(UnknownLoc::get(&context)) << message;
  };
  return importCheckpoint(context, path, importOptions, problem);
}
