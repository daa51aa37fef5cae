/*
 * message.h - a daemon's messages as its own sources have them: fixed text with places in it.
 *
 *	{"lease %A by '%U' went offline", "vpn-release", "network", "end"}
 *
 * '%' and a letter is a place; what a letter means, the format says in its `put`. A place reaches to where the fixed text behind it first
 * stands; the last place of a pattern reaches to the end, less what the pattern still has (so a name that holds "' went offline" harms
 * nothing). "%*" is whatever. Nothing is put before the whole text is known to fit; a `put` that answers false makes it another message.
 *
 * Many messages are tried by their first byte: struct messages has a list for each. Work thread; pure.
 */
#ifndef WEIR_PARSE_MESSAGE_H
#define WEIR_PARSE_MESSAGE_H

#include "parse/format.h"

enum { MESSAGE_PLACES = 16 };

struct message {
	const char *pattern; /* NULL ends a list */
	const char *action, *category, *type, *outcome; /* outcome and type may be NULL */
};

/* By first byte. NULL: none. */
struct messages {
	const struct message *by[128];
	const struct message *any; /* those that begin with a place */
};

typedef bool message_put(struct record *r, char place, struct str value);

bool message_match(struct record *r, const char *pattern, struct str text, message_put *put);
/* The first message of the list that fits: its places, action and outcome are put. NULL where none does. */
const struct message *message_list(struct record *r, const struct message *list, struct str text, message_put *put);
const struct message *message_find(struct record *r, const struct messages *m, struct str text, message_put *put);

#endif
