/*
 * message.h - a daemon's messages as its own sources have them: fixed text with places in it.
 *
 *	{"lease %A by '%U' went offline", "vpn-release", "network", "end"}
 *
 * '%' and a letter is a place; what a letter means, the format says in a table of struct message_place. A place reaches to where the fixed text behind it first
 * stands; the last place of a pattern reaches to the end, less what the pattern still has (so a name that holds "' went offline" harms
 * nothing). "%*" is whatever. Nothing is put before the whole text is known to fit; a place that is not what its row says (an address that is none) makes
 * it another message.
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

enum place_kind { PLACE_STR, PLACE_RAW, PLACE_NUM, PLACE_IP, PLACE_MAYBE_IP, PLACE_MAC, PLACE_HOST, PLACE_USER, PLACE_CALL };

/* What a letter means: a field, a key of weir.raw, or a function of the format's (false: the text is no such thing). A letter without a row never fits. */
struct message_place {
	char letter; /* 0 ends a table */
	uint8_t kind; /* enum place_kind */
	uint16_t field;
	const char *raw;
	bool (*call)(struct record *r, struct str value);
};

#define AS_STR(c, f) {.letter = (c), .kind = PLACE_STR, .field = (f)}
#define AS_RAW(c, key) {.letter = (c), .kind = PLACE_RAW, .raw = (key)}
#define AS_NUM(c, f) {.letter = (c), .kind = PLACE_NUM, .field = (f)}
#define AS_IP(c, f) {.letter = (c), .kind = PLACE_IP, .field = (f)}
/* Where no address is as good: "%any", "(no address)". */
#define AS_MAYBE_IP(c, f) {.letter = (c), .kind = PLACE_MAYBE_IP, .field = (f)}
#define AS_MAC(c, f) {.letter = (c), .kind = PLACE_MAC, .field = (f)}
#define AS_HOST(c, f) {.letter = (c), .kind = PLACE_HOST, .field = (f)}
#define AS_USER(c, f) {.letter = (c), .kind = PLACE_USER, .field = (f)}
#define AS_CALL(c, function) {.letter = (c), .kind = PLACE_CALL, .call = (function)}

bool message_match(struct record *r, const char *pattern, struct str text, const struct message_place *places);
/* The first message of the list that fits: its places, action and outcome are put. NULL where none does. */
const struct message *message_list(struct record *r, const struct message *list, struct str text, const struct message_place *places);
const struct message *message_find(struct record *r, const struct messages *m, struct str text, const struct message_place *places);

#endif
