/*
 * keys.h - what an event can be found by: the index keys it has, and the one form each of them is kept in.
 *
 *	address   related.ip, source|client|destination|server|host.ip   16 bytes, IPv4 mapped
 *	user      related.user, every *user.name		   lower case
 *	host      host.name, host.hostname, related.hosts, a bare `host`   lower case
 *	chain     weir.chain.id, weir.cause.chain_id		   as it is
 *	name      dns.question.name				   lower case, no final dot, backwards: *.example.org is a range
 *	id        the event's own, event.id			   as it is
 *	word      of message and dns.question.name		   lower case
 *
 * The store's writer, its reader and the evaluator of queries all ask here, so that they cannot disagree. The index only has to hold
 * every event that could match: long keys are cut, and what was found is compared once more with the event itself.
 *
 * Any thread after keys_init(); nothing is kept.
 */
#ifndef WEIR_QUERY_KEYS_H
#define WEIR_QUERY_KEYS_H

#include "event/event.h"

enum key_kind {
	KEY_NONE = 0, /* letters: they are the first byte of a key in the store's files */
	KEY_IP = 'a',
	KEY_CHAIN = 'c',
	KEY_ID = 'e',
	KEY_HOST = 'h',
	KEY_NAME = 'n',
	KEY_USER = 'u',
	KEY_WORD = 'w',
};

enum {
	KEY_MAX = 200,	     /* bytes of a key; longer text is cut */
	WORD_MAX = 64,	     /* bytes of a word */
	WORDS_MAX = 4096,    /* words of an event that are indexed; one that has more also has the empty word as a key */
};

/* Once, after hash_init(); idempotent, not thread-safe. */
void keys_init(void);

/* The form of a text as a key of this kind; its length, 0 where it cannot be one (an address that is none). Not for words. */
size_t key_form(enum key_kind kind, struct str text, char out[KEY_MAX], struct arena *scratch);

/*
 * The next word of *text in its indexed form, cut at WORD_MAX; *text moves behind it. Words are letters, digits, '_' and everything
 * beyond ASCII. wild: '*' and '?' belong to words, too (for queries). false: there is none any more.
 */
bool word_next(struct str *text, bool wild, struct str *word, struct arena *scratch);

/*
 * Each value of the fields of a kind, as text: strings and integers, alone or in a list. true from fn ends the walk and is what comes back.
 */
typedef bool key_value_fn(void *arg, struct str text);
bool key_values(const struct event *ev, enum key_kind kind, key_value_fn *fn, void *arg);
/* The same of one indexed field (key_kind_of_field() knows it, or it is `message`). What is not indexed in it is not there. */
bool key_field_values(const struct event *ev, struct str path, key_value_fn *fn, void *arg);

/* Every key of the event, words included, perhaps several times. The bytes are valid during the call. */
typedef void key_fn(void *arg, enum key_kind kind, struct str key);
void keys_of_event(const struct event *ev, struct arena *scratch, key_fn *fn, void *arg);

/* The kind that a field of this dotted name is indexed under, or KEY_NONE. */
enum key_kind key_kind_of_field(struct str path);

/* Text of [a][b] as "a.b" names it: through maps and lists, dots in names included; each value found. As above. */
typedef bool value_fn(void *arg, const struct value *v);
bool path_values(const struct event *ev, struct str path, value_fn *fn, void *arg);

#endif
