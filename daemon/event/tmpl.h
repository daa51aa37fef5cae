/*
 * tmpl.h - Logstash's sprintf: "%{[a][b]} %{+YYYY.MM.dd} %{{yyyy-MM-dd}}", compiled once.
 *
 * A missing or null field leaves its literal text. Lists join with ",", maps become JSON, floats are Java's.
 */
#ifndef WEIR_EVENT_TMPL_H
#define WEIR_EVENT_TMPL_H

#include "base/clock.h"
#include "event/event.h"

struct tmpl;

/*
 * Copies text into the arena. Never fails: a part that Logstash would refuse while running (a malformed
 * reference, a bad date letter) is kept as such and makes tmpl_render fail.
 */
struct tmpl *tmpl_compile(struct arena *a, struct str text);
/* No %{} in it: its value is its text. */
bool tmpl_is_const(const struct tmpl *t);
struct str tmpl_text(const struct tmpl *t);
/*
 * Result in *out: borrowed from the event or the template where it can be, else in `a`. clock is for
 * %{{TIME_NOW}}. -1 and err where Logstash raises an exception.
 */
int tmpl_render(const struct tmpl *t, const struct event *ev, struct arena *a, const struct clock *clock,
		struct str *out, struct err *err);
/* The text form of one value, as sprintf gives it. */
struct str value_text(struct arena *a, const struct value *v);

#endif
