/* Preloaded, this lets PyTorch's MKL take its fast path on a CPU that is not
   from Intel. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
int mkl_serv_intel_cpu_true(void) { return 1; }
int mkl_serv_intel_cpu(void) { return 1; }
