// RUN: transformer-opt %s -split-input-file -transformer-form-launches -verify-diagnostics | FileCheck %s
// RUN: transformer-opt %s -split-input-file -transformer-form-launches=gpu-chip=sm_90a -verify-diagnostics | FileCheck %s --check-prefix=WGMMA
// RUN: not transformer-opt %s -split-input-file -transformer-form-launches=gpu-chip=sm_1 2>&1 | FileCheck %s --check-prefix=CHIP
// CHIP: there is no GPU chip 'sm_1' in the table

// CHECK: transformer.launches = {buffers = [], inputs = ["tokens 64 f32 x", "fixed 64 f32"],
// CHECK-SAME: list = [{arguments = ["input 0", "input 1", "output 0", "tokens"], columns = 1 : i64, grid = "tokens", kernel = "rows_0", per = 4 : i64, shared = 0 : i64, threads = 128 : i64}]
// CHECK-SAME: outputs = ["tokens 64 f32 y"]
// CHECK-NOT: func.func
// CHECK: gpu.module @kernels
// CHECK: llvm.func @rows_0() attributes {transformer.kernel = {epsilon = 9.99999974E-6 : f32, family = "rows", norm = "layer", output = "f32", sources = ["f32"], width = 64 : i64}}
func.func @forward(%x: tensor<?x64xf32> {transformer.input = "x"}, %g: tensor<64xf32>)
    -> (tensor<?x64xf32> {transformer.output = "y", transformer.rows = "tokens"}) {
  %y = transformer.layer_norm %x, %g {epsilon = 1.0e-5 : f32}
      : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

// A layer: sums, residuals, bias and activation belong to the launch of the op
// beside them, and equal kernels are made once.
// CHECK: buffers = ["tokens 64 f16"]
// CHECK-SAME: "input 0", "weight f16 w", "weight f32 b", "buffer 0", "tokens"], columns = 2 : i64, grid = "tokens", kernel = "linear_0", most = 1728 : i64, per = 32 : i64
// CHECK-SAME: above = 1728 : i64, arguments = ["input 0", "weight f16 w", "weight f32 b", "buffer 0", "tokens"], columns = 1 : i64, grid = "tokens", kernel = "linear_1", per = 64 : i64
// CHECK-SAME: "buffer 0", "weight f16 w", "weight f32 b", "input 0", "output 0", "tokens"
// A kernel for few rows and one for more.
// CHECK: llvm.func @linear_0() {{.*}}activation = "gelu", bias, family = "linear", few, input = "f16", k = 64 : i64, n = 64 : i64, output = "f16", weight = "f16"
// CHECK: llvm.func @linear_1() {{.*}}activation = "gelu", bias, family = "linear", input = "f16"
// CHECK: llvm.func @linear_2() {{.*}}few{{.*}}residual = "f16"
// CHECK: llvm.func @linear_3() {{.*}}residual = "f16"
// Maps of inputs and weights, where products are those of warpgroups, and
// blocks that stay.
// WGMMA: arguments = ["map tokens 64 f16 64 input 0", "map 64 64 f16 64 weight f16 w", "weight f32 b", "buffer 0", "tokens"], columns = 1 : i64, grid = "tokens", kernel = "linear_wgmma_0", most = 8448 : i64, per = 64 : i64, resident = 1 : i64, shared = 196704 : i64, threads = 160 : i64
// WGMMA-SAME: above = 8448 : i64, arguments = ["map tokens 64 f16 128 input 0", "map 64 64 f16 64 weight f16 w", "weight f32 b", "buffer 0", "tokens"], columns = 1 : i64, grid = "tokens", kernel = "linear_wgmma_1", per = 128 : i64, resident = 2 : i64, shared = 98368 : i64, threads = 288 : i64
// WGMMA-SAME: "map tokens 64 f16 64 buffer 0"
// WGMMA-SAME: "map tokens 64 f16 128 buffer 0"
// WGMMA: llvm.func @linear_wgmma_0() {{.*}}few
// WGMMA: llvm.func @linear_wgmma_3() {{.*}}residual = "f16"
// CHECK-NOT: llvm.func
ml_program.global private @w(#ml_program.extern : tensor<64x64xf16>) : tensor<64x64xf16>
ml_program.global private @b(#ml_program.extern : tensor<64xf16>) : tensor<64xf16>
func.func @forward(%x: tensor<?x64xf16>) -> tensor<?x64xf16> {
  %w = ml_program.global_load_const @w : tensor<64x64xf16>
  %b = ml_program.global_load_const @b : tensor<64xf16>
  %0 = transformer.linear %x, %w bias %b activation gelu
      : (tensor<?x64xf16>, tensor<64x64xf16>, tensor<64xf16>) -> tensor<?x64xf16>
  %1 = transformer.linear %0, %w bias %b
      : (tensor<?x64xf16>, tensor<64x64xf16>, tensor<64xf16>) -> tensor<?x64xf16>
  %2 = arith.addf %1, %x : tensor<?x64xf16>
  return %2 : tensor<?x64xf16>
}

// -----

// Blocks of queries in each sequence are counted by tokens and sequences alone.
// CHECK: columns = 2 : i64, grid = "blocks", kernel = "attention_0", per = 64 : i64
// WGMMA: columns = 2 : i64, grid = "blocks", kernel = "attention_wgmma_0", per = 128 : i64, shared = 49152 : i64, threads = 256 : i64
func.func @forward(%q: tensor<?x64xf16>, %offsets: tensor<?xi32> {transformer.input = "offsets"}) -> tensor<?x64xf16> {
  %0 = transformer.attention %q, %q, %q offsets(%offsets) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x64xf16>, tensor<?x64xf16>, tensor<?x64xf16>, tensor<?xi32>) -> tensor<?x64xf16>
  return %0 : tensor<?x64xf16>
}

// -----

// What tensor cores don't take has a simple kernel.
// CHECK: kernel = "attention_simple_0"
// CHECK-SAME: kernel = "linear_simple_1"
// WGMMA: kernel = "linear_simple_1"
func.func @forward(%x: tensor<?x64xf32>, %w: tensor<64x64xf32>, %offsets: tensor<?xi32>) -> tensor<?x64xf32> {
  %0 = transformer.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %1 = transformer.attention %x, %x, %x offsets(%offsets) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>, tensor<?xi32>) -> tensor<?x64xf32>
  %2 = arith.addf %0, %1 : tensor<?x64xf32>
  return %2 : tensor<?x64xf32>
}

// -----

// What a row gets from others of its sequence is part of the launch of a sum or
// norm; a Fourier transform comes before: rows are folded, both halves are
// multiplied with constants, and the results mixed along the sequences in f32.
// CHECK: buffers = ["tokens 40 f16", "tokens 32 f16", "tokens 32 f16", "tokens 32 f16", "tokens 64 f32"]
// CHECK-SAME: arguments = ["input 0", "buffer 0", "buffer 1", "tokens"], columns = 1 : i64, grid = "tokens", kernel = "fold_0", per = 4 : i64
// CHECK-SAME: arguments = ["buffer 0", "constant f16 cosines 64", "buffer 2", "tokens"], {{.*}} kernel = "linear_2"
// CHECK-SAME: arguments = ["buffer 1", "constant f16 sines 64", "buffer 3", "tokens"], {{.*}} kernel = "linear_4"
// CHECK-SAME: arguments = ["buffer 2", "buffer 3", "input 1", "buffer 4", "sequences"], columns = 2 : i64, grid = "blocks", kernel = "mix_5", per = 128 : i64, shared = 24576 : i64
// CHECK-SAME: arguments = ["buffer 4", "input 0", "input 1", "input 2", "output 0", "tokens", "sequences"]
// CHECK: llvm.func @rows_6() {{.*}}sources = ["f32", "lags f32 3"]
func.func @forward(%x: tensor<?x64xf32>, %offsets: tensor<?xi32>, %w: tensor<3x64xf32>) -> tensor<?x64xf32> {
  %0 = transformer.fft_mix %x offsets(%offsets) : (tensor<?x64xf32>, tensor<?xi32>) -> tensor<?x64xf32>
  %1 = transformer.token_mix %x, %w offsets(%offsets) : (tensor<?x64xf32>, tensor<3x64xf32>, tensor<?xi32>) -> tensor<?x64xf32>
  %2 = arith.addf %0, %1 : tensor<?x64xf32>
  return %2 : tensor<?x64xf32>
}

// -----

// Rows of many numbers: sequences of hundreds of tokens go through cuFFT, which
// other launches prepare. The length is what a model of costs says of sm_80.
// CHECK: fft_from = 961 : i64
// CHECK-SAME: kernel = "fold_0", need = "short"
// CHECK-SAME: kernel = "linear_1", most = {{[0-9]+}} : i64, need = "short"
// CHECK-SAME: kernel = "linear_4", need = "short"
// CHECK-SAME: arguments = ["buffer 2", "buffer 3", "input 1", "buffer 4", "sequences", "fft_from"], {{.*}} kernel = "mix_5", need = "short"
// CHECK-SAME: arguments = ["input 0", "buffer 5", "tokens"], columns = 1 : i64, grid = "tokens", kernel = "widen_6", need = "long", per = 1 : i64
// CHECK-SAME: arguments = ["buffer 5"], columns = 768 : i64, {{.*}} kernel = "cufft", need = "long"
// CHECK-SAME: arguments = ["buffer 5", "input 1", "buffer 4", "tokens", "sequences", "fft_from"], {{.*}} kernel = "mirror_7", need = "long"
module attributes {transformer.model = {max_length = 4096 : i64}} {
  func.func @forward(%x: tensor<?x768xf32>, %offsets: tensor<?xi32>) -> tensor<?x768xf32> {
    %0 = transformer.fft_mix %x offsets(%offsets) : (tensor<?x768xf32>, tensor<?xi32>) -> tensor<?x768xf32>
    return %0 : tensor<?x768xf32>
  }
}

// -----

// Images: room for the class token from the start.
// CHECK: inputs = ["sequences 192 f32", "fixed 768 f32", "fixed 16 f32"]
// CHECK: llvm.func @patches_0() {{.*}}before = 1 : i64, channels = 3 : i64, family = "patches", height = 8 : i64, input = "f32", output = "f16", size = 4 : i64, width = 8 : i64
// CHECK: llvm.func @rows_2() {{.*}}sources = ["prepend f16 4 1"]
func.func @forward(%x: tensor<?x3x8x8xf32>, %w: tensor<16x48xf32>, %cls: tensor<1x16xf32>) -> tensor<?x16xf32> {
  %0 = transformer.patches %x {size = 4 : i64} : (tensor<?x3x8x8xf32>) -> tensor<?x48xf32>
  %1 = transformer.linear %0, %w : (tensor<?x48xf32>, tensor<16x48xf32>) -> tensor<?x16xf32>
  %2 = transformer.prepend %1, %cls {length = 4 : i64} : (tensor<?x16xf32>, tensor<1x16xf32>) -> tensor<?x16xf32>
  return %2 : tensor<?x16xf32>
}

// -----

// Turns of pairs are constants, and so are the matrices of neighbours, which a
// product wants in another order.
// CHECK: arguments = ["input 0", "input 1", "constant f32 turns 10000 32", "buffer 0", "tokens"]
// CHECK-SAME: arguments = ["buffer 0", "input 2", "buffer 1", "tokens", "sequences"]
// CHECK-SAME: arguments = ["buffer 1", "stacked 3 f16 w", "output 0", "tokens"]
// CHECK: llvm.func @rope_0() {{.*}}dim = 32 : i64, family = "rope", heads = 2 : i64, input = "f32", output = "f16", turning = 32 : i64
// CHECK: llvm.func @stack_1() {{.*}}count = 3 : i64, family = "stack", input = "f16", output = "f16", width = 64 : i64
// CHECK: llvm.func @linear_2() {{.*}}k = 192 : i64, n = 64 : i64, output = "f32"
ml_program.global private @w(#ml_program.extern : tensor<3x64x64xf32>) : tensor<3x64x64xf32>
func.func @forward(%x: tensor<?x64xf32>, %p: tensor<?xi32>, %offsets: tensor<?xi32>) -> tensor<?x64xf32> {
  %w = ml_program.global_load_const @w : tensor<3x64x64xf32>
  %0 = transformer.rope %x, %p {num_heads = 2 : i64, theta = 1.0e4 : f32} : (tensor<?x64xf32>, tensor<?xi32>) -> tensor<?x64xf32>
  %1 = transformer.token_mix %0, %w offsets(%offsets) : (tensor<?x64xf32>, tensor<3x64x64xf32>, tensor<?xi32>) -> tensor<?x64xf32>
  return %1 : tensor<?x64xf32>
}

// -----

// Dense batches are packed ones of one length; offsets are one more input.
// CHECK: inputs = ["tokens 64 f32", "offsets 1 i32 offsets"]
// CHECK-SAME: arguments = ["input 0", "input 0", "input 0", "input 1", "output 0", "tokens", "sequences"]
func.func @forward(%x: tensor<2x8x64xf32>) -> tensor<2x8x64xf32> {
  %0 = transformer.attention %x, %x, %x {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<2x8x64xf32>, tensor<2x8x64xf32>, tensor<2x8x64xf32>) -> tensor<2x8x64xf32>
  return %0 : tensor<2x8x64xf32>
}

// -----

// Masks of dense batches are arguments, as they are: of keys alone, a number for
// each token; by query and key, so many for each sequence; or one for all.
// CHECK: inputs = ["tokens 64 f16", "tokens 1 i8", "sequences 128 f16", "fixed 64 i32", "tokens 1 i64", "offsets 1 i32 offsets"]
// CHECK-SAME: arguments = ["input 0", "input 0", "input 0", "input 5", "input 1", "buffer 0", "tokens", "sequences"]
// CHECK-SAME: arguments = ["buffer 0", "buffer 0", "buffer 0", "input 5", "input 2", "buffer 1", "tokens", "sequences"]
// CHECK-SAME: arguments = ["buffer 1", "buffer 1", "buffer 1", "input 5", "input 3", "output 0", "tokens", "sequences"]
// CHECK-SAME: arguments = ["output 0", "input 5", "input 4", "output 1", "sequences"]
// CHECK: llvm.func @attention_0() {{.*}}mask = "i8 keys"
// CHECK: llvm.func @attention_1() {{.*}}mask = "f16 batch heads 8"
// CHECK: llvm.func @attention_2() {{.*}}mask = "i32 8"
// CHECK: llvm.func @rows_3() {{.*}}sources = ["pool f16 mean i64"]
// WGMMA: llvm.func @attention_wgmma_0() {{.*}}mask = "i8 keys"
func.func @forward(%x: tensor<2x8x64xf16>, %keys: tensor<2x8xi1>, %bias: tensor<2x2x8x8xf16>, %pairs: tensor<1x1x8x8xi32>, %long: tensor<2x8xi64>)
    -> (tensor<2x8x64xf16>, tensor<2x64xf16>) {
  %0 = transformer.attention %x, %x, %x mask(%keys) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<2x8x64xf16>, tensor<2x8x64xf16>, tensor<2x8x64xf16>, tensor<2x8xi1>) -> tensor<2x8x64xf16>
  %1 = transformer.attention %0, %0, %0 mask(%bias) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<2x8x64xf16>, tensor<2x8x64xf16>, tensor<2x8x64xf16>, tensor<2x2x8x8xf16>) -> tensor<2x8x64xf16>
  %z = arith.constant dense<0> : tensor<1x1x8x8xi32>
  %m = arith.cmpi ne, %pairs, %z : tensor<1x1x8x8xi32>
  %2 = transformer.attention %1, %1, %1 mask(%m) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<2x8x64xf16>, tensor<2x8x64xf16>, tensor<2x8x64xf16>, tensor<1x1x8x8xi1>) -> tensor<2x8x64xf16>
  %none = arith.constant dense<0> : tensor<2x8xi64>
  %seen = arith.cmpi ne, %long, %none : tensor<2x8xi64>
  %3 = transformer.pool mean %2 mask(%seen) : (tensor<2x8x64xf16>, tensor<2x8xi1>) -> tensor<2x64xf16>
  return %2, %3 : tensor<2x8x64xf16>, tensor<2x64xf16>
}

