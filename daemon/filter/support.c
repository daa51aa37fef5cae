#include "filter/support.h"

#include "event/json.h"

enum step filter_stops_at(struct step_ctx *ctx, const struct event *ev, const struct ref *source, const struct value *v)
{
	struct buf text;
	struct str why;

	buf_init(&text, 0);
	json_write_value(&text, v);
	why = arena_printf(ev->arena, "'%.*s' holds %.*s, which is no text", STR_ARG(source->text), STR_ARG(str_sub(buf_slice(&text), 0, 200)));
	buf_release(&text);
	return step_stops(ctx, why);
}
