#include "pipeline/batch.h"

#include <stdlib.h>

void source_unref(struct source *s)
{
	/* Release and acquire: who frees it sees all that was done with it. */
	if (s && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
		s->free(s);
}

struct batch *batch_new(struct budget *budget)
{
	struct batch *b = xmalloc(sizeof(*b));

	arena_init(&b->arena, budget);
	b->next = NULL;
	b->nframes = b->nspans = 0;
	b->bytes = 0;
	return b;
}

void batch_free(struct batch *b)
{
	if (!b)
		return;
	for (uint32_t i = 0; i < b->nspans; i++) {
		ack_unref(b->span[i].ack);
		source_unref(b->span[i].source);
	}
	arena_release(&b->arena);
	free(b);
}
