/*
 * rubyre_set.h - a bracketed class of Ruby's syntax as a set: unions, nested classes, && and negation.
 *
 * PCRE2 10.42 knows neither nested classes nor intersections. What is made of code points only is computed
 * here and written as one plain class; where properties (\p{..}, [[:alpha:]]) take part in an intersection, the set becomes
 * a group that matches one character by looking ahead.
 */
#ifndef WEIR_BASE_RUBYRE_SET_H
#define WEIR_BASE_RUBYRE_SET_H

#include "base/buf.h"
#include "base/rubyre.h"

struct set_range {
	uint32_t lo, hi;
};

struct set {
	struct set_range *range;
	size_t n, cap;
	struct buf props; /* "\p{L}\P{Nd}": what a class may hold beside ranges */
	struct buf alts;  /* "|[^\p{L}x]|...": expressions for one character each */
	bool cased;	  /* props or alts hold letters that have another case */
};

/* Whether \w and [[:alpha:]] reach beyond ASCII: Ruby's (?a), (?d) and (?u). */
enum set_mode { SET_ASCII, SET_DEFAULT, SET_UNICODE };

void set_init(struct set *s);
void set_release(struct set *s);
void set_add(struct set *s, uint32_t lo, uint32_t hi);
/* s |= other (neg: its complement). */
void set_union(struct set *s, struct set *other, bool neg);
/* s &= other. */
void set_intersect(struct set *s, struct set *other);
/* \d \w \s \h: letter in lower case. */
void set_add_escape(struct set *s, char letter, bool neg, enum set_mode mode);
/* The inside of [:alpha:] and the names of it in \p{}. false: no such class. */
bool set_add_posix(struct set *s, struct str name, bool neg, enum set_mode mode);
/* \p{name}: [:classes:], categories, scripts, else whatever the engine knows. false: cannot be a name. */
bool set_add_property(struct set *s, struct str name, bool neg, enum set_mode mode, enum rubyre_dialect dialect);
/* Does the range hold a letter that is several in the other case, such as a sharp s or a ligature? */
bool set_many_letters(uint32_t lo, uint32_t hi);
/* As an expression that matches one character. */
void set_write(struct set *s, bool neg, struct buf *out);

#endif
