//===- Fourier.cpp - how GPUs mix tokens by Fourier transforms ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/GPU/Fourier.h"
#include "Tiles.h"
#include "transformer/GPU/PerformanceModel.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace mlir::transformer::gpu;

FourierShape::FourierShape(int64_t width)
    : width(width), half((width + 1) / 2), columns(llvm::alignTo(half, 8)),
      evenDepth(llvm::alignTo(width / 2 + 1, 8)), oddDepth(columns),
      shift(llvm::Log2_64_Ceil(width)) {}

/// The width that a name ends with, after `word`; 0 if it does not.
static int64_t widthIn(llvm::StringRef name, llvm::StringRef word) {
  int64_t width = 0;
  if (!name.consume_front(word) || name.getAsInteger(10, width))
    return 0;
  return width > 0 && width <= kMostFourierColumns ? width : 0;
}

/// What turns a pair of channels makes from one position to the next, as two
/// numbers of f32 each.
static std::vector<double> turnNumbers(llvm::StringRef name) {
  double theta = 0;
  int64_t turning = 0;
  auto [base, count] = name.drop_front(strlen("turns ")).split(' ');
  if (base.getAsDouble(theta) || count.getAsInteger(10, turning) ||
      turning < 2 || turning > kMostFourierColumns)
    return {};
  std::vector<double> numbers(turning);
  for (int64_t i = 0; i < turning / 2; ++i) {
    double exact = std::pow(theta, -2.0 * i / turning) / (2 * M_PI);
    numbers[i] = float(exact);
    numbers[turning / 2 + i] = exact - numbers[i];
  }
  return numbers;
}

int64_t mlir::transformer::gpu::constantSize(llvm::StringRef name) {
  if (name.starts_with("turns "))
    return turnNumbers(name).size();
  if (int64_t width = widthIn(name, "cosines "))
    return FourierShape(width).columns * FourierShape(width).evenDepth;
  if (int64_t width = widthIn(name, "sines "))
    return FourierShape(width).columns * FourierShape(width).oddDepth;
  return 0;
}

std::vector<double>
mlir::transformer::gpu::constantNumbers(llvm::StringRef name) {
  if (name.starts_with("turns "))
    return turnNumbers(name);
  std::vector<double> numbers(constantSize(name));
  bool isSines = name.starts_with("sines");
  int64_t width = widthIn(name, isSines ? "sines " : "cosines ");
  if (!width)
    return numbers;
  FourierShape shape(width);
  int64_t depth = isSines ? shape.oddDepth : shape.evenDepth;
  double scale = std::ldexp(1.0, -shape.shift);
  for (int64_t frequency = 0; frequency < shape.half; ++frequency)
    for (int64_t column = 0; 2 * column <= width; ++column) {
      double angle = 2 * M_PI * double(frequency * column % width) / width;
      // Halves are means of two numbers, but for what is its own partner.
      bool isAlone = column == 0 || 2 * column == width;
      if (!isSines)
        numbers[frequency * depth + column] =
            (isAlone ? 1 : 2) * scale * std::cos(angle);
      else if (!isAlone)
        numbers[frequency * depth + column] = -2 * scale * std::sin(angle);
    }
  if (isSines && shape.hasLast())
    numbers[0] = 1;
  return numbers;
}

std::string mlir::transformer::gpu::constantBytes(llvm::StringRef name,
                                                  Type element) {
  std::string bytes;
  for (double number : constantNumbers(name)) {
    llvm::APFloat value(number);
    bool isInexact;
    value.convert(cast<FloatType>(element).getFloatSemantics(),
                  llvm::APFloat::rmNearestTiesToEven, &isInexact);
    llvm::APInt bits = value.bitcastToAPInt();
    for (unsigned at = 0; at < bits.getBitWidth(); at += 8)
      bytes.push_back(char(bits.extractBitsAsZExtValue(8, at)));
  }
  return bytes;
}

namespace {
/// What is assumed of kernels and not in data sheets: what part of the peak
/// products reach on tensor cores and without.
constexpr double kTensorPart = 1.0 / 2, kPlainPart = 1.0 / 4;

/// The time that one sequence takes among many, by operations and by bytes of
/// its rows, of which each kernel reads and writes all once.
struct FourierTimes {
  double folded, fast;
  FourierTimes(double tokens, double width, Type element,
               const ChipRates &rates) {
    double numbers = tokens * width;
    double size = element.getIntOrFloatBitWidth() / 8.0;
    double peak =
        element.isF32() ? rates.plain * kPlainPart : rates.tensor * kTensorPart;
    auto transfer = [&](double bytes) {
      return numbers * bytes / rates.bytesPerSecond;
    };
    // fold reads and writes, two products read and write, mix reads, and
    // writes f32.
    folded = numbers * (width + tokens / 2) / peak + transfer(5 * size + 4);
    // Rows become f32, and are read by mirror, which writes; between the two
    // cuFFT goes over them twice, with as many launches for each sequence.
    fast = transfer(size + 4 + 4 + 4) +
           std::max(transfer(2 * (4 + 4)), 2 * kLaunchSeconds);
  }
};
} // namespace

int64_t mlir::transformer::gpu::fftFrom(int64_t width, Type element,
                                        const ChipRates &rates,
                                        int64_t longest) {
  // Per number of a row the one grows with the tokens, the other does not.
  for (int64_t tokens = 1; tokens <= longest; ++tokens) {
    FourierTimes times(tokens, width, element, rates);
    if (times.fast < times.folded)
      return tokens;
  }
  return 0;
}
