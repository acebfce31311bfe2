//===- TransformerDialect.td - the transformer dialect -----*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_IR_TRANSFORMERDIALECT_TD
#define TRANSFORMER_IR_TRANSFORMERDIALECT_TD

include "mlir/IR/OpBase.td"

def Transformer_Dialect : Dialect {
  let name = "transformer";
  let cppNamespace = "::mlir::transformer";
  let summary = "The layers of a transformer network, on ragged or dense batches";
  let description = [{
    The ops of this dialect are the layers that a trained transformer is made
    of. They take activations in two forms:

    - *packed*: `tensor<?xH>` holds all tokens of all sequences back to back,
      and `offsets : tensor<?xi32>` holds batch+1 prefix sums (sequence `s` owns
      rows `offsets[s]` to `offsets[s+1]`, exclusive). There is no padding.
    - *dense*: `tensor<BxNxH>`, static or dynamic, as other compilers have it.

    Weights are laid out `[out_features, in_features]` as in `torch.nn.Linear`.
    Quantized values are plain `i8` tensors with their scales as explicit
    operands. Every value keeps its module path from the checkpoint as a
    `NameLoc`.

    The mnemonic is `transformer`. Upstream's `transform` dialect, which scripts
    compiler passes, is another thing.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
  let hasConstantMaterializer = 1;
  let useDefaultAttributePrinterParser = 1;
}

#endif // TRANSFORMER_IR_TRANSFORMERDIALECT_TD
