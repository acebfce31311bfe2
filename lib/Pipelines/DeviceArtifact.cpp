//===- DeviceArtifact.cpp - a prepared model for GPUs ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each chip has kernels and a table of launches of its own, which belong
// together; all of them read one weights file. The weights lie there as the
// model has them: the runtime makes of them what the kernels want.
//===----------------------------------------------------------------------===//
#include "CheckModel.h"
#include "Compilation.h"
#include "DeviceTable.h"
#include "NaiveEntry.h"

#include "transformer/GPU/Fatbin.h"
#include "transformer/GPU/PerformanceModel.h"
#include "transformer/GPU/Ptx.h"
#include "transformer/Support/Error.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace mlir::transformer;

/// One object per chip stands where others have CPU levels.
LogicalResult Compilation::chooseChips() {
  std::string message;
  chips = gpu::lookupChips(options.gpuChip, message);
  if (chips.empty()) {
    problem("--gpu-chip: " + message);
    return failure();
  }
  if (chips.size() > 1 && options.emit != Emit::Artifact) {
    problem("--emit shows the code of one chip, and --gpu-chip names " +
            Twine(chips.size()));
    return failure();
  }
  llvm::Expected<std::optional<gpu::Toolkit>> found =
      gpu::findToolkit(options.cudaToolkit);
  if (!found)
    return check(found.takeError());
  toolkit = std::move(*found);
  // The runtime is baseline code.
  FailureOr<Target> host = lookupTarget("host", message);
  if (failed(host)) {
    problem(message);
    return failure();
  }
  host = lookupTarget(host->isX86() ? "x86-64" : "neon", message);
  for (const gpu::Chip &chip : chips) {
    LevelReport row;
    row.target = *host;
    row.target.name = chip.name.str();
    row.target.requiredFeatures.clear();
    report.levels.push_back(std::move(row));
  }
  return success();
}

LogicalResult Compilation::lowerToDevice(ModuleOp lowered,
                                         const gpu::Chip &chip) {
  ToNVVMOptions device;
  device.chip = chip.name.str(), device.dtype = options.gpuType;
  device.fftFrom = options.fftFrom;
  PassManager manager(&context);
  buildToNVVMPipeline(manager, device);
  return manager.run(lowered);
}

/// The text of one chip's kernels.
LogicalResult Compilation::emitDevice() {
  // Kernels alone: inputs may be others than those that artifacts have.
  if (failed(simplify()) || failed(lowerToDevice(*module, chips.front())))
    return failure();
  auto kernels = *module->getOps<::mlir::gpu::GPUModuleOp>().begin();
  if (options.emit == Emit::LLVM) {
    llvm::LLVMContext llvmContext;
    auto code = gpu::deviceToLLVM(kernels, llvmContext);
    if (!code)
      return check(code.takeError());
    std::string text;
    llvm::raw_string_ostream stream(text);
    (*code)->print(stream, nullptr);
    return write(text);
  }
  llvm::Expected<std::string> ptx = gpu::emitPtx(kernels);
  return ptx ? write(*ptx) : check(ptx.takeError());
}

/// Sorts the weights that launches use into the order of their file, and drops
/// the others.
static void layOutWeights(ModuleOp module,
                          ArrayRef<transformer::gpu::LaunchTable> tables) {
  llvm::StringSet<> used;
  for (const transformer::gpu::LaunchTable &table : tables)
    for (const transformer::gpu::Launch &launch : table.launches)
      for (const transformer::gpu::LaunchArgument &argument : launch.arguments)
        if (argument.kind == transformer::gpu::LaunchArgument::Weight)
          used.insert(argument.weight);
  int64_t offset = 0;
  Builder b(module.getContext());
  for (auto global :
       llvm::make_early_inc_range(module.getOps<ml_program::GlobalOp>())) {
    if (!used.contains(global.getSymName())) {
      global.erase();
      continue;
    }
    auto type = cast<RankedTensorType>(global.getType());
    global->setAttr("transformer.offset", b.getI64IntegerAttr(offset));
    offset += type.getNumElements() *
              llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  }
  module->setAttr("transformer.weights_bytes", b.getI64IntegerAttr(offset));
}

