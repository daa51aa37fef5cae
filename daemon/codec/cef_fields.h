/*
 * cef_fields.h - the names of CEF: the keys of an extension, their long names, and where they belong in ECS.
 *
 * Built once for each codec, in the plan's arena; read by the work thread.
 */
#ifndef WEIR_CODEC_CEF_FIELDS_H
#define WEIR_CODEC_CEF_FIELDS_H

#include "event/ref.h"

struct cef_target {
	struct str name;       /* of the field: "sourceAddress", "[source][ip]" */
	const struct ref *ref;
	bool time;	       /* ECS: its text is a time */
};

struct cef_fields {
	struct cef_target *target;
	uint32_t n;
	struct map *decode; /* key or long name -> index of its target */
	struct map *encode; /* field or long name -> the key to write */
	struct map *by_name; /* name of a target -> index */
};

/* device: "observer" or "host". reverse: write keys instead of long names. -1 and err: never, but for a bug in the table. */
int cef_fields_init(struct cef_fields *f, struct arena *a, bool ecs, struct str device, bool reverse, struct err *err);
/* NULL: no such key. */
const struct cef_target *cef_fields_find(const struct map *where, const struct cef_fields *f, struct str key);

#endif
