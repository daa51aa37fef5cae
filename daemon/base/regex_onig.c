/*
 * regex_onig.c - libonig (Oniguruma 6.9) as an engine of regex.c.
 *
 * The library is opened at the first expression that needs it, so that a configuration without one does not pay for it. Nor may weird be linked with
 * it: libruby has functions of the same names, which would then be these, and Ruby would crash. The other way round, it is opened before libruby.
 *
 * It has no clock: its bounds are how often an attempt may turn back, and how much it may remember for that. A long text is searched start by
 * start, because starts that fail at once are not counted by it. Compiled expressions are read by several threads; compiling is under a lock,
 * because the library keeps tables.
 */
#include "base/regex_engine.h"

#include "base/arena.h"

#include <dlfcn.h>
#include <oniguruma.h>
#include <pthread.h>
#include <stdlib.h>

enum {
	/* Turnings back of a quick search and of one thorough attempt; some 5 ns each. */
	QUICK_RETRIES = 1000 * 1000,
	THOROUGH_RETRIES = 20 * 1000 * 1000,
	QUICK_BYTES = 16 * 1024,   /* a text for one quick search: that many starts can each look at all of it */
	STACK_ENTRIES = 500 * 1000, /* what one attempt remembers: some 24 MB */
	CALLS_MAX = 1000 * 1000,   /* \g<n> in one search */
};

struct onig_code {
	regex_t *re;
	uint32_t pairs;	 /* groups, with group 0 */
	bool from_start; /* has \G: a search is not the same start by start */
};

struct onig_room {
	OnigRegion *region;
	OnigMatchParam *param;
	size_t *at;
	uint32_t pairs; /* room in at */
};

/* ---- the library ---- */

#define LIBRARY "libonig.so.5" /* what oniguruma.h of 6.9 belongs to */

#define FUNCTIONS(F)                                                                                                                     \
	F(onig_initialize) F(onig_new) F(onig_free) F(onig_error_code_to_str) F(onig_region_new) F(onig_region_free)                      \
	F(onig_new_match_param) F(onig_free_match_param) F(onig_initialize_match_param) F(onig_set_match_stack_limit_size_of_match_param) \
	F(onig_set_retry_limit_in_match_of_match_param) F(onig_set_retry_limit_in_search_of_match_param)                                 \
	F(onig_set_subexp_call_limit_in_search) F(onig_search_with_param) F(onig_match_with_param)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Written once, under the lock, before the first expression is there; then read by all threads. */
static struct {
#define MEMBER(f) __typeof__(f) *f;
	FUNCTIONS(MEMBER)
#undef MEMBER
	OnigEncoding utf8;
	OnigSyntaxType *ruby;
	bool ready;
} lib;

/* false where one is missing. */
static bool take(void *so, const char *name, void *to)
{
	void *symbol = dlsym(so, name);

	memcpy(to, &symbol, sizeof(symbol));
	return symbol != NULL;
}

/* Under the lock. What it has opened it keeps. */
static int open_library(struct err *err)
{
	bool all = true;
	void *so;

	if (lib.ready)
		return 0;
	so = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!so)
		return err_set(err, "libonig is not here: install the package libonig5; cause: %.200s", dlerror());
#define TAKE(f) all &= take(so, #f, &lib.f);
	FUNCTIONS(TAKE)
#undef TAKE
	all &= take(so, "OnigEncodingUTF8", &lib.utf8) && take(so, "OnigSyntaxRuby", &lib.ruby);
	if (!all)
		return err_set(err, LIBRARY " is not the library that weir was built for (Oniguruma 6.9)");
	if (lib.onig_initialize(&lib.utf8, 1) != ONIG_NORMAL)
		return err_set(err, "libonig cannot be set up");
	(void)lib.onig_set_subexp_call_limit_in_search(CALLS_MAX);
	lib.ready = true;
	return 0;
}

void regex_open_library(void)
{
	struct err err;

	pthread_mutex_lock(&lock);
	(void)open_library(&err);
	pthread_mutex_unlock(&lock);
}

/* ---- compiling ---- */

static struct onig_code *compile_locked(struct str s, OnigOptionType options, struct err *err)
{
	const OnigUChar *p = (const OnigUChar *)(s.len ? s.p : "");
	OnigUChar text[ONIG_MAX_ERROR_MESSAGE_LEN];
	OnigErrorInfo where = {0};
	struct onig_code *c;
	regex_t *re;
	int rc;

	if (open_library(err))
		return NULL;
	rc = lib.onig_new(&re, p, p + s.len, options, lib.utf8, lib.ruby, &where);
	if (rc != ONIG_NORMAL) {
		(void)lib.onig_error_code_to_str(text, rc, &where);
		err_set(err, "%s", (const char *)text);
		return NULL;
	}
	c = xzalloc(sizeof(*c));
	c->re = re;
	return c;
}

