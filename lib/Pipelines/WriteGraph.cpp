//===- WriteGraph.cpp - a model as JSON -----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For programs that know no MLIR: the ops of @forward in their order, with
// operands by name, weights by name, and attributes as JSON has them.
//===----------------------------------------------------------------------===//
#include "Artifact.h"

#include "transformer/IR/TransformerDialect.h"
#include "transformer/Support/Error.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {
class GraphWriter {
public:
  explicit GraphWriter(llvm::raw_ostream &stream) : json(stream, 1) {}
  llvm::Error write(ModuleOp module);

private:
  void typeOf(Type type);
  void attribute(Attribute value);
  void numbers(DenseElementsAttr values);
  void names(ValueRange values);
  void operands(Operation *op);
  void op(Operation *op);
  void arguments(func::FuncOp forward);
  void results(func::FuncOp forward, Operation *end);
  std::string nameOf(Value value) {
    return "v" +
           std::to_string(known.try_emplace(value, known.size()).first->second);
  }

  llvm::json::OStream json;
  DenseMap<Value, size_t> known;
};
} // namespace

// Larger ones are weights, which live in files.
static constexpr int64_t kMostNumbers = 4096;

/// {"shape": [null, 384], "type": "f32"}, null for what a run decides.
void GraphWriter::typeOf(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  json.object([&] {
    if (tensor)
      json.attributeArray("shape", [&] {
        for (int64_t size : tensor.getShape())
          ShapedType::isDynamic(size) ? json.value(nullptr) : json.value(size);
      });
    std::string text;
    llvm::raw_string_ostream(text) << getElementTypeOrSelf(type);
    json.attribute("type", text);
  });
}

void GraphWriter::numbers(DenseElementsAttr values) {
  if (values.getNumElements() > kMostNumbers)
    return json.value(nullptr);
  auto number = [&](auto &&value) {
    using T = std::decay_t<decltype(value)>;
    if constexpr (std::is_same_v<T, APFloat>)
      json.value(value.convertToDouble());
    else
      json.value(value.getSExtValue());
  };
  json.array([&] {
    if (isa<FloatType>(values.getElementType()))
      for (const APFloat &value : values.getValues<APFloat>())
        number(value);
    else
      for (const APInt &value : values.getValues<APInt>())
        number(value);
  });
}

void GraphWriter::attribute(Attribute value) {
  llvm::TypeSwitch<Attribute>(value)
      .Case([&](UnitAttr) { json.value(true); })
      .Case([&](BoolAttr a) { json.value(a.getValue()); })
      .Case([&](IntegerAttr a) { json.value(a.getValue().getSExtValue()); })
      .Case([&](FloatAttr a) { json.value(a.getValueAsDouble()); })
      .Case(
          [&](StringAttr a) { json.value(llvm::json::fixUTF8(a.getValue())); })
      .Case([&](ActivationAttr a) {
        json.value(stringifyActivation(a.getValue()));
      })
      .Case(
          [&](PoolKindAttr a) { json.value(stringifyPoolKind(a.getValue())); })
      .Case(
          [&](ProductsAttr a) { json.value(stringifyProducts(a.getValue())); })
      .Case([&](SymbolRefAttr a) {
        json.value(llvm::json::fixUTF8(a.getLeafReference().getValue()));
      })
      .Case([&](ArrayAttr a) {
        json.array([&] {
          for (Attribute element : a)
            attribute(element);
        });
      })
      .Case([&](DenseI64ArrayAttr a) {
        json.array([&] {
          for (int64_t element : a.asArrayRef())
            ShapedType::isDynamic(element) ? json.value(nullptr)
                                           : json.value(element);
        });
      })
      .Case([&](DenseElementsAttr a) { numbers(a); })
      .Default([&](Attribute a) {
        std::string text;
        llvm::raw_string_ostream(text) << a;
        json.value(llvm::json::fixUTF8(text));
      });
}

void GraphWriter::names(ValueRange values) {
  json.array([&] {
    for (Value value : values)
      json.value(nameOf(value));
  });
}

