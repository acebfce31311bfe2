//===- Passes.td - CodeGen passes ---------------------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_CODEGEN_PASSES_TD
#define TRANSFORMER_CODEGEN_PASSES_TD

include "mlir/Pass/PassBase.td"

def TransformerFormChains : Pass<"transformer-form-chains", "::mlir::ModuleOp"> {
  let summary = "Outline token-wise ops of @forward into shared chain functions";
  let description = [{
    A chain is a maximal group of ops whose row t needs row t of its operands
    only (linear, norms, activations, residual additions, embeddings), of the
    same rows and needed by the same outputs. Each distinct chain becomes one
    private function `(activations, weights, destinations) -> results`; layers
    that differ in their weights only call the same one. Calls and the ops left
    between them carry `transformer.wanted`, the bit set of the outputs that
    need them.

    Example:

    ```mlir
    func.func @forward(%x: tensor<?x8xf32> {transformer.input = "x"}) -> tensor<?x8xf32> {
      %w = ml_program.global_load_const @w : tensor<8x8xf32>
      %y = transformer.linear %x, %w : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
      %z = transformer.relu %y : tensor<?x8xf32>
      return %z : tensor<?x8xf32>
    }
    ```
  }];
  let options = [
    Option<"fuse", "fuse", "bool", "true",
           "group ops; false: each op is a chain of its own">,
    Option<"epilogues", "epilogues", "bool", "true",
           "leave activations in their linears">];
  let statistics = [
    Statistic<"numChains", "chains", "distinct chain functions">,
    Statistic<"numCalls", "calls", "calls of chain functions">];
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect"];
}

def TransformerFuseRows : Pass<"transformer-fuse-rows", "::mlir::func::FuncOp"> {
  let summary = "Fuse a chain in linalg form into one loop over row blocks";
  let description = [{
    Works on functions that `transformer-form-chains` made and that are in linalg
    form. The results are computed by one `scf.forall` over blocks of at most
    `row-block` rows, fewer where that gives every thread as many blocks, and
    every other op is fused into it, once. A row's value does not depend on the
    block it is in.

    Example:

    ```mlir
    func.func private @chain(%x: tensor<?x8xf32>, %out: tensor<?x8xf32>) -> tensor<?x8xf32>
        attributes {transformer.chain} {
      %c0 = arith.constant 0 : index
      %rows = tensor.dim %x, %c0 : tensor<?x8xf32>
      %e = tensor.empty(%rows) : tensor<?x8xf32>
      %y = linalg.exp ins(%x : tensor<?x8xf32>) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
      return %y : tensor<?x8xf32>
    }
    ```
  }];
  let options = [Option<"rowBlock", "row-block", "int64_t", "64",
                        "most rows of a block">,
                 Option<"merge", "merge", "bool", "true",
                        "make elementwise ops that follow each other one loop">];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect",
                           "::mlir::transformer::kernel::TransformerKernelDialect"];
}

def TransformerFormContracts : Pass<"transformer-form-contracts"> {
  let summary = "Form transformer_kernel.contract of contractions in row-block loops";
  let description = [{
    A contraction on tensors inside of an `scf.forall`, with maps (m, k), (n, k)
    -> (m, n), becomes a `transformer_kernel.contract`. Its only user, when it is
    elementwise (bias, activation, residual, dequantization), becomes the
    epilogue.

    Example:

    ```mlir
    %r = scf.forall (%i) = (0) to (%rows) step (8) shared_outs(%o = %out) -> tensor<?x16xf32> {
      %y = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>,
                                          affine_map<(m, n, k) -> (n, k)>,
                                          affine_map<(m, n, k) -> (m, n)>]
          ins(%x, %w : tensor<8x4xf32>, tensor<16x4xf32>) outs(%z : tensor<8x16xf32>) -> tensor<8x16xf32>
      ...
    }
    ```
  }];
  let options = [Option<"epilogues", "epilogues", "bool", "true",
                        "merge the elementwise op behind a contraction">];
  let statistics = [Statistic<"numFormed", "formed", "contractions formed">];
  let dependentDialects = ["::mlir::transformer::kernel::TransformerKernelDialect"];
}

