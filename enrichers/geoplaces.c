#include "enrichers/geoplaces.h"

#include "base/file.h"

#include <glob.h>
#include <stdlib.h>

struct places {
	struct arena *arena;
	const char **path;
	unsigned n, max;
};

static void add(struct places *p, struct str path)
{
	for (unsigned i = 0; i < p->n; i++)
		if (str_eqz(path, p->path[i]))
			return;
	if (p->n < p->max)
		p->path[p->n++] = arena_dupz(p->arena, path);
}

static void add_found(struct places *p, struct str pattern)
{
	glob_t g = {0};

	if (glob(arena_dupz(p->arena, pattern), GLOB_ONLYDIR, NULL, &g))
		return;
	/* The last first: stamps and versions rise, and there may be more than there is room for. */
	for (size_t i = g.gl_pathc; i > 0; i--)
		add(p, str_z(g.gl_pathv[i - 1]));
	globfree(&g);
}

/* Logstash's path.data. */
static void add_data(struct places *p, struct str dir)
{
	if (!dir.len)
		return;
	add_found(p, arena_printf(p->arena, "%.*s/geoip_database_management/*", STR_ARG(dir)));
	add_found(p, arena_printf(p->arena, "%.*s/plugins/filters/geoip/*", STR_ARG(dir)));
}

static void add_home(struct places *p, struct str dir)
{
	if (!dir.len)
		return;
	add_data(p, arena_printf(p->arena, "%.*s/data", STR_ARG(dir)));
	add_found(p, arena_printf(p->arena, "%.*s/vendor/bundle/jruby/*/gems/logstash-filter-geoip-*/vendor", STR_ARG(dir)));
}

unsigned geo_places(struct arena *a, const struct settings *s, bool brought, const char **path, unsigned max, unsigned *own)
{
	static const char *const system_folders[] = {"/var/lib/GeoIP", "/usr/share/GeoIP", "/usr/local/share/GeoIP"};
	static const char *const homes[] = {"/usr/share/logstash", "/opt/logstash"};
	const char *home = getenv("LS_HOME");
	struct places p = {a, path, 0, max};

	if (s->data_dir.len)
		add(&p, arena_printf(a, "%.*s/geoip", STR_ARG(s->data_dir)));
	add(&p, STR("/var/lib/weird/geoip"));
	*own = p.n;
	for (size_t i = 0; i < sizeof(system_folders) / sizeof(*system_folders); i++)
		add(&p, str_z(system_folders[i]));
	/* The Logstash folders' copies in weir's own data folder, too: that is how file positions are taken along. */
	add_data(&p, s->data_dir);
	add_data(&p, s->data_written);
	add_data(&p, STR("/var/lib/logstash"));
	add_home(&p, home ? str_z(home) : STR(""));
	for (size_t i = 0; i < sizeof(homes) / sizeof(*homes); i++)
		add_home(&p, str_z(homes[i]));
	/* Of 2019, so that any other is newer. */
	if (brought) {
		struct str built = file_beside_program(a, "geolite2");

		if (built.len)
			add(&p, built);
		add(&p, STR("/usr/share/weir/geolite2"));
	}
	return p.n;
}
