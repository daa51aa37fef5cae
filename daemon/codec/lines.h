/*
 * lines.h - the lines of a frame, for codecs that take several at once: a datagram, or a read.
 */
#ifndef WEIR_CODEC_LINES_H
#define WEIR_CODEC_LINES_H

#include "base/str.h"

/* Leaves out the line feeds at the end: as with Ruby's split, empty lines count within a text only. */
static inline void lines_chomp(struct str *s)
{
	while (s->len && s->p[s->len - 1] == '\n')
		s->len--;
}

/* The next line of *rest, which moves behind it; false: there is none. An empty text has no line. */
static inline bool lines_next(struct str *rest, struct str *line)
{
	if (!rest->len)
		return false;
	if (!str_cut(rest, '\n', line)) {
		*line = *rest;
		*rest = str_from(*rest, rest->len);
	}
	return true;
}

/* The lines of a frame as Logstash's codec line sees them: each line feed ends one, and what follows the last is one, too. */
struct lines {
	struct str rest;
	bool more;
};

static inline void lines_feed(struct lines *l, struct str frame)
{
	if (frame.len && frame.p[frame.len - 1] == '\n')
		frame.len--;
	*l = (struct lines){frame, true};
}

static inline bool lines_take(struct lines *l, struct str *line)
{
	if (!l->more)
		return false;
	l->more = str_cut(&l->rest, '\n', line);
	if (!l->more)
		*line = l->rest;
	return true;
}

#endif
