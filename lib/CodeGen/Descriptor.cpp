//===- Descriptor.cpp - what the runtime knows about a model --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/CodeGen/ConstantBuilder.h"
#include "transformer/CodeGen/Object.h"
#include "transformer/Runtime/abi.h"
#include "transformer/Runtime/model.h"
#include "transformer/Support/Error.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {
/// Reads the attributes; remembers the first that is missing.
class Reader {
public:
  int64_t number(DictionaryAttr dict, StringRef key,
                 std::optional<int64_t> otherwise = std::nullopt) {
    if (auto value = dict ? dict.getAs<IntegerAttr>(key) : IntegerAttr())
      return value.getInt();
    if (!otherwise && missing.empty())
      missing = key.str();
    return otherwise.value_or(0);
  }
  StringRef text(DictionaryAttr dict, StringRef key) {
    if (auto value = dict ? dict.getAs<StringAttr>(key) : StringAttr())
      return value.getValue();
    if (missing.empty())
      missing = key.str();
    return "";
  }
  /// The element type, given as a type or by its name.
  bool isFloat(DictionaryAttr dict) {
    if (auto type = dict ? dict.getAs<TypeAttr>("type") : TypeAttr())
      return isa<FloatType>(getElementTypeOrSelf(type.getValue()));
    return text(dict, "type").starts_with("f");
  }
  std::string missing;
};
} // namespace

static SmallVector<DictionaryAttr> dictionaries(ModuleOp module,
                                                StringRef name) {
  SmallVector<DictionaryAttr> result;
  if (auto array = module->getAttrOfType<ArrayAttr>(name))
    for (Attribute item : array)
      result.push_back(dyn_cast<DictionaryAttr>(item));
  return result;
}

llvm::Error mlir::transformer::addDescriptor(
    llvm::Module &llvmModule, ModuleOp module, const Target &target,
    const WeightsIdentity &weights, const NextLevel &own, const NextLevel *next,
    llvm::Constant *device) {
  ConstantBuilder c(llvmModule);
  Reader reader;
  SmallVector<llvm::Constant *> inputs, outputs;
  for (DictionaryAttr input : dictionaries(module, "transformer.inputs")) {
    StringRef name = reader.text(input, "name");
    if (name == "offsets")
      continue;
    bool isFloat = reader.isFloat(input);
    inputs.push_back(
        c.record({c.string(name), c.i64(isFloat ? TM_KIND_F32 : TM_KIND_I32),
                  c.i64(reader.number(input, "limit", 0)),
                  c.i64(reader.number(input, "width", 1))}));
  }
  for (DictionaryAttr output : dictionaries(module, "transformer.outputs")) {
    bool perToken = reader.text(output, "rows") == "tokens";
    outputs.push_back(
        c.record({c.string(reader.text(output, "name")),
                  c.i64(perToken ? TM_PER_TOKEN : TM_PER_SEQUENCE),
                  c.i64(reader.number(output, "width")),
                  c.i64(reader.number(output, "needed_by", 0))}));
  }
  SmallVector<llvm::Constant *> spans;
  if (auto array = module->getAttrOfType<ArrayAttr>("transformer.spans"))
    for (auto span : array.getAsRange<ArrayAttr>())
      spans.push_back(
          c.record({c.string(cast<StringAttr>(span[0]).getValue()),
                    c.string(cast<StringAttr>(span[1]).getValue())}));
  SmallVector<llvm::Constant *> parts;
  for (const WeightsPart &part : weights.parts)
    parts.push_back(c.record(
        {c.i64(part.fileBytes), c.i64(part.memoryBytes), c.i64(part.xxh3)}));
  auto model = module->getAttrOfType<DictionaryAttr>("transformer.model");
  auto space = module->getAttrOfType<DictionaryAttr>("transformer.workspace");
  llvm::Constant *descriptor =
      c.record({c.i32(TM_ABI_VERSION),
                c.i32(sizeof(tm_descriptor)),
                c.string(own.buildId),
                c.string(target.name),
                c.string(llvm::join(target.requiredFeatures, ",")),
                c.i64(reader.number(model, "max_length")),
                c.i64(inputs.size()),
                c.array(inputs),
                c.i64(outputs.size()),
                c.array(outputs),
                c.i64(reader.number(space, "fixed")),
                c.i64(reader.number(space, "per_token")),
                c.i64(reader.number(space, "per_sequence")),
                c.i64(reader.number(space, "per_thread")),
                c.i64(weights.bytes),
                c.i64(weights.xxh3),
                c.i64(spans.size()),
                c.array(spans),
                device ? c.nothing() : llvmModule.getFunction("tm_forward"),
                next ? c.elsewhere(next->symbol) : c.nothing(),
                c.string(own.names),
                c.i64(weights.memory),
                c.i64(parts.size()),
                c.array(parts),
                device ? c.elsewhere("tm_gpu_backend") : c.nothing(),
                device ? device : c.nothing()});
  if (!reader.missing.empty())
    return makeError("internal error: the lowered module has no attribute '" +
                     reader.missing + "' for the descriptor");
  if (inputs.size() > TM_MAX_INPUTS || outputs.empty() ||
      outputs.size() > TM_MAX_OUTPUTS)
    return makeError("the model has " + Twine(inputs.size()) + " inputs and " +
                     Twine(outputs.size()) + " outputs (supported: up to " +
                     Twine(TM_MAX_INPUTS) + " inputs, 1 to " +
                     Twine(TM_MAX_OUTPUTS) + " outputs)");
  auto *global = new llvm::GlobalVariable(
      llvmModule, descriptor->getType(), /*isConstant=*/true,
      llvm::GlobalValue::ExternalLinkage, descriptor, own.symbol);
  global->setVisibility(llvm::GlobalValue::HiddenVisibility);
  global->setAlignment(llvm::Align(8));
  return llvm::Error::success();
}
