// Two linears in a row, the first of which nothing else reads, may be one
// launch.
// RUN: transformer-opt %s -split-input-file -transformer-form-launches --remarks-filter=transformer-form-launches --remark-format=emitRemark 2> %t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks
// RUN: transformer-opt %s -split-input-file -transformer-form-launches=gpu-chip=sm_90a --remarks-filter=transformer-form-launches --remark-format=emitRemark 2> %t.wgmma | FileCheck %s --check-prefix=WGMMA
// RUN: FileCheck %s --check-prefix=REMARK-WGMMA < %t.wgmma

// Few rows: a block for each tile of columns. More: fewer blocks, which make
// the first product less often. What follows the second product is part of it.
// CHECK: buffers = []
// CHECK-SAME: {arguments = ["input 0", "weight f16 down", "weight f16 up", "weight f32 bias", "input 1", "output 0", "tokens"], columns = 12 : i64, grid = "tokens", kernel = "linear_pair_0", most = 1024 : i64, per = 64 : i64, shared = 32768 : i64, threads = 128 : i64}
// CHECK-SAME: {above = 1024 : i64, arguments = ["input 0", {{.*}}"tokens"], columns = 3 : i64, grid = "tokens", kernel = "linear_pair_1", per = 64
// CHECK: llvm.func @linear_pair_0() attributes {transformer.kernel = {activation = "gelu", bias, family = "linear_pair", groups = 12 : i64, hidden = "f16", input = "f16", k = 384 : i64, n = 1536 : i64, output = "f32", rank = 64 : i64, residual = "f32", weight = "f16"}}
// REMARK: launches for two linears in a row, of rank 64, by the performance model: one for at most 1024 rows (of 64 rows: 4.{{[0-9]}} us in one, 5.{{[0-9]}} us in two), one for more (of 2048 rows:
// WGMMA: kernel = "linear_pair_0"
// REMARK-WGMMA: one for at most 4096 rows
ml_program.global private @down(#ml_program.extern : tensor<64x384xf16>) : tensor<64x384xf16>
ml_program.global private @up(#ml_program.extern : tensor<1536x64xf16>) : tensor<1536x64xf16>
ml_program.global private @bias(#ml_program.extern : tensor<1536xf32>) : tensor<1536xf32>
func.func @forward(%x: tensor<?x384xf16>, %r: tensor<?x1536xf32>) -> tensor<?x1536xf32> {
  %down = ml_program.global_load_const @down : tensor<64x384xf16>
  %up = ml_program.global_load_const @up : tensor<1536x64xf16>
  %bias = ml_program.global_load_const @bias : tensor<1536xf32>
  %0 = transformer.linear %x, %down : (tensor<?x384xf16>, tensor<64x384xf16>) -> tensor<?x64xf16>
  %1 = transformer.linear %0, %up bias %bias activation gelu : (tensor<?x64xf16>, tensor<1536x64xf16>, tensor<1536xf32>) -> tensor<?x1536xf32>
  %2 = arith.addf %1, %r : tensor<?x1536xf32>
  return %2 : tensor<?x1536xf32>
}

// -----

// Of i8, rounded between the two, with what rounds it.
// CHECK: buffers = ["tokens 384 i8", "tokens 1 f32"]
// CHECK-SAME: arguments = ["buffer 0", "weight i8 down", "weight f32 db", "buffer 1", "weight f32 ds", "weight f32 m", "weight i8 up", "weight f32 us", "output 0", "tokens"]
// CHECK: llvm.func @linear_pair_1() attributes {transformer.kernel = {down_bias, family = "linear_pair", groups = 1 : i64, hidden = "f16", input = "i8", k = 384 : i64, multiplier, n = 64 : i64, output = "f32", rank = 64 : i64, scale = {{.*}} : f32, weight = "i8"}}
ml_program.global private @down(#ml_program.extern : tensor<64x384xi8>) : tensor<64x384xi8>
ml_program.global private @up(#ml_program.extern : tensor<64x64xi8>) : tensor<64x64xi8>
ml_program.global private @ds(#ml_program.extern : tensor<64xf32>) : tensor<64xf32>
ml_program.global private @us(#ml_program.extern : tensor<64xf32>) : tensor<64xf32>
ml_program.global private @db(#ml_program.extern : tensor<64xf32>) : tensor<64xf32>
ml_program.global private @m(#ml_program.extern : tensor<64xf32>) : tensor<64xf32>
func.func @forward(%x: tensor<?x384xf32>) -> tensor<?x64xf32> {
  %down = ml_program.global_load_const @down : tensor<64x384xi8>
  %up = ml_program.global_load_const @up : tensor<64x64xi8>
  %ds = ml_program.global_load_const @ds : tensor<64xf32>
  %us = ml_program.global_load_const @us : tensor<64xf32>
  %db = ml_program.global_load_const @db : tensor<64xf32>
  %m = ml_program.global_load_const @m : tensor<64xf32>
  %c = arith.constant dense<0.011> : tensor<f32>
  %q, %s = transformer.quantize %x : (tensor<?x384xf32>) -> (tensor<?x384xi8>, tensor<?xf32>)
  %0 = transformer.linear %q, %down bias %db scales(%s, %ds) : (tensor<?x384xi8>, tensor<64x384xi8>, tensor<64xf32>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %q1, %s1 = transformer.quantize %0 multiplier %m scale(%c) : (tensor<?x64xf32>, tensor<64xf32>, tensor<f32>) -> (tensor<?x64xi8>, tensor<?xf32>)
  %1 = transformer.linear %q1, %up scales(%s1, %us) : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return %1 : tensor<?x64xf32>
}

// -----

// A high rank: two for any number of rows.
// CHECK: buffers = ["tokens 384 f16"]
// CHECK-SAME: kernel = "linear_0"
// CHECK-NOT: linear_pair
// REMARK: two launches for two linears in a row: one would take longer by the performance model: two for any number of rows (of 64 rows:
// WGMMA: buffers = ["tokens 384 f16"]
// WGMMA-SAME: kernel = "linear_wgmma_0"
// WGMMA-NOT: linear_pair
// REMARK-WGMMA: two launches for two linears in a row: one would take longer by the performance model: two for any number of rows (of 64 rows:
ml_program.global private @down(#ml_program.extern : tensor<384x768xf16>) : tensor<384x768xf16>
ml_program.global private @up(#ml_program.extern : tensor<3072x384xf16>) : tensor<3072x384xf16>
func.func @forward(%x: tensor<?x768xf16>) -> tensor<?x3072xf16> {
  %down = ml_program.global_load_const @down : tensor<384x768xf16>
  %up = ml_program.global_load_const @up : tensor<3072x384xf16>
  %0 = transformer.linear %x, %down : (tensor<?x768xf16>, tensor<384x768xf16>) -> tensor<?x384xf16>
  %1 = transformer.linear %0, %up : (tensor<?x384xf16>, tensor<3072x384xf16>) -> tensor<?x3072xf16>
  return %1 : tensor<?x3072xf16>
}

// -----

// One for few rows, two for more, whose small tiles end where one begins again,
// and two for most.
// CHECK: kernel = "linear_pair_0", most = 256 : i64
// CHECK-SAME: {above = 256 : i64, arguments = ["input 0", "weight f16 down", "buffer 0", "tokens"], {{.*}} kernel = "linear_1", most = 512 : i64
// CHECK-SAME: {above = 256 : i64, arguments = ["buffer 0", "weight f16 up", "output 0", "tokens"], {{.*}} kernel = "linear_2", most = 512 : i64
// CHECK-SAME: {above = 512 : i64, {{.*}} kernel = "linear_pair_3", most = 4096 : i64
// CHECK-SAME: {above = 4096 : i64, arguments = ["input 0", {{.*}} kernel = "linear_4", per
// WGMMA: kernel = "linear_pair_0", most = 512 : i64
// REMARK: of rank 128, by the performance model: one for at most 256 rows (of 64 rows: {{[0-9.]+}} us in one, {{[0-9.]+}} us in two), two for at most 512 rows (of 512 rows:
ml_program.global private @down(#ml_program.extern : tensor<128x384xf16>) : tensor<128x384xf16>
ml_program.global private @up(#ml_program.extern : tensor<3072x128xf16>) : tensor<3072x128xf16>
func.func @forward(%x: tensor<?x384xf16>) -> tensor<?x3072xf16> {
  %down = ml_program.global_load_const @down : tensor<128x384xf16>
  %up = ml_program.global_load_const @up : tensor<3072x128xf16>
  %0 = transformer.linear %x, %down : (tensor<?x384xf16>, tensor<128x384xf16>) -> tensor<?x128xf16>
  %1 = transformer.linear %0, %up : (tensor<?x128xf16>, tensor<3072x128xf16>) -> tensor<?x3072xf16>
  return %1 : tensor<?x3072xf16>
}

// -----

// By warpgroups: two for few rows, and of the kernels of the second for few rows
// and more, the latter ends where one launch begins.
// WGMMA: {arguments = {{.*}} kernel = "linear_wgmma_0", most = 4096 : i64
// WGMMA-SAME: kernel = "linear_wgmma_1", most = 1408 : i64
// WGMMA-SAME: {above = 1408 : i64, {{.*}} kernel = "linear_wgmma_2", most = 4096 : i64
// WGMMA-SAME: {above = 4096 : i64, {{.*}} columns = 1 : i64, {{.*}} kernel = "linear_pair_3", per = 64
// REMARK-WGMMA: two for at most 4096 rows
ml_program.global private @down(#ml_program.extern : tensor<192x768xf16>) : tensor<192x768xf16>
ml_program.global private @up(#ml_program.extern : tensor<768x192xf16>) : tensor<768x192xf16>
func.func @forward(%x: tensor<?x768xf16>) -> tensor<?x768xf16> {
  %down = ml_program.global_load_const @down : tensor<192x768xf16>
  %up = ml_program.global_load_const @up : tensor<768x192xf16>
  %0 = transformer.linear %x, %down : (tensor<?x768xf16>, tensor<192x768xf16>) -> tensor<?x192xf16>
  %1 = transformer.linear %0, %up : (tensor<?x192xf16>, tensor<768x192xf16>) -> tensor<?x768xf16>
  return %1 : tensor<?x768xf16>
}

// -----

// What is between the two does not fit.
// CHECK: kernel = "linear_0"
// REMARK: two launches for two linears in a row: rank 1200 needs 192512 bytes of shared memory, and a block may have 166912
ml_program.global private @down(#ml_program.extern : tensor<1200x768xf16>) : tensor<1200x768xf16>
ml_program.global private @up(#ml_program.extern : tensor<768x1200xf16>) : tensor<768x1200xf16>
func.func @forward(%x: tensor<?x768xf16>) -> tensor<?x768xf16> {
  %down = ml_program.global_load_const @down : tensor<1200x768xf16>
  %up = ml_program.global_load_const @up : tensor<768x1200xf16>
  %0 = transformer.linear %x, %down : (tensor<?x768xf16>, tensor<1200x768xf16>) -> tensor<?x1200xf16>
  %1 = transformer.linear %0, %up : (tensor<?x1200xf16>, tensor<768x1200xf16>) -> tensor<?x768xf16>
  return %1 : tensor<?x768xf16>
}

// -----

// An activation between the two; ranks of no whole 16 bytes; one of i8; f32;
// another reader.
// CHECK-NOT: linear_pair
// REMARK: two launches for two linears in a row: the first has an activation
// REMARK: two launches for two linears in a row: a pair of products on tensor cores needs a rank of whole 16 bytes
// REMARK: two launches for two linears in a row: one is of i8 and the other is not
// REMARK: two launches for two linears in a row: tensor cores take f16, bf16 or i8 factors of one type, rows of whole 16 bytes, and an even number of results"
// REMARK-NOT: two launches
ml_program.global private @w(#ml_program.extern : tensor<64x64xf32>) : tensor<64x64xf32>
ml_program.global private @odd(#ml_program.extern : tensor<12x64xf32>) : tensor<12x64xf32>
ml_program.global private @back(#ml_program.extern : tensor<64x12xf32>) : tensor<64x12xf32>
ml_program.global private @w8(#ml_program.extern : tensor<64x64xi8>) : tensor<64x64xi8>
ml_program.global private @s8(#ml_program.extern : tensor<64xf32>) : tensor<64xf32>
func.func @forward(%x: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) {
  %w = ml_program.global_load_const @w : tensor<64x64xf32>
  %odd = ml_program.global_load_const @odd : tensor<12x64xf32>
  %back = ml_program.global_load_const @back : tensor<64x12xf32>
  %w8 = ml_program.global_load_const @w8 : tensor<64x64xi8>
  %s8 = ml_program.global_load_const @s8 : tensor<64xf32>
  %0 = transformer.linear %x, %w activation relu : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %1 = transformer.linear %0, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %2 = transformer.gelu %1 : tensor<?x64xf32>
  %3 = transformer.linear %2, %odd : (tensor<?x64xf32>, tensor<12x64xf32>) -> tensor<?x12xf32>
  %4 = transformer.linear %3, %back : (tensor<?x12xf32>, tensor<64x12xf32>) -> tensor<?x64xf32>
  %5 = transformer.gelu %4 : tensor<?x64xf32>
  %6 = transformer.linear %5, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %q, %s = transformer.quantize %6 : (tensor<?x64xf32>) -> (tensor<?x64xi8>, tensor<?xf32>)
  %7 = transformer.linear %q, %w8 scales(%s, %s8) : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  // The input is f32.
  %9 = transformer.linear %x, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  %10 = transformer.linear %9, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  // Another reader.
  %8 = transformer.linear %7, %w : (tensor<?x64xf32>, tensor<64x64xf32>) -> tensor<?x64xf32>
  return %7, %8, %10 : tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>
}
