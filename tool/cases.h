/*
 * cases.h - test case files of Logstash Filter Verifier, of both generations, in JSON or YAML.
 *
 *	fields: {type: syslog}          fields of every event, [a][b] for nested ones
 *	codec: json_lines               how input is read (first generation)
 *	input_plugin: an_id             whose codec, tags and fields (second generation)
 *	ignore: ["@timestamp"]          fields that are not compared
 *	export_metadata: true           @metadata is compared, too
 *	export_outputs: true            [__lfv_out_passed] is the id of the output
 *	testcases:
 *	  - description: text
 *	    fields: {...}               before those above
 *	    input: ["a line", ...]
 *	    expected: [{...}, ...]      the events, in order
 *
 * Names in input lines of JSON and in expected events may be references, too. The oldest form has input and expected in the place of testcases. A file is one set; everything lives in the arena given.
 */
#ifndef WEIR_TOOL_CASES_H
#define WEIR_TOOL_CASES_H

#include "base/err.h"
#include "event/value.h"

struct test_case {
	struct str description; /* may be empty */
	const struct map *fields; /* NULL: none */
	const struct list *input; /* texts; NULL: none, one event is made of the fields alone */
	const struct list *expected;
};

struct test_set {
	const char *path;
	struct str codec, input_plugin; /* .p NULL: not said */
	const struct map *fields;
	const struct list *ignore;
	bool export_metadata, export_outputs;
	struct test_case *item;
	size_t n;
};

/* -1 and err, which names the path. */
int test_set_read(struct arena *a, const char *path, struct test_set *out, struct err *err);
/*
 * The files that path names: itself, or all *.json, *.yml and *.yaml in the folder and those below it, in byte order. *out and the
 * texts live in the arena. -1 and err.
 */
int test_sets_find(struct arena *a, const char *path, const char ***out, size_t *n, struct err *err);

#endif
