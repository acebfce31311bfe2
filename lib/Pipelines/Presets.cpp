//===- Presets.cpp - what one word asks for -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Pipelines/Presets.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::transformer;

// The bits of small and tiny give a BERT of 30522 words and six layers of 384
// an eighth and a tenth of its size. What is lost by tables and by linears is
// then about the same (docs/compression.md).
static constexpr Preset kPresets[] = {
    {"exact", Precision::F32, 0, 0, 0, 0, false, "f32"},
    {"bf16", Precision::BF16, 0, 0, 0, 0, false, "--dtype=bf16"},
    {"int8", Precision::I8, 0, 0, 0, 0, false, "--quantize=i8"},
    {"int4", Precision::I4, 0, 0, 0, 0, false, "--quantize=i4"},
    {"small", Precision::I8, 4.75, 3.02, 0, 0, true,
     "--quantize=i8 --bits=4.75 --table-bits=3.02 --max-length=sentence "
     "--pack=entropy"},
    {"tiny", Precision::I8, 3.85, 2.38, 0, 0, true,
     "--quantize=i8 --bits=3.85 --table-bits=2.38 --max-length=sentence "
     "--pack=entropy"},
    {"turbo", Precision::I8, 4.75, 3.02, 16, 0.06, true,
     "small, after --qk-rank=16 --ffn-error=0.06"},
};

llvm::ArrayRef<Preset> transformer::presets() { return kPresets; }

const Preset *transformer::findPreset(llvm::StringRef name) {
  auto found =
      llvm::find_if(kPresets, [&](const Preset &p) { return p.name == name; });
  return found == std::end(kPresets) ? nullptr : found;
}