LogicalResult Compilation::lowerForDevices() {
  if (failed(checkModel(*module)) || failed(simplify()) ||
      failed(runPipeline("transformer-fold-weights,"
                         "transformer-unpack-weights")))
    return failure();
  describeForward(*module);
  if (options.reportGpu) {
    llvm::Expected<Workload> workload =
        workloadOf(*module, *options.reportGpu, "--report-gpu");
    if (!workload)
      return check(workload.takeError());
    deviceWorkload = *workload;
  }
  std::vector<gpu::LaunchTable> tables;
  for (const gpu::Chip &chip : chips) {
    deviceModules.push_back(module->clone());
    ModuleOp lowered = *deviceModules.back();
    if (failed(lowerToDevice(lowered, chip)))
      return failure();
    FailureOr<gpu::LaunchTable> table =
        gpu::LaunchTable::of(lowered, [&] { return lowered.emitError(); });
    if (failed(table))
      return failure();
    tables.push_back(std::move(*table));
  }
  module->lookupSymbol("forward")->erase();
  layOutWeights(*module, tables);
  watch.finished("lower");
  deviceTables = std::move(tables);
  return saveWeights(/*eraseGlobals=*/false);
}

llvm::Expected<std::string> Compilation::imageOf(ModuleOp lowered,
                                                 const gpu::Chip &chip,
                                                 LevelReport &row) {
  llvm::Expected<std::string> ptx =
      gpu::emitPtx(*lowered.getOps<::mlir::gpu::GPUModuleOp>().begin());
  if (!ptx)
    return ptx;
  row.ptxBytes = ptx->size();
  row.milliseconds += watch.finished("ptx");
  auto without = [&](const Twine &why) {
    std::string text = ("no machine code for " + chip.name + ": " + why +
                        "; the driver makes it of the PTX at load")
                           .str();
    report.remarks.push_back(text);
    if (!options.quiet)
      log << "remark: " << text << '\n';
  };
  if (!toolkit) {
    without("ptxas and fatbinary of a CUDA toolkit were not found");
    return ptx;
  }
  llvm::Expected<gpu::Fatbin> fatbin = gpu::makeFatbin(*toolkit, *ptx, chip);
  row.milliseconds += watch.finished("cubin");
  if (fatbin) {
    row.hasMachineCode = true;
    row.cubin = std::move(fatbin->cubin);
    return std::move(fatbin->bytes);
  }
  without(llvm::toString(fatbin.takeError()));
  return ptx;
}

/// The roofline of each kernel.
LogicalResult Compilation::reportDevice(ModuleOp lowered, const gpu::Chip &chip,
                                        StringRef cubin) {
  std::vector<gpu::KernelCode> code;
  if (!cubin.empty()) {
    llvm::Expected<std::vector<gpu::KernelCode>> read = gpu::readCubin(cubin);
    if (!read)
      return check(read.takeError());
    code = std::move(*read);
  }
  auto kernels = gpu::estimate(lowered, chip, *deviceWorkload, code,
                               [&] { return lowered.emitError(); });
  if (failed(kernels))
    return failure();
  gpu::printEstimate(*kernels, chip, *deviceWorkload, code, llvm::outs());
  return success();
}

LogicalResult Compilation::emitDevices() {
  objects.resize(chips.size());
  for (size_t i = chips.size(); i-- > 0;) {
    LevelReport &row = report.levels[i];
    llvm::Expected<std::string> image =
        imageOf(*deviceModules[i], chips[i], row);
    if (!image)
      return check(image.takeError());
    row.launches = deviceTables[i].launches.size();
    row.imageBytes = image->size();
    if (deviceWorkload &&
        failed(reportDevice(*deviceModules[i], chips[i], row.cubin)))
      return failure();
    llvm::Expected<NativeCode> code = NativeCode::createDeviceTable(
        *module, row.target, weights,
        [&](llvm::Module &llvmModule) {
          return makeDeviceTable(llvmModule, *module, deviceTables[i], chips[i],
                                 *image);
        },
        next ? &*next : nullptr, /*isBest=*/i == 0);
    if (!code)
      return check(code.takeError());
    next = code->asNext();
    report.buildId = code->buildId().str();
    llvm::Expected<SmallVector<char, 0>> bytes = code->emitObject();
    if (!bytes)
      return check(bytes.takeError());
    objects[i] = std::move(*bytes);
    row.objectBytes = objects[i].size();
    row.milliseconds += watch.finished("code");
  }
  return success();
}
