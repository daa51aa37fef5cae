#include "event/event.h"
#include "base/err.h"

enum { INDEX_MAX = 1 << 16 }; /* of a list that is padded with null */

static struct key key_timestamp, key_version, key_tags;

#define KEY_TIMESTAMP key_known(&key_timestamp, STR("@timestamp"))
#define KEY_VERSION key_known(&key_version, STR("@version"))
#define KEY_TAGS key_known(&key_tags, STR("tags"))

void event_init(struct event *ev, struct arena *arena)
{
	*ev = (struct event){.arena = arena};
	map_init(arena, &ev->root, MAP_LINEAR);
}

void event_stamp(struct event *ev, struct ts now)
{
	map_set(ev->arena, &ev->root, *KEY_TIMESTAMP, v_time(now));
	map_set(ev->arena, &ev->root, *KEY_VERSION, v_lit("1"));
}

bool event_ip(struct event *ev, struct str text, struct ip *out)
{
	enum { KEPT = sizeof(ev->ip) / sizeof(ev->ip[0]) };
	struct event_ip *e = ev->ip;

	if (!text.len)
		return false;
	for (; e < ev->ip + KEPT && e->p; e++)
		if (e->p == text.p && e->len == text.len) {
			*out = e->ip;
			return e->ok;
		}
	e = &ev->ip[ev->ips++ % KEPT];
	e->p = text.p;
	e->len = (uint32_t)text.len;
	e->ok = ip_parse(text, &e->ip);
	*out = e->ip;
	return e->ok;
}

static struct value *list_at(const struct list *l, int64_t at)
{
	if (at < 0)
		at += l->n;
	return at >= 0 && at < l->n ? &l->v[at] : NULL;
}

static struct value *step_into(struct value *v, const struct ref_part *p)
{
	if (v->type == V_MAP)
		return map_find(v->map, &p->key);
	if (v->type == V_LIST && p->is_index)
		return list_at(v->list, p->index);
	return NULL;
}

struct value *event_get(const struct event *ev, const struct ref *r)
{
	const struct map *top = r->meta ? &ev->meta : &ev->root;
	struct value *v;

	if (r->n == 0) {
		/* The event's maps are not values of their own; callers only look through this one. */
		static _Thread_local struct value whole;

		whole = v_map((struct map *)top);
		return &whole;
	}
	v = map_find(top, &r->part[0].key);
	for (unsigned i = 1; v && i < r->n; i++)
		v = step_into(v, &r->part[i]);
	return v;
}

/* The slot for part p below v, made if it is missing: null-padded in lists. */
static int slot_below(struct arena *a, struct value *v, const struct ref_part *p, struct value **out)
{
	if (v->type == V_NULL)
		*v = v_map(map_new(a, 4));
	if (v->type == V_MAP) {
		*out = map_find(v->map, &p->key);
		if (!*out)
			*out = map_push(a, v->map, p->key, v_null());
		return EVENT_OK;
	}
	if (v->type == V_LIST) {
		int64_t at = p->index;

		if (!p->is_index)
			return EVENT_LIST_KEY;
		if (at < 0)
			at += v->list->n;
		if (at < 0 || at > INDEX_MAX)
			return EVENT_TOO_BIG;
		while (v->list->n <= at)
			list_push(a, v->list, v_null());
		*out = &v->list->v[at];
		return EVENT_OK;
	}
	return EVENT_BELOW_SCALAR;
}

/* A string, or strings only. */
static bool legal_tags(const struct value *v)
{
	if (v->type != V_LIST)
		return v->type == V_STRING;
	for (uint32_t i = 0; i < v->list->n; i++)
		if (v->list->v[i].type != V_STRING)
			return false;
	return true;
}

int event_set(struct event *ev, const struct ref *r, struct value v)
{
	struct map *top = r->meta ? &ev->meta : &ev->root;
	struct value *slot;

	if (r->n == 0) {
		if (v.type != V_MAP)
			return EVENT_BELOW_SCALAR;
		*top = *v.map;
		return EVENT_OK;
	}
	if (r->timestamp && v.type != V_TIME)
		return EVENT_BAD_TIMESTAMP;
	if (r->tags && (r->n > 1 || !legal_tags(&v)))
		return EVENT_BAD_TAGS;
	if (r->n == 1) {
		map_set(ev->arena, top, r->part[0].key, v);
		return EVENT_OK;
	}
	slot = map_find(top, &r->part[0].key);
	if (!slot)
		slot = map_push(ev->arena, top, r->part[0].key, v_map(map_new(ev->arena, 4)));
	for (unsigned i = 1; i < r->n; i++) {
		int rc = slot_below(ev->arena, slot, &r->part[i], &slot);

		if (rc)
			return rc;
	}
	*slot = v;
	return EVENT_OK;
}

