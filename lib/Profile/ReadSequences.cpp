//===- ReadSequences.cpp - token ids from a file --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Profile/Sequences.h"
#include "transformer/Support/Error.h"
#include "transformer/Support/Safetensors.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cstring>

using namespace mlir;
using namespace mlir::transformer;

static llvm::Expected<std::vector<int32_t>> numbersOf(const Safetensors &file,
                                                      StringRef name) {
  const TensorInfo *info = file.find(name);
  if (!info || info->type != DataType::I32 || info->shape.size() != 1)
    return makeError(file.path() + ": has no tensor " + quoted(name) +
                     " of I32 numbers in a row: sequences are 'ids', all end "
                     "to end, and their 'lengths'");
  ArrayRef<char> bytes = file.data(*info);
  std::vector<int32_t> numbers(bytes.size() / sizeof(int32_t));
  std::memcpy(numbers.data(), bytes.data(), bytes.size());
  return numbers;
}

llvm::Expected<Sequences> transformer::readSequences(ModuleOp module,
                                                     StringRef path) {
  llvm::Expected<Safetensors> file = Safetensors::open(path);
  if (!file)
    return file.takeError();
  auto ids = numbersOf(*file, "ids"), lengths = numbersOf(*file, "lengths");
  if (!ids || !lengths)
    return llvm::joinErrors(ids.takeError(), lengths.takeError());
  int64_t vocabulary = 0;
  if (!inputOf(module, "input_ids", vocabulary) || vocabulary <= 0)
    return makeError("the model takes no token ids of a known vocabulary, so "
                     "it has no profile of text");
  auto model = module->getAttrOfType<DictionaryAttr>("transformer.model");
  auto most = model ? model.getAs<IntegerAttr>("max_length") : IntegerAttr();
  for (int32_t id : *ids)
    if (id < 0 || id >= vocabulary)
      return makeError(path + ": has the token id " + Twine(id) +
                       ", and the vocabulary of the model has " +
                       Twine(vocabulary) + " tokens");
  Sequences result;
  result.source = path.str();
  for (const auto &[key, value] : file->metadata())
    if (key == "source")
      result.source = value;
  size_t at = 0;
  for (int32_t length : *lengths) {
    if (length < 1 || (most && length > most.getInt()))
      return makeError(
          path + ": has a sequence of " + Twine(length) + " tokens" +
          (most ? ", and the model takes 1 to " + Twine(most.getInt())
                : Twine(", expected 1 or more")));
    if (size_t(length) > ids->size() - at)
      return makeError(path + ": the lengths add up to more than the " +
                       Twine(ids->size()) + " ids");
    result.ids.emplace_back(ids->begin() + at, ids->begin() + at + length);
    at += length;
  }
  if (at != ids->size())
    return makeError(path + ": the lengths add up to " + Twine(at) +
                     ", and there are " + Twine(ids->size()) + " ids");
  if (result.ids.empty())
    return makeError(path + ": holds no sequences");
  return result;
}
