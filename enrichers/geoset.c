#include "enrichers/geoset.h"

#include "base/arena.h"
#include "base/log.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

enum { NAMES_MAX = 64 };

struct loading {
	const struct geoset_conf *conf;
	const struct geoset *current;
	struct geoset *set;
};

/* Better ones have a smaller number. */
static unsigned rank(const struct geodb *db)
{
	static const uint8_t ranks[] = {[GEO_CITY] = 0, [GEO_ENTERPRISE] = 1, [GEO_COUNTRY] = 2, [GEO_ASN] = 3,
					[GEO_ISP] = 4,	[GEO_DOMAIN] = 5,     [GEO_ANONYMOUS_IP] = 6, [GEO_OTHER] = 7};

	return ranks[geodb_kind(db)];
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
	if (found && l->conf->only && geodb_kind(db) != l->conf->kind && !(l->conf->kind == GEO_ASN && geodb_kind(db) == GEO_ISP)) {
		geodb_unref(db);
		return 0;
	}
	/* What was found is put in order; what was named has one. */
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
		struct err ignored;
		bool at_once;

		/* What is wrong with it geoset_load() says. */
		if (all && geodb_look(path[i], &at_once, &ignored) == 0)
			all = at_once;
		free(path[i]);
	}
	return all;
}

int geoset_look(struct geoset_conf *conf, bool *at_once, struct err *err)
{
	*at_once = true;
	for (unsigned i = 0; i < conf->n; i++) {
		bool one = true;

		if (is_folder(conf->path[i]))
			one = folder_at_once(conf->path[i]);
		else if (conf->must && geodb_look(conf->path[i], &one, err) == -1)
			return -1;
		*at_once &= one;
	}
	conf->looked = true;
	return 0;
}

void *geoset_load(void *conf, const void *current, struct err *err)
{
	struct loading l = {.conf = conf, .current = current, .set = xzalloc(sizeof(*l.set))};

	for (unsigned i = 0; i < l.conf->n; i++) {
		const char *path = l.conf->path[i];

		if (l.conf->last && i >= l.conf->last && l.set->n)
			break;
		if (is_folder(path)) {
			add_folder(&l, path);
		} else if (l.conf->must && add_file(&l, path, false, err) == -1) {
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
