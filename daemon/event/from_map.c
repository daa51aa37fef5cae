#include "event/from_map.h"

/* The names that are looked at in every document. */
static struct key known_timestamp, known_version, known_metadata, known_tags;

static bool legal_tags(const struct value *v)
{
	if (v->type == V_STRING)
		return true;
	if (v->type != V_LIST)
		return false;
	for (uint32_t i = 0; i < v->list->n; i++)
		if (v->list->v[i].type != V_STRING)
			return false;
	return true;
}

static void check_tags(struct event *ev)
{
	struct value *tags = map_find(&ev->root, key_known(&known_tags, STR("tags")));
	struct list *l;

	if (!tags || legal_tags(tags))
		return;
	l = list_new(ev->arena, 1);
	list_push(ev->arena, l, *tags);
	*tags = v_list(list_new(ev->arena, 2));
	list_push(ev->arena, tags->list, v_lit("_tagsparsefailure"));
	event_set_top(ev, key_make(STR("_tags")), v_list(l));
}

static void check_timestamp(struct event *ev, struct ts now)
{
	const struct key *key = key_known(&known_timestamp, STR("@timestamp"));
	struct value *v = map_find(&ev->root, key), old;
	struct ts t;

	if (!v) {
		map_push(ev->arena, &ev->root, *key, v_time(now));
		return;
	}
	old = *v;
	if (old.type == V_TIME)
		return;
	if (old.type == V_STRING && ts_parse_iso(value_str(&old), &t)) {
		*v = v_time(t);
		return;
	}
	*v = v_time(now);
	if (old.type == V_NULL)
		return;
	event_tag(ev, STR("_timestampparsefailure"));
	event_set_top(ev, key_make(STR("_@timestamp")), old);
}

int event_from_map(struct event *ev, struct map *m, struct ts now)
{
	const struct key *version = key_known(&known_version, STR("@version"));
	struct value v = {.type = V_NONE};

	if (map_remove(m, key_known(&known_metadata, STR("@metadata")), &v)) {
		if (v.type != V_MAP)
			return -1;
		ev->meta = *v.map;
	}
	ev->root = *m;
	if (!map_find(&ev->root, version))
		map_push(ev->arena, &ev->root, *version, v_lit("1"));
	check_tags(ev);
	check_timestamp(ev, now);
	return 0;
}

/* Means only itself: no brackets, and none of the names that event_set() looks at. */
static bool plain_name(struct str s)
{
	if (s.len == 0 || str_chr(s, '[') >= 0 || str_chr(s, ']') >= 0)
		return false;
	return s.p[0] != '@' && !str_eq(s, STR("tags"));
}

static bool merge_maps(struct event *ev, const struct value *old, const struct value *v)
{
	if (!value_is(old, V_MAP) || v->type != V_MAP)
		return false;
	for (uint32_t i = 0; i < v->map->n; i++)
		map_set(ev->arena, old->map, v->map->e[i].key, v->map->e[i].val);
	return true;
}

void event_merge_all(struct event *ev, const struct map *m)
{
	for (uint32_t i = 0; i < m->n; i++) {
		const struct entry *e = &m->e[i];
		const struct ref *r = plain_name(key_str(&e->key)) ? NULL : ref_compile(ev->arena, key_str(&e->key), NULL);

		if (merge_maps(ev, r ? event_get(ev, r) : map_find(&ev->root, &e->key), &e->val))
			continue;
		if (!r || event_set(ev, r, e->val) != EVENT_OK)
			map_set(ev->arena, &ev->root, e->key, e->val);
	}
}

int event_set_all(struct event *ev, const struct map *m)
{
	for (uint32_t i = 0; i < m->n; i++) {
		const struct entry *e = &m->e[i];
		const struct ref *r;
		int rc;

		if (plain_name(key_str(&e->key))) {
			map_set(ev->arena, &ev->root, e->key, e->val);
			continue;
		}
		r = ref_compile(ev->arena, key_str(&e->key), NULL);
		if (!r)
			return -1;
		rc = event_set(ev, r, e->val);
		if (rc != EVENT_OK && rc != EVENT_LIST_KEY)
			return -1;
	}
	return 0;
}
