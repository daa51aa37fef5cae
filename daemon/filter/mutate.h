/*
 * mutate.h - inside of the mutate filter: one step of an operation, and what its functions share.
 *
 * An instance is a flat list of items in Logstash's fixed order of operations, each with its field references compiled. An item
 * answers 0, or -1 where Logstash raises an exception: the filter stops there, keeps what was done and tags the event.
 */
#ifndef WEIR_FILTER_MUTATE_H
#define WEIR_FILTER_MUTATE_H

#include "base/regex.h"
#include "pipeline/plugin.h"

struct mutate_run {
	struct event *ev;
	struct step_ctx *ctx;
	struct regex_match *match;
	struct err err;
};

/* A field as an option names it. What is no reference is found out when an event comes, as in Logstash. */
struct mutate_field {
	const struct ref *ref;
	const struct tmpl *tmpl; /* rename: the name has %{} */
	struct str text;
};

enum mutate_type { TO_INTEGER, TO_FLOAT, TO_STRING, TO_BOOLEAN, TO_INTEGER_EU, TO_FLOAT_EU };

struct mutate_item {
	int (*run)(struct mutate_item *it, struct mutate_run *r);
	struct mutate_field field, other; /* other: new name, source of merge, destination of copy */
	const struct mutate_field *others; /* merge with several sources */
	size_t others_n;
	const struct tmpl *text; /* new value, replacement of gsub */
	enum mutate_type type;
	bool sep_ok; /* the separator is a string */
	struct str sep;
	struct regex *regex;	   /* gsub; with a needle: of needle_text */
	const struct tmpl *needle; /* gsub: the pattern has %{} */
	struct str needle_text;	   /* heap */
};

/* The reference of f for this event. NULL and r->err. */
const struct ref *mutate_ref(const struct mutate_field *f, struct mutate_run *r);
/* event_set, with Logstash's opinion of what is an error. */
int mutate_set(struct mutate_run *r, const struct ref *ref, struct value v);
int mutate_fail(struct mutate_run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* mutate_convert.c */
bool mutate_type_parse(struct str name, enum mutate_type *out);
int mutate_convert(struct mutate_item *it, struct mutate_run *r);

/* mutate_text.c */
int mutate_gsub(struct mutate_item *it, struct mutate_run *r);
int mutate_uppercase(struct mutate_item *it, struct mutate_run *r);
int mutate_capitalize(struct mutate_item *it, struct mutate_run *r);
int mutate_lowercase(struct mutate_item *it, struct mutate_run *r);
int mutate_strip(struct mutate_item *it, struct mutate_run *r);
int mutate_split(struct mutate_item *it, struct mutate_run *r);
int mutate_join(struct mutate_item *it, struct mutate_run *r);

#endif