def TransformerFormKernels : Pass<"transformer-form-kernels", "::mlir::ModuleOp"> {
  let summary = "Form parallel loops around kernel ops of attention and fft_mix";
  let description = [{
    A packed `transformer.attention` becomes an `scf.forall` over (sequence,
    head, block of rows) around a `transformer_kernel.attention`: long sequences
    are cut where there are few pairs of the other two. A packed f32
    `transformer.fft_mix` one over sequences around a
    `transformer_kernel.fft_mix`. `max_length` of the module's
    `transformer.model` attribute bounds the scratch. Other forms are left to
    `convert-transformer-to-linalg`, with a remark.

    Example:

    ```mlir
    %y = transformer.fft_mix %x offsets(%offsets)
        : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
    ```
  }];
  let statistics = [Statistic<"numFormed", "formed", "ops made kernels">];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect",
    "::mlir::transformer::kernel::TransformerKernelDialect"];
}

def TransformerUnshareInits : Pass<"transformer-unshare-inits"> {
  let summary = "Give each destination-style op a fill or empty tensor of its own";
  let description = [{
    CSE merges equal `linalg.fill` and `tensor.empty` ops. Where two ops write to
    one of them, bufferization would have to copy; this pass undoes the merge.

    Example:

    ```mlir
    %e = tensor.empty() : tensor<4xf32>
    %a = linalg.exp ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
    %b = linalg.log ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
    ```
  }];
  let statistics = [Statistic<"numCloned", "cloned", "ops cloned">];
}

def TransformerPackWeights : Pass<"transformer-pack-weights", "::mlir::ModuleOp"> {
  let summary = "Lay out the weights of contractions as their kernels read them";
  let description = [{
    A weight `[N, K]` that only `transformer_kernel.contract` ops read becomes
    panels of P = 16 columns, `[ceil(N / P), ceil(K / V), P * V]` (V as in the
    op's description), the same on every CPU level. The bytes of bound globals are rewritten into new globals
    called `<name>.packed`; extern globals change their type only. On those of i8, `transformer.columns` says which k a
    byte belongs to: the one at position p to `(p / c0 % c1) * c2 + p % c2`. Constant
    tensors that chains are called with become globals. Unused globals go.

    Example:

    ```mlir
    ml_program.global private @w(#ml_program.extern : tensor<64x8xf32>) : tensor<64x8xf32>
    func.func private @chain(%x: tensor<?x8xf32>, %w: tensor<64x8xf32>, %out: tensor<?x64xf32>) -> tensor<?x64xf32>
        attributes {transformer.chain} {
      %y = transformer_kernel.contract %x, %w extras() outs(%out) attributes {maps = []} {
      ^bb0(%sum: f32):
        transformer_kernel.yield %sum : f32
      } : (tensor<?x8xf32>, tensor<64x8xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
      return %y : tensor<?x64xf32>
    }
    ```
  }];
  let statistics = [Statistic<"numPacked", "packed", "chain arguments packed">];
  let dependentDialects = ["::mlir::ml_program::MLProgramDialect"];
}

def TransformerBindWeights : Pass<"transformer-bind-weights", "::mlir::ModuleOp"> {
  let summary = "Turn weight globals into views of one base pointer";
  let description = [{
    Sorts the `ml_program.global` ops into the order of the weights file (sizes
    that are multiples of 64 bytes first), notes each one's `transformer.offset`
    and the total as `transformer.weights_bytes` on the module, gives `@forward`
    a last argument `memref<?xi8>`, and replaces the loads by views of it.

    Example:

    ```mlir
    ml_program.global private @w(#ml_program.extern : tensor<8xf32>) : tensor<8xf32>
    func.func @forward() -> tensor<8xf32> {
      %w = ml_program.global_load_const @w : tensor<8xf32>
      return %w : tensor<8xf32>
    }
    ```
  }];
  let statistics = [Statistic<"numBound", "bound", "loads replaced">];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::bufferization::BufferizationDialect",
                           "::mlir::memref::MemRefDialect"];
}

def TransformerFormRegions : Pass<"transformer-form-regions", "::mlir::ModuleOp"> {
  let summary = "Outline the ops that chains leave in @forward";
  let description = [{
    Every op of `@forward` that still makes a tensor becomes a private function
    `(operands, destinations) -> results`, shared by equal ops, so that
    `@forward` is a list of calls. `transformer.wanted` moves to the call.

    Example:

    ```mlir
    func.func @forward(%x: tensor<?x8xf32>, %offsets: tensor<?xi32>) -> tensor<?x8xf32> {
      %y = transformer.pool mean %x offsets(%offsets) : (tensor<?x8xf32>, tensor<?xi32>) -> tensor<?x8xf32>
      return %y : tensor<?x8xf32>
    }
    ```
  }];
  let statistics = [Statistic<"numRegions", "regions", "ops outlined">];
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::bufferization::BufferizationDialect"];
}

