/*
 * regex.c - see regex.h. Which engine an expression runs on, and how long a search may take.
 *
 * rubyre.c makes the source mean in PCRE2 what it means in Ruby. What cannot be told exactly, and what PCRE2 refuses, runs on libonig; what can be told
 * exactly for nearly all texts runs on PCRE2, and on libonig for the others (regex_doubt.h), which is compiled when the first of them comes.
 *
 * No line may stop the daemon, yet a slow match must be found. A search first runs at full speed with a number of steps
 * that the subject's length bounds. Only when that is used up it starts again, piece by piece: starts of an attempt in small
 * numbers with a look at the clock between them, until the budget of time is spent.
 */
#include "base/regex.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "base/regex_doubt.h"
#include "base/regex_engine.h"
#include "base/utf8.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	PIECE_NS = 2 * 1000 * 1000, /* a piece should not take longer */
	BUDGET_NS = 250 * 1000 * 1000,
	WHY_MAX = 160,
};

/* The same expression for libonig, where there are doubts. */
struct spare {
	bool tried;
	void *code; /* NULL: libonig refuses it, and PCRE2 does what it can */
};

struct regex {
	const struct regex_engine *engine;
	void *code;
	struct spare *spare;
	unsigned groups, flags, doubts;
	struct str *name;     /* [1..groups] */
	struct str required;  /* what every match contains; empty: unknown */
	bool from_start;      /* has \G: cannot be searched piece by piece */
	char *why;	      /* it runs on libonig; NULL */
	struct str source;    /* what the names point into */
};

/* ---- compiling ---- */

/* Moves the names from the caller's source to a copy of it. */
static struct regex *regex_make(struct rubyre *t, struct str source, unsigned flags)
{
	struct regex *r = xzalloc(sizeof(*r));
	char *copy = xmalloc(source.len + t->required.len + 1);

	memcpy(copy, source.p, source.len);
	memcpy(copy + source.len, t->required.p, t->required.len);
	r->source = str_n(copy, source.len);
	r->required = str_n(copy + source.len, t->required.len);
	r->groups = t->groups;
	r->flags = flags;
	r->doubts = t->doubts;
	r->from_start = t->from_start;
	r->name = t->name;
	t->name = NULL;
	for (unsigned i = 1; i <= r->groups; i++)
		if (r->name[i].p)
			r->name[i].p = copy + (r->name[i].p - source.p);
	return r;
}

/* NULL: PCRE2 has no words for it, or refuses it; why says which. */
static struct regex *compile_pcre2(struct str source, unsigned flags, char why[WHY_MAX], struct err *err)
{
	struct regex *r = NULL;
	struct rubyre t;
	void *code;

	why[0] = '\0';
	switch (rubyre_translate(&t, source, flags, RUBYRE_PCRE2, err)) {
	case RUBYRE_INVALID:
		return NULL;
	case RUBYRE_INEXACT:
		(void)snprintf(why, WHY_MAX, "%s", t.inexact);
		break;
	case RUBYRE_TRANSLATED:
		code = regex_pcre2.compile(&t, flags, err);
		if (!code) {
			(void)snprintf(why, WHY_MAX, "PCRE2 refuses it: %.130s", err->text);
			break;
		}
		r = regex_make(&t, source, flags);
		r->engine = &regex_pcre2;
		r->code = code;
		if (r->doubts)
			r->spare = xzalloc(sizeof(*r->spare));
	}
	rubyre_release(&t);
	return r;
}

static struct regex *compile_onig(struct str source, unsigned flags, const char *why, struct err *err)
{
	struct regex *r = NULL;
	struct rubyre t;
	void *code;

	if (rubyre_translate(&t, source, flags, RUBYRE_ONIG, err) == RUBYRE_INVALID)
		return NULL;
	code = regex_onig.compile(&t, flags, err);
	if (code) {
		r = regex_make(&t, source, flags);
		r->engine = &regex_onig;
		r->code = code;
		r->why = xstrdupz(str_z(why));
		r->doubts = 0;
		series_add_shared(metrics_process, M_REGEX_ONIG, 1);
	}
	rubyre_release(&t);
	return r;
}

struct regex *regex_compile(struct str source, unsigned flags, struct err *err)
{
	char why[WHY_MAX];
	struct regex *r;
	struct err own;

	if (!err)
		err = &own;
	if (source.len == 0)
		source = STR("");
	r = compile_pcre2(source, flags, why, err);
	return r || !why[0] ? r : compile_onig(source, flags, why, err);
}

