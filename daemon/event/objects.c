#include "event/objects.h"

#include "base/err.h"
#include "event/names.h"

enum { SLOTS = 256 };

static const struct str names[EVENT_OBJECTS] = {
	[OBJECT_EVENT] = STR_INIT("event"), [OBJECT_SOURCE] = STR_INIT("source"), [OBJECT_CLIENT] = STR_INIT("client"), [OBJECT_DESTINATION] = STR_INIT("destination"),
	[OBJECT_HOST] = STR_INIT("host"),   [OBJECT_DNS] = STR_INIT("dns"),	  [OBJECT_PROCESS] = STR_INIT("process"), [OBJECT_WEIR] = STR_INIT("weir"),
};

const enum event_object event_sides[EVENT_SIDES] = {OBJECT_SOURCE, OBJECT_CLIENT, OBJECT_DESTINATION};

static struct key keys[EVENT_OBJECTS];
static uint8_t slot[SLOTS]; /* the object + 1 by a byte of its name's hash; 0: none */
static unsigned shift;	    /* of that byte: one where no two of them meet */

static bool fill_slots(void)
{
	memset(slot, 0, sizeof(slot));
	for (unsigned i = 0; i < EVENT_OBJECTS; i++) {
		uint8_t *at = &slot[keys[i].hash >> shift & (SLOTS - 1)];

		if (*at)
			return false;
		*at = (uint8_t)(i + 1);
	}
	return true;
}

void event_objects_init(void)
{
	for (unsigned i = 0; i < EVENT_OBJECTS; i++)
		keys[i] = key_named(names[i]);
	/* Eight of 256 fall apart nine times of ten; where a hash's bytes all fail, the next bits do. */
	for (shift = 0; !fill_slots(); shift++)
		bug_on(shift == 24);
}

void event_find_objects(struct event *ev)
{
	const struct map *root = &ev->root;
	struct event_objects *x = &ev->objects;

	*x = (struct event_objects){.e = root->e, .n = root->n, .removed = root->removed};
	for (uint32_t i = 0; i < root->n && i < UINT16_MAX; i++) {
		uint8_t o = slot[root->hash[i] >> shift & (SLOTS - 1)];

		if (o && key_eq(&root->e[i].key, &keys[o - 1]))
			x->at[o - 1] = (uint16_t)(i + 1);
	}
}