def TransformerBindDestinations : Pass<"transformer-bind-destinations"> {
  let summary = "Build results up in their destinations instead of copying them";
  let description = [{
    Where the source of a `bufferization.materialize_in_destination` is an updated
    version of an uninitialized tensor, the destination takes that tensor's place
    and the op goes. Otherwise the copy stays, with a remark.

    Example:

    ```mlir
    %e = tensor.empty() : tensor<4xf32>
    %y = linalg.exp ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
    %r = bufferization.materialize_in_destination %y in %out : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
  }];
  let statistics = [Statistic<"numBound", "bound", "results bound">];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

def TransformerBuildEntry : Pass<"transformer-build-entry", "::mlir::ModuleOp"> {
  let summary = "Give @forward its outputs and its workspace as arguments";
  let description = [{
    After bufferization: results that are destination arguments are dropped;
    buffers of outputs become arguments of `@forward`; intermediates share slots
    of one workspace, whose size is linear in the numbers of tokens and sequences
    (`transformer.workspace` on the module); calls that only some outputs need run
    when one of those is wanted. `transformer.inputs` and `transformer.outputs` on
    the module describe the interface.

    Example:

    ```mlir
    func.func private @chain(%x: memref<?x8xf32>, %out: memref<?x8xf32>)
    func.func @forward(%x: memref<?xi32> {transformer.input = "input_ids"})
        -> (memref<?x8xf32> {transformer.output = "y", transformer.rows = "tokens"})
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect"];
}

def TransformerInsertProbes : Pass<"transformer-insert-probes", "::mlir::ModuleOp"> {
  let summary = "Mark where the code of each op ends, for the profile view";
  let description = [{
    After `transformer-emit-kernels`: behind the code of each op of the model in
    the functions that `@forward` calls goes a `transformer_kernel.probe`, before
    each call a `transformer_kernel.enter`. `transformer.spans` on the module
    says what they stand for: the kind of the op, and its module path at each of
    the calls. `transformer.kernels`, in the same order, is for the report: the
    function, its tiles as the emitters chose them, and the cost of the ops.
    Locations tell which op code comes from; code that follows its like shares a
    probe.

    Example:

    ```mlir
    func.func private @chain(%x: memref<8xf32>) attributes {transformer.chain} {
      %c0 = arith.constant 0 : index
      %zero = arith.constant 0.0 : f32
      memref.store %zero, %x[%c0] : memref<8xf32> loc(fused<0>["norm"])
      return
    }
    func.func @forward(%x: memref<8xf32>) {
      call @chain(%x) : (memref<8xf32>) -> () loc(fused<[["layer_norm", "encoder.norm"]]>["norm"])
      return
    }
    ```
  }];
  let statistics = [Statistic<"numProbes", "probes", "probes inserted">,
                    Statistic<"numSpans", "spans", "ops that can be told apart">];
  let dependentDialects = ["::mlir::transformer::kernel::TransformerKernelDialect"];
}

def TransformerOutlineParallel : Pass<"transformer-outline-parallel", "::mlir::ModuleOp"> {
  let summary = "Outline scf.forall loops as bodies for the runtime's threads";
  let description = [{
    Each outermost `scf.forall` on buffers becomes a function of one iteration,
    `(captures..., index, workspace)`, and a call that runs it for all. Buffers
    made inside of an iteration become views of the thread's workspace, sharing
    it by their lifetimes; their sizes need a bound that is known when compiling.
    `transformer.thread_workspace` on the module is what a thread needs.

    Example:

    ```mlir
    func.func private @chain(%x: memref<?xf32>) attributes {transformer.chain} {
      %c0 = arith.constant 0 : index
      %n = memref.dim %x, %c0 : memref<?xf32>
      %zero = arith.constant 0.0 : f32
      scf.forall (%i) in (%n) {
        memref.store %zero, %x[%i] : memref<?xf32>
      }
      return
    }
    ```
  }];
  let statistics = [Statistic<"numOutlined", "outlined", "loops outlined">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::LLVM::LLVMDialect"];
}

def TransformerEmitEntry : Pass<"transformer-emit-entry", "::mlir::ModuleOp"> {
  let summary = "Emit tm_forward and the calls into the runtime's thread pool";
  let description = [{
    On the LLVM dialect, after `transformer-build-entry` and
    `transformer-outline-parallel`: `void tm_forward(tm_call *)` takes the call
    record apart for `@forward`, and each parallel loop packs its captures for
    `tm_call.parallel`. Everything but `tm_forward` becomes internal.

    Example:

    ```mlir
    llvm.func @loop_parallel(!llvm.ptr, f32, i64) attributes {transformer.body = @loop_body}
    ```
  }];
  let statistics = [Statistic<"numParallel", "parallel", "parallel calls">];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def TransformerEmitFft : Pass<"transformer-emit-fft", "::mlir::ModuleOp"> {
  let summary = "Expand transformer_kernel.fft_mix to vector code";
  let description = [{
    Replaces each `transformer_kernel.fft_mix` on f32 memrefs by the call of a
    function of the module that does two sweeps of fast Fourier transforms, one
    per vector lane. There is one such function per hidden width, whose plan is
    made when compiling. Sequences of any length share it: their radices and
    tables of roots are found at the start of a call. A static length has a
    function of its own. Scratch is a `memref.alloc` of static size when
    `max_rows` is known.

    Example:

    ```mlir
    transformer_kernel.fft_mix %x outs(%y) {max_rows = 512 : i64}
        : (memref<?x768xf32>, memref<?x768xf32>) -> ()
    ```
  }];
  let options = [Option<"target", "target-cpu", "std::string", "\"host\"",
                        "the level of the target table to emit for">];
  let statistics = [Statistic<"numEmitted", "emitted", "ops expanded">];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def TransformerEmitKernels : Pass<"transformer-emit-kernels"> {
  let summary = "Expand tile ops and row-wise generics to register tiles";
  let description = [{
    On memrefs, replaces `transformer_kernel.contract`,
    `transformer_kernel.attention` and one- and two-loop `linalg.generic` by
    scf, memref and vector ops of the register width of the target. Generics on
    the same rows that follow each other become one loop over the rows. A
    generic that does not have the form is left for `convert-linalg-to-loops`,
    with a remark. A row's result does not depend on the other rows of its op.

    Example:

    ```mlir
    transformer_kernel.contract %x, %panels extras(%bias) outs(%y)
        attributes {maps = [affine_map<(m, n) -> (n)>]} {
    ^bb0(%sum: f32, %b: f32):
      %0 = arith.addf %sum, %b : f32
      transformer_kernel.yield %0 : f32
    } : (memref<?x384xf32>, memref<12x384x32xf32>, memref<384xf32>, memref<?x384xf32>) -> ()
    ```
  }];
  let options = [Option<"target", "target-cpu", "std::string", "\"host\"",
                        "the level of the target table to emit for">];
  let statistics = [
    Statistic<"numKernels", "kernels", "kernel ops expanded">,
    Statistic<"numGenerics", "generics", "linalg.generic expanded">];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect"];
}

def TransformerExpandMath : Pass<"transformer-expand-math"> {
  let summary = "Expand exp, erf, tanh, sin, cos and rounding to bf16 to vector arithmetic";
  let description = [{
    Replaces `math.exp`, `exp2`, `erf`, `tanh`, `sin` and `cos` on scalars and
    vectors of f32 (f16 and bf16 by way of f32) by polynomials, so that no call
    of a math library is left in a kernel. Errors are below 2 ulp, of erf 6 ulp;
    those of sin and cos hold for angles up to 10,000. NaN stays NaN, and
    exp(-inf) is 0. Rounding f32 to bf16 becomes integer arithmetic where the
    level has no instruction for it.

    Example:

    ```mlir
    %0 = math.exp2 %x : vector<16xf32>
    ```
  }];
  let options = [Option<"target", "target-cpu", "std::string", "\"host\"",
                        "the level of the target table to expand for">];
  let statistics = [Statistic<"numExpanded", "expanded", "ops expanded">];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
}

def TransformerEmitObserve : Pass<"transformer-emit-observe", "::mlir::ModuleOp"> {
  let summary = "Hand observed tensors to a function of the program that runs the model";
  let description = [{
    To be run before the lowering of an instrumented model. Each
    `transformer.observe` of packed f32 rows in @forward becomes a call of the
    external function `tm_observe.<channels>(site, rows)`, where `site` is an index
    into the module's attribute `transformer.sites`. Compiled code of such a model
    runs only where that function is: in process, not as an artifact. Other
    observed tensors are an error.

    Example:

    ```mlir
    transformer.observe %x site "pooler.dense" : tensor<?x4xf32>
    // becomes
    %site = arith.constant 0 : i64
    func.call @tm_observe.4(%site, %x) : (i64, tensor<?x4xf32>) -> ()
    ```
  }];
  let statistics = [Statistic<"numSites", "sites", "observed tensors">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect"];
}

#endif // TRANSFORMER_CODEGEN_PASSES_TD
