/*
 * ask.h - what the commands that read the store share: their options, the folder, the query and what is wrong with it.
 */
#ifndef WEIR_TOOL_ASK_H
#define WEIR_TOOL_ASK_H

#include "outputs/store_read.h"

struct ask {
	const char *command;
	struct arena arena;
	const struct zone *zone; /* the system's */
	const char *data_dir;
	struct query *query;
	struct str text; /* of it */
	int words; /* that text was joined from */
	int64_t since_ms, until_ms; /* 0, INT64_MAX */
	uint64_t limit; /* -n; 0: all */
	struct ts at; /* --at */
	bool json, oldest, help, has_at;
};

/*
 * Reads --path.data --since --until --at -n --json --oldest and the rest as the query, where usage speaks of a QUERY; else it is only joined as text. usage: one line for each option the command has; an option
 * that is not in it is refused. -1: a message was printed.
 */
int ask_parse(struct ask *a, int argc, char **argv, const char *usage, uint64_t limit);
void ask_release(struct ask *a);
/* NULL: a message was printed. */
struct store *ask_store(const struct ask *a);
/* What could not be read goes to standard error. true: there was something. */
bool ask_complaints(const struct ask *a, struct store *s);
/* Nothing was found: whether a field's name is a slip. */
void ask_hint(const struct ask *a);

#endif
