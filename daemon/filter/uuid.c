/*
 * uuid.c - the filter `uuid`: a random name for an event. Work thread.
 */
#include "filter/uuid.h"

#include "base/err.h"
#include "filter/support.h"

#include <stdio.h>
#include <sys/random.h>

void uuid_random(char out[UUID_TEXT])
{
	unsigned char b[16];

	bug_on(getrandom(b, sizeof(b), 0) != sizeof(b)); /* so few bytes never come in parts */
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	snprintf(out, UUID_TEXT, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4], b[5],
		 b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

struct uuid {
	const struct ref *target;
	bool overwrite;
	bool number; /* the target is written as a number: Logstash takes it and ends at the first event */
};

static int uuid_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct uuid *u = self;

	(void)err;
	for (size_t i = 0; ctx->written && i < ctx->written->n; i++)
		if (str_eq(ctx->written->attr[i].name, STR("target")))
			u->number = ctx->written->attr[i].value->kind == AST_NUMBER;
	return 0;
}

static enum step uuid_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	const struct uuid *u = self;
	char text[UUID_TEXT];

	/* A field that holds nothing counts as one that is not there. */
	if (u->overwrite || !filter_truth(event_get(ev, u->target))) {
		uuid_random(text);
		if (!filter_set(ev, u->target, v_str(arena_dup(ev->arena, str_n(text, UUID_LEN))))) {
			event_tag(ev, STR("_uuid_error"));
			return STEP_PASS;
		}
	}
	if (!u->number)
		return STEP_OK;
	event_tag(ev, STR("_uuid_error"));
	return step_stops(ctx, STR("its target is a number, which names no field"));
}

static const struct option options[] = {
	{"target", OPT_REF, offsetof(struct uuid, target), .flags = OPT_REQUIRED, .doc = "field that gets the UUID"},
	{"overwrite", OPT_BOOL, offsetof(struct uuid, overwrite), .def = "false", .doc = "also where the field is there"},
	{0},
};

FILTER(uuid, .size = sizeof(struct uuid), .options = options, .doc = "a random UUID", .open = uuid_open,
       .filter = {.run = uuid_run})
