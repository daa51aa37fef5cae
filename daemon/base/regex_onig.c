/*
 * regex_onig.c - libonig (Oniguruma 6.9) as an engine of regex.c.
 *
 * The library is set up at the first expression that needs it: a configuration without one never runs a line of it. It has no clock: its
 * bounds are how often an attempt may turn back, and how much it may remember for that. A long text is searched piece by piece
 * from the beginning, because starts that fail at once are not counted by it.
 *
 * Compiled expressions are read by several threads; compiling is under a lock, because the library keeps tables.
 */
#include "base/regex_engine.h"

#include "base/arena.h"

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

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- compiling ---- */

/* Under the lock. */
static bool ready(void)
{
	static OnigEncoding utf8[] = {ONIG_ENCODING_UTF8};
	static bool done;

	if (!done && onig_initialize(utf8, 1) == ONIG_NORMAL) {
		(void)onig_set_subexp_call_limit_in_search(CALLS_MAX);
		done = true;
	}
	return done;
}

static void *compile(struct rubyre *t, unsigned flags, struct err *err)
{
	/* The dot means any character, as rubyre_write.c has it. There are no names, so that plain brackets are groups. */
	OnigOptionType options = ONIG_OPTION_MULTILINE | ONIG_OPTION_CAPTURE_GROUP | (flags & REGEX_ICASE ? ONIG_OPTION_IGNORECASE : 0);
	struct str s = buf_slice(&t->pattern);
	const OnigUChar *p = (const OnigUChar *)(s.len ? s.p : "");
	OnigUChar text[ONIG_MAX_ERROR_MESSAGE_LEN];
	struct onig_code *c;
	OnigErrorInfo where = {0};
	regex_t *re;
	int rc;

	pthread_mutex_lock(&lock);
	rc = ready() ? onig_new(&re, p, p + s.len, options, ONIG_ENCODING_UTF8, ONIG_SYNTAX_RUBY, &where) : ONIGERR_MEMORY;
	if (rc != ONIG_NORMAL) {
		(void)onig_error_code_to_str(text, rc, &where);
		err_set(err, "%s", (const char *)text);
		c = NULL;
	} else {
		c = xzalloc(sizeof(*c));
		c->re = re;
		c->pairs = t->groups + 1;
		c->from_start = t->from_start;
	}
	pthread_mutex_unlock(&lock);
	return c;
}

static void release(void *code)
{
	struct onig_code *c = code;

	onig_free(c->re);
	free(c);
}

/* ---- the room of a match ---- */

static struct onig_room *make_room(struct regex_match *m)
{
	struct onig_room *room = xzalloc(sizeof(*room));

	room->region = onig_region_new();
	room->param = onig_new_match_param();
	bug_on(!room->region || !room->param);
	(void)onig_initialize_match_param(room->param);
	(void)onig_set_match_stack_limit_size_of_match_param(room->param, STACK_ENTRIES);
	m->onig = room;
	return room;
}

void onig_room_free(struct onig_room *room)
{
	if (!room)
		return;
	onig_region_free(room->region, 1);
	onig_free_match_param(room->param);
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

	(void)onig_set_retry_limit_in_match_of_match_param(room->param, retries);
	(void)onig_set_retry_limit_in_search_of_match_param(room->param, retries);
	return onig_search_with_param(c->re, p, end, p + from, end, room->region, ONIG_OPTION_NONE, room->param);
}

/* One start after the other: the library's own range of a search is where a match must end, too. */
static int search_starts(const struct onig_code *c, struct onig_room *room, struct str s, size_t from, size_t last)
{
	const OnigUChar *p = (const OnigUChar *)s.p, *end = p + s.len;
	int rc = ONIG_MISMATCH;

	(void)onig_set_retry_limit_in_match_of_match_param(room->param, THOROUGH_RETRIES);
	(void)onig_set_retry_limit_in_search_of_match_param(room->param, 0);
	for (size_t at = from; at <= last && at <= s.len && rc == ONIG_MISMATCH; at++)
		if (at == s.len || ((unsigned char)s.p[at] & 0xc0) != 0x80)
			rc = onig_match_with_param(c->re, p, end, p + at, room->region, ONIG_OPTION_NONE, room->param);
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