// -----

// A mask that is a weight is added; of keys alone, sizes need not be known.
// CHECK: inputs = ["tokens 64 f16", "tokens 1 i64", "offsets 1 i32 offsets"]
// CHECK-SAME: "weight f32 bias"
// CHECK: llvm.func @attention_0() {{.*}}mask = "i64 keys"
// CHECK: llvm.func @attention_1() {{.*}}mask = "f32 heads 8"
ml_program.global private @bias(#ml_program.extern : tensor<1x2x8x8xf16>) : tensor<1x2x8x8xf16>
func.func @forward(%x: tensor<?x8x64xf16>, %long: tensor<?x8xi64>) -> tensor<?x8x64xf16> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0 : i64
  %n = tensor.dim %long, %c0 : tensor<?x8xi64>
  %none = tensor.splat %zero[%n] : tensor<?x8xi64>
  %seen = arith.cmpi ne, %long, %none : tensor<?x8xi64>
  %bias = ml_program.global_load_const @bias : tensor<1x2x8x8xf16>
  %0 = transformer.attention %x, %x, %x mask(%seen) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x8x64xf16>, tensor<?x8x64xf16>, tensor<?x8x64xf16>, tensor<?x8xi1>) -> tensor<?x8x64xf16>
  %1 = transformer.attention %0, %0, %0 mask(%bias) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x8x64xf16>, tensor<?x8x64xf16>, tensor<?x8x64xf16>, tensor<1x2x8x8xf16>) -> tensor<?x8x64xf16>
  return %1 : tensor<?x8x64xf16>
}

