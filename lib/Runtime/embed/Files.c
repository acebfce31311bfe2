//===- Files.c - the runtime and its header, as bytes ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The compiler carries what it links and copies, so that it is one file that
// may lie anywhere. There is a runtime for each architecture whose C headers
// the build has found; the others are empty.
//===----------------------------------------------------------------------===//
#define EMBED(name, path)                                                      \
  __asm__(".section .rodata\n"                                                 \
          ".balign 16\n"                                                       \
          ".globl " #name "_begin\n"                                           \
          ".globl " #name "_end\n" #name "_begin:\n"                           \
          ".incbin \"" path "\"\n" #name "_end:\n"                             \
          ".byte 0\n"                                                          \
          ".text\n")

#define EMBED_NOTHING(name)                                                    \
  __asm__(".section .rodata\n"                                                 \
          ".globl " #name "_begin\n"                                           \
          ".globl " #name "_end\n" #name "_begin:\n" #name "_end:\n"           \
          ".byte 0\n"                                                          \
          ".text\n")

#ifdef TM_RUNTIME_x86_64
EMBED(tm_embedded_x86_64, TM_RUNTIME_x86_64);
#else
EMBED_NOTHING(tm_embedded_x86_64);
#endif
#ifdef TM_RUNTIME_aarch64
EMBED(tm_embedded_aarch64, TM_RUNTIME_aarch64);
#else
EMBED_NOTHING(tm_embedded_aarch64);
#endif
EMBED(tm_embedded_header, TM_MODEL_HEADER);
