//===- TransformerOpBase.td - what definitions of ops share -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_IR_TRANSFORMEROPBASE_TD
#define TRANSFORMER_IR_TRANSFORMEROPBASE_TD

include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "transformer/IR/TransformerAttrs.td"

def Transformer_Float : AnyTypeOf<[F32, F16, BF16]>;
def Transformer_FloatTensor : RankedTensorOf<[F32, F16, BF16]>;
def Transformer_ValueTensor : RankedTensorOf<[F32, F16, BF16, I8]>;
def Transformer_I8Tensor : RankedTensorOf<[I8]>;
def Transformer_Scales : RankedTensorOf<[F32]>;
def Transformer_Vector : 1DTensorOf<[F32, F16, BF16]>;
def Transformer_Offsets : 1DTensorOf<[I32]>;
def Transformer_Indices : 1DTensorOf<[I32]>;
def Transformer_Ids : RankedTensorOf<[I32, I64]>;

class Transformer_Op<string mnemonic, list<Trait> traits = []>
    : Op<Transformer_Dialect, mnemonic, traits> {
  let hasVerifier = 1;
}

// A pure op with one ranked result whose dynamic sizes come from its operands.
class Transformer_PureOp<string mnemonic, list<Trait> traits = []>
    : Transformer_Op<mnemonic, [Pure,
        DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>] # traits> {
  let results = (outs AnyRankedTensor:$result);
}

#endif // TRANSFORMER_IR_TRANSFORMEROPBASE_TD
