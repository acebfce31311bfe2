//===- Files.c - the runtime and its header, as bytes ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The compiler carries what it links and copies, so that it is one file that
// may lie anywhere.
//===----------------------------------------------------------------------===//
#define EMBED(name, path)                                                      \
  __asm__(".section .rodata\n"                                                 \
          ".balign 16\n"                                                       \
          ".globl " #name "_begin\n"                                           \
          ".globl " #name "_end\n" #name "_begin:\n"                           \
          ".incbin \"" path "\"\n" #name "_end:\n"                             \
          ".byte 0\n"                                                          \
          ".text\n")

EMBED(tm_embedded_runtime, TM_RUNTIME_ARCHIVE);
EMBED(tm_embedded_header, TM_MODEL_HEADER);
