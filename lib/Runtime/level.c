//===- level.c - which of the levels in model.so runs here? ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Internal.h"

#include <stdlib.h>
#include <string.h>

#if defined(__aarch64__)
#define LOW_LEVEL "neon"
#else
#define LOW_LEVEL "x86-64"
#endif
#define ADVICE                                                                 \
  "; compile the model with --target-cpu=host on this machine, or for a "      \
  "lower "                                                                     \
  "level such as " LOW_LEVEL

enum { NAME_BYTES = 32 };

static const tm_descriptor *named_level(const char *wanted, tm_error *error) {
  const tm_descriptor *d = &tm_model_descriptor;
  while (d && strcmp(d->target, wanted) != 0)
    d = d->next;
  char name[NAME_BYTES];
  if (!d) {
    tm_fail(error, TM_INVALID_ARGUMENT,
            "the environment variable TM_CPU_LEVEL is '%.100s', and model.so "
            "has code for %s",
            wanted, tm_model_descriptor.levels);
    return NULL;
  }
  if (tm_missing_feature(d->features, name, sizeof(name))) {
    tm_fail(error, TM_UNSUPPORTED_CPU,
            "the environment variable TM_CPU_LEVEL is %s, and this CPU lacks "
            "%s; unset it to use the best level that this CPU has",
            wanted, name);
    return NULL;
  }
  return d;
}

const tm_descriptor *tm_choose_level(tm_error *error) {
  const char *wanted = secure_getenv("TM_CPU_LEVEL");
  if (wanted && *wanted)
    return named_level(wanted, error);
  char name[NAME_BYTES];
  const tm_descriptor *last = NULL;
  for (const tm_descriptor *d = &tm_model_descriptor; d; d = d->next) {
    if (!tm_missing_feature(d->features, name, sizeof(name)))
      return d;
    last = d;
  }
  if (last == &tm_model_descriptor)
    tm_fail(error, TM_UNSUPPORTED_CPU,
            "model.so was compiled for %s and this CPU lacks %s" ADVICE,
            last->target, name);
  else
    tm_fail(error, TM_UNSUPPORTED_CPU,
            "model.so was compiled for %s and this CPU lacks %s, which %s "
            "needs too" ADVICE,
            tm_model_descriptor.levels, name, last->target);
  return NULL;
}

const char *tm_level(const tm_model *model) {
  const tm_backend *backend = tm_model_descriptor.backend;
  const tm_descriptor *d = model     ? model->descriptor
                           : backend ? backend->open(NULL, 0, NULL)
                                     : tm_choose_level(NULL);
  return d ? d->target : NULL;
}
