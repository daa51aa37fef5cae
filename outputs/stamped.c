#include "outputs/stamped.h"

/*
 * For how long the date pattern inside %{+...} gives the same text. Letters of Joda-Time; zones and text in quotes are left to the
 * slow way.
 */
static int64_t unit_of(struct str pattern)
{
	int64_t unit = 86400;

	for (size_t i = 0; i < pattern.len; i++) {
		char c = pattern.p[i];

		if (!ch_alpha(c) && c != '\'')
			continue;
		if (strchr("GCYxwyDMdeE", c))
			continue;
		if (!strchr("aKhHk", c))
			return 0;
		unit = 3600;
	}
	return unit;
}

void stamped_init(struct stamped *s, const struct tmpl *t)
{
	struct str text = tmpl_text(t);
	int64_t unit = INT64_MAX;
	ptrdiff_t at;

	*s = (struct stamped){.t = t};
	if (tmpl_is_const(t)) {
		s->unit = INT64_MAX;
		return;
	}
	while ((at = str_find(text, STR("%{"))) >= 0) {
		ptrdiff_t end;
		int64_t u;

		text = str_from(text, (size_t)at + 2);
		end = str_chr(text, '}');
		if (end < 1 || text.p[0] != '+')
			return;
		u = unit_of(str_sub(text, 1, (size_t)end - 1));
		unit = u < unit ? u : unit;
	}
	s->unit = unit == INT64_MAX ? 0 : unit;
}

int stamped_render(struct stamped *s, const struct event *ev, struct arena *a, const struct clock *clock, struct str *out,
		   bool *fresh, struct err *err)
{
	int64_t bucket = 0;
	struct ts ts;

	*fresh = true;
	if (s->unit == INT64_MAX) {
		*out = tmpl_text(s->t);
		*fresh = s->bucket == 0;
		s->bucket = 1;
		return 0;
	}
	if (s->unit == 0 || !event_timestamp(ev, &ts))
		return tmpl_render(s->t, ev, a, clock, out, err);
	bucket = ts.s / s->unit - (ts.s % s->unit < 0);
	if (s->len && s->bucket == bucket) {
		*out = str_n(s->text, s->len);
		*fresh = false;
		return 0;
	}
	if (tmpl_render(s->t, ev, a, clock, out, err) == -1)
		return -1;
	s->len = 0;
	if (out->len <= sizeof(s->text)) {
		memcpy(s->text, out->p, out->len);
		s->len = out->len;
		s->bucket = bucket;
	}
	return 0;
}
