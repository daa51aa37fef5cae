/*
 * regex.c - see regex.h. PCRE2 does the matching; rubyre.c has made the source mean there what it means in Ruby.
 *
 * No line may stop the daemon, yet a slow match must be found. A search first runs at full speed with a number of steps
 * that the subject's length bounds. Only when that is used up it starts again, piece by piece: starts of an attempt in small
 * numbers with a look at the clock between them, until the budget of time is spent. An attempt that needs more stack than the
 * JIT has goes on in the interpreter, under a limit of memory.
 */
#include "base/regex.h"

#include "base/clock.h"
#include "base/rubyre.h"
#include "base/utf8.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <pthread.h>
#include <stdlib.h>

enum {
	JIT_STACK_MIN = 32 * 1024,
	JIT_STACK_MAX = 1024 * 1024,
	HEAP_LIMIT_KIB = 64 * 1024,
	/* Of the first search: steps of all attempts together, and of one. The JIT takes some 2 ns a step. */
	FAST_STEPS = 20 * 1000 * 1000,
	FAST_MIN = 2 * 1000,
	FAST_MAX = 1000 * 1000,
	/* Of the second: steps of one attempt, in the JIT and in the interpreter. */
	SLOW_STEPS = 50 * 1000 * 1000,
	SLOW_STEPS_INTERPRETER = 2 * 1000 * 1000,
	SLOW_STEPS_PER_BYTE = 50,
	PIECE_NS = 2 * 1000 * 1000, /* a piece should not take longer */
	BUDGET_NS = 250 * 1000 * 1000,
	GSUB_MAX = 64 * 1024 * 1024,
	PAIRS_MIN = 32,
};

/* Machine code is made at the first match: a configuration that is only tested, and patterns that no line reaches, do without. */
struct machine {
	bool tried, works;
};

struct regex {
	pcre2_code *code;
	struct machine *machine;
	unsigned groups;
	struct str *name;     /* [1..groups] */
	struct str required;  /* what every match contains; empty: unknown */
	bool from_start;      /* has \G: cannot be searched piece by piece */
	char *source;	      /* what the names point into */
};

struct regex_match {
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	uint32_t pairs;	  /* room in data */
	uint32_t matched; /* groups of the last match that may be set, with group 0 */
	int64_t budget_ns;
};

/* *too_large: PCRE2's limit on its own code is exceeded. */
static pcre2_code *compile(struct str pattern, unsigned flags, bool *too_large, struct err *err)
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
	*too_large = !code && e == PCRE2_ERROR_PATTERN_TOO_LARGE;
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
	bool too_large;

	if (source.len == 0)
		source = STR("");
	if (rubyre_translate(&t, source, flags, err))
		return NULL;
	code = compile(buf_slice(&t.pattern), flags, &too_large, err);
	if (too_large && rubyre_share(&t))
		code = compile(buf_slice(&t.pattern), flags, &too_large, err);
	if (!code) {
		rubyre_release(&t);
		return NULL;
	}
	r = xzalloc(sizeof(*r));
	r->code = code;
	r->machine = xzalloc(sizeof(*r->machine));
	r->from_start = t.from_start;
	keep_names(r, &t, source);
	rubyre_release(&t);
	return r;
}

void regex_free(struct regex *r)
{
	if (!r)
		return;
	pcre2_code_free(r->code);
	free(r->machine);
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
	m->budget_ns = BUDGET_NS;
	m->data = pcre2_match_data_create(m->pairs, NULL);
	m->context = pcre2_match_context_create(NULL);
	m->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL);
	bug_on(!m->data || !m->context);
	pcre2_set_heap_limit(m->context, HEAP_LIMIT_KIB);
	if (m->stack)
		pcre2_jit_stack_assign(m->context, NULL, m->stack);
	return m;
}

