/*
 * regex_gsub.c - Ruby's gsub over regex.h: which matches follow each other, and what a replacement's backslashes mean.
 */
#include "base/regex.h"

#include "base/buf.h"
#include "base/utf8.h"

enum { GSUB_MAX = 64 * 1024 * 1024 };

/* The last group of this name that took part. */
static void add_named(const struct regex *r, const struct regex_match *m, struct str subject, struct str name, struct buf *b)
{
	unsigned groups = regex_groups(r);
	size_t start, end;
	uint64_t n;

	if (str_u64(name, groups, &n)) {
		if (regex_group(m, (unsigned)n, &start, &end))
			buf_str(b, str_sub(subject, start, end - start));
		return;
	}
	for (unsigned i = groups; i; i--) {
		struct str of = regex_group_name(r, i);

		if (of.p && str_eq(of, name) && regex_group(m, i, &start, &end)) {
			buf_str(b, str_sub(subject, start, end - start));
			return;
		}
	}
}

/* What stands behind a backslash in the replacement; returns the bytes used. */
static size_t add_escape(const struct regex *r, const struct regex_match *m, struct str subject, struct str with, struct buf *b)
{
	size_t start, end;
	char c = with.p[0];
	ptrdiff_t close;

	regex_group(m, 0, &start, &end);
	switch (c) {
	case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9': case '&':
		if (regex_group(m, c == '&' ? 0 : (unsigned)(c - '0'), &start, &end))
			buf_str(b, str_sub(subject, start, end - start));
		return 1;
	case '`':
		buf_str(b, str_sub(subject, 0, start));
		return 1;
	case '\'':
		buf_str(b, str_from(subject, end));
		return 1;
	case '\\':
		buf_ch(b, '\\');
		return 1;
	case 'k':
		close = with.len > 1 && with.p[1] == '<' ? str_chr(with, '>') : -1;
		if (close < 0)
			break;
		add_named(r, m, subject, str_sub(with, 2, (size_t)close - 2), b);
		return (size_t)close + 1;
	default:
		break;
	}
	buf_ch(b, '\\');
	return 0;
}

static void add_replacement(const struct regex *r, const struct regex_match *m, struct str subject, struct str with, struct buf *b)
{
	struct str head;

	while (str_cut(&with, '\\', &head)) {
		buf_str(b, head);
		if (with.len)
			with = str_from(with, add_escape(r, m, subject, with, b));
		else
			buf_ch(b, '\\');
	}
	buf_str(b, with);
}

static size_t char_len(struct str s, size_t at)
{
	struct str rest = str_from(s, at);

	(void)utf8_next(&rest);
	return s.len - at - rest.len;
}

int regex_gsub(const struct regex *r, struct regex_match *m, struct arena *a, struct str subject, struct str with, struct str *out)
{
	size_t done = 0, from = 0, start, end, n;
	enum regex_result res = REGEX_NO;
	struct buf b;

	*out = subject;
	if (!utf8_valid(subject))
		return 0;
	buf_init(&b, GSUB_MAX);
	while (from <= subject.len && (res = regex_exec_valid(r, subject, from, m)) == REGEX_YES) {
		regex_group(m, 0, &start, &end);
		buf_str(&b, str_sub(subject, done, start > done ? start - done : 0));
		add_replacement(r, m, subject, with, &b);
		done = end > done ? end : done;
		from = done;
		if (end > start)
			continue;
		/* An empty match: the next one begins behind the character that follows. */
		if (done >= subject.len)
			break;
		n = char_len(subject, done);
		buf_str(&b, str_sub(subject, done, n));
		done += n;
		from = done;
	}
	if (res == REGEX_LIMIT || b.over) {
		buf_release(&b);
		return -1;
	}
	if (b.len || done) {
		buf_str(&b, str_from(subject, done));
		*out = arena_dup(a, buf_slice(&b));
	}
	buf_release(&b);
	return 0;
}
