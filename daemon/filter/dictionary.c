#include "filter/dictionary.h"

#include "base/buf.h"
#include "base/utf8.h"
#include "event/json.h"
#include "event/ruby_text.h"
#include "event/yaml_read.h"
#include "filter/csv_parse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What tells one version of a file from the next. */
struct stamp {
	int64_t s, ns;
	uint64_t inode, size;
};

struct dictionary {
	struct arena arena;
	enum dictionary_use use;
	struct map map;	      /* V_NONE: unfit */
	struct regex **regex; /* DICTIONARY_REGEX: of each entry */
	/* DICTIONARY_REPLACE: the entries that begin with a byte, in order, and the empty key */
	uint32_t *chain, first[256];
	uint32_t empty;
	struct stamp stamp;
};

enum { NO_ENTRY = UINT32_MAX };

/* ---- making ---- */

static bool unfit(const struct value *v)
{
	if (v->type == V_LIST)
		for (uint32_t i = 0; i < v->list->n; i++)
			if (unfit(&v->list->v[i]))
				return true;
	if (v->type == V_MAP)
		for (uint32_t i = 0; i < v->map->n; i++)
			if (unfit(&v->map->e[i].val))
				return true;
	return v->type == V_NONE;
}

static struct dictionary *dictionary_new(enum dictionary_use use)
{
	struct dictionary *d = xzalloc(sizeof(*d));

	arena_init(&d->arena, NULL);
	d->use = use;
	map_init(&d->arena, &d->map, 0);
	return d;
}

void dictionary_free(struct dictionary *d)
{
	if (!d)
		return;
	for (uint32_t i = 0; d->regex && i < d->map.n; i++)
		regex_free(d->regex[i]);
	arena_release(&d->arena);
	free(d);
}

void dictionary_each_regex(const struct dictionary *d, void (*fn)(void *arg, struct str key, const struct regex *r), void *arg)
{
	for (uint32_t i = 0; d->regex && i < d->map.n; i++)
		fn(arg, key_str(&d->map.e[i].key), d->regex[i]);
}

static int compile_keys(struct dictionary *d, struct err *err)
{
	d->regex = arena_zalloc(&d->arena, d->map.n * sizeof(struct regex *) + 1);
	for (uint32_t i = 0; i < d->map.n; i++) {
		d->regex[i] = regex_compile(key_str(&d->map.e[i].key), 0, err);
		if (!d->regex[i])
			return err_prefix(err, "key '%.*s': ", STR_ARG(key_str(&d->map.e[i].key)));
	}
	return 0;
}

static void chain_keys(struct dictionary *d)
{
	d->chain = arena_alloc(&d->arena, d->map.n * sizeof(*d->chain) + 1);
	memset(d->first, 0xff, sizeof(d->first));
	d->empty = NO_ENTRY;
	for (uint32_t i = d->map.n; i-- > 0;) {
		struct str k = key_str(&d->map.e[i].key);

		if (k.len == 0) {
			d->empty = i;
			continue;
		}
		d->chain[i] = d->first[(unsigned char)k.p[0]];
		d->first[(unsigned char)k.p[0]] = i;
	}
}

/* The entries are in; what the use needs beside them. Frees d on failure. */
static struct dictionary *finished(struct dictionary *d, struct err *err)
{
	if (d->use == DICTIONARY_REGEX && compile_keys(d, err)) {
		dictionary_free(d);
		return NULL;
	}
	if (d->use == DICTIONARY_REPLACE)
		chain_keys(d);
	return d;
}

static void take_entries(struct dictionary *d, const struct map *m, bool copy)
{
	for (uint32_t i = 0; i < m->n; i++) {
		struct key k = m->e[i].key;
		struct value v = m->e[i].val;

		if (unfit(&v))
			v = (struct value){.type = V_NONE};
		else if (copy)
			v = value_copy(&d->arena, &v, true);
		if (copy)
			k.p = arena_dup(&d->arena, key_str(&k)).p;
		map_set(&d->arena, &d->map, k, v);
	}
}

struct dictionary *dictionary_of_map(const struct map *m, enum dictionary_use use, struct err *err)
{
	struct dictionary *d = dictionary_new(use);

	take_entries(d, m, false);
	return finished(d, err);
}

/* ---- files ---- */

int dictionary_csv(struct arena *a, struct str text, struct map *out, struct err *err)
{
	static const struct csv_format format = {STR_INIT(","), STR_INIT("\"")};
	unsigned line = 0;

	if (str_starts(text, STR("\xef\xbb\xbf")))
		text = str_from(text, 3);
	while (text.len) {
		struct list *row;
		struct str s;

		if (!str_cut(&text, '\n', &s)) {
			s = text;
			text.len = 0;
		}
		line++;
		if (s.len && s.p[s.len - 1] == '\r')
			s.len--;
		if (csv_row(a, &format, s, &row) == CSV_BAD)
			return err_set(err, "line %u: a quote where none may be, or one that is not closed", line);
		if (row->n && row->v[0].type == V_STRING)
			map_set(a, out, key_make(value_str(&row->v[0])), row->n > 1 ? row->v[1] : v_null());
	}
	return 0;
}

