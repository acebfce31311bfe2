//===- TransformerAttrs.td - attributes and enums ----------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_IR_TRANSFORMERATTRS_TD
#define TRANSFORMER_IR_TRANSFORMERATTRS_TD

include "mlir/IR/EnumAttr.td"
include "transformer/IR/TransformerDialect.td"

class Transformer_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::mlir::transformer";
  let genSpecializedAttr = 0;
}

// gelu is the exact form x * Phi(x) by erf; gelu_tanh is the tanh
// approximation (Hugging Face: gelu_new, gelu_pytorch_tanh).
def Transformer_Activation : Transformer_Enum<"Activation", "elementwise activation", [
    I32EnumAttrCase<"none", 0>, I32EnumAttrCase<"gelu", 1>,
    I32EnumAttrCase<"gelu_tanh", 2>, I32EnumAttrCase<"relu", 3>,
    I32EnumAttrCase<"silu", 4>, I32EnumAttrCase<"tanh", 5>]>;
def Transformer_ActivationAttr
    : EnumAttr<Transformer_Dialect, Transformer_Activation, "activation"> {
  let assemblyFormat = "`<` $value `>`";
}

def Transformer_PoolKind : Transformer_Enum<"PoolKind", "pooling over a sequence", [
    I32EnumAttrCase<"mean", 0>, I32EnumAttrCase<"cls", 1>,
    I32EnumAttrCase<"max", 2>]>;
def Transformer_PoolKindAttr
    : EnumAttr<Transformer_Dialect, Transformer_PoolKind, "pool_kind"> {
  let assemblyFormat = "`<` $value `>`";
}

def Transformer_Products : Transformer_Enum<"Products", "how attention multiplies", [
    I32EnumAttrCase<"f32", 0>, I32EnumAttrCase<"bf16", 1>,
    I32EnumAttrCase<"i8", 2>]>;
def Transformer_ProductsAttr
    : EnumAttr<Transformer_Dialect, Transformer_Products, "products"> {
  let assemblyFormat = "`<` $value `>`";
}

#endif // TRANSFORMER_IR_TRANSFORMERATTRS_TD
