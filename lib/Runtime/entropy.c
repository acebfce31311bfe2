//===- entropy.c - reading entropy-coded bytes ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The other half of lib/Support/Entropy.cpp. A stream may hold anything: every
// size is checked, a state picks only among the slots of its class, and a block
// is right only if it ends with all of its words read and all of its coders in
// the state in which encoders start.
//===----------------------------------------------------------------------===//
#include "entropy.h"

#include <string.h>

enum {
  HEADER_BYTES = 32,
  SYMBOLS = 256,
  SLOTS = 1 << TM_PRECISION,
  LEAST_STATE = 1 << 16,
  MAX_COLUMNS = 1 << 16,
  MAX_PERIOD = 1 << 24,
};

static uint64_t number_at(const unsigned char *bytes, int count) {
  uint64_t value = 0;
  for (int i = count - 1; i >= 0; --i)
    value = value << 8 | bytes[i];
  return value;
}

bool tm_open_stream(const void *from, size_t size, uint64_t bytes,
                    tm_stream *stream) {
  const unsigned char *header = from;
  if (size < HEADER_BYTES || memcmp(header, "TME1", 4) != 0)
    return false;
  stream->stride = (uint32_t)number_at(header + 4, 4);
  stream->groups = (uint32_t)number_at(header + 8, 4);
  stream->group = (uint32_t)number_at(header + 12, 4);
  stream->bytes = number_at(header + 16, 8);
  stream->block_bytes = (uint32_t)number_at(header + 24, 4);
  stream->description_bytes = (size_t)number_at(header + 28, 4);
  uint64_t period = (uint64_t)stream->stride * stream->groups;
  if (stream->bytes != bytes || !stream->group || !stream->groups ||
      !stream->stride || stream->stride % stream->group ||
      period > MAX_PERIOD ||
      (uint64_t)stream->group * stream->groups > MAX_COLUMNS ||
      !stream->block_bytes)
    return false;
  while (period < TM_CODERS)
    period *= 2;
  stream->period = (uint32_t)period;
  stream->block_count = bytes / stream->block_bytes;
  stream->block_count += bytes % stream->block_bytes != 0;
  size_t rest = size - HEADER_BYTES;
  if (stream->description_bytes > rest)
    return false;
  rest -= stream->description_bytes;
  if (stream->block_count > rest / 8)
    return false;
  stream->description = header + HEADER_BYTES;
  stream->ends = stream->description + stream->description_bytes;
  stream->blocks = stream->ends + 8 * stream->block_count;
  stream->blocks_bytes = rest - 8 * (size_t)stream->block_count;
  return stream->block_count || !stream->blocks_bytes;
}

/* Bits, the lowest of a byte first; zeros behind the end, which is noted. */
typedef struct bits {
  const unsigned char *bytes;
  uint64_t next, count;
  bool overrun;
} bits;

static uint32_t take(bits *from, int count) {
  uint32_t value = 0;
  for (int i = 0; i < count; ++i, ++from->next) {
    if (from->next >= from->count)
      from->overrun = true;
    else
      value |= (uint32_t)(from->bytes[from->next / 8] >> from->next % 8 & 1)
               << i;
  }
  return value;
}

/* A level of 0..63, told by its difference from the last. */
static int take_level(bits *from, int last) {
  int count = 0;
  while (!take(from, 1))
    if (++count > 7)
      return -1;
  int number = (int)((1u << count) + take(from, count)) - 1;
  int level = last + (number % 2 ? -(number + 1) / 2 : number / 2);
  return level < 64 ? level : -1;
}

static uint32_t weight_of(int level) {
  return level < 2 ? 0 : (uint32_t)(4 + (level - 2) % 4) << (level - 2) / 4;
}

/* The slots of one class. Frequencies add up to SLOTS by construction. */
static bool fill_class(bits *from, uint32_t *slots) {
  unsigned char levels[SYMBOLS] = {0};
  uint32_t first = take(from, 8), last = take(from, 8);
  int level = (int)take(from, 6);
  uint64_t weights = 0, rest = SLOTS, sum = 0;
  for (uint32_t s = first; s <= last; ++s) {
    if (s > first)
      level = take_level(from, level);
    if (level < 0)
      return false;
    levels[s] = (unsigned char)level;
    weights += weight_of(level);
    rest -= level != 0;
  }
  if (!weights)
    return false;
  uint32_t start = 0;
  for (uint32_t s = first; s <= last; ++s) {
    if (!levels[s])
      continue;
    uint64_t before = sum * rest / weights;
    sum += weight_of(levels[s]);
    uint32_t frequency = (uint32_t)(1 + sum * rest / weights - before);
    for (uint32_t i = 0; i < frequency; ++i)
      slots[start + i] = (s ^ 0x80) | i << 8 | (frequency - 1) << 20;
    start += frequency;
  }
  return true;
}

uint32_t tm_stream_classes(const tm_stream *stream) {
  bits from = {stream->description, 0, 8 * (uint64_t)stream->description_bytes,
               false};
  return take(&from, 5) + 1;
}

