//===- SentenceModules.cpp - what sentence-transformers adds --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Families.h"

#include "transformer/Support/Error.h"
#include "transformer/Support/Limits.h"
#include "transformer/Support/MappedFile.h"
#include "transformer/Support/StrictJson.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FileSystem.h"

using namespace mlir;
using namespace mlir::transformer;

static Value addPooling(ModelBuilder &m, const Body &body, StringRef path,
                        Config &config) {
  int64_t hidden = widthOf(body.hidden);
  int64_t width = config.integer("word_embedding_dimension|embedding_dimension",
                                 1, limits::hidden, hidden);
  if (width != hidden)
    config.problem("word_embedding_dimension is " + Twine(width) +
                   " but the model's hidden size is " + Twine(hidden));
  // Older files have one flag for each mode, newer ones a name.
  SmallVector<std::string> modes;
  for (const auto &[key, value] : config.object()) {
    StringRef name = key;
    if (name.consume_front("pooling_mode_") && config.boolean(key, false))
      modes.push_back(name.str());
  }
  if (config.has("pooling_mode"))
    modes.push_back(config.string("pooling_mode", ""));
  llvm::sort(modes);
  auto kind = llvm::StringSwitch<std::optional<PoolKind>>(
                  modes.size() == 1 ? StringRef(modes[0]) : StringRef())
                  .Cases({"mean_tokens", "mean"}, PoolKind::mean)
                  .Cases({"cls_token", "cls"}, PoolKind::cls)
                  .Cases({"max_tokens", "max"}, PoolKind::max)
                  .Default(std::nullopt);
  if (!kind) {
    std::string found;
    for (const std::string &mode : modes)
      found += (found.empty() ? "" : ", ") + quoted(mode);
    config.problem("the pooling mode is " + (found.empty() ? "none" : found) +
                   " (supported: one of mean_tokens, cls_token, max_tokens)");
  }
  return m.pool(path, body.hidden, kind.value_or(PoolKind::mean));
}

static Value addDense(ModelBuilder &m, Value x, StringRef path,
                      Config &config) {
  int64_t in = config.integer("in_features", 1, limits::hidden);
  int64_t out = config.integer("out_features", 1, limits::hidden);
  bool hasBias = config.boolean("bias", true);
  if (in != widthOf(x) && !config.isShapeless())
    config.shapeProblem("in_features is " + Twine(in) + " but the input has " +
                        Twine(widthOf(x)));
  std::string name =
      config.string("activation_function", "torch.nn.modules.activation.Tanh");
  StringRef last = StringRef(name).rsplit('.').second;
  auto activation =
      llvm::StringSwitch<std::optional<Activation>>(last.empty() ? name : last)
          .Case("Tanh", Activation::tanh)
          .Case("Identity", Activation::none)
          .Case("ReLU", Activation::relu)
          .Case("GELU", Activation::gelu)
          .Case("SiLU", Activation::silu)
          .Default(std::nullopt);
  if (!activation)
    config.problem("unknown activation_function " + quoted(name) +
                   " (supported: Tanh, Identity, ReLU, GELU, SiLU)");
  if (config.isShapeless())
    return x;
  return m.linear((path + ".linear").str(), x, out,
                  activation.value_or(Activation::none), hasBias);
}

// A path from modules.json: a plain name in the checkpoint's directory.
static bool isPlainName(StringRef path) {
  return !path.empty() && !path.starts_with(".") &&
         path.find_first_of(StringRef("/\\\0", 3)) == StringRef::npos;
}

int64_t transformer::readSentenceLength(StringRef directory,
                                        Problems &problems) {
  std::string file = (directory + "/sentence_bert_config.json").str();
  if (!llvm::sys::fs::exists(file))
    return 0;
  std::optional<Config> config = Config::read(file, problems);
  if (!config || !config->has("max_seq_length"))
    return 0;
  return config->integer("max_seq_length", 1, INT32_MAX);
}

void transformer::addSentenceModules(ModelBuilder &m, const Body &body,
                                     StringRef directory, Problems &problems) {
  std::string file = (directory + "/modules.json").str();
  auto text = readSmallFile(file, limits::configBytes);
  if (!text)
    return problems.add(text.takeError());
  auto tree = parseConfig(*text, file);
  if (!tree)
    return problems.add(tree.takeError());
  const llvm::json::Array *list = tree->getAsArray();
  if (!list)
    return problems.add(file + ": holds no JSON array");

  Value x;
  for (size_t index = 0; index < list->size(); ++index) {
    const llvm::json::Object *module = (*list)[index].getAsObject();
    StringRef type =
        module ? module->getString("type").value_or("") : StringRef();
    StringRef path =
        module ? module->getString("path").value_or("") : StringRef();
    StringRef kind = type.contains('.') ? type.rsplit('.').second : type;
    auto say = [&](const Twine &what) {
      problems.add(file + ": module " + Twine(index) + " " + what);
    };
    bool needsConfig = kind == "Pooling" || kind == "Dense";
    if (index == 0) {
      if (kind != "Transformer")
        say("is " + quoted(type) + "; the first must be a Transformer");
      else if (!path.empty())
        say("has path " + quoted(path) +
            "; the Transformer must lie in the directory itself");
      continue;
    }
    if (kind == "Dropout")
      continue;
    if (needsConfig && !isPlainName(path)) {
      say("has path " + quoted(path) + "; it must be a name beside the file");
      continue;
    }
    std::optional<Config> config;
    if (needsConfig) {
      config = Config::read((directory + "/" + path + "/config.json").str(),
                            problems);
      if (!config)
        continue;
    }
    std::string folder = (directory + "/" + path).str();
    if (kind == "Dense" &&
        !llvm::sys::fs::exists(folder + "/model.safetensors")) {
      problems.add(folder + ": has no model.safetensors with the weights of "
                            "this module; where there is a pytorch_model.bin, "
                            "save the model again with "
                            "save_pretrained(..., safe_serialization=True)");
      continue;
    }
    if (kind == "Pooling" && !x)
      x = addPooling(m, body, path, *config);
    else if (kind == "Dense" && x)
      x = addDense(m, x, path, *config);
    else if (kind == "Normalize" && x)
      x = m.l2Normalize(path.empty() ? "normalize" : path, x, 1e-12f);
    else
      say("is " + quoted(type) +
          " (supported: one Transformer, then one Pooling, then Dense and "
          "Normalize)");
  }
  if (x)
    m.addOutput("sentence_embedding", x, /*perToken=*/false);
}
