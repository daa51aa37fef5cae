/*
 * xml.c - the filter `xml`: XML in a field becomes values, or what XPath finds in it. Work thread.
 *
 * As in Logstash two readers look at the text: what is stored must be well-formed, what XPath searches is mended first where it is not
 * (unless parse_options is strict). Neither loads anything: no entity, no DTD, no file, no network.
 */
#include "base/number.h"
#include "filter/support.h"
#include "filter/xml_simple.h"

#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>

struct search {
	struct str text;
	xmlXPathCompExprPtr xpath; /* NULL: no XPath: each event is tagged, as in Logstash */
	const struct ref *into;
};

struct xml {
	const struct ref *source, *target;
	const struct map *xpath, *namespaces;
	bool store_xml, remove_namespaces;
	struct str parse_options;
	struct xml_simple form;
	struct search *search;
	uint32_t n;
};

static void silent(void *arg, xmlErrorPtr error)
{
	(void)arg;
	(void)error;
}

static xmlXPathContextPtr context_new(xmlDocPtr doc)
{
	xmlXPathContextPtr c = xmlXPathNewContext(doc);

	bug_on(!c);
	c->error = silent;
	return c;
}

static void xml_close(void *self)
{
	struct xml *x = self;

	for (uint32_t i = 0; i < x->n; i++)
		if (x->search[i].xpath)
			xmlXPathFreeCompExpr(x->search[i].xpath);
	x->n = 0;
}

static int xml_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct xml *x = self;
	uint32_t n = x->xpath ? x->xpath->n : 0;
	xmlXPathContextPtr c;

	if (x->store_xml && !x->target)
		return err_set(err, "'target' is missing: the field that gets the document (or store_xml => false)");
	xmlInitParser();
	c = context_new(NULL);
	x->search = arena_zalloc(ctx->arena, n * sizeof(*x->search) + 1);
	for (uint32_t i = 0; i < n; i++) {
		struct search *s = &x->search[x->n++];

		s->text = key_str(&x->xpath->e[i].key);
		s->into = ref_compile(ctx->arena, value_text(ctx->arena, &x->xpath->e[i].val), err);
		if (!s->into) {
			xmlXPathFreeContext(c);
			xml_close(x);
			return -1;
		}
		s->xpath = xmlXPathCtxtCompile(c, (const xmlChar *)arena_dupz(ctx->arena, s->text));
		if (!s->xpath)
			plugin_warn(ctx, "xml: '%.*s' is no XPath: every event will be a failure", STR_ARG(s->text));
	}
	xmlXPathFreeContext(c);
	return 0;
}

static enum step fail(struct event *ev)
{
	event_tag(ev, STR("_xmlparsefailure"));
	return STEP_PASS;
}

static xmlDocPtr parse(struct str s, bool mend, bool *well_formed)
{
	int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | (mend ? XML_PARSE_RECOVER : 0);
	xmlParserCtxtPtr p = xmlNewParserCtxt();
	xmlDocPtr doc;

	bug_on(!p);
	doc = xmlCtxtReadMemory(p, s.p, (int)s.len, NULL, "UTF-8", options);
	*well_formed = doc && p->wellFormed && p->nsWellFormed;
	xmlFreeParserCtxt(p);
	return doc;
}

/* ---- XPath ---- */

static void forget_namespaces(xmlNodePtr n)
{
	for (; n; n = n->next) {
		if (n->type != XML_ELEMENT_NODE)
			continue;
		n->ns = NULL;
		for (xmlAttrPtr a = n->properties; a; a = a->next)
			a->ns = NULL;
		forget_namespaces(n->children);
	}
}

/* Those of the option, else those that the outermost element declares. */
static void register_namespaces(const struct xml *x, struct arena *a, xmlXPathContextPtr c, const xmlNode *root)
{
	for (uint32_t i = 0; x->namespaces && i < x->namespaces->n; i++)
		xmlXPathRegisterNs(c, (const xmlChar *)arena_dupz(a, key_str(&x->namespaces->e[i].key)),
				   (const xmlChar *)arena_dupz(a, value_text(a, &x->namespaces->e[i].val)));
	if ((x->namespaces && x->namespaces->n) || !root)
		return;
	for (const xmlNs *ns = root->nsDef; ns; ns = ns->next)
		xmlXPathRegisterNs(c, ns->prefix ? ns->prefix : (const xmlChar *)"xmlns", ns->href);
}

static struct str node_text(struct arena *a, xmlNodePtr n)
{
	xmlBufferPtr b;
	struct str s;

	if (n->type == XML_ATTRIBUTE_NODE) {
		xmlChar *v = xmlNodeGetContent(n);

		s = arena_dup(a, str_z(v ? (const char *)v : ""));
		xmlFree(v);
		return s;
	}
	b = xmlBufferCreate();
	bug_on(!b);
	xmlNodeDump(b, n->doc, n, 0, 1);
	s = arena_dup(a, str_n((const char *)xmlBufferContent(b), (size_t)xmlBufferLength(b)));
	xmlBufferFree(b);
	return s;
}

