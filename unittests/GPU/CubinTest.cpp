//===- CubinTest.cpp - reading machine code -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/GPU/Cubin.h"

#include "llvm/BinaryFormat/ELF.h"
#include <gtest/gtest.h>

#include <cstring>

using namespace mlir::transformer::gpu;
using namespace llvm::ELF;

namespace {
/// A cubin as small as they get: one kernel `k` of three instructions.
struct SmallCubin {
  std::string names = std::string("\0", 1), symbolNames = names, bytes;
  std::vector<Elf64_Shdr> sections{Elf64_Shdr{}};

  SmallCubin() {
    bytes.resize(sizeof(Elf64_Ehdr));
    std::string code(48, '\0');
    put16(code, 0, 0x723c);  // HMMA, behind other bits
    put16(code, 16, 0x723c); // HMMA
    put16(code, 32, 0x7fff); // whatever that is
    add(".text.k", SHT_PROGBITS, code);
    std::string info = attribute(4, 0x2f, {1, 40}) + attribute(3, 0x50, {}) +
                       attribute(4, 0x11, {1, 16}) +
                       attribute(4, 0x2f, {9, 99}); // no such symbol
    add(".nv.info", 0x70000000, info);
    symbolNames += std::string("k\0", 2);
    Elf64_Sym symbols[2] = {};
    symbols[1].st_name = 1;
    add(".symtab", SHT_SYMTAB,
        std::string(reinterpret_cast<char *>(symbols), sizeof symbols));
    sections.back().sh_link = 4;
    sections.back().sh_info = 1;
    add(".strtab", SHT_STRTAB, symbolNames);
    size_t name = names.size();
    names += std::string(".shstrtab\0", 10);
    addSection(name, SHT_STRTAB, names);
    Elf64_Ehdr header = {};
    std::memcpy(header.e_ident, ElfMagic, 4);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_EXEC, header.e_machine = EM_CUDA;
    header.e_ehsize = sizeof header;
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_shnum = sections.size();
    header.e_shstrndx = sections.size() - 1;
    header.e_shoff = bytes.size();
    std::memcpy(bytes.data(), &header, sizeof header);
    bytes.append(reinterpret_cast<char *>(sections.data()),
                 sections.size() * sizeof(Elf64_Shdr));
  }

  static void put16(std::string &to, size_t at, uint16_t value) {
    std::memcpy(&to[at], &value, 2);
  }
  static std::string attribute(char format, char kind,
                               std::vector<uint32_t> words) {
    std::string text{format, kind, char(4 * words.size()), 0};
    text.append(reinterpret_cast<char *>(words.data()), 4 * words.size());
    return text;
  }
  void add(const char *name, uint32_t type, const std::string &contents) {
    size_t at = names.size();
    names += name;
    names += '\0';
    addSection(at, type, contents);
  }
  void addSection(size_t name, uint32_t type, const std::string &contents) {
    bytes.resize((bytes.size() + 7) / 8 * 8);
    Elf64_Shdr section = {};
    section.sh_name = name, section.sh_type = type;
    section.sh_offset = bytes.size(), section.sh_size = contents.size();
    section.sh_entsize = type == SHT_SYMTAB ? sizeof(Elf64_Sym) : 0;
    sections.push_back(section);
    bytes += contents;
    bytes.resize((bytes.size() + 7) / 8 * 8);
  }
};

TEST(CubinTest, CountsInstructionsAndRegisters) {
  auto kernels = readCubin(SmallCubin().bytes);
  ASSERT_TRUE(bool(kernels)) << llvm::toString(kernels.takeError());
  ASSERT_EQ(kernels->size(), 1u);
  const KernelCode &kernel = kernels->front();
  EXPECT_EQ(kernel.name, "k");
  EXPECT_EQ(kernel.instructions, 3);
  EXPECT_EQ(kernel.count("HMMA"), 2);
  EXPECT_EQ(kernel.count("other"), 1);
  EXPECT_EQ(kernel.count("LDL"), 0);
  EXPECT_EQ(kernel.registers, 40);
  EXPECT_EQ(kernel.stackBytes, 16);
}

TEST(CubinTest, RefusesWhatIsNone) {
  auto problem = [](llvm::StringRef bytes) {
    auto kernels = readCubin(bytes);
    return kernels ? std::string() : llvm::toString(kernels.takeError());
  };
  std::string whole = SmallCubin().bytes;
  EXPECT_EQ(problem(whole), "");
  EXPECT_NE(problem(""), "");
  EXPECT_NE(problem("no cubin at all, but long enough for a header of it..."
                    "................................................"),
            "");
  std::string other = whole;
  SmallCubin::put16(other, 18, EM_X86_64);
  EXPECT_EQ(problem(other), "not a cubin: an ELF file of another machine");
  // Cut anywhere, and damaged anywhere: an error or a result, never a crash.
  for (size_t size = 0; size < whole.size(); size += 3)
    EXPECT_NE(problem(llvm::StringRef(whole).take_front(size)), "") << size;
  for (size_t at = 4; at < whole.size(); ++at)
    for (char value : {char(0xff), char(0x7f)}) {
      std::string damaged = whole;
      damaged[at] = value;
      problem(damaged);
    }
}
} // namespace