bool event_remove(struct event *ev, const struct ref *r, struct value *old)
{
	struct map *top = r->meta ? &ev->meta : &ev->root;
	const struct ref_part *last;
	struct value *v, *child;

	if (r->n == 0) {
		if (old)
			*old = v_map(map_new(ev->arena, 0)), *old->map = *top;
		*top = (struct map){0};
		return true;
	}
	if (r->n == 1)
		return map_remove(top, &r->part[0].key, old);
	v = map_find(top, &r->part[0].key);
	for (unsigned i = 1; v && i + 1 < r->n; i++)
		v = step_into(v, &r->part[i]);
	if (!v)
		return false;
	last = &r->part[r->n - 1];
	if (v->type == V_MAP)
		return map_remove(v->map, &last->key, old);
	child = step_into(v, last);
	if (!child)
		return false;
	if (old)
		*old = *child;
	list_remove(v->list, (uint32_t)(child - v->list->v));
	return true;
}

struct value *event_top(const struct event *ev, struct str key)
{
	return map_find_str(&ev->root, key);
}

void event_set_top(struct event *ev, struct key key, struct value v)
{
	map_set(ev->arena, &ev->root, key, v);
}

/* [tags] as a list, made or promoted if need be. */
static struct list *tags_list(struct event *ev)
{
	struct value *v = map_find(&ev->root, KEY_TAGS);
	struct list *l;

	if (v && v->type == V_LIST)
		return v->list;
	l = list_new(ev->arena, 2);
	if (!v) {
		map_push(ev->arena, &ev->root, *KEY_TAGS, v_list(l));
		return l;
	}
	if (v->type != V_NULL)
		list_push(ev->arena, l, *v);
	*v = v_list(l);
	return l;
}

static bool list_has(const struct list *l, struct str s)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (l->v[i].type == V_STRING && str_eq(value_str(&l->v[i]), s))
			return true;
	return false;
}

bool event_has_tag(const struct event *ev, struct str tag)
{
	const struct value *v = map_find(&ev->root, KEY_TAGS);

	if (value_is(v, V_STRING))
		return str_eq(value_str(v), tag);
	return value_is(v, V_LIST) && list_has(v->list, tag);
}

void event_tag(struct event *ev, struct str tag)
{
	struct list *l = tags_list(ev);

	if (!list_has(l, tag))
		list_push(ev->arena, l, v_str(tag));
}

void event_add_tag(struct event *ev, struct str tag)
{
	list_push(ev->arena, tags_list(ev), v_str(tag));
}

void event_remove_tag(struct event *ev, struct str tag)
{
	struct value *v = map_find(&ev->root, KEY_TAGS);
	struct list *l;

	if (!v || (v->type != V_LIST && v->type != V_STRING))
		return;
	l = tags_list(ev);
	for (uint32_t i = 0; i < l->n;)
		if (l->v[i].type == V_STRING && str_eq(value_str(&l->v[i]), tag))
			list_remove(l, i);
		else
			i++;
}

/* Ruby's Array(hash): a list of pairs. */
static struct list *map_pairs(struct arena *a, const struct map *m)
{
	struct list *l = list_new(a, m->n + 1);

	for (uint32_t i = 0; i < m->n; i++) {
		struct list *pair = list_new(a, 2);

		list_push(a, pair, v_str(key_str(&m->e[i].key)));
		list_push(a, pair, m->e[i].val);
		list_push(a, l, v_list(pair));
	}
	return l;
}

int event_append(struct event *ev, const struct ref *r, struct value v)
{
	struct value *have = r->n ? event_get(ev, r) : NULL;
	struct list *l;

	if (!have || have->type == V_NULL)
		return event_set(ev, r, v);
	if (r->timestamp)
		return EVENT_BAD_TIMESTAMP;
	if (have->type == V_LIST) {
		list_push(ev->arena, have->list, v);
		return EVENT_OK;
	}
	if (have->type == V_MAP) {
		l = map_pairs(ev->arena, have->map);
	} else {
		l = list_new(ev->arena, 2);
		list_push(ev->arena, l, *have);
	}
	list_push(ev->arena, l, v);
	*have = v_list(l);
	return EVENT_OK;
}

void event_copy(struct event *dst, const struct event *src, struct arena *arena)
{
	bool text = arena != src->arena;
	struct value root = v_map((struct map *)&src->root), meta = v_map((struct map *)&src->meta);

	*dst = *src;
	dst->arena = arena;
	memset(dst->ip, 0, sizeof(dst->ip));
	dst->root = *value_copy(arena, &root, text).map;
	dst->meta = *value_copy(arena, &meta, text).map;
}

bool event_timestamp(const struct event *ev, struct ts *out)
{
	const struct key *k = KEY_TIMESTAMP;
	const struct entry *first = ev->root.e;
	/* Where every input puts it. */
	const struct value *v = ev->root.n && first->key.p == k->p && first->key.len == k->len ? &first->val : map_find(&ev->root, k);

	if (!value_is(v, V_TIME))
		return false;
	*out = value_ts(v);
	return true;
}