// -----

func.func @forward(%x: tensor<2x8x64xf32>, %m: tensor<2x8xf32>) -> tensor<2x8x64xf32> {
  %n = arith.negf %m : tensor<2x8xf32>
  // expected-error @below {{has a mask, 'tensor<2x8xf32>', that arith.negf computes; GPU kernels take masks that are arguments, arith.cmpi ne of an argument of i8, i32 or i64 and 0, or weights that are added}}
  %0 = transformer.attention %x, %x, %x mask(%n) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<2x8x64xf32>, tensor<2x8x64xf32>, tensor<2x8x64xf32>, tensor<2x8xf32>) -> tensor<2x8x64xf32>
  return %0 : tensor<2x8x64xf32>
}

// -----

// Only what is not zero is seen.
func.func @forward(%x: tensor<2x8x64xf32>, %m: tensor<2x8xi64>) -> tensor<2x64xf32> {
  %one = arith.constant dense<1> : tensor<2x8xi64>
  %n = arith.cmpi ne, %m, %one : tensor<2x8xi64>
  // expected-error @below {{has a mask, 'tensor<2x8xi1>', that arith.cmpi computes; GPU kernels take}}
  %0 = transformer.pool mean %x mask(%n) : (tensor<2x8x64xf32>, tensor<2x8xi1>) -> tensor<2x64xf32>
  return %0 : tensor<2x64xf32>
}

