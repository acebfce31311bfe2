//===- cpus.c - how many CPUs there are for this process ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A container often sees all CPUs of its machine and may use the time of two:
// threads beyond that only make the kernel stop all of them in turn.
//===----------------------------------------------------------------------===//
#include "Internal.h"

#include <limits.h>
#include <stdio.h>

/* The first numbers in a file of the control group; 0 if there are none. */
static int read_numbers(const char *path, long long numbers[2]) {
  FILE *file = fopen(path, "re");
  if (!file)
    return 0;
  int count = fscanf(file, "%lld %lld", &numbers[0], &numbers[1]);
  fclose(file);
  return count > 0 ? count : 0;
}

/* CPUs' worth of time per period, rounded up; INT_MAX without a limit. */
static int cpu_quota(void) {
  long long numbers[2], period[2];
  /* Version 2 has "quota period" or "max period"; version 1 has two files, and
     a quota of -1 for none. */
  if (read_numbers("/sys/fs/cgroup/cpu.max", numbers) != 2) {
    if (!read_numbers("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", numbers) ||
        !read_numbers("/sys/fs/cgroup/cpu/cpu.cfs_period_us", period))
      return INT_MAX;
    numbers[1] = period[0];
  }
  if (numbers[0] <= 0 || numbers[1] <= 0 || numbers[0] / numbers[1] >= INT_MAX)
    return INT_MAX;
  return (int)((numbers[0] + numbers[1] - 1) / numbers[1]);
}

int tm_usable_cpus(cpu_set_t *cpus) {
  if (sched_getaffinity(0, sizeof(*cpus), cpus) != 0)
    CPU_ZERO(cpus);
  int count = CPU_COUNT(cpus), quota = cpu_quota();
  if (count > quota)
    count = quota;
  if (count > TM_MAX_THREADS)
    count = TM_MAX_THREADS;
  return count > 0 ? count : 1;
}
