/*
 * regex.c - see regex.h. PCRE2 does the matching; rubyre.c has made the source mean there what it means in Ruby.
 *
 * Three bounds keep one line from stopping the daemon: the match limit (per start of an attempt, so it shrinks with the
 * subject's length), the JIT's own stack, and, where that is too small and the interpreter takes over, a heap limit.
 */
#include "base/regex.h"

#include "base/rubyre.h"
#include "base/utf8.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

enum {
	JIT_STACK_MIN = 32 * 1024,
	JIT_STACK_MAX = 1024 * 1024,
	HEAP_LIMIT_KIB = 64 * 1024,
	/* Steps of one attempt; the JIT counts only where it may come back to. About 10 ns each. */
	MATCH_LIMIT_MAX = 2 * 1000 * 1000,
	MATCH_LIMIT_MIN = 20 * 1000,
	/* Steps of all attempts on one subject together. */
	MATCH_STEPS = 100 * 1000 * 1000,
	GSUB_MAX = 64 * 1024 * 1024,
	PAIRS_MIN = 32,
};

struct regex {
	pcre2_code *code;
	bool jit;
	unsigned groups;
	struct str *name;     /* [1..groups] */
	struct str required;  /* what every match contains; empty: unknown */
	char *source;	      /* what the names point into */
};

struct regex_match {
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	uint32_t pairs;	  /* room in data */
	uint32_t matched; /* groups of the last match that may be set, with group 0 */
};

static pcre2_code *compile(struct str pattern, unsigned flags, struct err *err)
{
	pcre2_compile_context *cc = pcre2_compile_context_create(NULL);
	uint32_t options = RUBYRE_PCRE2_OPTIONS | (flags & REGEX_ICASE ? PCRE2_CASELESS : 0);
	pcre2_code *code;
	PCRE2_SIZE at;
	int e;

	if (!cc) {
		err_set(err, "out of memory");
		return NULL;
	}
	pcre2_set_newline(cc, PCRE2_NEWLINE_LF);
	pcre2_set_bsr(cc, PCRE2_BSR_UNICODE);
	pcre2_set_parens_nest_limit(cc, 4 * RUBYRE_DEPTH_MAX);
	code = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.len, options, &e, &at, cc);
	pcre2_compile_context_free(cc);
	if (!code) {
		PCRE2_UCHAR text[200];
		struct str near = str_sub(pattern, at > 30 ? at - 30 : 0, at > 30 ? 30 : at);

		pcre2_get_error_message(e, text, sizeof(text));
		err_set(err, "%s near '%.*s'", (const char *)text, STR_ARG(near));
	}
	return code;
}

/* Moves the names from the caller's source to a copy of it. */
static void keep_names(struct regex *r, struct rubyre *t, struct str source)
{
	r->groups = t->groups;
	r->name = t->name;
	t->name = NULL;
	r->source = xmalloc(source.len + t->required.len + 1);
	memcpy(r->source, source.p, source.len);
	memcpy(r->source + source.len, t->required.p, t->required.len);
	r->required = str_n(r->source + source.len, t->required.len);
	for (unsigned i = 1; i <= r->groups; i++)
		if (r->name[i].p)
			r->name[i].p = r->source + (r->name[i].p - source.p);
}

struct regex *regex_compile(struct str source, unsigned flags, struct err *err)
{
	struct rubyre t;
	struct regex *r;
	pcre2_code *code;

	if (source.len == 0)
		source = STR("");
	if (rubyre_translate(&t, source, flags, err))
		return NULL;
	code = compile(buf_slice(&t.pattern), flags, err);
	if (!code) {
		rubyre_release(&t);
		return NULL;
	}
	r = xzalloc(sizeof(*r));
	r->code = code;
	/* Without it (no executable memory allowed) the interpreter gives the same answers, slower. */
	r->jit = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
	keep_names(r, &t, source);
	rubyre_release(&t);
	return r;
}

void regex_free(struct regex *r)
{
	if (!r)
		return;
	pcre2_code_free(r->code);
	free(r->name);
	free(r->source);
	free(r);
}

