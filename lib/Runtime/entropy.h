//===- entropy.h - reading entropy-coded bytes ------------------*- C -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_RUNTIME_ENTROPY_H
#define TRANSFORMER_LIB_RUNTIME_ENTROPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Eight coders take turns: position i of a block belongs to coder i % 8. */
enum { TM_CODERS = 8, TM_PRECISION = 12 };

/* A stream as its header describes it. */
typedef struct tm_stream {
  const unsigned char *description, *ends, *blocks;
  size_t description_bytes, blocks_bytes;
  uint64_t bytes;       /* decoded */
  uint32_t block_bytes; /* of a block but the last, decoded */
  uint64_t block_count;
  uint32_t stride, groups, group; /* position p belongs to column
                             (p / stride % groups) * group + p % group */
  uint32_t period;                /* at least TM_CODERS */
} tm_stream;

/* What a thread needs to decode the blocks of a stream. */
typedef struct tm_tables {
  uint32_t *slots; /* per class and remainder of the state: the byte, from bit 8
                      the start, from bit 20 the frequency - 1 */
  unsigned char *classes; /* of period + TM_CODERS positions */
  uint32_t most_classes;  /* that `slots` has room for */
  size_t most_positions;  /* that `classes` has room for */
} tm_tables;

/* False if `from` is no whole stream of `bytes` decoded bytes. */
bool tm_open_stream(const void *from, size_t size, uint64_t bytes,
                    tm_stream *stream);
/* The room that its tables take, read from the description. */
uint32_t tm_stream_classes(const tm_stream *stream);
/* False if the description is not valid, or the room is too small. */
bool tm_fill_tables(const tm_stream *stream, tm_tables *tables);
/* Writes the bytes of one block to their place behind `to`, which is that of
   the stream's first byte. False if the block is not valid. */
bool tm_decode_block(const tm_stream *stream, const tm_tables *tables,
                     uint64_t block, unsigned char *to);

#ifdef __cplusplus
}
#endif

#endif /* TRANSFORMER_LIB_RUNTIME_ENTROPY_H */
