//===- KernelJit.h - runs emitted kernels in process ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For tests and benchmarks of the emitters: MLIR text in, callable code out.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_UNITTESTS_CODEGEN_KERNELJIT_H
#define TRANSFORMER_UNITTESTS_CODEGEN_KERNELJIT_H

#include "transformer/CodeGen/Target.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/Error.h"

#include <array>
#include <string>

namespace mlir::transformer::test {

/// A matrix as emitted functions take it: the fields of a memref descriptor.
template <typename T, int Rank> struct Buffer {
  T *allocated, *aligned;
  int64_t offset = 0;
  int64_t sizes[Rank], strides[Rank];

  Buffer(T *data, std::array<int64_t, Rank> shape, int64_t rowStride = 0)
      : allocated(data), aligned(data) {
    int64_t stride = 1;
    for (int i = Rank - 1; i >= 0; --i) {
      sizes[i] = shape[i], strides[i] = stride;
      stride *= shape[i];
    }
    if (rowStride)
      strides[0] = rowStride;
  }
};

/// Functions of one module: `call` passes `_mlir_ciface_` pointers.
class KernelJit {
public:
  /// Emits the kernels of `text` for `target`, which is emulated where this CPU
  /// lacks it; with `naive` set, generics by plain loops instead.
  static llvm::Expected<std::unique_ptr<KernelJit>>
  create(StringRef text, const Target &target, bool naive = false);

  template <typename... Args> void call(StringRef name, Args... args) {
    auto function = reinterpret_cast<void (*)(Args...)>(lookup(name));
    beginCall();
    function(args...);
    endCall(name);
  }
  void *lookup(StringRef name);
  /// Kernels called from now on get their scratch from the first buffer on,
  /// as a call of a compiled model gets the same workspace each time. `call`
  /// does this itself; who calls what `lookup` found has to.
  static void beginCall();
  ~KernelJit();
  /// The machine code as text, made when it is asked for.
  std::string assembly() const;

private:
  /// Ends the program if the kernel left its scratch.
  static void endCall(StringRef name);

  struct Source; // the LLVM IR and for what machine
  std::unique_ptr<Source> source;
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

} // namespace mlir::transformer::test

#endif // TRANSFORMER_UNITTESTS_CODEGEN_KERNELJIT_H