/* Results gather in a list; a text that is there is made longer, as in Ruby. */
static bool add_result(struct event *ev, const struct ref *ref, struct str s)
{
	struct value *have = event_get(ev, ref);
	struct list *l;

	if (value_is(have, V_LIST)) {
		list_push(ev->arena, have->list, v_str(s));
		return true;
	}
	if (value_is(have, V_STRING))
		return filter_set(ev, ref, v_str(arena_printf(ev->arena, "%.*s%.*s", STR_ARG(value_str(have)), STR_ARG(s))));
	l = list_new(ev->arena, 2);
	list_push(ev->arena, l, v_str(s));
	return filter_set(ev, ref, v_list(l));
}

/* -1: no XPath, or a field that cannot be set; 1: something was found. */
static int run_search(const struct search *s, struct event *ev, xmlXPathContextPtr c)
{
	xmlXPathObjectPtr r = s->xpath ? xmlXPathCompiledEval(s->xpath, c) : NULL;
	char number[NUMBER_TEXT_MAX];
	struct str text = STR("");
	int found = 1;

	if (!r)
		return -1;
	switch (r->type) {
	case XPATH_NODESET:
		found = 0;
		for (int i = 0; found >= 0 && r->nodesetval && i < r->nodesetval->nodeNr; i++) {
			xmlNodePtr n = r->nodesetval->nodeTab[i];

			if (n->type != XML_NAMESPACE_DECL)
				found = add_result(ev, s->into, node_text(ev->arena, n)) ? 1 : -1;
		}
		break;
	case XPATH_BOOLEAN:
		text = r->boolval ? STR("true") : STR("false");
		break;
	case XPATH_NUMBER:
		text = str_n(number, ruby_double_text(r->floatval, number));
		break;
	case XPATH_STRING:
		text = str_z((const char *)r->stringval);
		break;
	default:
		found = 0;
		break;
	}
	if (r->type != XPATH_NODESET && found && !add_result(ev, s->into, arena_dup(ev->arena, text)))
		found = -1;
	xmlXPathFreeObject(r);
	return found;
}

static int run_searches(const struct xml *x, struct event *ev, struct str text)
{
	bool strict = str_ieq(x->parse_options, STR("strict")), well_formed;
	xmlDocPtr doc;
	xmlXPathContextPtr c;
	int found = 0;

	if (x->n == 0)
		return 0;
	doc = parse(text, !strict, &well_formed);
	if (strict && !well_formed) {
		xmlFreeDoc(doc);
		return -1;
	}
	if (!doc)
		doc = xmlNewDoc(NULL);
	bug_on(!doc);
	if (x->remove_namespaces)
		forget_namespaces(xmlDocGetRootElement(doc));
	c = context_new(doc);
	register_namespaces(x, ev->arena, c, xmlDocGetRootElement(doc));
	for (uint32_t i = 0; i < x->n && found >= 0; i++) {
		int one = run_search(&x->search[i], ev, c);

		if (one)
			found = one;
	}
	xmlXPathFreeContext(c);
	xmlFreeDoc(doc);
	return found;
}

static enum step xml_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	const struct xml *x = self;
	const struct value *v = event_get(ev, x->source);
	bool well_formed, ok;
	struct value stored;
	struct str text;
	xmlDocPtr doc;
	int found;

	(void)ctx;
	if (!v)
		return STEP_PASS;
	if (v->type == V_LIST && v->list->n == 1)
		v = &v->list->v[0];
	if (v->type != V_STRING || v->len > INT32_MAX)
		return fail(ev);
	text = value_str(v);
	if (str_trim(text).len == 0)
		return STEP_PASS;
	found = run_searches(x, ev, text);
	if (found < 0)
		return fail(ev);
	if (!x->store_xml)
		return found ? STEP_OK : STEP_PASS;
	doc = parse(text, false, &well_formed);
	ok = well_formed && xmlDocGetRootElement(doc);
	if (ok)
		stored = xml_simple(&x->form, ev->arena, xmlDocGetRootElement(doc));
	xmlFreeDoc(doc);
	return ok && filter_set(ev, x->target, stored) ? STEP_OK : fail(ev);
}

#define AT(member) offsetof(struct xml, member)
static const struct option options[] = {
	{"source", OPT_REF, AT(source), .flags = OPT_REQUIRED, .doc = "field with the document"},
	{"target", OPT_REF, AT(target), .doc = "field that gets it; needed unless store_xml is false"},
	{"store_xml", OPT_BOOL, AT(store_xml), .def = "true", .doc = "store the whole document"},
	{"xpath", OPT_HASH, AT(xpath), .doc = "XPath => field that gets a list of what it finds"},
	{"namespaces", OPT_HASH, AT(namespaces), .doc = "prefix in XPath => namespace; those of the outermost element by default"},
	{"remove_namespaces", OPT_BOOL, AT(remove_namespaces), .def = "false", .doc = "XPath sees no namespaces"},
	{"force_array", OPT_BOOL, AT(form.force_array), .def = "true", .doc = "every child is a list, also a single one"},
	{"force_content", OPT_BOOL, AT(form.force_content), .def = "false", .doc = "text alone is {\"content\": text}, too"},
	{"suppress_empty", OPT_BOOL, AT(form.suppress_empty), .def = "true", .doc = "leave out what holds nothing"},
	{"parse_options", OPT_STRING, AT(parse_options), .doc = "strict: XPath searches only what is well-formed"},
	{0},
};
#undef AT

FILTER(xml, .size = sizeof(struct xml), .options = options, .doc = "XML becomes values, or what XPath finds in it", .open = xml_open,
       .close = xml_close, .filter = {.run = xml_run})