static int read_whole(struct arena *a, struct str path, struct str *out, struct stamp *stamp, const struct stamp *former, struct err *err)
{
	char *z = xstrdupz(path), *p;
	int fd = open(z, O_RDONLY | O_CLOEXEC);
	struct stat st;
	size_t n = 0;
	int rc = -1;

	free(z);
	if (fd == -1)
		return err_sys(err, "cannot open '%.*s'", STR_ARG(path));
	if (fstat(fd, &st) == -1) {
		err_sys(err, "cannot read '%.*s'", STR_ARG(path));
		goto out;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > DICTIONARY_FILE_MAX) {
		err_set(err, "'%.*s' is %s", STR_ARG(path), S_ISREG(st.st_mode) ? "larger than 256 MiB" : "no file");
		goto out;
	}
	*stamp = (struct stamp){st.st_mtim.tv_sec, st.st_mtim.tv_nsec, st.st_ino, (uint64_t)st.st_size};
	if (former && memcmp(former, stamp, sizeof(*stamp)) == 0) {
		rc = 1;
		goto out;
	}
	p = arena_bytes(a, (size_t)st.st_size + 1);
	while (n < (size_t)st.st_size) {
		ssize_t got = read(fd, p + n, (size_t)st.st_size - n);

		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1) {
			err_sys(err, "cannot read '%.*s'", STR_ARG(path));
			goto out;
		}
		if (got == 0)
			break;
		n += (size_t)got;
	}
	*out = str_n(p, n);
	rc = 0;
out:
	close(fd);
	return rc;
}

enum format { FORMAT_NONE, FORMAT_YAML, FORMAT_JSON, FORMAT_CSV };

static enum format format_of(struct str path)
{
	if (str_ends(path, STR(".yml")) || str_ends(path, STR(".yaml")))
		return FORMAT_YAML;
	return str_ends(path, STR(".json")) ? FORMAT_JSON : str_ends(path, STR(".csv")) ? FORMAT_CSV : FORMAT_NONE;
}

static int read_entries(struct dictionary *d, enum format format, struct str text, struct err *err)
{
	struct value v = v_null();
	struct map *m;

	text = utf8_scrub(&d->arena, text);
	if (format == FORMAT_CSV) {
		m = map_new(&d->arena, 0);
		if (dictionary_csv(&d->arena, text, m, err))
			return -1;
		v = v_map(m);
	} else if (format == FORMAT_YAML) {
		if (yaml_read(&d->arena, text, &v, err))
			return -1;
	} else if (json_read(&d->arena, &text, NULL, &v, err)) {
		return -1;
	} else if (text.len) {
		return err_set(err, "something stands behind the document");
	}
	if (v.type == V_NULL || (format == FORMAT_YAML && v.type == V_BOOL && !v.b))
		return 0;
	if (v.type != V_MAP)
		return err_set(err, "it holds no pairs of keys and values");
	take_entries(d, v.map, false);
	return 0;
}

struct dictionary *dictionary_of_file(struct str path, enum dictionary_use use, const struct dictionary *former, bool merge,
				      struct err *err)
{
	enum format format = format_of(path);
	struct dictionary *d;
	struct str text;
	int rc;

	if (format == FORMAT_NONE) {
		err_set(err, "'%.*s' ends in none of .yml, .yaml, .json and .csv", STR_ARG(path));
		return NULL;
	}
	d = dictionary_new(use);
	rc = read_whole(&d->arena, path, &text, &d->stamp, former ? &former->stamp : NULL, err);
	if (rc) {
		dictionary_free(d);
		return NULL;
	}
	if (former && merge)
		take_entries(d, &former->map, true);
	if (read_entries(d, format, text, err)) {
		err_prefix(err, "'%.*s': ", STR_ARG(path));
		dictionary_free(d);
		return NULL;
	}
	return finished(d, err);
}

/* ---- looking up ---- */

static enum dictionary_answer found(const struct value *v, struct arena *a, struct value *out)
{
	if (!v)
		return DICTIONARY_MISS;
	if (v->type == V_NONE)
		return DICTIONARY_UNFIT;
	/* With its text: the event may outlive the dictionary. */
	*out = value_copy(a, v, true);
	return DICTIONARY_HIT;
}

/* The first entry whose key stands at the front of s. */
static uint32_t key_at(const struct dictionary *d, struct str s)
{
	uint32_t i = s.len ? d->first[(unsigned char)s.p[0]] : NO_ENTRY;

	while (i != NO_ENTRY && i < d->empty && !str_starts(s, key_str(&d->map.e[i].key)))
		i = d->chain[i];
	return i != NO_ENTRY && i < d->empty ? i : d->empty;
}

/* Ruby's gsub with a hash: an empty key is found before every character and at the end. */
static enum dictionary_answer replace(const struct dictionary *d, struct str word, struct arena *a, struct value *out)
{
	struct str rest = word, text;
	struct buf b;

	buf_init(&b, 0);
	for (;;) {
		uint32_t i = key_at(d, rest);
		size_t n = i == NO_ENTRY ? 0 : d->map.e[i].key.len;
		struct str before = rest;

		if (i != NO_ENTRY)
			buf_str(&b, ruby_to_s(a, &d->map.e[i].val));
		if (n) {
			rest = str_from(rest, n);
			continue;
		}
		if (rest.len == 0)
			break;
		utf8_next(&rest);
		buf_add(&b, before.p, (size_t)(rest.p - before.p));
	}
	text = arena_dup(a, buf_slice(&b));
	buf_release(&b);
	if (str_eq(text, word))
		return DICTIONARY_MISS;
	*out = v_str(text);
	return DICTIONARY_HIT;
}

enum dictionary_answer dictionary_find(const struct dictionary *d, struct str word, struct regex_match *match, struct arena *a,
				       struct value *out)
{
	switch (d->use) {
	case DICTIONARY_EXACT:
		return found(map_find_str(&d->map, word), a, out);
	case DICTIONARY_REGEX:
		for (uint32_t i = 0; i < d->map.n; i++)
			if (regex_exec(d->regex[i], word, 0, match) == REGEX_YES)
				return found(&d->map.e[i].val, a, out);
		return DICTIONARY_MISS;
	case DICTIONARY_REPLACE:
		return replace(d, word, a, out);
	}
	return DICTIONARY_MISS;
}
