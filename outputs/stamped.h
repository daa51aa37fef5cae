/*
 * stamped.h - a template that most often depends on nothing but the date: an index name, a file's path.
 *
 * `logstash-%{+yyyy.MM.dd}` is the same text all day, so it is rendered once a day and not once an event. Anything else is rendered
 * for each event. Work thread.
 */
#ifndef WEIR_OUTPUTS_STAMPED_H
#define WEIR_OUTPUTS_STAMPED_H

#include "base/buf.h"
#include "event/tmpl.h"

struct stamped {
	const struct tmpl *t;
	int64_t unit; /* seconds for which the text stays the same; 0: render each time; INT64_MAX: always the same */
	int64_t bucket;
	char text[256];
	size_t len;
};

void stamped_init(struct stamped *s, const struct tmpl *t);
/* *fresh: the text is not that of the call before. Borrowed until the next call, or in `a`. */
int stamped_render(struct stamped *s, const struct event *ev, struct arena *a, const struct clock *clock, struct str *out,
		   bool *fresh, struct err *err);

#endif
