//===- PackWeights.cpp - weights in the layout of their kernels -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernels read the weight of a contraction panel by panel, in one stream.
// This pass rewrites the bytes once, at compile time, and changes the types on
// the way from the global through the calls to the kernel ops.
//===----------------------------------------------------------------------===//
#include "Missed.h"
#include "transformer/CodeGen/KernelDialect.h"
#include "transformer/CodeGen/Passes.h"
#include "transformer/CodeGen/WeightLayout.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/SymbolTable.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERPACKWEIGHTS
#include "transformer/CodeGen/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

class Packer {
public:
  explicit Packer(ModuleOp module) : module(module), symbols(module) {}

  /// Packs argument `index` of `chain`, if only contractions read it as weight
  /// and every caller passes a global.
  bool packArgument(func::FuncOp chain, unsigned index) {
    BlockArgument arg = chain.getArgument(index);
    auto type = dyn_cast<RankedTensorType>(arg.getType());
    if (!type || type.getRank() != 2 || arg.use_empty() ||
        !type.hasStaticShape() || type.getNumElements() == 0)
      return false;
    for (OpOperand &use : arg.getUses()) {
      auto contract = dyn_cast<kernel::ContractOp>(use.getOwner());
      if (!contract || contract.getLhs() == arg ||
          (contract.getWeight() != arg && contract.getMultipliers() != arg))
        return false;
    }
    SmallVector<func::CallOp> calls = callsOf(chain);
    for (func::CallOp call : calls)
      if (!call.getOperand(index)
               .getDefiningOp<ml_program::GlobalLoadConstOp>()) {
        missed(call, "transformer-pack-weights", "not-packed",
               "weight " + Twine(index) +
                   " is not a global; it stays unpacked, which is slow");
        return false;
      }
    RankedTensorType packed = packedType(type);
    for (func::CallOp call : calls) {
      auto load =
          call.getOperand(index).getDefiningOp<ml_program::GlobalLoadConstOp>();
      OpBuilder b(load);
      auto global = packedGlobal(load.getGlobal(), packed);
      auto fresh = ml_program::GlobalLoadConstOp::create(
          b, load.getLoc(), packed,
          SymbolRefAttr::get(global.getSymNameAttr()));
      call->setOperand(index, fresh);
      if (load->use_empty())
        load->erase();
    }
    arg.setType(packed);
    SmallVector<Type> inputs(chain.getFunctionType().getInputs());
    inputs[index] = packed;
    chain.setFunctionType(FunctionType::get(
        module.getContext(), inputs, chain.getFunctionType().getResults()));
    return true;
  }

  void eraseUnused() {
    DenseSet<StringAttr> used;
    module.walk([&](ml_program::GlobalLoadConstOp load) {
      used.insert(load.getGlobal().getLeafReference());
    });
    for (auto global :
         llvm::make_early_inc_range(module.getOps<ml_program::GlobalOp>()))
      if (!used.contains(global.getSymNameAttr()))
        symbols.erase(global);
  }

private:
  SmallVector<func::CallOp> callsOf(func::FuncOp chain) {
    SmallVector<func::CallOp> calls;
    module.walk([&](func::CallOp call) {
      if (call.getCallee() == chain.getSymName())
        calls.push_back(call);
    });
    return calls;
  }

  ml_program::GlobalOp packedGlobal(SymbolRefAttr name,
                                    RankedTensorType packed) {
    std::string packedName =
        (name.getLeafReference().getValue() + kPackedEnding).str();
    if (auto found = symbols.lookup<ml_program::GlobalOp>(packedName))
      return found;
    auto global = symbols.lookup<ml_program::GlobalOp>(name.getLeafReference());
    OpBuilder b(global);
    auto fresh = ml_program::GlobalOp::create(
        b, global.getLoc(), packedName, packed, /*is_mutable=*/false,
        packedValue(global, packed, packedName), b.getStringAttr("private"));
    // For coding the file: the bytes of one k are alike (ByteLayout).
    if (packed.getElementType().isInteger(8))
      fresh->setAttr(
          "transformer.columns",
          b.getDenseI64ArrayAttr({packed.getDimSize(2), packed.getDimSize(1),
                                  panelDepth(packed.getElementType())}));
    symbols.insert(fresh);
    return fresh;
  }

  /// Null or extern values have no bytes yet: the packed global is extern too.
  Attribute packedValue(ml_program::GlobalOp global, RankedTensorType packed,
                        StringRef name) {
    auto type = cast<RankedTensorType>(global.getType());
    ArrayRef<char> bytes;
    std::vector<char> expanded;
    Attribute value = global.getValueAttr();
    if (auto resource = dyn_cast_or_null<DenseResourceElementsAttr>(value)) {
      if (AsmResourceBlob *blob = resource.getRawHandle().getBlob())
        bytes = blob->getData();
    } else if (auto dense = dyn_cast_or_null<DenseIntOrFPElementsAttr>(value)) {
      bytes = dense.getRawData();
      if (dense.isSplat()) {
        for (int64_t i = 0; i < type.getNumElements(); ++i)
          expanded.insert(expanded.end(), bytes.begin(), bytes.end());
        bytes = expanded;
      }
    }
    size_t size = type.getElementTypeBitWidth() / 8;
    if (bytes.size() != type.getNumElements() * size)
      return ml_program::ExternAttr::get(module.getContext(), packed);
    AsmResourceBlob blob =
        HeapAsmResourceBlob::allocate(packed.getNumElements() * size, 64);
    MutableArrayRef<char> to = blob.getMutableData();
    std::fill(to.begin(), to.end(), 0);
    packBytes(bytes, to, type);
    return DenseResourceElementsAttr::get(packed, name, std::move(blob));
  }

  ModuleOp module;
  SymbolTable symbols;
};

struct PackWeightsPass
    : public transformer::impl::TransformerPackWeightsBase<PackWeightsPass> {
  using TransformerPackWeightsBase::TransformerPackWeightsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    constantsToGlobals(module);
    Packer packer(module);
    for (auto func : module.getOps<func::FuncOp>())
      if (func->hasAttr("transformer.chain"))
        for (unsigned i = 0; i < func.getNumArguments(); ++i)
          numPacked += packer.packArgument(func, i);
    packer.eraseUnused();
  }

private:
  /// Constant tensors that a chain is called with live in the file as well.
  static void constantsToGlobals(ModuleOp module) {
    SymbolTable symbols(module);
    SmallVector<arith::ConstantOp> constants;
    module.walk([&](func::CallOp call) {
      for (Value v : call.getOperands())
        if (auto constant = v.getDefiningOp<arith::ConstantOp>())
          if (isa<RankedTensorType>(v.getType()) &&
              !llvm::is_contained(constants, constant))
            constants.push_back(constant);
    });
    for (auto [i, constant] : llvm::enumerate(constants)) {
      OpBuilder b(module.getContext());
      b.setInsertionPointToStart(module.getBody());
      auto global = ml_program::GlobalOp::create(
          b, constant.getLoc(), "constant." + std::to_string(i),
          constant.getType(), /*is_mutable=*/false, constant.getValue(),
          b.getStringAttr("private"));
      symbols.insert(global);
      b.setInsertionPoint(constant);
      auto load = ml_program::GlobalLoadConstOp::create(
          b, constant.getLoc(), constant.getType(),
          SymbolRefAttr::get(global.getSymNameAttr()));
      constant.replaceAllUsesWith(load.getResult());
      constant.erase();
    }
  }
};

} // namespace
