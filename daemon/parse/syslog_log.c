/*
 * syslog_log.c - [log] of a line with a PRI: five objects that are nearly the same each time, so they are copied in one piece.
 *
 *	log { syslog { priority, severity { code, name }, facility { code, name } }, source { address } }
 *
 * Work thread.
 */
#include "parse/syslog_plan.h"

enum { MEMBERS = 4 /* a map's room comes in fours */ };

struct small_map {
	struct map m;
	struct entry e[MEMBERS];
	uint32_t hash[MEMBERS];
};

struct log_block {
	struct small_map log, syslog, severity, facility, source;
};

static void place(struct small_map *s)
{
	s->m.cap = MEMBERS;
	s->m.e = s->e;
	s->m.hash = s->hash;
}

static void add(struct small_map *s, struct key k, struct value v)
{
	map_add(NULL, &s->m, k, v); /* there is room: no arena is asked */
}

static void put_code(const struct syslog_plan *p, struct small_map *s, const struct value *labels, unsigned i)
{
	add(s, p->key[K_CODE], v_int(i));
	if (p->labels && labels[i].type != V_NONE)
		add(s, p->key[K_NAME], labels[i]);
}

/* Where its objects point to each other: after each copy anew. source hangs on log only where there is one. */
static void link_up(struct log_block *b)
{
	place(&b->log);
	place(&b->syslog);
	place(&b->severity);
	place(&b->facility);
	place(&b->source);
	b->log.e[0].val.map = &b->syslog.m;
	b->syslog.e[1].val.map = &b->severity.m;
	b->syslog.e[2].val.map = &b->facility.m;
}

static struct log_block *block_new(const struct syslog_plan *p, unsigned pri)
{
	struct log_block *b = arena_zalloc(p->arena, sizeof(*b));

	link_up(b);
	add(&b->log, p->key[K_SYSLOG], v_map(&b->syslog.m));
	add(&b->syslog, p->key[K_PRIORITY], v_int(pri));
	add(&b->syslog, p->key[K_SEVERITY], v_map(&b->severity.m));
	add(&b->syslog, p->key[K_FACILITY], v_map(&b->facility.m));
	put_code(p, &b->severity, p->severity, pri & 7);
	put_code(p, &b->facility, p->facility, pri >> 3);
	return b;
}

struct map *syslog_log_object(struct syslog_plan *p, struct arena *a, unsigned pri, struct str address)
{
	struct log_block *b = arena_alloc(a, sizeof(*b));

	if (!p->log_block[pri])
		p->log_block[pri] = block_new(p, pri);
	*b = *p->log_block[pri];
	link_up(b);
	if (address.len) {
		add(&b->source, p->key[K_ADDRESS], v_str(address));
		add(&b->log, p->key[K_SOURCE], v_map(&b->source.m));
	}
	return &b->log.m;
}