void regex_free(struct regex *r)
{
	if (!r)
		return;
	r->engine->free(r->code);
	if (r->spare && r->spare->code)
		regex_onig.free(r->spare->code);
	if (r->why)
		series_add_shared(metrics_process, M_REGEX_ONIG, (uint64_t)-1);
	free(r->spare);
	free(r->why);
	free(r->name);
	free((char *)r->source.p);
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

const char *regex_on_onig(const struct regex *r)
{
	return r->why;
}

/* ---- room ---- */

struct regex_match *regex_match_new(void)
{
	struct regex_match *m = xzalloc(sizeof(*m));

	m->budget_ns = BUDGET_NS;
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
	pcre2_room_free(m->pcre2);
	onig_room_free(m->onig);
	free(m);
}

bool regex_group(const struct regex_match *m, unsigned i, size_t *start, size_t *end)
{
	if (i >= m->matched || m->at[2 * (size_t)i] == SIZE_MAX)
		return false;
	*start = m->at[2 * (size_t)i];
	*end = m->at[2 * (size_t)i + 1];
	/* A look-ahead with \K can end before it starts: nothing, as in Ruby. */
	if (*end < *start)
		*end = *start;
	return true;
}

/* ---- searching ---- */

/* A compiled expression, in one of the engines. */
struct side {
	const struct regex_engine *engine;
	void *code;
};

static void make_spare(const struct regex *r)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct rubyre t;
	struct err err;

	pthread_mutex_lock(&lock);
	if (!r->spare->tried) {
		if (rubyre_translate(&t, r->source, r->flags, RUBYRE_ONIG, &err) != RUBYRE_INVALID) {
			r->spare->code = regex_onig.compile(&t, r->flags, &err);
			rubyre_release(&t);
		}
		__atomic_store_n(&r->spare->tried, true, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&lock);
}

/* The one that says of this text what Ruby would. */
static __attribute__((noinline)) struct side side_for(const struct regex *r, struct str s, struct regex_match *m)
{
	struct side side = {r->engine, r->code};

	if (!regex_doubtful(r->doubts, s, m))
		return side;
	if (!__atomic_load_n(&r->spare->tried, __ATOMIC_ACQUIRE))
		make_spare(r);
	return r->spare->code ? (struct side){&regex_onig, r->spare->code} : side;
}

static __attribute__((noinline)) enum found search_slowly(const struct side *side, bool from_start, struct str s, size_t from, struct regex_match *m)
{
	int64_t until = clock_mono(&clock_system) + m->budget_ns;
	size_t piece = from_start ? s.len + 1 : 1;
	enum found found;

	for (;;) {
		size_t last = piece < s.len - from ? from + piece - 1 : s.len;
		int64_t begun = clock_mono(&clock_system), now;

		found = side->engine->search(side->code, s, from, last, EFFORT_THOROUGH, m);
		now = clock_mono(&clock_system);
		if (found != FOUND_NO || last >= s.len)
			break;
		if (now >= until) {
			found = FOUND_LIMIT;
			break;
		}
		if (now - begun < PIECE_NS)
			piece *= 2;
		else if (piece > 1)
			piece /= 2;
		/* The next piece begins at a character. */
		for (from = last + 1; from < s.len && ((unsigned char)s.p[from] & 0xc0) == 0x80; from++)
			;
	}
	if (found != FOUND_YES && side->engine->give_back)
		side->engine->give_back(m);
	return found;
}

enum regex_result regex_exec_valid(const struct regex *r, struct str subject, size_t from, struct regex_match *m)
{
	struct side side = {r->engine, r->code};
	enum found found;

	m->matched = 0;
	if (!subject.len)
		subject.p = "";
	if (from > subject.len || (from < subject.len && ((unsigned char)subject.p[from] & 0xc0) == 0x80))
		return REGEX_NO;
	if (r->required.len > 1 && !memmem(subject.p + from, subject.len - from, r->required.p, r->required.len))
		return REGEX_NO;
	if (r->doubts) {
		side = side_for(r, subject, m);
		m->matched = 0;
	}
	if (side.engine == &regex_onig)
		series_add_shared(metrics_process, M_REGEX_ONIG_SEARCHES, 1);
	found = side.engine->search(side.code, subject, from, SIZE_MAX, EFFORT_QUICK, m);
	if (found == FOUND_LIMIT)
		found = search_slowly(&side, r->from_start, subject, from, m);
	if (found == FOUND_YES)
		return REGEX_YES;
	return found == FOUND_NO ? REGEX_NO : REGEX_LIMIT;
}

enum regex_result regex_exec(const struct regex *r, struct str subject, size_t from, struct regex_match *m)
{
	m->matched = 0;
	return utf8_valid(subject) ? regex_exec_valid(r, subject, from, m) : REGEX_NO;
}
