#include "filter/xml_simple.h"

#include "base/buf.h"

#include <libxml/tree.h>

static struct str text_z(struct arena *a, const xmlChar *z)
{
	return arena_dup(a, str_z(z ? (const char *)z : ""));
}

static struct str qualified(struct arena *a, const xmlNs *ns, const xmlChar *name)
{
	if (ns && ns->prefix)
		return arena_printf(a, "%s:%s", (const char *)ns->prefix, (const char *)name);
	return text_z(a, name);
}

static void put(struct arena *a, struct map *m, struct str key, struct value v)
{
	map_set(a, m, key_make(key), v);
}

/* Declarations of namespaces are attributes, too. Returns how many there are. */
static unsigned attributes(struct arena *a, const xmlNode *e, struct map *out)
{
	unsigned n = 0;

	for (const xmlNs *ns = e->nsDef; ns; ns = ns->next, n++)
		put(a, out, ns->prefix ? arena_printf(a, "xmlns:%s", (const char *)ns->prefix) : STR("xmlns"), v_str(text_z(a, ns->href)));
	for (const xmlAttr *at = e->properties; at; at = at->next, n++) {
		xmlChar *v = xmlNodeListGetString(e->doc, at->children, 1);

		put(a, out, qualified(a, at->ns, at->name), v_str(text_z(a, v)));
		xmlFree(v);
	}
	return n;
}

static bool is_text(const xmlNode *n)
{
	return n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE || n->type == XML_ENTITY_REF_NODE;
}

static bool blank(struct str s)
{
	return str_trim(s).len == 0;
}

static bool empty(const struct value *v)
{
	if (v->type == V_MAP)
		return v->map->n == 0;
	return v->type == V_NULL || (v->type == V_STRING && blank(value_str(v)));
}

/* A reference to an entity that nobody declared stays as it is written. */
static void put_node_text(struct buf *b, const xmlNode *n)
{
	if (n->type == XML_ENTITY_REF_NODE)
		buf_printf(b, "&%s;", (const char *)n->name);
	else
		buf_str(b, str_z(n->content ? (const char *)n->content : ""));
}

/* As the source has it. */
static void put_escaped(struct buf *b, const xmlNode *n)
{
	if (n->type == XML_TEXT_NODE && n->content) {
		xmlChar *s = xmlEncodeSpecialChars(n->doc, n->content);

		buf_str(b, str_z(s ? (const char *)s : ""));
		xmlFree(s);
	} else {
		put_node_text(b, n);
	}
}

static struct str taken(struct arena *a, struct buf *b)
{
	struct str s = arena_dup(a, buf_slice(b));

	buf_release(b);
	return s;
}

static struct str all_text(struct arena *a, const xmlNode *e)
{
	struct buf b;

	buf_init(&b, 0);
	for (const xmlNode *n = e->children; n; n = n->next)
		if (is_text(n))
			put_node_text(&b, n);
	return taken(a, &b);
}

/* The texts between the children: a run without anything between it is one. */
static struct value mixed(struct arena *a, const xmlNode *e)
{
	struct list *l = list_new(a, 4);

	for (const xmlNode *n = e->children; n;) {
		struct buf b;

		if (!is_text(n)) {
			n = n->next;
			continue;
		}
		buf_init(&b, 0);
		if (n->type == XML_CDATA_SECTION_NODE) {
			put_node_text(&b, n);
			n = n->next;
		} else {
			for (; n && is_text(n) && n->type != XML_CDATA_SECTION_NODE; n = n->next)
				put_escaped(&b, n);
		}
		list_push(a, l, v_str(taken(a, &b)));
	}
	return l->n == 1 ? l->v[0] : v_list(l);
}

static void merge(const struct xml_simple *opt, struct arena *a, struct map *m, struct str name, struct value v)
{
	struct value *have = map_find_str(m, name);
	struct list *l;

	if (have && have->type == V_LIST) {
		list_push(a, have->list, v);
		return;
	}
	if (have || opt->force_array) {
		l = list_new(a, 2);
		if (have)
			list_push(a, l, *have);
		list_push(a, l, v);
		v = v_list(l);
	}
	put(a, m, name, v);
}

struct value xml_simple(const struct xml_simple *opt, struct arena *a, const xmlNode *e)
{
	struct map *m = map_new(a, 4);
	unsigned attrs = attributes(a, e, m);
	bool elements = false, texts = false;
	struct str text;

	for (const xmlNode *n = e->children; n; n = n->next) {
		elements |= n->type == XML_ELEMENT_NODE;
		texts |= is_text(n);
	}
	text = texts ? all_text(a, e) : STR("");
	if (!elements && texts) {
		if (blank(text))
			return v_map(map_new(a, 0));
		if (attrs == 0 && !opt->force_content)
			return v_str(text);
		put(a, m, STR("content"), v_str(text));
		return v_map(m);
	}
	for (const xmlNode *n = e->children; n; n = n->next) {
		struct value v;

		if (n->type != XML_ELEMENT_NODE)
			continue;
		v = xml_simple(opt, a, n);
		if (!(empty(&v) && attrs == 0 && opt->suppress_empty))
			merge(opt, a, m, text_z(a, n->name), v);
	}
	if (elements && !blank(text))
		put(a, m, STR("content"), mixed(a, e));
	return m->n == 0 && opt->suppress_empty ? v_null() : v_map(m);
}
