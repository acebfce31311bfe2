//===- Cubin.cpp - what NVIDIA's assembler made of kernels ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/GPU/Cubin.h"
#include "transformer/Support/Error.h"

#include "llvm/Object/ELF.h"
#include "llvm/Object/ELFTypes.h"
#include "llvm/Support/Endian.h"

using namespace mlir::transformer;
using namespace mlir::transformer::gpu;
using llvm::StringRef;
using Elf = llvm::object::ELF64LE;
using File = llvm::object::ELFFile<Elf>;

namespace {
struct Opcode {
  unsigned code;
  const char *mnemonic;
};
// Attributes of .nv.info with two words: a symbol, and a number.
constexpr uint8_t kTwoWords = 4, kFrameSize = 0x11, kRegisters = 0x2f;
} // namespace

static constexpr Opcode kOpcodes[] = {
    {0x23c, "HMMA"},  {0x237, "IMMA"}, {0x9f0, "HGMMA"},  {0xdf0, "HGMMA"},
    {0x9f1, "IGMMA"}, {0x83b, "LDSM"}, {0xfae, "LDGSTS"}, {0x5b4, "UTMALDG"},
    {0x981, "LDG"},   {0x986, "STG"},  {0x984, "LDS"},    {0x388, "STS"},
    {0x983, "LDL"},   {0x387, "STL"},  {0xb1d, "BAR"},    {0xf89, "SHFL"},
    {0x589, "SHFL"},  {0x308, "MUFU"}, {0x223, "FFMA"},   {0x9af, "LDGDEPBAR"}};

static StringRef mnemonicOf(unsigned code) {
  for (const Opcode &opcode : kOpcodes)
    if (opcode.code == code)
      return opcode.mnemonic;
  return "other";
}

int64_t KernelCode::count(StringRef mnemonic) const {
  auto found = counts.find(mnemonic.str());
  return found == counts.end() ? 0 : found->second;
}

static void countInstructions(KernelCode &kernel,
                              llvm::ArrayRef<uint8_t> code) {
  for (size_t at = 0; at + 16 <= code.size(); at += 16) {
    unsigned opcode = llvm::support::endian::read16le(&code[at]) & 0xfff;
    ++kernel.instructions;
    ++kernel.counts[mnemonicOf(opcode).str()];
  }
}

/// Calls `found` with symbol and number of each attribute that has both.
template <typename Found>
static void forEachAttribute(llvm::ArrayRef<uint8_t> info, Found found) {
  using namespace llvm::support::endian;
  for (size_t at = 0; at + 4 <= info.size();) {
    uint8_t format = info[at], attribute = info[at + 1];
    uint16_t size = read16le(&info[at + 2]);
    at += 4;
    if (format != kTwoWords)
      continue; // the two bytes were its value
    if (at + size > info.size())
      return;
    if (size == 8)
      found(attribute, read32le(&info[at]), read32le(&info[at + 4]));
    at += size;
  }
}

llvm::Expected<std::vector<KernelCode>>
mlir::transformer::gpu::readCubin(StringRef bytes) {
  auto file = File::create(bytes);
  if (!file)
    return makeError("not a cubin: " + llvm::toString(file.takeError()));
  if (file->getHeader().e_machine != llvm::ELF::EM_CUDA)
    return makeError("not a cubin: an ELF file of another machine");
  auto sections = file->sections();
  if (!sections)
    return makeError("not a cubin: " + llvm::toString(sections.takeError()));
  std::vector<KernelCode> kernels;
  std::map<std::string, size_t> byName;
  const Elf::Shdr *symbols = nullptr;
  llvm::ArrayRef<uint8_t> info;
  for (const Elf::Shdr &section : *sections) {
    auto name = file->getSectionName(section);
    if (!name)
      return makeError("not a cubin: " + llvm::toString(name.takeError()));
    if (section.sh_type == llvm::ELF::SHT_SYMTAB)
      symbols = &section;
    bool isCode = name->starts_with(".text.");
    if (!isCode && *name != ".nv.info")
      continue;
    auto contents = file->getSectionContents(section);
    if (!contents)
      return makeError("not a cubin: " + llvm::toString(contents.takeError()));
    if (!isCode) {
      info = *contents;
      continue;
    }
    KernelCode &kernel = kernels.emplace_back();
    kernel.name = name->drop_front(6).str();
    byName[kernel.name] = kernels.size() - 1;
    countInstructions(kernel, *contents);
  }
  if (!symbols)
    return kernels;
  auto table = file->symbols(symbols);
  auto names = file->getStringTableForSymtab(*symbols);
  if (!table || !names) {
    llvm::consumeError(table.takeError());
    llvm::consumeError(names.takeError());
    return makeError("not a cubin: its symbols are damaged");
  }
  forEachAttribute(info,
                   [&](uint8_t attribute, uint32_t index, uint32_t number) {
                     if (index >= table->size())
                       return;
                     auto name = (*table)[index].getName(*names);
                     if (!name)
                       return llvm::consumeError(name.takeError());
                     auto kernel = byName.find(name->str());
                     if (kernel == byName.end())
                       return;
                     if (attribute == kRegisters)
                       kernels[kernel->second].registers = number;
                     else if (attribute == kFrameSize)
                       kernels[kernel->second].stackBytes = number;
                   });
  return kernels;
}
