// RUN: transformer-opt %s -split-input-file -transformer-emit-device=gpu-chip=sm_90 -verify-diagnostics | FileCheck %s
// RUN: not transformer-opt %s -split-input-file -transformer-emit-device=gpu-chip=sm_1 2>&1 | FileCheck %s --check-prefix=CHIP
// CHIP: there is no GPU chip 'sm_1' in the table; there are sm_80, sm_90, sm_90a, sm_100

// CHECK: gpu.module @kernels [#nvvm.target<O = 3, chip = "sm_90", features = "+ptx78">]
// CHECK: llvm.func @rows_0(%{{.*}}: !llvm.ptr<1>, %{{.*}}: !llvm.ptr<1>, %{{.*}}: !llvm.ptr<1>, %{{.*}}: !llvm.ptr<1>, %{{.*}}: i32)
// CHECK-SAME: nvvm.kernel, nvvm.maxntid = array<i32: 128, 1, 1>
// CHECK: llvm.call_intrinsic "llvm.nvvm.shfl.sync.bfly.f32"
gpu.module @kernels {
  llvm.func @rows_0() attributes {transformer.kernel = {
      family = "rows", width = 64, sources = ["f16"], norm = "layer",
      epsilon = 1.0e-5 : f32, bias, output = "f16"}}
}

// -----

gpu.module @kernels {
  // expected-error @below {{has instructions of sm_90a, and is for sm_90; use linear}}
  llvm.func @k() attributes {transformer.kernel = {family = "linear_wgmma", input = "f16", weight = "f16", output = "f16", n = 8, k = 8}}
}

// -----

gpu.module @kernels {
  // expected-error @below {{there is no kernel family 'conv'; there are rows, positions, patches, fold, mix, mix_simple, widen, mirror, stack, rope, linear, linear_pair, linear_wgmma, linear_simple, attention, attention_wgmma and attention_simple}}
  llvm.func @k() attributes {transformer.kernel = {family = "conv"}}
}

// -----

gpu.module @kernels {
  // expected-error @below {{a kernel of rows needs a width from 1 to 32768}}
  llvm.func @k() attributes {transformer.kernel = {family = "rows", width = 40000, sources = ["f16"], output = "f16"}}
}

// -----

gpu.module @kernels {
  // expected-error @below {{each of the sources of a kernel of rows is 'TYPE'}}
  llvm.func @k() attributes {transformer.kernel = {family = "rows", width = 4, sources = ["i8"], output = "f16"}}
}

// -----

gpu.module @kernels {
  // expected-error @below {{tensor cores take f16, bf16 or i8 factors of one type, rows of whole 16 bytes, and an even number of results; use linear_simple}}
  llvm.func @k() attributes {transformer.kernel = {family = "linear", input = "f16", weight = "f16", output = "f16", n = 8, k = 7}}
}

// -----

gpu.module @kernels {
  // expected-error @below {{attention on tensor cores takes f16 or bf16 and head dims of 16, 32, ... 128; use attention_simple}}
  llvm.func @k() attributes {transformer.kernel = {family = "attention", input = "f32", output = "f32", heads = 1, kv_heads = 1, qk_dim = 16, value_dim = 16}}
}

// -----

gpu.module @kernels {
  // expected-error @below {{has a 'transformer.kernel' that is not a dictionary}}
  llvm.func @k() attributes {transformer.kernel = 1}
}

// -----

gpu.module @kernels {
  // expected-error @below {{a pair of products on tensor cores needs a rank of whole 16 bytes}}
  llvm.func @k() attributes {transformer.kernel = {family = "linear_pair", input = "f16", weight = "f16", hidden = "f16", output = "f16", n = 8, k = 8, rank = 4, groups = 1}}
}

// -----

gpu.module @kernels {
  // expected-error @below {{the mask of an attention kernel is 'TYPE keys' or 'TYPE [batch] [heads] LENGTH', TYPE f32, f16, bf16, i8, i32 or i64}}
  llvm.func @k() attributes {transformer.kernel = {family = "attention", input = "f16", output = "f16", heads = 1, kv_heads = 1, qk_dim = 16, value_dim = 16, mask = "f32 heads"}}
}

// -----

gpu.module @kernels {
  // expected-error @below {{a pair of products needs 1 to 2 groups of columns}}
  llvm.func @k() attributes {transformer.kernel = {family = "linear_pair", input = "f16", weight = "f16", hidden = "f16", output = "f16", n = 200, k = 8, rank = 8, groups = 3}}
}

// -----

gpu.module @kernels {
  // expected-error @below {{between the products of a pair is the type of the factors, or, to be rounded to i8, f32, f16 or bf16}}
  llvm.func @k() attributes {transformer.kernel = {family = "linear_pair", input = "f16", weight = "f16", hidden = "f32", output = "f16", n = 8, k = 8, rank = 8, groups = 1}}
}

// -----

gpu.module @kernels {
  // expected-error @below {{between the products of a pair only i8 has a multiplier or a scale}}
  llvm.func @k() attributes {transformer.kernel = {family = "linear_pair", input = "f16", weight = "f16", hidden = "f16", output = "f16", n = 8, k = 8, rank = 8, groups = 1, multiplier}}
}

// -----

gpu.module @kernels {
  // expected-error @below {{the scale between the products of a pair is a number above 0, or an argument}}
  llvm.func @k() attributes {transformer.kernel = {family = "linear_pair", input = "i8", weight = "i8", hidden = "f16", output = "f16", n = 8, k = 16, rank = 16, groups = 1, scale = 0.0 : f32}}
}

// -----

gpu.module @kernels {
  // expected-error @below {{tensor cores take f16, bf16 or i8 factors of one type, rows of whole 16 bytes, and an even number of results}}
  llvm.func @k() attributes {transformer.kernel = {family = "linear_pair", input = "f16", weight = "f16", hidden = "f16", output = "f16", n = 7, k = 8, rank = 8, groups = 1}}
}

// -----

gpu.module @kernels {
  // expected-error @below {{needs 294912 bytes of shared memory, and sm_90 has 232448}}
  llvm.func @k() attributes {transformer.kernel = {family = "linear_pair", input = "f16", weight = "f16", hidden = "f16", output = "f16", n = 128, k = 8, rank = 2016, groups = 1}}
}

// -----

gpu.module @kernels {
  // expected-error @below {{'pool TYPE mean|cls|max' (and 'i8', 'i32' or 'i64', if some tokens are left out)}}
  llvm.func @k() attributes {transformer.kernel = {family = "rows", width = 8, sources = ["pool f16 mean f32"], output = "f16"}}
}
