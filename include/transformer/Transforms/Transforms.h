//===- Transforms.h - what the passes do, as functions --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_TRANSFORMS_TRANSFORMS_H
#define TRANSFORMER_TRANSFORMS_TRANSFORMS_H

#include "transformer/IR/TransformerDialect.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::transformer {

/// Binds every extern global of `module` to the tensor of its name in `file`.
/// Reports all that is missing or unfit. Gives the number of bound globals.
FailureOr<int64_t> loadWeights(ModuleOp module, StringRef file);

/// Writes all globals of `module` to `file` and makes them extern. Gives their
/// number; on failure neither the file nor the module has changed.
FailureOr<int64_t> saveWeights(ModuleOp module, StringRef file);

/// Activations into linears, residual sums into norms.
void populateFusePatterns(RewritePatternSet &patterns);

/// Erases loads that nothing uses, then private weights that nothing loads,
/// after a call of `report` with the place and name of each. Gives the number
/// of weights.
int64_t eraseUnreadWeights(ModuleOp module,
                           function_ref<void(Location, StringRef)> report);

/// Makes one linear of several with the same input: weights and biases one
/// below the other, results as slices of columns. Declines unless all are of
/// one form (packed, f32, f16 or bf16, no activation) with known weights.
FailureOr<LinearOp> mergeLinears(RewriterBase &rewriter,
                                 ArrayRef<LinearOp> linears);

/// Drops the bias of a linear whose result is only the keys of attention.
LogicalResult dropKeyBias(RewriterBase &rewriter, LinearOp op);

/// Moves the bias b of the values through attention, whose weights sum to one
/// for each query, and through the linear y = W x + c after it: c + W b, in
/// f64. Declines where a row may see no key, and is then zeros.
LogicalResult foldValueBias(RewriterBase &rewriter, AttentionOp op);

/// Cuts tables of positions to what input of `maxLength` tokens (0: of the
/// `sentence_length` of the module's model) looks up, and makes that its
/// `max_length`. Gives the number of positions that the model takes less.
FailureOr<int64_t> cutPositions(RewriterBase &rewriter, ModuleOp module,
                                int64_t maxLength);
/// The same; a remark says why nothing was cut, and the number is 0.
int64_t cutPositionsOrSay(ModuleOp module, int64_t maxLength);

class ModuleFilter;

/// What the site of a linear is followed by where the input (with residual) of
/// the norm behind it is observed: a layer_norm or an rms_norm.
inline constexpr llvm::StringLiteral kNormSite = "/layer_norm";
inline constexpr llvm::StringLiteral kRmsNormSite = "/rms_norm";

/// Puts a transformer.observe before the linears of f32 rows that `filter` does
/// not leave out: one per input, named by the path of its first reader. With
/// `norms` also before a norm that alone reads such a linear, if that alone
/// reads its input. Gives the number of inputs.
int64_t instrument(ModuleOp module, const ModuleFilter &filter, bool norms);

/// Keeps in `why` the reason of the last rewrite that declined.
struct ReasonListener : RewriterBase::Listener {
  explicit ReasonListener(std::string &why) : why(why) {}
  void notifyMatchFailure(Location loc,
                          function_ref<void(Diagnostic &)> reason) override {
    Diagnostic diagnostic(loc, DiagnosticSeverity::Remark);
    reason(diagnostic);
    why = diagnostic.str();
  }
  std::string &why;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_TRANSFORMS_TRANSFORMS_H