bool tm_fill_tables(const tm_stream *stream, tm_tables *tables) {
  bits from = {stream->description, 0, 8 * (uint64_t)stream->description_bytes,
               false};
  uint32_t classes = take(&from, 5) + 1;
  size_t positions = (size_t)stream->period + TM_CODERS;
  if (classes > tables->most_classes || positions > tables->most_positions)
    return false;
  for (uint32_t c = 0; c < classes; ++c)
    if (!fill_class(&from, tables->slots + (size_t)c * SLOTS))
      return false;
  int width = 0;
  while (1u << width < classes)
    ++width;
  size_t stride = stream->stride, group = stream->group;
  unsigned char *line = tables->classes;
  for (uint32_t g = 0; g < stream->groups; ++g, line += stride)
    for (size_t i = 0; i < group; ++i) {
      uint32_t named = take(&from, width);
      if (named >= classes)
        return false;
      for (size_t j = i; j < stride; j += group)
        line[j] = (unsigned char)named;
    }
  for (size_t i = stride * stream->groups; i < positions; ++i)
    tables->classes[i] = tables->classes[i - stride * stream->groups];
  return !from.overrun;
}

/* One byte of a coder; its new state may have to be refilled. */
static inline uint32_t step(uint32_t state, const uint32_t *slots,
                            unsigned char class, unsigned char *to) {
  uint32_t slot =
      slots[(uint32_t)class << TM_PRECISION | (state & (SLOTS - 1))];
  *to = (unsigned char)slot;
  return ((slot >> 20) + 1) * (state >> TM_PRECISION) +
         (slot >> 8 & (SLOTS - 1));
}

static inline uint32_t refilled(uint32_t state, const unsigned char *word) {
  return state << 16 | (word[0] | (uint32_t)word[1] << 8); /* one load */
}

/* The same with its refill, for which two bytes are there. No branch: nobody
   could predict it. */
static inline const unsigned char *
advance(uint32_t *state, const uint32_t *slots, unsigned char class,
        unsigned char *to, const unsigned char *words) {
  uint32_t next = step(*state, slots, class, to);
  uint32_t full = refilled(next, words);
  size_t is_low = next < LEAST_STATE;
  *state = is_low ? full : next;
  return words + 2 * is_low;
}

/* A block on its way. */
typedef struct cursor {
  uint32_t states[TM_CODERS];
  const unsigned char *words, *words_end;
  size_t position; /* in the period */
  unsigned char *to, *to_end;
} cursor;

/* As long as no refill can miss its word. */
static void decode_most(cursor *at, const tm_tables *tables, size_t period) {
  uint32_t s0 = at->states[0], s1 = at->states[1], s2 = at->states[2],
           s3 = at->states[3], s4 = at->states[4], s5 = at->states[5],
           s6 = at->states[6], s7 = at->states[7];
  const unsigned char *words = at->words, *words_end = at->words_end;
  const uint32_t *slots = tables->slots;
  const unsigned char *classes = tables->classes + at->position;
  const unsigned char *classes_end = tables->classes + period;
  unsigned char *to = at->to, *to_end = at->to_end;
  while (to_end - to >= TM_CODERS && words_end - words >= 2 * TM_CODERS) {
    words = advance(&s0, slots, classes[0], to, words);
    words = advance(&s1, slots, classes[1], to + 1, words);
    words = advance(&s2, slots, classes[2], to + 2, words);
    words = advance(&s3, slots, classes[3], to + 3, words);
    words = advance(&s4, slots, classes[4], to + 4, words);
    words = advance(&s5, slots, classes[5], to + 5, words);
    words = advance(&s6, slots, classes[6], to + 6, words);
    words = advance(&s7, slots, classes[7], to + 7, words);
    to += TM_CODERS;
    classes += TM_CODERS;
    if (classes >= classes_end)
      classes -= period;
  }
  uint32_t states[] = {s0, s1, s2, s3, s4, s5, s6, s7};
  memcpy(at->states, states, sizeof(states));
  at->words = words;
  at->position = (size_t)(classes - tables->classes);
  at->to = to;
}

static bool decode_rest(cursor *at, const tm_tables *tables, size_t period) {
  for (int lane = 0; at->to < at->to_end; ++at->to) {
    uint32_t state = step(at->states[lane], tables->slots,
                          tables->classes[at->position], at->to);
    if (state < LEAST_STATE) {
      if (at->words_end - at->words < 2)
        return false;
      state = refilled(state, at->words);
      at->words += 2;
    }
    at->states[lane] = state;
    lane = (lane + 1) % TM_CODERS;
    if (++at->position == period)
      at->position = 0;
  }
  for (int lane = 0; lane < TM_CODERS; ++lane)
    if (at->states[lane] != LEAST_STATE)
      return false;
  return at->words == at->words_end;
}

bool tm_decode_block(const tm_stream *stream, const tm_tables *tables,
                     uint64_t block, unsigned char *to) {
  if (block >= stream->block_count)
    return false;
  uint64_t begin = block ? number_at(stream->ends + 8 * (block - 1), 8) : 0;
  uint64_t end = number_at(stream->ends + 8 * block, 8);
  bool is_last = block + 1 == stream->block_count;
  if (end > stream->blocks_bytes || begin > end ||
      end - begin < 4 * TM_CODERS || (is_last && end != stream->blocks_bytes))
    return false;
  uint64_t first = block * stream->block_bytes;
  uint64_t count = is_last ? stream->bytes - first : stream->block_bytes;
  cursor at;
  for (int lane = 0; lane < TM_CODERS; ++lane)
    at.states[lane] = (uint32_t)number_at(stream->blocks + begin + 4 * lane, 4);
  at.words = stream->blocks + begin + 4 * TM_CODERS;
  at.words_end = stream->blocks + end;
  at.position = (size_t)(first % stream->period);
  at.to = to + first;
  at.to_end = at.to + count;
  decode_most(&at, tables, stream->period);
  return decode_rest(&at, tables, stream->period);
}
