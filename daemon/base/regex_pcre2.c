/*
 * regex_pcre2.c - PCRE2 as an engine of regex.c: machine code, and bounds of its steps.
 *
 * An attempt that needs more stack than the JIT has goes on in the interpreter, under a limit of memory.
 */
#include "base/regex_engine.h"

#include "base/arena.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <pthread.h>
#include <stdlib.h>

enum {
	JIT_STACK_MIN = 32 * 1024,
	JIT_STACK_MAX = 1024 * 1024,
	HEAP_LIMIT_KIB = 64 * 1024,
	/* Of a quick search: steps of all attempts together, and of one. The JIT takes some 2 ns a step. */
	FAST_STEPS = 20 * 1000 * 1000,
	FAST_MIN = 2 * 1000,
	FAST_MAX = 1000 * 1000,
	/* Of a thorough one: steps of one attempt, in the JIT and in the interpreter. */
	SLOW_STEPS = 50 * 1000 * 1000,
	SLOW_STEPS_INTERPRETER = 2 * 1000 * 1000,
	SLOW_STEPS_PER_BYTE = 50,
	PAIRS_MIN = 32,
};

/* Machine code is made at the first match: a configuration that is only tested, and patterns that no line reaches, do without. */
struct pcre2_regex {
	pcre2_code *code;
	uint32_t pairs; /* groups, with group 0 */
	bool tried, works;
};

struct pcre2_room {
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	uint32_t pairs; /* room in data */
};

_Static_assert(sizeof(PCRE2_SIZE) == sizeof(size_t) && PCRE2_UNSET == SIZE_MAX, "regex_match.at is PCRE2's vector");

/* ---- compiling ---- */

/* *too_large: PCRE2's limit on its own code is exceeded. */
static pcre2_code *compile_once(struct str pattern, unsigned flags, bool *too_large, struct err *err)
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

		pcre2_get_error_message(e, text, sizeof(text));
		err_set(err, "%s", (const char *)text);
	}
	return code;
}

static void *compile(struct rubyre *t, unsigned flags, struct err *err)
{
	struct pcre2_regex *r;
	pcre2_code *code;
	bool too_large;

	code = compile_once(buf_slice(&t->pattern), flags, &too_large, err);
	if (too_large && rubyre_share(t))
		code = compile_once(buf_slice(&t->pattern), flags, &too_large, err);
	if (!code)
		return NULL;
	r = xzalloc(sizeof(*r));
	r->code = code;
	r->pairs = t->groups + 1;
	return r;
}

static void release(void *code)
{
	struct pcre2_regex *r = code;

	pcre2_code_free(r->code);
	free(r);
}

/* ---- the room of a match ---- */

static __attribute__((noinline)) struct pcre2_room *make_room(struct regex_match *m)
{
	struct pcre2_room *room = xzalloc(sizeof(*room));

	room->pairs = PAIRS_MIN;
	room->data = pcre2_match_data_create(room->pairs, NULL);
	room->context = pcre2_match_context_create(NULL);
	room->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL);
	bug_on(!room->data || !room->context);
	pcre2_set_heap_limit(room->context, HEAP_LIMIT_KIB);
	if (room->stack)
		pcre2_jit_stack_assign(room->context, NULL, room->stack);
	m->pcre2 = room;
	return room;
}

static __attribute__((noinline)) void grow(struct pcre2_room *room, uint32_t pairs)
{
	pcre2_match_data_free(room->data);
	room->pairs = pairs;
	room->data = pcre2_match_data_create(pairs, NULL);
	bug_on(!room->data);
}

void pcre2_room_free(struct pcre2_room *room)
{
	if (!room)
		return;
	pcre2_match_data_free(room->data);
	pcre2_match_context_free(room->context);
	pcre2_jit_stack_free(room->stack);
	free(room);
}

/* What a deep search took from the heap would stay as long as the thread. */
static void give_back(struct regex_match *m)
{
	grow(m->pcre2, m->pcre2->pairs);
}

/* ---- searching ---- */

static uint32_t clamp(size_t v, size_t least, size_t most)
{
	return (uint32_t)(v < least ? least : v > most ? most : v);
}

/* Without it (no executable memory allowed) the interpreter gives the same answers, slower. */
static __attribute__((noinline)) void make_machine_code(struct pcre2_regex *r)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&lock);
	if (!r->tried) {
		r->works = pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE) == 0;
		__atomic_store_n(&r->tried, true, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&lock);
}

static inline bool has_machine_code(struct pcre2_regex *r)
{
	if (__builtin_expect(!__atomic_load_n(&r->tried, __ATOMIC_ACQUIRE), 0))
		make_machine_code(r);
	return r->works;
}

static int search_jit(struct pcre2_regex *r, struct str s, size_t from, size_t last, uint32_t steps, struct pcre2_room *room)
{
	if (!room->stack || !has_machine_code(r))
		return PCRE2_ERROR_JIT_STACKLIMIT;
	pcre2_set_offset_limit(room->context, last);
	pcre2_set_match_limit(room->context, steps);
	return pcre2_jit_match(r->code, (PCRE2_SPTR)s.p, s.len, from, PCRE2_NO_UTF_CHECK, room->data, room->context);
}

static int search_interpreter(struct pcre2_regex *r, struct str s, size_t from, size_t last, uint32_t steps, struct pcre2_room *room)
{
	pcre2_set_offset_limit(room->context, last);
	pcre2_set_match_limit(room->context, steps);
	return pcre2_match(r->code, (PCRE2_SPTR)s.p, s.len, from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, room->data, room->context);
}

static int search_thoroughly(struct pcre2_regex *r, struct str s, size_t from, size_t last, struct pcre2_room *room)
{
	size_t per_byte = SLOW_STEPS_PER_BYTE * s.len;
	int rc = search_jit(r, s, from, last, clamp(per_byte, SLOW_STEPS, UINT32_MAX), room);

	if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
		rc = search_interpreter(r, s, from, last, clamp(per_byte, SLOW_STEPS_INTERPRETER, UINT32_MAX), room);
	return rc;
}

static enum found search(void *code, struct str s, size_t from, size_t last, enum effort effort, struct regex_match *m)
{
	struct pcre2_room *room = m->pcre2 ? m->pcre2 : make_room(m);
	struct pcre2_regex *r = code;
	int rc;

	if (room->pairs < r->pairs)
		grow(room, r->pairs);
	if (effort == EFFORT_QUICK)
		rc = search_jit(r, s, from, last, clamp(FAST_STEPS / (s.len + 1), FAST_MIN, FAST_MAX), room);
	else
		rc = search_thoroughly(r, s, from, last, room);
	if (rc > 0) {
		m->at = pcre2_get_ovector_pointer(room->data);
		m->matched = (uint32_t)rc;
		return FOUND_YES;
	}
	if (rc == PCRE2_ERROR_NOMATCH)
		return FOUND_NO;
	return rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_JIT_STACKLIMIT ? FOUND_LIMIT : FOUND_FAILED;
}

const struct regex_engine regex_pcre2 = {
	.dialect = RUBYRE_PCRE2, .compile = compile, .free = release, .search = search, .give_back = give_back,
};