// -----

ml_program.global private @m(#ml_program.extern : tensor<2x8xi1>) : tensor<2x8xi1>
func.func @forward(%x: tensor<2x8x64xf32>) -> tensor<2x8x64xf32> {
  %m = ml_program.global_load_const @m : tensor<2x8xi1>
  // expected-error @below {{has a mask, 'tensor<2x8xi1>', that is a weight; GPU kernels take}}
  %0 = transformer.attention %x, %x, %x mask(%m) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<2x8x64xf32>, tensor<2x8x64xf32>, tensor<2x8x64xf32>, tensor<2x8xi1>) -> tensor<2x8x64xf32>
  return %0 : tensor<2x8x64xf32>
}

// -----

func.func @forward(%x: tensor<2x8x64xf32>, %m: tensor<2x8xi16>) -> tensor<2x8x64xf32> {
  %z = arith.constant dense<0> : tensor<2x8xi16>
  %n = arith.cmpi ne, %m, %z : tensor<2x8xi16>
  // expected-error @below {{has a mask, 'tensor<2x8xi1>', that is made of 'i16'; GPU kernels take}}
  %0 = transformer.attention %x, %x, %x mask(%n) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<2x8x64xf32>, tensor<2x8x64xf32>, tensor<2x8x64xf32>, tensor<2x8xi1>) -> tensor<2x8x64xf32>
  return %0 : tensor<2x8x64xf32>
}

