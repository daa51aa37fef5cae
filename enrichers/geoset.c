#include "enrichers/geoset.h"

#include "base/arena.h"
#include "base/log.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

enum { NAMES_MAX = 64 };

struct loading {
	const struct geoset_conf *conf;
	const struct geoset *current;
	struct geoset *set;
};

/* Better ones first. */
static const enum geo_kind by_rank[] = {GEO_CITY, GEO_ENTERPRISE, GEO_COUNTRY, GEO_ASN, GEO_ISP, GEO_DOMAIN, GEO_ANONYMOUS_IP, GEO_OTHER};
enum { KINDS = sizeof(by_rank) / sizeof(*by_rank) };

static unsigned rank(const struct geodb *db)
{
	unsigned r = 0;

	while (by_rank[r] != geodb_kind(db))
		r++;
	return r;
}

static struct geodb *former(const struct geoset *set, const char *path)
{
	for (unsigned i = 0; set && i < set->n; i++)
		if (strcmp(geodb_path(set->db[i]), path) == 0)
			return set->db[i];
	return NULL;
}

/* -1 and err: it cannot be opened and there was nothing before. */
static int add_file(struct loading *l, const char *path, bool found, struct err *err)
{
	struct geodb *db, *old = former(l->current, path);
	unsigned at;

	if (l->set->n == GEOSET_MAX)
		return err_set(err, "cannot use '%s': more than %d databases", path, GEOSET_MAX);
	db = geodb_open(path, l->conf->scratch, err);
	if (!db && old) {
		log_error("geoip", "%s; what was read before stays in use", err->text);
		db = geodb_ref(old);
	}
	if (!db)
		return -1;
	/* What lies in a folder is put in order; what was named has one. */
	at = l->set->n++;
	for (; found && at > 0 && rank(l->set->db[at - 1]) > rank(db); at--)
		l->set->db[at] = l->set->db[at - 1];
	l->set->db[at] = db;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The databases in a folder, by name; the caller frees the paths. */
static unsigned list_folder(const char *folder, char *path[NAMES_MAX])
{
	unsigned n = 0;
	DIR *d = opendir(folder);
	struct dirent *e;

	while (d && n < NAMES_MAX && (e = readdir(d))) {
		char text[4096];

		if (str_ends(str_z(e->d_name), STR(".mmdb")) && (size_t)snprintf(text, sizeof(text), "%s/%s", folder, e->d_name) < sizeof(text))
			path[n++] = xstrdupz(str_z(text));
	}
	if (d)
		closedir(d);
	qsort(path, n, sizeof(*path), by_name);
	return n;
}

/* All of a folder. What cannot be opened there is logged and passed over: nobody named it. */
static void add_folder(struct loading *l, const char *folder)
{
	char *path[NAMES_MAX];
	unsigned n = list_folder(folder, path);
	struct err err;

	for (unsigned i = 0; i < n; i++) {
		if (add_file(l, path[i], true, &err) == -1)
			log_warn("geoip", "%s; it is passed over", err.text);
		free(path[i]);
	}
}

/* ---- nobody named them ---- */

/* A database that was found. */
struct candidate {
	char *path;
	unsigned folder;
	struct geodb_about about;
	bool at_once, bad;
};

struct found {
	struct candidate *v;
	unsigned n, cap;
};

static void found_release(struct found *f)
{
	for (unsigned i = 0; i < f->n; i++)
		free(f->v[i].path);
	free(f->v);
}

/* What has become damaged is as good as it was. false: it cannot be used. */
static bool look_at(struct candidate *c, const struct geoset *current, bool tell)
{
	struct err err;
	const struct geodb *old;

	if (geodb_look(c->path, &c->about, &c->at_once, &err) == 0)
		return true;
	old = former(current, c->path);
	if (old)
		c->about.kind = geodb_kind(old);
	else if (tell)
		log_warn("geoip", "%s; it is passed over", err.text);
	return old;
}

static void find_all(const struct geoset_conf *conf, const struct geoset *current, bool tell, struct found *f)
{
	*f = (struct found){0};
	for (unsigned i = 0; i < conf->n; i++) {
		char *path[NAMES_MAX];
		unsigned n = list_folder(conf->path[i], path);

		for (unsigned k = 0; k < n; k++) {
			struct candidate c = {.path = path[k], .folder = i};

			if (!look_at(&c, current, tell)) {
				free(path[k]);
				continue;
			}
			if (f->n == f->cap) {
				f->cap = f->cap ? 2 * f->cap : 16;
				f->v = xrealloc(f->v, f->cap * sizeof(*f->v));
			}
			f->v[f->n++] = c;
		}
	}
}

/* The folder that serves a kind; UINT_MAX where there is none of it. */
static unsigned folder_of(const struct geoset_conf *conf, const struct found *f, enum geo_kind kind)
{
	const struct candidate *best = NULL;

	for (unsigned i = 0; i < f->n; i++) {
		const struct candidate *c = &f->v[i];

		if (c->bad || c->about.kind != kind)
			continue;
		if (c->folder < conf->own)
			return c->folder;
		if (!best || c->about.built > best->about.built)
			best = c;
	}
	return best ? best->folder : UINT_MAX;
}

/* A country is better than nothing where cities are asked for. */
static enum geo_kind nearest_kind(const struct geoset_conf *conf, const struct found *f)
{
	static const enum geo_kind places[] = {GEO_CITY, GEO_ENTERPRISE, GEO_COUNTRY}, networks[] = {GEO_ASN, GEO_ISP, GEO_ISP};
	const enum geo_kind *kinds = conf->kind == GEO_ASN ? networks : places;

	for (unsigned i = 0; i < 3; i++)
		if (folder_of(conf, f, kinds[i]) != UINT_MAX)
			return kinds[i];
	return conf->kind;
}

/* Those that are to be used, in order. */
static unsigned choose(const struct geoset_conf *conf, const struct found *f, struct candidate *out[GEOSET_MAX])
{
	enum geo_kind only = conf->only ? nearest_kind(conf, f) : GEO_OTHER;
	unsigned n = 0;

	for (unsigned r = 0; r < KINDS; r++) {
		enum geo_kind kind = by_rank[r];
		unsigned folder = folder_of(conf, f, kind);

		if (conf->only && kind != only)
			continue;
		for (unsigned i = 0; i < f->n && n < GEOSET_MAX; i++)
			if (!f->v[i].bad && f->v[i].about.kind == kind && f->v[i].folder == folder)
				out[n++] = &f->v[i];
	}
	return n;
}

/* What turns out to be damaged is passed over, and what comes next to it taken instead. */
static struct geoset *load_found(const struct geoset_conf *conf, const struct geoset *current)
{
	struct geoset *set = NULL, *before;
	struct candidate *pick[GEOSET_MAX];
	struct found f;
	struct err err;
	unsigned n, i;

	find_all(conf, current, true, &f);
	do {
		struct loading l = {.conf = conf, .current = current, .set = xzalloc(sizeof(*l.set))};

		n = choose(conf, &f, pick);
		for (i = 0; i < n && add_file(&l, pick[i]->path, false, &err) == 0; i++)
			;
		if (i < n) {
			log_warn("geoip", "%s; it is passed over", err.text);
			pick[i]->bad = true;
		}
		/* What both have stays open. */
		before = set;
		set = l.set;
		geoset_free(before);
	} while (i < n);
	found_release(&f);
	return set;
}

static bool found_at_once(const struct geoset_conf *conf)
{
	struct candidate *pick[GEOSET_MAX];
	bool all = true;
	struct found f;
	unsigned n;

	find_all(conf, NULL, false, &f);
	n = choose(conf, &f, pick);
	for (unsigned i = 0; i < n; i++)
		all &= pick[i]->at_once;
	found_release(&f);
	return all;
}

/* ---- named ones ---- */

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool folder_at_once(const char *folder)
{
	char *path[NAMES_MAX];
	unsigned n = list_folder(folder, path);
	bool all = true;

	for (unsigned i = 0; i < n; i++) {
		struct geodb_about about;
		struct err ignored;
		bool at_once;

		/* What is wrong with it geoset_load() says. */
		if (all && geodb_look(path[i], &about, &at_once, &ignored) == 0)
			all = at_once;
		free(path[i]);
	}
	return all;
}

int geoset_look(struct geoset_conf *conf, bool *at_once, struct err *err)
{
	*at_once = conf->must || found_at_once(conf);
	for (unsigned i = 0; conf->must && i < conf->n; i++) {
		struct geodb_about about;
		bool one = true;

		if (is_folder(conf->path[i]))
			one = folder_at_once(conf->path[i]);
		else if (geodb_look(conf->path[i], &about, &one, err) == -1)
			return -1;
		*at_once &= one;
	}
	conf->looked = true;
	return 0;
}

void *geoset_load(void *conf, const void *current, struct err *err)
{
	struct loading l = {.conf = conf, .current = current};

	if (!l.conf->must)
		return load_found(conf, current);
	l.set = xzalloc(sizeof(*l.set));
	for (unsigned i = 0; i < l.conf->n; i++) {
		const char *path = l.conf->path[i];

		if (is_folder(path)) {
			add_folder(&l, path);
		} else if (add_file(&l, path, false, err) == -1) {
			if (l.conf->looked) {
				log_error("geoip", "%s; it is done without", err->text);
				continue;
			}
			geoset_free(l.set);
			return NULL;
		}
	}
	return l.set;
}

void geoset_free(void *object)
{
	struct geoset *set = object;

	for (unsigned i = 0; set && i < set->n; i++)
		geodb_unref(set->db[i]);
	free(set);
}