unsigned regex_groups(const struct regex *r)
{
	return r->groups;
}

struct str regex_group_name(const struct regex *r, unsigned i)
{
	return i && i <= r->groups ? r->name[i] : (struct str){NULL, 0};
}

struct str regex_required(const struct regex *r)
{
	return r->required;
}

struct regex_match *regex_match_new(void)
{
	struct regex_match *m = xzalloc(sizeof(*m));

	m->pairs = PAIRS_MIN;
	m->data = pcre2_match_data_create(m->pairs, NULL);
	m->context = pcre2_match_context_create(NULL);
	m->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL);
	bug_on(!m->data || !m->context);
	pcre2_set_heap_limit(m->context, HEAP_LIMIT_KIB);
	if (m->stack)
		pcre2_jit_stack_assign(m->context, NULL, m->stack);
	return m;
}

void regex_match_free(struct regex_match *m)
{
	if (!m)
		return;
	pcre2_match_data_free(m->data);
	pcre2_match_context_free(m->context);
	pcre2_jit_stack_free(m->stack);
	free(m);
}

static void make_room(struct regex_match *m, uint32_t pairs)
{
	if (m->pairs >= pairs)
		return;
	pcre2_match_data_free(m->data);
	m->pairs = pairs;
	m->data = pcre2_match_data_create(pairs, NULL);
	bug_on(!m->data);
}

static uint32_t limit_for(size_t len)
{
	size_t each = MATCH_STEPS / (len + 1), least = MATCH_LIMIT_MIN + 4 * len;

	if (each < least)
		each = least;
	return each > MATCH_LIMIT_MAX ? MATCH_LIMIT_MAX : (uint32_t)each;
}

enum regex_result regex_exec_valid(const struct regex *r, struct str subject, size_t from, struct regex_match *m)
{
	PCRE2_SPTR p = (PCRE2_SPTR)(subject.len ? subject.p : "");
	int rc = PCRE2_ERROR_JIT_STACKLIMIT;

	m->matched = 0;
	if (from > subject.len || (from < subject.len && ((unsigned char)subject.p[from] & 0xc0) == 0x80))
		return REGEX_NO;
	if (r->required.len > 1 && !memmem(p + from, subject.len - from, r->required.p, r->required.len))
		return REGEX_NO;
	make_room(m, r->groups + 1);
	pcre2_set_match_limit(m->context, limit_for(subject.len));
	if (r->jit && m->stack)
		rc = pcre2_jit_match(r->code, p, subject.len, from, PCRE2_NO_UTF_CHECK, m->data, m->context);
	if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
		rc = pcre2_match(r->code, p, subject.len, from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, m->data, m->context);
	if (rc > 0) {
		m->matched = (uint32_t)rc;
		return REGEX_YES;
	}
	return rc == PCRE2_ERROR_NOMATCH ? REGEX_NO : REGEX_LIMIT;
}

enum regex_result regex_exec(const struct regex *r, struct str subject, size_t from, struct regex_match *m)
{
	m->matched = 0;
	return utf8_valid(subject) ? regex_exec_valid(r, subject, from, m) : REGEX_NO;
}

bool regex_group(const struct regex_match *m, unsigned i, size_t *start, size_t *end)
{
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(m->data);

	if (i >= m->matched || v[2 * i] == PCRE2_UNSET)
		return false;
	*start = v[2 * i];
	*end = v[2 * i + 1];
	/* A look-ahead with \K can end before it starts: nothing, as in Ruby. */
	if (*end < *start)
		*end = *start;
	return true;
}

/* ---- gsub ---- */

/* The last group of this name that took part. */
static void add_named(const struct regex *r, const struct regex_match *m, struct str subject, struct str name, struct buf *b)
{
	size_t start, end;
	uint64_t n;

	if (str_u64(name, r->groups, &n)) {
		if (regex_group(m, (unsigned)n, &start, &end))
			buf_str(b, str_sub(subject, start, end - start));
		return;
	}
	for (unsigned i = r->groups; i; i--) {
		if (r->name[i].p && str_eq(r->name[i], name) && regex_group(m, i, &start, &end)) {
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