// -----

func.func @forward(%x: tensor<2x?x64xf32>, %m: tensor<2x1x?x?xi1>) -> tensor<2x?x64xf32> {
  // expected-error @below {{has a mask by query and key whose size its type, 'tensor<2x1x?x?xi1>', does not say, as GPU kernels need it; a mask [batch, keys] may have any}}
  %0 = transformer.attention %x, %x, %x mask(%m) {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<2x?x64xf32>, tensor<2x?x64xf32>, tensor<2x?x64xf32>, tensor<2x1x?x?xi1>) -> tensor<2x?x64xf32>
  return %0 : tensor<2x?x64xf32>
}

// -----

// expected-error @below {{has dense batches of several sizes, 'tensor<2x8x64xf32>' and 'tensor<2x9x64xf32>', of which GPU kernels take one}}
func.func @forward(%x: tensor<2x8x64xf32>, %y: tensor<2x9x64xf32>) -> tensor<2x8x64xf32> {
  %0 = transformer.attention %x, %y, %y {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<2x8x64xf32>, tensor<2x9x64xf32>, tensor<2x9x64xf32>) -> tensor<2x8x64xf32>
  return %0 : tensor<2x8x64xf32>
}

// -----

// expected-error @below {{has several dense arguments of unknown length, such as 'tensor<?x?x64xf32>'}}
func.func @forward(%x: tensor<?x?x64xf32>, %y: tensor<?x?x64xf32>) -> tensor<?x?x64xf32> {
  %0 = transformer.attention %x, %y, %y {num_heads = 2 : i64, num_kv_heads = 2 : i64}
      : (tensor<?x?x64xf32>, tensor<?x?x64xf32>, tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  return %0 : tensor<?x?x64xf32>
}

// -----

func.func @forward(%x: tensor<2x8x64xf32>) -> tensor<2x8x64xf32> {
  // expected-error @below {{gives dense rows, of type 'tensor<2x8x64xf32>', which no GPU kernel does}}
  %c = arith.constant dense<1.0> : tensor<2x8x64xf32>
  %0 = arith.addf %x, %c : tensor<2x8x64xf32>
  return %0 : tensor<2x8x64xf32>
}

// -----

// Columns of rows are part of the launch of a sum or norm, too.
// CHECK: arguments = ["input 0", "input 1", "input 2", "output 0", "tokens"]
// CHECK: llvm.func @rows_0() {{.*}}sources = ["select f32 64", "f32"], width = 16 : i64
func.func @forward(%x: tensor<?x64xf32>, %i: tensor<16xi32>, %y: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %0 = transformer.select %x, %i : (tensor<?x64xf32>, tensor<16xi32>) -> tensor<?x16xf32>
  %1 = arith.addf %0, %y : tensor<?x16xf32>
  return %1 : tensor<?x16xf32>
}

// -----

// Of what one linear has made for several, each takes its columns.
// CHECK: llvm.func @rows_0() {{.*}}sources = ["slice f32 48 32"], width = 16 : i64
func.func @forward(%x: tensor<?x48xf32>) -> tensor<?x16xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x48xf32>
  %0 = tensor.extract_slice %x[0, 32] [%n, 16] [1, 1] : tensor<?x48xf32> to tensor<?x16xf32>
  return %0 : tensor<?x16xf32>
}

// -----

func.func @forward(%x: tensor<?x48xf32>) -> tensor<3x48xf32> {
  // expected-error @below {{has a GPU kernel for columns of all rows alone}}
  %0 = tensor.extract_slice %x[0, 0] [3, 48] [1, 1] : tensor<?x48xf32> to tensor<3x48xf32>
  return %0 : tensor<3x48xf32>
}