static void *compile(struct rubyre *t, unsigned flags, struct err *err)
{
	/* The dot means any character, as rubyre_write.c has it. There are no names, so that plain brackets are groups. */
	OnigOptionType options = ONIG_OPTION_MULTILINE | ONIG_OPTION_CAPTURE_GROUP | (flags & REGEX_ICASE ? ONIG_OPTION_IGNORECASE : 0);
	struct onig_code *c;

	pthread_mutex_lock(&lock);
	c = compile_locked(buf_slice(&t->pattern), options, err);
	pthread_mutex_unlock(&lock);
	if (c) {
		c->pairs = t->groups + 1;
		c->from_start = t->from_start;
	}
	return c;
}

static void release(void *code)
{
	struct onig_code *c = code;

	lib.onig_free(c->re);
	free(c);
}

/* ---- the room of a match ---- */

static struct onig_room *make_room(struct regex_match *m)
{
	struct onig_room *room = xzalloc(sizeof(*room));

	room->region = lib.onig_region_new();
	room->param = lib.onig_new_match_param();
	bug_on(!room->region || !room->param);
	(void)lib.onig_initialize_match_param(room->param);
	(void)lib.onig_set_match_stack_limit_size_of_match_param(room->param, STACK_ENTRIES);
	m->onig = room;
	return room;
}

void onig_room_free(struct onig_room *room)
{
	if (!room)
		return;
	lib.onig_region_free(room->region, 1);
	lib.onig_free_match_param(room->param);
	free(room->at);
	free(room);
}

static void take_groups(struct onig_room *room, uint32_t pairs, struct regex_match *m)
{
	const OnigRegion *g = room->region;

	if (room->pairs < pairs) {
		room->at = xrealloc(room->at, 2 * (size_t)pairs * sizeof(*room->at));
		room->pairs = pairs;
	}
	for (uint32_t i = 0; i < pairs; i++) {
		bool set = (int)i < g->num_regs && g->beg[i] != ONIG_REGION_NOTPOS;

		room->at[2 * i] = set ? (size_t)g->beg[i] : SIZE_MAX;
		room->at[2 * i + 1] = set ? (size_t)g->end[i] : SIZE_MAX;
	}
	m->at = room->at;
	m->matched = pairs;
}

/* ---- searching ---- */

static enum found found_of(int rc)
{
	if (rc == ONIG_MISMATCH)
		return FOUND_NO;
	return rc == ONIGERR_RETRY_LIMIT_IN_MATCH_OVER || rc == ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER ? FOUND_LIMIT : FOUND_FAILED;
}

/* All starts from `from` on, `retries` for all together. */
static int search_all(const struct onig_code *c, struct onig_room *room, struct str s, size_t from, unsigned long retries)
{
	const OnigUChar *p = (const OnigUChar *)s.p, *end = p + s.len;

	(void)lib.onig_set_retry_limit_in_match_of_match_param(room->param, retries);
	(void)lib.onig_set_retry_limit_in_search_of_match_param(room->param, retries);
	return lib.onig_search_with_param(c->re, p, end, p + from, end, room->region, ONIG_OPTION_NONE, room->param);
}

/* One start after the other: the library's own range of a search is where a match must end, too. */
static int search_starts(const struct onig_code *c, struct onig_room *room, struct str s, size_t from, size_t last)
{
	const OnigUChar *p = (const OnigUChar *)s.p, *end = p + s.len;
	int rc = ONIG_MISMATCH;

	(void)lib.onig_set_retry_limit_in_match_of_match_param(room->param, THOROUGH_RETRIES);
	(void)lib.onig_set_retry_limit_in_search_of_match_param(room->param, 0);
	for (size_t at = from; at <= last && at <= s.len && rc == ONIG_MISMATCH; at++)
		if (at == s.len || ((unsigned char)s.p[at] & 0xc0) != 0x80)
			rc = lib.onig_match_with_param(c->re, p, end, p + at, room->region, ONIG_OPTION_NONE, room->param);
	return rc;
}

static enum found search(void *code, struct str s, size_t from, size_t last, enum effort effort, struct regex_match *m)
{
	struct onig_room *room = m->onig ? m->onig : make_room(m);
	const struct onig_code *c = code;
	int rc;

	if (effort == EFFORT_QUICK && s.len - from > QUICK_BYTES)
		return FOUND_LIMIT;
	if (effort == EFFORT_QUICK)
		rc = search_all(c, room, s, from, QUICK_RETRIES);
	else if (c->from_start)
		rc = search_all(c, room, s, from, THOROUGH_RETRIES);
	else
		rc = search_starts(c, room, s, from, last);
	if (rc < 0)
		return found_of(rc);
	take_groups(room, c->pairs, m);
	return FOUND_YES;
}

const struct regex_engine regex_onig = {.dialect = RUBYRE_ONIG, .compile = compile, .free = release, .search = search};
