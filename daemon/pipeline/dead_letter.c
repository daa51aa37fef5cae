/*
 * dead_letter.c - an event that has not been rendered yet becomes a letter. Work thread.
 */
#include "pipeline/dead_letter.h"

#include "event/json.h"

/* An event is far smaller (limits on keys and bytes); only a bound against surprises. */
enum { LETTER_MAX = 64 * 1024 * 1024 };

bool dead_letter_event(struct dead_letters *d, const struct event *ev, struct str reason, struct str place)
{
	struct letter l = {.reason = reason, .origin = place, .json = true};
	struct buf b;
	bool ok;

	if (!d)
		return false;
	buf_init(&b, LETTER_MAX);
	json_write_event(&b, ev);
	l.id = str_n(ev->id, ev->id_len);
	l.document = buf_slice(&b);
	ok = !b.over && d->put(d, &l);
	buf_release(&b);
	return ok;
}
