#include "event/field_writer.h"

#include "base/err.h"
#include "event/names.h"

/* Of each field the node it hangs on, of each node its own; NODE_ROOT: the event. Made with the fields, read by all threads. */
enum { NODE_ROOT = 0 };

struct node {
	struct key key;
	uint8_t parent;
	uint8_t size; /* rows that hang on it */
	uint8_t cap;  /* of a map that is made for it */
};

enum { ROOT_SLOTS = 256 /* a power of two, far more than there are objects at the root */ };

static struct node nodes[FIELD_NODES];
static uint8_t root_slot[ROOT_SLOTS]; /* the node of an object at the root, by its name's place among the names; 0: none */
static unsigned nnodes;
static uint8_t node_of[FIELDS];
static struct key key_of[FIELDS]; /* the last part of the path */

static uint8_t find_node(uint8_t parent, const struct key *key)
{
	for (unsigned i = 1; i < nnodes; i++)
		if (nodes[i].parent == parent && key_eq(&nodes[i].key, key))
			return (uint8_t)i;
	bug_on(nnodes == FIELD_NODES);
	nodes[nnodes] = (struct node){.key = *key, .parent = parent};
	nodes[parent].size++;
	return (uint8_t)nnodes++;
}

/* Names lie at least four bytes apart. */
static inline unsigned slot_of(const char *name)
{
	return (unsigned)((uintptr_t)name / 2 % ROOT_SLOTS);
}

static void root_slots_init(void)
{
	for (unsigned i = 1; i < nnodes; i++) {
		unsigned at = slot_of(nodes[i].key.p);

		if (nodes[i].parent != NODE_ROOT)
			continue;
		while (root_slot[at])
			at = (at + 1) % ROOT_SLOTS;
		root_slot[at] = (uint8_t)i;
	}
}

/* The node of a known object; 0 where the name is none of one. */
static inline uint8_t root_node(const char *name)
{
	unsigned at = slot_of(name);

	while (root_slot[at] && nodes[root_slot[at]].key.p != name)
		at = (at + 1) % ROOT_SLOTS;
	return root_slot[at];
}

void field_nodes_init(void)
{
	nnodes = 1;
	for (int id = 0; id < FIELDS; id++) {
		const struct ref *r = field_refs[id];
		uint8_t at = NODE_ROOT;

		for (uint16_t i = 0; i + 1 < r->n; i++)
			at = find_node(at, &r->part[i].key);
		node_of[id] = at;
		key_of[id] = field_key((enum field_id)id);
		nodes[at].size++;
	}
	for (unsigned i = 0; i < nnodes; i++)
		nodes[i].cap = nodes[i].size < 8 ? (uint8_t)((nodes[i].size + 3u) & ~3u) : 8;
	root_slots_init();
}

enum {
	FORMER_MAX = 8, /* more are looked for in the map's own way */
	FORMER_UNKNOWN = UINT32_MAX,
};

static uint32_t former_of(const struct map *m)
{
	if (m->n > FORMER_MAX)
		return FORMER_UNKNOWN;
	for (uint32_t i = 0; i < m->n; i++)
		if (!key_is_framed(&m->e[i].key))
			return FORMER_UNKNOWN;
	return m->n;
}

static inline struct map *remember(struct field_writer *w, uint8_t n, struct map *m, uint32_t former)
{
	w->node[n].event = w->event;
	w->node[n].former = former;
	w->node[n].map = m;
	return m;
}

/* An event made by weird has a handful of objects at its root, under names whose bytes are known: one look at each finds them all. */
static bool survey(struct field_writer *w)
{
	const struct map *root = &w->ev->root;

	for (uint32_t i = 0; i < root->n; i++) {
		const struct entry *e = &root->e[i];
		uint8_t n;

		/* The same name may stand there in other bytes. */
		if (!key_is_framed(&e->key))
			return false;
		n = root_node(e->key.p);
		if (n == NODE_ROOT)
			continue;
		if (e->val.type != V_MAP)
			return false;
		remember(w, n, e->val.map, former_of(e->val.map));
	}
	return true;
}

void field_writer_begin(struct field_writer *w, struct event *ev)
{
	w->ev = ev;
	/* After 2^32 events an old one could be taken for this one. */
	if (++w->event == 0) {
		memset(w, 0, sizeof(*w));
		w->ev = ev;
		w->event = 1;
	}
	remember(w, NODE_ROOT, &ev->root, FORMER_UNKNOWN);
	w->surveyed = survey(w);
}

static struct map *find_map(struct field_writer *w, uint8_t n, bool make);

/* NULL: it is not there and shall not be made. */
static inline struct map *node_map(struct field_writer *w, uint8_t n, bool make)
{
	return w->node[n].event == w->event ? w->node[n].map : find_map(w, n, make);
}

/* Not among what the node's map held before the writer came. */
static inline bool is_new(const struct field_writer *w, uint8_t n, const struct key *k)
{
	uint32_t former = w->node[n].former;
	const struct entry *e = w->node[n].map->e;

	if (former == FORMER_UNKNOWN)
		return false;
	for (uint32_t i = 0; i < former; i++)
		if (e[i].key.p == k->p)
			return false;
	return true;
}

/* Nothing stands under the node's name in its parent: that needs no look. */
static inline bool surely_absent(const struct field_writer *w, uint8_t n)
{
	uint8_t parent = nodes[n].parent;

	return parent == NODE_ROOT ? w->surveyed : is_new(w, parent, &nodes[n].key);
}

static struct map *make_map(struct field_writer *w, uint8_t n, struct map *up, struct value *have)
{
	struct map *m = map_new_block(w->ev->arena, nodes[n].cap);

	if (have)
		*have = v_map(m);
	else
		map_add(w->ev->arena, up, nodes[n].key, v_map(m));
	return remember(w, n, m, 0);
}

static __attribute__((noinline)) struct map *find_map(struct field_writer *w, uint8_t n, bool make)
{
	struct map *up = node_map(w, nodes[n].parent, make);
	struct value *have = NULL;

	if (!up)
		return NULL;
	if (!surely_absent(w, n))
		have = map_find(up, &nodes[n].key);
	if (value_is(have, V_MAP))
		return remember(w, n, have->map, former_of(have->map));
	return make ? make_map(w, n, up, have) : NULL;
}

void field_put(struct field_writer *w, enum field_id id, struct value v)
{
	uint8_t n = node_of[id];
	struct map *m = node_map(w, n, true);

	if (w->put[id] != w->event && is_new(w, n, &key_of[id]))
		map_add(w->ev->arena, m, key_of[id], v);
	else
		map_set(w->ev->arena, m, key_of[id], v);
	w->put[id] = w->event;
}

struct value *field_have(struct field_writer *w, enum field_id id)
{
	uint8_t n = node_of[id];
	struct map *m = node_map(w, n, false);

	if (!m || (w->put[id] != w->event && is_new(w, n, &key_of[id])))
		return NULL;
	return map_find(m, &key_of[id]);
}

struct str field_text(struct field_writer *w, enum field_id id)
{
	const struct value *v = field_have(w, id);

	return value_is(v, V_STRING) ? value_str(v) : (struct str){0};
}
