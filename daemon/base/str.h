/*
 * str.h - a slice of bytes, and the small things one does with it.
 *
 * A slice borrows: it never owns its bytes and is never NUL-terminated. Every text that comes from
 * outside is a slice until it reaches a libc or library border. Numbers are read with the checked
 * helpers here and nowhere else (atoi and friends are refused by banned.h).
 *
 * Any thread; nothing allocates.
 */
#ifndef WEIR_BASE_STR_H
#define WEIR_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t len;
};

/* A literal as a slice; the "" refuses anything that is no literal. */
#define STR(lit) ((struct str){"" lit, sizeof(lit) - 1})
/* The same for static initialisers. */
#define STR_INIT(lit) {"" lit, sizeof(lit) - 1}
/* For "%.*s". */
#define STR_ARG(s) (int)(s).len, (s).p

static inline struct str str_n(const char *p, size_t len)
{
	return (struct str){p, len};
}

static inline struct str str_z(const char *z)
{
	return (struct str){z, z ? strlen(z) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static inline bool str_eqz(struct str a, const char *z)
{
	return str_eq(a, str_z(z));
}

/* Like str_eq, but ASCII letters match in either case. */
bool str_ieq(struct str a, struct str b);
/* Order of bytes, as memcmp; a prefix comes first. <0, 0, >0. */
int str_cmp(struct str a, struct str b);

static inline bool str_starts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && memcmp(s.p, prefix.p, prefix.len) == 0;
}

static inline bool str_ends(struct str s, struct str tail)
{
	return s.len >= tail.len && memcmp(s.p + s.len - tail.len, tail.p, tail.len) == 0;
}

/* Position of the first c, or -1. */
static inline ptrdiff_t str_chr(struct str s, char c)
{
	const char *q = s.len ? memchr(s.p, c, s.len) : NULL;

	return q ? q - s.p : -1;
}

/* Position of the last c, or -1. */
ptrdiff_t str_rchr(struct str s, char c);
/* Position of the first needle, or -1. An empty needle is found at 0. */
ptrdiff_t str_find(struct str hay, struct str needle);

/* The part from off, at most len bytes; clipped to the slice. */
static inline struct str str_sub(struct str s, size_t off, size_t len)
{
	if (off > s.len)
		off = s.len;
	if (len > s.len - off)
		len = s.len - off;
	return (struct str){s.p + off, len};
}

static inline struct str str_from(struct str s, size_t off)
{
	return str_sub(s, off, SIZE_MAX);
}

/* Without blanks, tabs, CR and LF at both ends. */
struct str str_trim(struct str s);

/*
 * Takes the part before the first c into *head and moves *s behind that c. Without a c nothing
 * moves and false comes back.
 */
bool str_cut(struct str *s, char c, struct str *head);

/*
 * The whole slice as a decimal number: digits only, no blanks, no '+', at most max. str_i64 allows
 * one leading '-'. On failure *out is untouched.
 */
bool str_u64(struct str s, uint64_t max, uint64_t *out);
bool str_i64(struct str s, int64_t *out);
/* Leading digits of *s (1 to max_digits) as a number <= max; *s moves behind them. */
bool str_take_u64(struct str *s, unsigned max_digits, uint64_t max, uint64_t *out);
/* The whole slice as hexadecimal digits. */
bool str_hex64(struct str s, uint64_t *out);

static inline bool ch_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

static inline bool ch_alpha(char c)
{
	return (unsigned char)((c | 32) - 'a') < 26;
}

static inline bool ch_alnum(char c)
{
	return ch_digit(c) || ch_alpha(c);
}

static inline bool ch_xdigit(char c)
{
	return ch_digit(c) || (unsigned char)((c | 32) - 'a') < 6;
}

static inline char ch_lower(char c)
{
	return (unsigned char)(c - 'A') < 26 ? (char)(c | 32) : c;
}

#endif
