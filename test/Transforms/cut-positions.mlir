// RUN: transformer-opt %s --transformer-cut-positions --split-input-file --remarks-filter='transformer-cut-positions' --remark-format=emitRemark 2> %t.remarks | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks
// RUN: transformer-opt %s --transformer-cut-positions=max-length=3 --split-input-file | FileCheck %s --check-prefix=THREE
// RUN: not transformer-opt %s --transformer-cut-positions=max-length=-1 --split-input-file 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// NEGATIVE: transformer-cut-positions: max-length is -1, expected 1 or more, or 0

// CHECK: module attributes {transformer.model = {max_length = 2 : i64, sentence_length = 2 : i64}}
// CHECK: arith.constant dense<{{.}}[1.000000e+00, 2.000000e+00], [3.000000e+00, 4.000000e+00]]> : tensor<2x2xf32>
// THREE: transformer.model = {max_length = 3 : i64
// THREE: tensor<3x2xf32>
// REMARK: the table of positions keeps 2 of 4 rows: input of more than 2 tokens is refused
module attributes {transformer.model = {max_length = 4 : i64, sentence_length = 2 : i64}} {
  func.func @forward(%offsets: tensor<?xi32>, %tokens: index) -> tensor<?x2xf32> {
    %table = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>
    %ids = transformer.positions %offsets, %tokens : (tensor<?xi32>, index) -> tensor<?xi32>
    %x = transformer.embedding %ids, %table : (tensor<?xi32>, tensor<4x2xf32>) -> tensor<?x2xf32>
    return %x : tensor<?x2xf32>
  }
}

// -----

// RoBERTa's count begins behind the row of padding: two rows more.
// CHECK: ml_program.global private @positions({{.*}}tensor<3x2xf32>
// REMARK: the table of positions keeps 3 of 5 rows: input of more than 1 tokens is refused
module attributes {transformer.model = {max_length = 3 : i64, sentence_length = 1 : i64}} {
  ml_program.global private @positions(dense<1.0> : tensor<5x2xf32>) : tensor<5x2xf32>
  func.func @forward(%offsets: tensor<?xi32>, %tokens: index, %words: tensor<?xi32>) -> tensor<?x2xf32> {
    %table = ml_program.global_load_const @positions : tensor<5x2xf32>
    %ids = transformer.positions %offsets, %tokens ids(%words) {start = 2 : i64, padding_id = 1 : i64}
        : (tensor<?xi32>, index, tensor<?xi32>) -> tensor<?xi32>
    %x = transformer.embedding %ids, %table : (tensor<?xi32>, tensor<5x2xf32>) -> tensor<?x2xf32>
    return %x : tensor<?x2xf32>
  }
}

// -----

// REMARK: positions stay as they are: the model takes at most 2 tokens, and 2 are to stay
module attributes {transformer.model = {max_length = 2 : i64, sentence_length = 2 : i64}} {
}

// -----

// REMARK: positions stay as they are: the checkpoint names no max_seq_length, and no max-length is given
// THREE: transformer.model = {max_length = 4 : i64}
module attributes {transformer.model = {max_length = 4 : i64}} {
}

// -----

// REMARK: positions stay as they are: the model has no table of positions
module attributes {transformer.model = {max_length = 4 : i64, sentence_length = 2 : i64}} {
  func.func @forward(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
    return %x : tensor<?x2xf32>
  }
}

// -----

// REMARK: positions stay as they are: several ops read the table of positions
// CHECK: max_length = 4 : i64
module attributes {transformer.model = {max_length = 4 : i64, sentence_length = 2 : i64}} {
  func.func @forward(%offsets: tensor<?xi32>, %tokens: index, %words: tensor<?xi32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
    %table = arith.constant dense<1.0> : tensor<4x2xf32>
    %ids = transformer.positions %offsets, %tokens : (tensor<?xi32>, index) -> tensor<?xi32>
    %x = transformer.embedding %ids, %table : (tensor<?xi32>, tensor<4x2xf32>) -> tensor<?x2xf32>
    %y = transformer.embedding %words, %table : (tensor<?xi32>, tensor<4x2xf32>) -> tensor<?x2xf32>
    return %x, %y : tensor<?x2xf32>, tensor<?x2xf32>
  }
}

// -----

// REMARK: positions stay as they are: positions are not only looked up in a table
module attributes {transformer.model = {max_length = 4 : i64, sentence_length = 2 : i64}} {
  func.func @forward(%x: tensor<?x4xf32>, %offsets: tensor<?xi32>, %tokens: index) -> tensor<?x4xf32> {
    %ids = transformer.positions %offsets, %tokens : (tensor<?xi32>, index) -> tensor<?xi32>
    %y = transformer.rope %x, %ids {num_heads = 2, theta = 1.0e4 : f32} : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<?x4xf32>
    return %y : tensor<?x4xf32>
  }
}

// -----

// REMARK: positions stay as they are: {{.*}}
module attributes {transformer.model = {max_length = 4 : i64, sentence_length = 2 : i64}} {
  func.func @forward(%offsets: tensor<?xi32>, %tokens: index, %table: tensor<4x2xf32>) -> tensor<?x2xf32> {
    %ids = transformer.positions %offsets, %tokens : (tensor<?xi32>, index) -> tensor<?xi32>
    %x = transformer.embedding %ids, %table : (tensor<?xi32>, tensor<4x2xf32>) -> tensor<?x2xf32>
    return %x : tensor<?x2xf32>
  }
}
