//===- KernelOps.td - tile ops between linalg and registers -*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_CODEGEN_KERNELOPS_TD
#define TRANSFORMER_CODEGEN_KERNELOPS_TD

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "transformer/IR/TransformerAttrs.td"

def TransformerKernel_Dialect : Dialect {
  let name = "transformer_kernel";
  let cppNamespace = "::mlir::transformer::kernel";
  let summary = "Destination-style tile ops, the seam between linalg and the emitters";
  let description = [{
    Formed on tensors inside of the row-block loops, bufferized in place, and
    expanded on memrefs by a register-tile emitter. Internal: no stability is
    promised across versions.
  }];
  let dependentDialects = ["::mlir::transformer::TransformerDialect"];
}

class Kernel_Op<string mnemonic, list<Trait> traits = []>
    : Op<TransformerKernel_Dialect, mnemonic, traits>;

def Kernel_YieldOp : Kernel_Op<"yield", [Pure, Terminator]> {
  let summary = "the value that an epilogue stores";
  let arguments = (ins AnyType:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

def Kernel_ThreadsOp : Kernel_Op<"threads", [Pure]> {
  let summary = "how many threads the running call may use, at least 1";
  let description = [{
    A hint for cutting work into pieces. What is computed must not depend on it.
  }];
  let results = (outs Index:$result);
  let assemblyFormat = "attr-dict";
}

def Kernel_ContractOp : Kernel_Op<"contract", [DestinationStyleOpInterface, AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "init[m, n] = epilogue(sum over k of lhs[m, k] * weight[n, k])";
  let description = [{
    `lhs : [rows, K]` (rows dynamic) and `weight`, either logical `[N, K]` or
    packed in column panels `[ceil(N / P), ceil(K / V), P * V]`: element `(n, k)`
    at `[n / P, k / V, (n % P) * V + k % V]`, zeros beyond N and K, where V is 1
    for f32, 2 for bf16 and 4 for i8.

    With `unpack(multipliers)` both are those of a `transformer.unpack_i4`, each
    logical or packed like an i8 weight.

    The sum has one accumulator per element and k ascending, by fused
    multiply-adds, whatever the number of rows: rows do not depend on each other.

    `epilogue` gets the sum and one element of each extra operand, read through
    the matching map of `maps`, an affine map from (m, n): `(d0, d1)`, `(d0)` or
    `(d1)`.
  }];
  let arguments = (ins AnyShaped:$lhs, AnyShaped:$weight, Optional<AnyShaped>:$multipliers,
      Variadic<AnyShaped>:$extras,
      AnyShaped:$init, AffineMapArrayAttr:$maps);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$epilogue);
  let hasVerifier = 1;
  let assemblyFormat = [{
    $lhs `,` $weight (`unpack` `(` $multipliers^ `)`)? `extras` `(` $extras `)` `outs` `(` $init `)` attr-dict-with-keyword
    $epilogue `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
    bool isPacked() { return ::llvm::cast<::mlir::ShapedType>(getWeight().getType()).getRank() == 3; }
  }];
}

def Kernel_AttentionOp : Kernel_Op<"attention", [DestinationStyleOpInterface,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "softmax(scale q kt + bias) v for some query rows of one head of one sequence";
  let description = [{
    `query : [rows, D]`, `key : [n, D]`, `value : [n, Dv]`, `init : [rows, Dv]`,
    all slices of row-major arrays of one float type. `first_row` and `num_rows` place the query
    rows in the sequence (of `num_rows` queries) for `causal` and for `bias :
    [>= num_rows, >= n]`, which is added to the scaled scores and indexed by
    (query position, key position). `max_keys` bounds n, if known.
    A row that sees no key is zeros.

    `products` is that of `transformer.attention`. The softmax takes all scores
    of a row at once; with more than `key_block` keys (default: as many as have
    their scores in half of an L2 cache) it goes block by block of these, and
    sums are scaled down whenever a block has a larger score. Eight-bit weights
    are then relative to the largest of the blocks so far.
  }];
  let arguments = (ins AnyShaped:$query, AnyShaped:$key, AnyShaped:$value,
      Optional<AnyShaped>:$bias, Index:$first_row, Index:$num_rows, AnyShaped:$init,
      F32Attr:$scale, UnitAttr:$causal, OptionalAttr<I64Attr>:$max_keys,
      OptionalAttr<I64Attr>:$key_block,
      DefaultValuedAttr<Transformer_ProductsAttr,
          "::mlir::transformer::Products::f32">:$products);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let hasVerifier = 1;
  let assemblyFormat = [{
    $query `,` $key `,` $value (`bias` `(` $bias^ `)`)? `rows` `(` $first_row `of` $num_rows `)`
    `outs` `(` $init `)` attr-dict `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

def Kernel_FftMixOp : Kernel_Op<"fft_mix", [DestinationStyleOpInterface,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "init = Re(FFT_rows(FFT_columns(input))) of one sequence";
  let description = [{
    `input` and `init` are `[n, hidden]`, slices of row-major arrays with n
    dynamic or static; `init` may be the same memory as `input`. `max_rows`
    bounds n for the scratch, if known; it is at least 1. A row's result
    depends on n and the sequence only.
  }];
  let arguments = (ins AnyShaped:$input, AnyShaped:$init, OptionalAttr<I64Attr>:$max_rows);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let hasVerifier = 1;
  let assemblyFormat = [{
    $input `outs` `(` $init `)` attr-dict `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

def Kernel_EnterOp : Kernel_Op<"enter"> {
  let summary = "where a call of @forward's begins, for those who measure time";
  let description = [{
    The probes of the function that is called next have the spans `first`,
    `first + 1`... of the module's `transformer.spans`.
  }];
  let arguments = (ins I64Attr:$first);
  let assemblyFormat = "$first attr-dict";
}

def Kernel_ProbeOp : Kernel_Op<"probe"> {
  let summary = "where the code of an op ends, for those who measure time";
  let description = [{
    The time of this thread since its last probe belongs to span `number` of the
    function. While nobody measures this is a load and a branch.
  }];
  let arguments = (ins I64Attr:$number);
  let assemblyFormat = "$number attr-dict";
}

#endif // TRANSFORMER_CODEGEN_KERNELOPS_TD
