//===- Import.cpp - Hugging Face checkpoints to modules -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Import/Import.h"

#include "Families.h"
#include "transformer/IR/Weights.h"
#include "transformer/Support/Error.h"
#include "transformer/Support/Limits.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/FileSystem.h"

using namespace mlir;
using namespace mlir::transformer;

static constexpr std::pair<StringRef, Head> encoderHeads[] = {
    {"Model", Head::none},
    {"ForSequenceClassification", Head::sequence},
    {"ForTokenClassification", Head::token},
    {"ForQuestionAnswering", Head::question},
    {"ForMaskedLM", Head::masked}};
// What these two were first trained as: a masked language model, beside a
// guess whether the second sentence follows the first, which is left out.
static constexpr std::pair<StringRef, Head> pretrainedHeads[] = {
    encoderHeads[0], encoderHeads[1], encoderHeads[2],
    encoderHeads[3], encoderHeads[4], {"ForPreTraining", Head::masked}};
static constexpr std::pair<StringRef, Head> gpt2Heads[] = {
    {"Model", Head::none},
    {"LMHeadModel", Head::causal},
    {"ForTokenClassification", Head::token},
    {"ForQuestionAnswering", Head::question}};
static constexpr std::pair<StringRef, Head> vitHeads[] = {
    {"Model", Head::none}, {"ForImageClassification", Head::sequence}};

static const Family families[] = {
    {"bert", "bert.", "embeddings.word_embeddings.weight", "Bert", buildBert,
     addBertHead, pretrainedHeads},
    {"distilbert", "distilbert.", "embeddings.word_embeddings.weight",
     "DistilBert", buildDistilBert, addDistilBertHead, encoderHeads},
    {"roberta", "roberta.", "embeddings.word_embeddings.weight", "Roberta",
     buildRoberta, addRobertaHead, encoderHeads},
    {"xlm-roberta", "roberta.", "embeddings.word_embeddings.weight",
     "XLMRoberta", buildRoberta, addRobertaHead, encoderHeads},
    {"fnet", "fnet.", "embeddings.word_embeddings.weight", "FNet", buildFNet,
     addBertHead, pretrainedHeads},
    {"gpt2", "transformer.", "wte.weight", "GPT2", buildGpt2, addGpt2Head,
     gpt2Heads},
    {"vit", "vit.", "embeddings.cls_token", "ViT", buildVit, addVitHead,
     vitHeads}};

// The head that `architectures` names; the bare model if it names none.
static Head readHead(Config &config, const Family &family) {
  const llvm::json::Value *value = config.object().get("architectures");
  if (!value || value->kind() == llvm::json::Value::Null)
    return Head::none;
  const llvm::json::Array *list = value->getAsArray();
  std::optional<StringRef> name;
  if (list && !list->empty())
    name = list->front().getAsString();
  if (list && list->empty())
    return Head::none;
  std::string supported;
  for (auto [suffix, head] : family.heads) {
    if (name && *name == (family.classPrefix + suffix).str())
      return head;
    supported +=
        ((supported.empty() ? "" : ", ") + family.classPrefix + suffix).str();
  }
  config.problem("architectures is " + printed(*value) + " (supported for " +
                 family.name + ": " + supported + ")");
  return Head::none;
}

static const Family *readFamily(Config &config) {
  std::string type = config.string("model_type", "");
  std::string supported;
  for (const Family &family : families) {
    if (family.name == type)
      return &family;
    supported += ((supported.empty() ? "" : ", ") + family.name).str();
  }
  config.problem((type.empty() ? "model_type is missing"
                               : "unknown model_type " + quoted(type)) +
                 " (supported: " + supported + ")");
  return nullptr;
}

static void setModelAttribute(ModuleOp module, const Family &family,
                              const Body &body) {
  Builder b(module.getContext());
  NamedAttrList model;
  model.set("family", b.getStringAttr(family.name));
  model.set("hidden_size", b.getI64IntegerAttr(widthOf(body.hidden)));
  model.set("max_length", b.getI64IntegerAttr(body.maxLength));
  if (body.sentenceLength > 0 && body.sentenceLength < body.maxLength)
    model.set("sentence_length", b.getI64IntegerAttr(body.sentenceLength));
  module->setAttr("transformer.model",
                  model.getDictionary(module.getContext()));
}

