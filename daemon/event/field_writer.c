#include "event/field_writer.h"

#include "base/err.h"

/* Of each field the node it hangs on, of each node its own; NODE_ROOT: the event. Made with the fields, read by all threads. */
enum { NODE_ROOT = 0 };

struct node {
	struct key key;
	uint8_t parent;
	uint8_t size; /* rows that hang on it */
};

static struct node nodes[FIELD_NODES];
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
}

void field_writer_begin(struct field_writer *w, struct event *ev)
{
	w->ev = ev;
	/* After 2^32 events an old one could be taken for this one. */
	if (++w->event == 0) {
		memset(w->node, 0, sizeof(w->node));
		w->event = 1;
	}
	w->node[NODE_ROOT].event = w->event;
	w->node[NODE_ROOT].map = &ev->root;
}

static struct map *find_map(struct field_writer *w, uint8_t n, bool make);

/* NULL: it is not there and shall not be made. */
static inline struct map *node_map(struct field_writer *w, uint8_t n, bool make)
{
	return w->node[n].event == w->event ? w->node[n].map : find_map(w, n, make);
}

static __attribute__((noinline)) struct map *find_map(struct field_writer *w, uint8_t n, bool make)
{
	struct map *up = node_map(w, nodes[n].parent, make);
	struct value *have;

	if (!up)
		return NULL;
	have = map_find(up, &nodes[n].key);
	if (value_is(have, V_MAP)) {
		w->node[n].map = have->map;
	} else if (!make) {
		return NULL;
	} else {
		unsigned cap = nodes[n].size < 8 ? (nodes[n].size + 3u) & ~3u : 8;

		w->node[n].map = map_new_block(w->ev->arena, cap);
		if (have)
			*have = v_map(w->node[n].map);
		else
			map_add(w->ev->arena, up, nodes[n].key, v_map(w->node[n].map));
	}
	w->node[n].event = w->event;
	return w->node[n].map;
}

void field_put(struct field_writer *w, enum field_id id, struct value v)
{
	map_set(w->ev->arena, node_map(w, node_of[id], true), key_of[id], v);
}

struct value *field_have(struct field_writer *w, enum field_id id)
{
	struct map *m = node_map(w, node_of[id], false);

	return m ? map_find(m, &key_of[id]) : NULL;
}
