#include "filter/ua_parser.h"

#include "base/buf.h"
#include "base/regex.h"
#include "base/utf8.h"
#include "event/yaml_read.h"
#include "event/tmpl.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 16 * 1024 * 1024 };
enum { SEARCH_NS = 20 * 1000 * 1000 }; /* of one pattern */

/* What a part of the answer is: a text that may hold $1 .. $9, else a group of the match. */
struct rule {
	struct regex *regex;
	struct str family, v[3];
};

struct rules {
	struct rule *rule;
	uint32_t n;
};

struct ua_parser {
	struct arena arena;
	struct rules browser, os, device;
	struct regex_match *match;
};

static struct str text_of(struct ua_parser *p, const struct map *m, const char *key)
{
	const struct value *v = map_find_str(m, str_z(key));

	return v && v->type != V_NULL ? value_text(&p->arena, v) : (struct str){0};
}

static int read_rules(struct ua_parser *p, const struct map *doc, const char *list, const char *family, const char *const v[3],
		      struct rules *out, struct err *err)
{
	const struct value *l = map_find_str(doc, str_z(list));

	if (!value_is(l, V_LIST))
		return err_set(err, "it holds no list '%s'", list);
	out->rule = arena_zalloc(&p->arena, l->list->n * sizeof(*out->rule) + 1);
	for (uint32_t i = 0; i < l->list->n; i++) {
		const struct value *e = &l->list->v[i];
		struct rule *r = &out->rule[out->n];
		struct str regex;

		if (e->type != V_MAP)
			return err_set(err, "entry %u of '%s' is no map", i + 1, list);
		regex = text_of(p, e->map, "regex");
		r->regex = regex_compile(regex, str_eq(text_of(p, e->map, "regex_flag"), STR("i")) ? REGEX_ICASE : 0, err);
		if (!r->regex)
			return err_prefix(err, "entry %u of '%s': ", i + 1, list);
		out->n++;
		r->family = text_of(p, e->map, family);
		for (int k = 0; k < 3; k++)
			if (v[k])
				r->v[k] = text_of(p, e->map, v[k]);
	}
	return 0;
}

static void release(struct rules *l)
{
	for (uint32_t i = 0; i < l->n; i++)
		regex_free(l->rule[i].regex);
}

void ua_parser_free(struct ua_parser *p)
{
	if (!p)
		return;
	release(&p->browser);
	release(&p->os);
	release(&p->device);
	regex_match_free(p->match);
	arena_release(&p->arena);
	free(p);
}

static int read_file(struct arena *a, struct str path, struct str *out, struct err *err)
{
	char *z = xstrdupz(path), *p;
	int fd = open(z, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t got;

	free(z);
	if (fd == -1)
		return err_sys(err, "cannot open '%.*s'", STR_ARG(path));
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		close(fd);
		return err_set(err, "'%.*s' is no file of at most 16 MiB", STR_ARG(path));
	}
	p = arena_bytes(a, (size_t)st.st_size + 1);
	got = read(fd, p, (size_t)st.st_size);
	if (got == -1)
		err_sys(err, "cannot read '%.*s'", STR_ARG(path));
	close(fd);
	*out = str_n(p, got > 0 ? (size_t)got : 0);
	return got == -1 ? -1 : 0;
}

struct ua_parser *ua_parser_load(struct str path, struct err *err)
{
	static const char *const browser_v[] = {"v1_replacement", "v2_replacement", "v3_replacement"};
	static const char *const os_v[] = {"os_v1_replacement", "os_v2_replacement", "os_v3_replacement"};
	static const char *const no_v[3];
	struct ua_parser *p = xzalloc(sizeof(*p));
	struct value doc;
	struct str text;

	arena_init(&p->arena, NULL);
	p->match = regex_match_new();
	regex_match_budget(p->match, SEARCH_NS);
	if (read_file(&p->arena, path, &text, err))
		goto fail;
	if (yaml_read(&p->arena, text, &doc, err)) {
		err_prefix(err, "'%.*s': ", STR_ARG(path));
		goto fail;
	}
	if (doc.type != V_MAP) {
		err_set(err, "'%.*s' holds no lists of patterns", STR_ARG(path));
		goto fail;
	}
	if (read_rules(p, doc.map, "user_agent_parsers", "family_replacement", browser_v, &p->browser, err) ||
	    read_rules(p, doc.map, "os_parsers", "os_replacement", os_v, &p->os, err) ||
	    read_rules(p, doc.map, "device_parsers", "device_replacement", no_v, &p->device, err)) {
		err_prefix(err, "'%.*s': ", STR_ARG(path));
		goto fail;
	}
	return p;
fail:
	ua_parser_free(p);
	return NULL;
}

/* ---- reading ---- */

/* A group of the last match; .p NULL where it took no part or is blank. */
static struct str group(const struct ua_parser *p, struct str s, unsigned i)
{
	size_t from, to;

	if (!regex_group(p->match, i, &from, &to) || str_trim(str_sub(s, from, to - from)).len == 0)
		return (struct str){0};
	return str_sub(s, from, to - from);
}

/* with: $1 .. $9 stand for groups. */
static struct str filled(const struct ua_parser *p, const struct rule *r, struct arena *a, struct str s, struct str with)
{
	struct str out;
	struct buf b;

	if (str_chr(with, '$') < 0)
		return with;
	buf_init(&b, 0);
	for (size_t i = 0; i < with.len; i++) {
		if (with.p[i] == '$' && i + 1 < with.len && ch_digit(with.p[i + 1])) {
			unsigned n = (unsigned)(with.p[++i] - '0');

			if (n <= regex_groups(r->regex))
				buf_str(&b, group(p, s, n));
		} else {
			buf_ch(&b, with.p[i]);
		}
	}
	out = arena_dup(a, str_trim(buf_slice(&b)));
	buf_release(&b);
	return out;
}

/* What the rule says, else the group. */
static struct str part(const struct ua_parser *p, const struct rule *r, struct arena *a, struct str s, struct str said, unsigned i)
{
	struct str out = {0};

	if (said.p)
		out = filled(p, r, a, s, said);
	else if (i <= regex_groups(r->regex))
		out = group(p, s, i);
	return out.len ? out : (struct str){0};
}

/* The first rule that fits and gives a name. */
static const struct rule *first(struct ua_parser *p, const struct rules *l, struct arena *a, struct str s, struct str *family)
{
	for (uint32_t i = 0; i < l->n; i++) {
		const struct rule *r = &l->rule[i];
		struct str required = regex_required(r->regex);

		if (required.len && str_find(s, required) < 0)
			continue;
		if (regex_exec_valid(r->regex, s, 0, p->match) != REGEX_YES)
			continue;
		*family = part(p, r, a, s, r->family, 1);
		if (family->p)
			return r;
	}
	*family = STR("Other");
	return NULL;
}

static void versions(struct ua_parser *p, const struct rules *l, struct arena *a, struct str s, struct ua_version *out)
{
	const struct rule *r = first(p, l, a, s, &out->family);

	for (unsigned i = 0; i < 4; i++)
		out->part[i] = r ? part(p, r, a, s, i < 3 ? r->v[i] : (struct str){0}, i + 2) : (struct str){0};
}

void ua_parse(struct ua_parser *p, struct arena *a, struct str s, struct ua *out)
{
	if (s.len > UA_TEXT_MAX)
		s.len = utf8_valid_len(str_sub(s, 0, UA_TEXT_MAX));
	s = utf8_scrub(a, s);
	versions(p, &p->browser, a, s, &out->browser);
	versions(p, &p->os, a, s, &out->os);
	first(p, &p->device, a, s, &out->device);
}
