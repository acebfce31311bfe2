//===- ConstantBuilder.h - C structs as LLVM constants --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_CODEGEN_CONSTANTBUILDER_H
#define TRANSFORMER_CODEGEN_CONSTANTBUILDER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/DerivedTypes.h"
#include "llvm/IR/GlobalVariable.h"
#include "llvm/IR/Module.h"

namespace mlir::transformer {

/// Builds constants field by field, in the layout of a C struct whose fields
/// are all naturally aligned.
class ConstantBuilder {
public:
  explicit ConstantBuilder(llvm::Module &module) : module(module) {}

  llvm::Constant *i64(uint64_t value) {
    return llvm::ConstantInt::get(llvm::Type::getInt64Ty(module.getContext()),
                                  value);
  }
  llvm::Constant *i32(uint32_t value) {
    return llvm::ConstantInt::get(llvm::Type::getInt32Ty(module.getContext()),
                                  value);
  }
  llvm::Constant *string(llvm::StringRef text) {
    return privateGlobal(
        llvm::ConstantDataArray::getString(module.getContext(), text));
  }
  /// Bytes that may have zeros among them.
  llvm::Constant *bytes(llvm::StringRef text) {
    return privateGlobal(llvm::ConstantDataArray::getString(module.getContext(),
                                                            text,
                                                            /*AddNull=*/true),
                         llvm::Align(64));
  }
  llvm::Constant *array(llvm::ArrayRef<llvm::Constant *> structs) {
    if (structs.empty())
      return nothing();
    auto *type =
        llvm::ArrayType::get(structs.front()->getType(), structs.size());
    return privateGlobal(llvm::ConstantArray::get(type, structs));
  }
  llvm::Constant *record(llvm::ArrayRef<llvm::Constant *> fields) {
    return llvm::ConstantStruct::getAnon(module.getContext(), fields);
  }

  llvm::Constant *nothing() {
    return llvm::ConstantPointerNull::get(
        llvm::PointerType::getUnqual(module.getContext()));
  }
  /// A symbol of another object of the same library.
  llvm::Constant *elsewhere(llvm::StringRef name) {
    auto *global = new llvm::GlobalVariable(
        module, llvm::Type::getInt8Ty(module.getContext()), /*isConstant=*/true,
        llvm::GlobalValue::ExternalLinkage, nullptr, name);
    global->setVisibility(llvm::GlobalValue::HiddenVisibility);
    return global;
  }

private:
  llvm::Constant *privateGlobal(llvm::Constant *value,
                                llvm::MaybeAlign align = std::nullopt) {
    auto *global = new llvm::GlobalVariable(
        module, value->getType(), /*isConstant=*/true,
        llvm::GlobalValue::PrivateLinkage, value, "tm_descriptor_part");
    global->setUnnamedAddr(llvm::GlobalValue::UnnamedAddr::Global);
    global->setAlignment(align);
    return global;
  }
  llvm::Module &module;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_CODEGEN_CONSTANTBUILDER_H
