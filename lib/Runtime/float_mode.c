//===- float_mode.c - one rounding mode for all threads -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Internal.h"

#if defined(__x86_64__)
#include <xmmintrin.h>

/* Round to nearest, denormals kept, no traps. */
enum { DEFAULT_MXCSR = 0x1f80 };

uint64_t tm_enter_float_mode(void) {
  uint32_t saved = _mm_getcsr();
  _mm_setcsr(DEFAULT_MXCSR);
  return saved;
}

void tm_leave_float_mode(uint64_t saved) { _mm_setcsr((uint32_t)saved); }

#elif defined(__aarch64__)

uint64_t tm_enter_float_mode(void) {
  uint64_t saved;
  __asm__ volatile("mrs %0, fpcr" : "=r"(saved));
  __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)0));
  return saved;
}

void tm_leave_float_mode(uint64_t saved) {
  __asm__ volatile("msr fpcr, %0" : : "r"(saved));
}

#else
uint64_t tm_enter_float_mode(void) { return 0; }
void tm_leave_float_mode(uint64_t saved) { (void)saved; }
#endif