void regex_match_budget(struct regex_match *m, int64_t ns)
{
	m->budget_ns = ns < BUDGET_NS ? ns : BUDGET_NS;
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

/* ---- searching ---- */

static uint32_t clamp(size_t v, size_t least, size_t most)
{
	return (uint32_t)(v < least ? least : v > most ? most : v);
}

/* Without it (no executable memory allowed) the interpreter gives the same answers, slower. */
static __attribute__((noinline)) void make_machine_code(const struct regex *r)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&lock);
	if (!r->machine->tried) {
		r->machine->works = pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE) == 0;
		__atomic_store_n(&r->machine->tried, true, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&lock);
}

static inline bool has_machine_code(const struct regex *r)
{
	if (__builtin_expect(!__atomic_load_n(&r->machine->tried, __ATOMIC_ACQUIRE), 0))
		make_machine_code(r);
	return r->machine->works;
}

/* Starts at `from` up to `last`. PCRE2's answer. */
static int search_jit(const struct regex *r, struct str s, size_t from, size_t last, uint32_t steps, struct regex_match *m)
{
	if (!m->stack || !has_machine_code(r))
		return PCRE2_ERROR_JIT_STACKLIMIT;
	pcre2_set_offset_limit(m->context, last);
	pcre2_set_match_limit(m->context, steps);
	return pcre2_jit_match(r->code, (PCRE2_SPTR)s.p, s.len, from, PCRE2_NO_UTF_CHECK, m->data, m->context);
}

static int search_interpreter(const struct regex *r, struct str s, size_t from, size_t last, uint32_t steps, struct regex_match *m)
{
	pcre2_set_offset_limit(m->context, last);
	pcre2_set_match_limit(m->context, steps);
	return pcre2_match(r->code, (PCRE2_SPTR)s.p, s.len, from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, m->data, m->context);
}

static int search_piece(const struct regex *r, struct str s, size_t from, size_t last, struct regex_match *m)
{
	size_t per_byte = SLOW_STEPS_PER_BYTE * s.len;
	int rc = search_jit(r, s, from, last, clamp(per_byte, SLOW_STEPS, UINT32_MAX), m);

	if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
		rc = search_interpreter(r, s, from, last, clamp(per_byte, SLOW_STEPS_INTERPRETER, UINT32_MAX), m);
	return rc;
}

/* What a deep search took from the heap would stay as long as the thread. */
static void give_back(struct regex_match *m)
{
	pcre2_match_data_free(m->data);
	m->data = pcre2_match_data_create(m->pairs, NULL);
	bug_on(!m->data);
}

static int search_slowly(const struct regex *r, struct str s, size_t from, struct regex_match *m)
{
	int64_t until = clock_mono(&clock_system) + m->budget_ns;
	size_t piece = r->from_start ? s.len + 1 : 1;
	int rc;

	for (;;) {
		size_t last = piece < s.len - from ? from + piece - 1 : s.len;
		int64_t begun = clock_mono(&clock_system), now;

		rc = search_piece(r, s, from, last, m);
		now = clock_mono(&clock_system);
		if (rc != PCRE2_ERROR_NOMATCH || last >= s.len)
			return rc;
		if (now >= until)
			return PCRE2_ERROR_MATCHLIMIT;
		if (now - begun < PIECE_NS)
			piece *= 2;
		else if (piece > 1)
			piece /= 2;
		/* The next piece begins at a character. */
		for (from = last + 1; from < s.len && ((unsigned char)s.p[from] & 0xc0) == 0x80; from++)
			;
	}
}

enum regex_result regex_exec_valid(const struct regex *r, struct str subject, size_t from, struct regex_match *m)
{
	int rc;

	m->matched = 0;
	if (!subject.len)
		subject.p = "";
	if (from > subject.len || (from < subject.len && ((unsigned char)subject.p[from] & 0xc0) == 0x80))
		return REGEX_NO;
	if (r->required.len > 1 && !memmem(subject.p + from, subject.len - from, r->required.p, r->required.len))
		return REGEX_NO;
	make_room(m, r->groups + 1);
	rc = search_jit(r, subject, from, PCRE2_UNSET, clamp(FAST_STEPS / (subject.len + 1), FAST_MIN, FAST_MAX), m);
	if (rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_JIT_STACKLIMIT) {
		rc = search_slowly(r, subject, from, m);
		if (rc <= 0)
			give_back(m);
	}
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
