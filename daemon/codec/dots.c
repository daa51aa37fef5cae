/*
 * dots.c - the codec `dots`: a dot for each event, for the eye. It only writes.
 */
#include "pipeline/plugin.h"

struct dots {
	char nothing;
};

static int dots_encode(void *self, const struct event *ev, struct buf *out, const struct clock *clock, struct err *err)
{
	buf_ch(out, '.');
	return 0;
}

static const struct option options[] = {{0}};

CODEC(dots, .size = sizeof(struct dots), .options = options, .doc = "a dot for each event that is written",
      .codec = {.encode = dots_encode})