/// One entry per operand of the op's definition: null for one that is left out,
/// a list for a group of several.
void GraphWriter::operands(Operation *op) {
  auto sizes = dyn_cast_or_null<DenseI32ArrayAttr>(
      op->getPropertiesAsAttribute()
          ? op->getAttrDictionary().get("operandSegmentSizes")
          : Attribute());
  if (!sizes)
    return json.attributeBegin("operands"), names(op->getOperands()),
           json.attributeEnd();
  json.attributeArray("operands", [&] {
    unsigned at = 0;
    for (int32_t size : sizes.asArrayRef()) {
      if (size == 0)
        json.value(nullptr);
      else if (size == 1)
        json.value(nameOf(op->getOperand(at)));
      else
        names(op->getOperands().slice(at, size));
      at += size;
    }
  });
}

void GraphWriter::op(Operation *op) {
  json.object([&] {
    json.attribute("op", op->getName().getStringRef());
    operands(op);
    json.attributeBegin("results");
    names(op->getResults());
    json.attributeEnd();
    json.attributeArray("types", [&] {
      for (Type type : op->getResultTypes())
        typeOf(type);
    });
    json.attributeObject("attributes", [&] {
      for (NamedAttribute named : op->getAttrDictionary()) {
        if (named.getName() == "operandSegmentSizes")
          continue;
        json.attributeBegin(named.getName().getValue());
        attribute(named.getValue());
        json.attributeEnd();
      }
    });
  });
}

void GraphWriter::arguments(func::FuncOp forward) {
  json.attributeArray("inputs", [&] {
    for (BlockArgument argument : forward.getArguments())
      json.object([&] {
        json.attribute("value", nameOf(argument));
        for (StringRef key : {"input", "limit"})
          if (Attribute found = forward.getArgAttr(
                  argument.getArgNumber(), ("transformer." + key).str())) {
            json.attributeBegin(key == "input" ? "name" : key);
            attribute(found);
            json.attributeEnd();
          }
        json.attributeBegin("type");
        typeOf(argument.getType());
        json.attributeEnd();
      });
  });
}

void GraphWriter::results(func::FuncOp forward, Operation *end) {
  json.attributeArray("outputs", [&] {
    for (auto [i, value] : llvm::enumerate(end->getOperands()))
      json.object([&] {
        json.attribute("value", nameOf(value));
        for (StringRef key : {"output", "rows"})
          if (Attribute found =
                  forward.getResultAttr(i, ("transformer." + key).str())) {
            json.attributeBegin(key == "output" ? "name" : key);
            attribute(found);
            json.attributeEnd();
          }
        json.attributeBegin("type");
        typeOf(value.getType());
        json.attributeEnd();
      });
  });
}

llvm::Error GraphWriter::write(ModuleOp module) {
  auto forward = module.lookupSymbol<func::FuncOp>("forward");
  if (!forward || !forward.getBody().hasOneBlock())
    return makeError("the module has no function @forward of one block, which "
                     "--emit=graph describes");
  json.object([&] {
    json.attribute("format", 1);
    if (auto model = module->getAttrOfType<DictionaryAttr>("transformer.model"))
      json.attributeObject("model", [&] {
        for (NamedAttribute named : model) {
          json.attributeBegin(named.getName().getValue());
          attribute(named.getValue());
          json.attributeEnd();
        }
      });
    arguments(forward);
    json.attributeObject("weights", [&] {
      for (auto global : module.getOps<ml_program::GlobalOp>()) {
        json.attributeBegin(llvm::json::fixUTF8(global.getSymName()));
        typeOf(global.getType());
        json.attributeEnd();
      }
    });
    Operation *end = forward.getBody().front().getTerminator();
    json.attributeArray("ops", [&] {
      for (Operation &each : forward.getBody().front().without_terminator())
        op(&each);
    });
    results(forward, end);
  });
  return llvm::Error::success();
}

llvm::Expected<std::string> mlir::transformer::graphOf(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (llvm::Error error = GraphWriter(stream).write(module))
    return std::move(error);
  stream << '\n';
  return text;
}