// Easily confused: both directories hold a config.json.
static bool isArtifact(StringRef directory) {
  auto has = [&](StringRef name) {
    return llvm::sys::fs::exists(directory + "/" + name);
  };
  return has("model.so") && has("weights.safetensors") &&
         !has("model.safetensors") && !has("model.safetensors.index.json");
}

static OwningOpRef<ModuleOp> importInto(MLIRContext &context,
                                        StringRef directory,
                                        const ImportOptions &options,
                                        Problems &problems) {
  std::optional<Config> config =
      Config::read((directory + "/config.json").str(), problems);
  llvm::Expected<Checkpoint> checkpoint = Checkpoint::open(directory);
  if (!checkpoint)
    problems.add(checkpoint.takeError());
  if (!config)
    return nullptr;
  const Family *family = readFamily(*config);
  if (config->has("quantization_config"))
    config->problem("quantization_config is present; only F32, F16 and BF16 "
                    "checkpoints are supported");
  if (config->has("auto_map") && options.note)
    options.note(config->file() + ": auto_map names Python code of the "
                                  "checkpoint's author, which is not run");
  if (!family)
    return nullptr;

  // sentence-transformers loads the bare model, whatever head was trained.
  bool hasModules = llvm::sys::fs::exists(directory + "/modules.json");
  Head head = hasModules ? Head::none : readHead(*config, *family);

  OwningOpRef<ModuleOp> module =
      ModuleOp::create(NameLoc::get(StringAttr::get(&context, directory)));
  Weights weights(checkpoint ? &*checkpoint : nullptr, *module, config->file(),
                  options.bindWeights, problems);
  SmallVector<StringRef> prefixes = {family->prefix, ""};
  if (head == Head::none)
    std::swap(prefixes[0], prefixes[1]);
  weights.choosePrefix(prefixes, family->probe);

  ModelBuilder builder(*module, *config, weights);
  Body body = family->build(builder);
  if (!body.hidden)
    return nullptr;
  family->addHead(builder, body, head);
  if (hasModules) {
    addSentenceModules(builder, body, directory, problems);
    body.sentenceLength = readSentenceLength(directory, problems);
  }
  builder.finish();
  setModelAttribute(*module, *family, body);
  if (problems.empty())
    (*module)->setAttr(kCheckpointAttribute,
                       StringAttr::get(&context, checkpoint->fingerprint()));
  if (!problems.empty())
    return nullptr;

  std::vector<std::string> unused = weights.unused();
  if (!unused.empty() && options.note)
    options.note(checkpoint->path() + ": " + Twine(unused.size()) +
                 " tensors are not used, the first is " + quoted(unused[0]));
  if (llvm::Error error = checkpoint->checkUnchanged())
    problems.add(std::move(error));
  return module;
}

FailureOr<OwningOpRef<ModuleOp>>
transformer::importCheckpoint(MLIRContext &context, StringRef directory,
                              const ImportOptions &options,
                              function_ref<void(const Twine &)> problem) {
  context.loadDialect<TransformerDialect, arith::ArithDialect,
                      func::FuncDialect, linalg::LinalgDialect,
                      ml_program::MLProgramDialect, tensor::TensorDialect>();
  while (directory.size() > 1 && directory.ends_with("/"))
    directory = directory.drop_back();
  Problems problems;
  OwningOpRef<ModuleOp> module;
  if (!llvm::sys::fs::is_directory(directory))
    problems.add(directory + ": is not a directory; a Hugging Face checkpoint "
                             "directory is needed");
  else if (isArtifact(directory))
    problems.add(directory + ": is a compiled artifact (it holds model.so); "
                             "the checkpoint that it was made of is needed");
  else
    module = importInto(context, directory, options, problems);
  size_t listed = 0;
  for (const std::string &message : problems.list) {
    if (listed++ == limits::listedProblems) {
      problem("and " + Twine(problems.list.size() - limits::listedProblems) +
              " more problems");
      break;
    }
    problem(message);
  }
  if (!problems.empty())
    return failure();
  if (failed(verify(*module))) {
    problem(directory + ": the imported module does not verify; this is a bug");
    return failure();
  }
  return module;
}
