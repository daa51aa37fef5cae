/*
 * link_name.h - what names of DNS say to the rules: reverse names, and the hashes of a name and of all that it lies under.
 *
 * Names are as docs/events.md has them: lower case, without final dot. Any thread.
 */
#ifndef WEIR_ENRICHERS_LINK_NAME_H
#define WEIR_ENRICHERS_LINK_NAME_H

#include "base/ip.h"

enum { NAME_LABELS = 40, NAME_BYTES = 96 };

/* A name and its ancestors: at[0] the whole, at[n-1] the last label. */
struct name_hashes {
	unsigned n;
	uint64_t hash[NAME_LABELS];
	uint16_t at[NAME_LABELS]; /* where it begins in the text */
};

/* The text of a name, kept. Longer ones are cut at a label's begin and marked: their hashes cannot be made again. */
struct kept_name {
	uint8_t len;
	bool cut;
	char text[NAME_BYTES];
};

/* Draws the key of the hashes from the process's one; once. */
void name_init(void);
/* Of the whole name. */
uint64_t name_hash(struct str name);
/* More labels than NAME_LABELS: the innermost are left out, all[0] is still the whole name. */
void name_hashes(struct str name, struct name_hashes *out);

/* Exactly four octets before in-addr.arpa or 32 nibbles before ip6.arpa; the label `0-63` of RFC 2317 is no octet. */
bool name_reverse(struct str name, struct ip *out);
/* Does it lie under in-addr.arpa or ip6.arpa, at any depth? */
bool name_is_arpa(struct str name);
/* Root, top level domains, arpa and the like: shared by everything, caused by nobody. */
bool name_is_infra(struct str name);

void name_keep(struct kept_name *k, struct str name);

static inline struct str name_kept(const struct kept_name *k)
{
	return (struct str){k->text, k->len};
}

/* `name` is `of` itself or lies under it. */
bool name_under(struct str name, struct str of);

#endif
