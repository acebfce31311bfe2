//===- Config.cpp - reading config.json -----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Config.h"

#include "transformer/Support/Error.h"
#include "transformer/Support/Limits.h"
#include "transformer/Support/MappedFile.h"
#include "transformer/Support/StrictJson.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"

#include <charconv>
#include <cmath>
#include <set>

using namespace mlir;
using namespace mlir::transformer;

std::string transformer::printed(const llvm::json::Value &value) {
  if (std::optional<StringRef> text = value.getAsString())
    return quoted(*text);
  // As short as it was written: llvm::json prints 1e-12 with 17 digits.
  if (value.kind() == llvm::json::Value::Number && !value.getAsInteger()) {
    char buffer[32];
    double number = *value.getAsNumber();
    return std::string(buffer,
                       std::to_chars(buffer, std::end(buffer), number).ptr);
  }
  return escaped(llvm::formatv("{0}", value).str());
}

std::optional<Config> Config::read(StringRef file, Problems &problems) {
  llvm::Expected<std::string> text = readSmallFile(file, limits::configBytes);
  if (!text) {
    problems.add(text.takeError());
    return std::nullopt;
  }
  llvm::Expected<llvm::json::Value> tree = parseConfig(*text, file);
  if (!tree) {
    problems.add(tree.takeError());
    return std::nullopt;
  }
  if (!tree->getAsObject()) {
    problems.add(file + ": holds " + printed(*tree).substr(0, 20) +
                 " where a JSON object is expected");
    return std::nullopt;
  }
  return Config(file.str(), std::move(*tree), problems);
}

void Config::problem(const Twine &message) {
  problems->add(name + ": " + message);
}

std::pair<StringRef, const llvm::json::Value *>
Config::find(StringRef key) const {
  StringRef first = key.split('|').first;
  for (StringRef rest = key; !rest.empty();) {
    StringRef alias;
    std::tie(alias, rest) = rest.split('|');
    const llvm::json::Value *value = object().get(alias);
    if (value && value->kind() != llvm::json::Value::Null)
      return {alias, value};
  }
  return {first, nullptr};
}

bool Config::has(StringRef key) const { return find(key).second; }

int64_t Config::integer(StringRef key, int64_t min, int64_t max,
                        std::optional<int64_t> byDefault) {
  auto [alias, value] = find(key);
  if (!value && byDefault)
    return *byDefault;
  std::optional<int64_t> number = value ? value->getAsInteger() : std::nullopt;
  if (number && *number >= min && *number <= max)
    return *number;
  problem(alias + " is " + (value ? printed(*value) : "missing") +
          "; it must be a whole number from " + Twine(min) + " to " +
          Twine(max));
  shapeless = true;
  return min;
}

bool Config::boolean(StringRef key, bool byDefault) {
  auto [alias, value] = find(key);
  if (!value)
    return byDefault;
  if (std::optional<bool> flag = value->getAsBoolean())
    return *flag;
  problem(alias + " is " + printed(*value) + "; it must be true or false");
  return byDefault;
}

std::string Config::string(StringRef key, StringRef byDefault) {
  auto [alias, value] = find(key);
  if (!value)
    return byDefault.str();
  if (std::optional<StringRef> text = value->getAsString())
    return text->str();
  problem(alias + " is " + printed(*value) + "; it must be a string");
  return byDefault.str();
}

float Config::epsilon(StringRef key, double byDefault) {
  auto [alias, value] = find(key);
  double number = byDefault;
  if (value) {
    std::optional<double> given = value->getAsNumber();
    number = given ? *given : -1;
  }
  auto rounded = static_cast<float>(number);
  if (std::isfinite(rounded) && rounded > 0)
    return rounded;
  problem(alias + " is " + printed(*value) +
          "; it must be a finite positive number that f32 can hold");
  return 1;
}

Activation Config::activation(StringRef key, StringRef byDefault) {
  auto [alias, value] = find(key);
  std::optional<StringRef> text = byDefault;
  if (value)
    text = value->getAsString();
  auto known = llvm::StringSwitch<std::optional<Activation>>(text.value_or(""))
                   .Cases({"gelu", "gelu_python"}, Activation::gelu)
                   .Cases({"gelu_new", "gelu_fast", "gelu_pytorch_tanh",
                           "gelu_python_tanh", "gelu_tanh"},
                          Activation::gelu_tanh)
                   .Case("relu", Activation::relu)
                   .Cases({"silu", "swish"}, Activation::silu)
                   .Case("tanh", Activation::tanh)
                   .Default(std::nullopt);
  if (known)
    return *known;
  problem("unknown activation " + alias + " = " + printed(*value) +
          " (supported: gelu, gelu_new, gelu_fast, gelu_pytorch_tanh, relu, "
          "silu, swish, tanh)");
  return Activation::none;
}

void Config::requireFlag(StringRef key, bool wanted, StringRef why) {
  if (boolean(key, wanted) != wanted)
    problem(key + " is " + (wanted ? "false" : "true") + "; " + why);
}

void Config::requireString(StringRef key, StringRef wanted) {
  std::string found = string(key, wanted);
  if (found != wanted)
    problem(key + " is " + quoted(found) + " (supported: " + wanted + ")");
}

SmallVector<int64_t> Config::headsLeft(int64_t layers, int64_t heads) {
  SmallVector<int64_t> left(layers, heads);
  auto [alias, value] = find("pruned_heads");
  if (!value)
    return left;
  const llvm::json::Object *pruned = value->getAsObject();
  if (!pruned) {
    shapeProblem("pruned_heads is " + printed(*value) +
                 "; it must be an object of layer numbers and head numbers");
    return left;
  }
  for (const auto &[key, list] : *pruned) {
    int64_t layer = -1;
    StringRef text = key;
    if (text.getAsInteger(10, layer) || layer < 0 || layer >= layers) {
      shapeProblem("pruned_heads names layer " + quoted(text) +
                   " of a model with " + Twine(layers) + " layers");
      continue;
    }
    std::set<int64_t> gone;
    bool isValid = list.getAsArray() != nullptr;
    if (isValid)
      for (const llvm::json::Value &head : *list.getAsArray()) {
        std::optional<int64_t> number = head.getAsInteger();
        isValid &= number && *number >= 0 && *number < heads;
        gone.insert(number.value_or(0));
      }
    if (!isValid)
      shapeProblem("pruned_heads of layer " + Twine(layer) + " are " +
                   printed(list) + "; they must be head numbers below " +
                   Twine(heads));
    else if (int64_t(gone.size()) == heads)
      shapeProblem("pruned_heads leaves layer " + Twine(layer) +
                   " without heads");
    else
      left[layer] = heads - int64_t(gone.size());
  }
  return left;
}
