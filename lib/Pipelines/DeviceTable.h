//===- DeviceTable.h - launches as constants for the runtime --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_PIPELINES_DEVICETABLE_H
#define TRANSFORMER_LIB_PIPELINES_DEVICETABLE_H

#include "transformer/GPU/Chip.h"
#include "transformer/GPU/LaunchTable.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"

namespace mlir::transformer {

/// Makes the constant tm_device_table (Runtime/abi.h) in `llvmModule`. `module`
/// has the globals, whose places in the weights file are known; `image` is what
/// the driver loads.
llvm::Expected<llvm::Constant *> makeDeviceTable(llvm::Module &llvmModule,
                                                 ModuleOp module,
                                                 const gpu::LaunchTable &table,
                                                 const gpu::Chip &chip,
                                                 StringRef image);

/// Which buffers may lie in the same place, because no launch needs both: the
/// slot of each, and the index of the largest buffer of each slot. Launches
/// come one after the other.
struct DeviceSlots {
  std::vector<unsigned> slotOf, largest;
};
DeviceSlots planSlots(const gpu::LaunchTable &table);

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_PIPELINES_DEVICETABLE_H
