//===- FftCases.cpp - fft_mix beside FFTW ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// FFTW transforms real to complex in two dimensions by a plan that it measured,
// which gives half of the columns; their mirror images complete the result.
//===----------------------------------------------------------------------===//
#include "Cases.h"

#include "llvm/Support/FormatVariadic.h"

#ifdef TRANSFORMER_HAS_FFTW
#include <fftw3.h>
#endif

#include <cmath>
#include <cstdlib>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::bench;
using test::Buffer;

#ifdef TRANSFORMER_HAS_FFTW
static Run fftwRun(Floats x, int64_t n, int64_t h) {
  int64_t half = h / 2 + 1;
  Floats in(n * h), out(n * h), spectrum(2 * n * half);
  auto complex = [=] {
    return reinterpret_cast<fftwf_complex *>(spectrum.data.get());
  };
  fftwf_plan plan =
      fftwf_plan_dft_r2c_2d(n, h, in.data.get(), complex(), FFTW_MEASURE);
  std::shared_ptr<void> owner(
      plan, [](void *p) { fftwf_destroy_plan(static_cast<fftwf_plan>(p)); });
  // Planning writes to the input.
  std::copy_n(x.data.get(), n * h, in.data.get());
  return [=] {
    fftwf_execute_dft_r2c(static_cast<fftwf_plan>(owner.get()), in.data.get(),
                          complex());
    for (int64_t s = 0; s < n; ++s) {
      float *row = out.data.get() + s * h;
      const fftwf_complex *own = complex() + s * half;
      const fftwf_complex *mirror = complex() + (n - s) % n * half;
      for (int64_t k = 0; k < half; ++k)
        row[k] = own[k][0];
      for (int64_t k = half; k < h; ++k)
        row[k] = mirror[h - k][0];
    }
  };
}
#endif

/// fft:LENGTHxHIDDEN, the length known at run time only, or
/// fft:LENGTHxHIDDEN:static.
Maybe bench::fftCase(ArrayRef<int64_t> numbers, StringRef kind,
                     const Target &target) {
  if (numbers.size() != 2 || (!kind.empty() && kind != "static"))
    return std::nullopt;
  int64_t n = numbers[0], h = numbers[1];
  Case result;
  // The usual count for real data; no kernel does exactly these.
  result.operations = 2.5 * n * h * std::log2(static_cast<double>(n) * h);
  std::string type = llvm::formatv("memref<{0}x{1}xf32>",
                                   kind.empty() ? "?" : std::to_string(n), h);
  result.text = llvm::formatv(R"(
func.func @kernel(%x: {0}, %y: {0}) {{
  transformer_kernel.fft_mix %x outs(%y) {{max_rows = {1} : i64} : ({0}, {0}) -> ()
  return
}
)",
                              type, n);
  Floats x(n * h), y(n * h);
  result.bind = [=](test::KernelJit &jit) -> Run {
    auto function =
        reinterpret_cast<void (*)(void *, void *)>(jit.lookup("kernel"));
    return [=] {
      Buffer<float, 2> in(x.data.get(), {n, h}), out(y.data.get(), {n, h});
      function(&in, &out);
    };
  };
#ifdef TRANSFORMER_HAS_FFTW
  result.against = "FFTW";
  result.bindAgainst = [=](test::KernelJit &) { return fftwRun(x, n, h); };
#endif
  return result;
}
