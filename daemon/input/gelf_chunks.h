/*
 * gelf_chunks.h - messages of GELF that came in several datagrams, put together.
 *
 *	0x1e 0x0f  ID[8]  NUMBER[1]  COUNT[1]  data ...        NUMBER from 0; COUNT 1 to 128; all within 5 s
 *
 * A message is known by its ID and its sender's address. What waits is bounded in number and bytes: the message that began first goes. One
 * thread; time is the caller's.
 */
#ifndef WEIR_INPUT_GELF_CHUNKS_H
#define WEIR_INPUT_GELF_CHUNKS_H

#include "base/buf.h"

#include <sys/socket.h>

enum { GELF_CHUNKS_MAX = 128, GELF_CHUNK_HEAD = 12 };

struct gelf_chunks;

/* max_bytes: of all data that waits. */
struct gelf_chunks *gelf_chunks_new(size_t max_bytes);
void gelf_chunks_free(struct gelf_chunks *g);

bool gelf_is_chunk(struct str datagram);

enum gelf_chunk { GELF_HELD, GELF_REFUSED, GELF_WHOLE };

/*
 * One that gelf_is_chunk(). GELF_WHOLE: *whole is the message of *n chunks, until the next call. *lost: chunks that were held and went, for want
 * of room; they belong to other messages.
 */
enum gelf_chunk gelf_chunks_add(struct gelf_chunks *g, struct str datagram, const struct sockaddr *from, int64_t now_ns, struct str *whole,
				unsigned *n, unsigned *lost);
/* Messages that began more than 5 s before now go; how many chunks of theirs were held. INT64_MAX: all. */
unsigned gelf_chunks_expire(struct gelf_chunks *g, int64_t now_ns);

#endif
