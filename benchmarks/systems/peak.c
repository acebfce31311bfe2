/* The f32 peak of a core: independent fused multiply-adds on registers.
   SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include <time.h>

#if defined(__AVX512F__)
enum { BYTES = 64 };
#elif defined(__AVX__)
enum { BYTES = 32 };
#else
enum { BYTES = 16 };
#endif
enum { CHAINS = 12, REPEATS = 400000 };
typedef float lanes __attribute__((vector_size(BYTES)));

/* Keeps the compiler from knowing a value, so that chains stay apart. */
#if defined(__x86_64__)
#define UNKNOWN(v) __asm__("" : "+x"(v))
#else
#define UNKNOWN(v) __asm__("" : "+w"(v))
#endif

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* Built with -ffp-contract=fast, so that a * x + y is one instruction. */
double fma_operations_per_second(void) {
  lanes x = {0}, y = {0}, a = {0}, b = {0}, c = {0}, d = {0}, e = {0}, f = {0},
        g = {0}, h = {0}, i = {0}, j = {0}, k = {0}, l = {0};
  double best = 0;
  UNKNOWN(a);
  UNKNOWN(b);
  UNKNOWN(c);
  UNKNOWN(d);
  UNKNOWN(e);
  UNKNOWN(f);
  UNKNOWN(g);
  UNKNOWN(h);
  UNKNOWN(i);
  UNKNOWN(j);
  UNKNOWN(k);
  UNKNOWN(l);
  for (int turn = 0; turn < 5; ++turn) {
    double begin = now();
    for (int n = 0; n < REPEATS; ++n) {
      a = a * x + y, b = b * x + y, c = c * x + y, d = d * x + y;
      e = e * x + y, f = f * x + y, g = g * x + y, h = h * x + y;
      i = i * x + y, j = j * x + y, k = k * x + y, l = l * x + y;
      UNKNOWN(x);
      UNKNOWN(y);
    }
    double rate =
        2.0 * CHAINS * REPEATS * (BYTES / sizeof(float)) / (now() - begin);
    best = rate > best ? rate : best;
  }
  volatile lanes sum = a + b + c + d + e + f + g + h + i + j + k + l;
  (void)sum;
  return best;
}
