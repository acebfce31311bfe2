//===- EmitDevice.cpp - bodies of device kernels --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "DeviceBuilder.h"
#include "transformer/GPU/Chip.h"
#include "transformer/GPU/Passes.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMEREMITDEVICE
#include "transformer/GPU/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::gpu;

static LogicalResult emitKernel(LLVM::LLVMFuncOp kernel, const Chip &chip) {
  auto dictionary = kernel->getAttrOfType<DictionaryAttr>(kKernelAttribute);
  if (!dictionary)
    return kernel.emitOpError()
           << "has a '" << kKernelAttribute << "' that is not a dictionary";
  if (!kernel.isExternal())
    return kernel.emitOpError() << "has a '" << kKernelAttribute
                                << "' and a body: only declarations get one";
  KernelSpec spec(dictionary);
  if (failed(spec.verify([&] { return kernel.emitOpError(); })))
    return failure();
  LaunchShape shape = spec.launch();
  if (shape.sharedBytes > chip.sharedBytes)
    return kernel.emitOpError()
           << "needs " << shape.sharedBytes << " bytes of shared memory, and "
           << chip.name << " has " << chip.sharedBytes;
  if (spec.family().ends_with("_wgmma") && chip.name != "sm_90a")
    return kernel.emitOpError()
           << "has instructions of sm_90a, and is for " << chip.name << "; use "
           << spec.family().drop_back(6);
  MLIRContext *context = kernel.getContext();
  kernel.setFunctionType(LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(context), spec.argumentTypes()));
  kernel->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(),
                  UnitAttr::get(context));
  kernel->setAttr(
      NVVM::NVVMDialect::getMaxntidAttrName(),
      DenseI32ArrayAttr::get(context, {int32_t(shape.threads), 1, 1}));

  // Maps are in the kernel's parameters themselves.
  Builder builder(context);
  for (unsigned i = 0; i < spec.numMaps(); ++i) {
    kernel.setArgAttr(i, LLVM::LLVMDialect::getByValAttrName(),
                      TypeAttr::get(LLVM::LLVMArrayType::get(
                          builder.getI8Type(), kMapBytes)));
    kernel.setArgAttr(i, LLVM::LLVMDialect::getAlignAttrName(),
                      builder.getI64IntegerAttr(kMapAlignment));
    kernel.setArgAttr(i, NVVM::NVVMDialect::getGridConstantAttrName(),
                      builder.getUnitAttr());
  }
  DeviceBuilder b(kernel);
  if (chip.overlapsKernels())
    b.waitForKernels();
  StringRef family = spec.family();
  // So that as many blocks as are to stay have registers: four warps at a time
  // get theirs, in lots of eight.
  if (shape.resident > 1) {
    int64_t warps =
        llvm::alignTo(shape.resident * llvm::divideCeil(shape.threads, 32), 4);
    kernel->setAttr(NVVM::NVVMDialect::getMaxnregAttrName(),
                    b.getI32IntegerAttr(
                        std::min<int64_t>(255, 65536 / (32 * warps) / 8 * 8)));
  }
  // Left to itself, the assembler spills to have room for a fourth block.
  if (family == "mix")
    kernel->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                    b.getI32IntegerAttr(3));
  // Attention whose lanes read masks: the same for a third block, and for the
  // second of warpgroups it could do with fewer than it takes.
  std::optional<MaskForm> mask = spec.mask();
  bool isNarrow = spec.number("qk_dim") <= 64 && spec.number("value_dim") <= 64;
  if (mask && (!mask->isPerKey || mask->isAdded()) &&
      (family == "attention" || (family == "attention_wgmma" && isNarrow)))
    kernel->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                    b.getI32IntegerAttr(2));
  if (family == "rows")
    emitRowsKernel(b, spec);
  else if (family == "positions")
    emitPositionsKernel(b, spec);
  else if (family == "patches")
    emitPatchesKernel(b, spec);
  else if (family == "fold")
    emitFoldKernel(b, spec);
  else if (family == "mix")
    emitMixTileKernel(b, spec);
  else if (family == "mix_simple")
    emitMixSimpleKernel(b, spec);
  else if (family == "widen")
    emitWidenKernel(b, spec);
  else if (family == "mirror")
    emitMirrorKernel(b, spec);
  else if (family == "stack")
    emitStackKernel(b, spec);
  else if (family == "rope")
    emitRopeKernel(b, spec);
  else if (family == "linear")
    emitLinearTileKernel(b, spec);
  else if (family == "linear_pair")
    emitLinearPairKernel(b, spec);
  else if (family == "linear_wgmma")
    emitLinearWgmmaKernel(b, spec);
  else if (family == "linear_simple")
    emitLinearSimpleKernel(b, spec);
  else if (family == "attention")
    emitAttentionTileKernel(b, spec);
  else if (family == "attention_wgmma")
    emitAttentionWgmmaKernel(b, spec);
  else
    emitAttentionSimpleKernel(b, spec);
  LLVM::ReturnOp::create(b, ValueRange{});
  kernel.setLinkage(LLVM::Linkage::External);
  return success();
}

namespace {
struct EmitDevice : transformer::impl::TransformerEmitDeviceBase<EmitDevice> {
  using TransformerEmitDeviceBase::TransformerEmitDeviceBase;

  void runOnOperation() override {
    std::string message;
    const Chip *target = lookupChip(chip, message);
    if (!target) {
      emitError(UnknownLoc::get(&getContext())) << message;
      return signalPassFailure();
    }
    for (auto module : getOperation().getOps<::mlir::gpu::GPUModuleOp>()) {
      Attribute nvvm = NVVM::NVVMTargetAttr::get(
          &getContext(), /*optLevel=*/3, "nvptx64-nvidia-cuda", target->name,
          target->features);
      module.setTargetsAttr(ArrayAttr::get(&getContext(), {nvvm}));
      for (auto kernel :
           llvm::make_early_inc_range(module.getOps<LLVM::LLVMFuncOp>())) {
        if (!kernel->hasAttr(kKernelAttribute))
          continue;
        if (failed(emitKernel(kernel, *target)))
          return signalPassFailure();
        ++numKernels;
      }
    }
  }
};
} // namespace
