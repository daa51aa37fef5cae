#include "config/pipelines.h"

#include "config/settings_yaml.h"

enum { PIPELINES_MAX = 1000 };

struct reading {
	struct pipeline_list *list;
	struct program_settings base;
	size_t cap;
	bool too_many;
};

/* What Logstash lets a pipeline have for itself. */
static bool is_per_pipeline(struct str name)
{
	static const char *const names[] = {"config.debug",	       "config.string",	  "config.support_escapes", "config.reload.automatic",
					    "config.reload.interval", "metric.collect", "path.config",	    "path.queue",
					    "path.dead_letter_queue"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_eqz(name, names[i]))
			return true;
	return str_starts(name, STR("pipeline.")) || str_starts(name, STR("queue.")) || str_starts(name, STR("dead_letter_queue."));
}

static void item(void *arg, struct pos pos)
{
	struct reading *r = arg;
	struct pipeline_list *l = r->list;

	if (l->n == PIPELINES_MAX) {
		r->too_many = true;
		return;
	}
	if (l->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 8;

		l->entry = arena_grow(r->base.arena, l->entry, l->n * sizeof(*l->entry), cap * sizeof(*l->entry));
		r->cap = cap;
	}
	l->entry[l->n++] = (struct pipeline_entry){r->base, pos};
}

static int set(void *arg, struct str name, struct str value, struct pos pos, struct diag *d)
{
	struct reading *r = arg;

	if (r->too_many)
		return 0;
	if (settings_known(name) && !is_per_pipeline(name)) {
		diag_warn(d, pos, "the setting '%.*s' is the whole program's: it has no effect for one pipeline", STR_ARG(name));
		return 0;
	}
	/* Reloading is the whole program's business, but Logstash's files may have it here. */
	if (str_starts(name, STR("config.reload.")))
		return 0;
	return settings_set(&r->list->entry[r->list->n - 1].settings, name, value, pos, d);
}

static void check_entry(const struct pipeline_list *l, size_t i, struct diag *d)
{
	const struct program_settings *s = &l->entry[i].settings;
	struct str id = s->pipeline.pipeline_id;

	if (!id.len)
		diag_error(d, l->entry[i].pos, "'pipeline.id' is empty");
	if (s->config_path.len && s->config_string.len)
		diag_error(d, l->entry[i].pos, "pipeline '%.*s' has both 'path.config' and 'config.string'", STR_ARG(id));
	else if (!s->config_path.len && !s->config_string.len)
		diag_error(d, l->entry[i].pos, "pipeline '%.*s' needs 'path.config' or 'config.string'", STR_ARG(id));
	for (size_t k = 0; k < i; k++)
		if (str_eq(id, l->entry[k].settings.pipeline.pipeline_id)) {
			diag_error(d, l->entry[i].pos, "two pipelines have the id '%.*s'", STR_ARG(id));
			break;
		}
}

static void begin(struct reading *r, struct pipeline_list *l, const struct program_settings *base)
{
	*l = (struct pipeline_list){0};
	*r = (struct reading){.list = l, .base = *base};
	r->base.config_path = r->base.config_string = (struct str){0};
}

static int end(const struct reading *r, unsigned errors, struct diag *d)
{
	for (size_t i = 0; i < r->list->n; i++) {
		struct program_settings *s = &r->list->entry[i].settings;

		s->config_name = arena_printf(r->base.arena, "<config.string of %.*s>", STR_ARG(s->pipeline.pipeline_id));
		check_entry(r->list, i, d);
	}
	if (r->too_many)
		diag_error(d, r->list->entry[r->list->n - 1].pos, "more than %d pipelines", PIPELINES_MAX);
	if (d->errors != errors)
		return -1;
	return r->list->n != 0;
}

int pipelines_read_text(struct pipeline_list *l, const struct program_settings *base, struct str name, struct str text, struct diag *d)
{
	struct reading r;
	struct yaml_target target = {.set = set, .item = item, .arg = &r, .arena = base->arena, .secrets = base->pipeline.secrets};
	unsigned errors = d->errors;

	begin(&r, l, base);
	(void)yaml_target_text(&target, name, text, d);
	return end(&r, errors, d);
}

int pipelines_read(struct pipeline_list *l, const struct program_settings *base, const char *path, struct diag *d)
{
	struct reading r;
	struct yaml_target target = {.set = set, .item = item, .arg = &r, .arena = base->arena, .secrets = base->pipeline.secrets};
	unsigned errors = d->errors;

	begin(&r, l, base);
	(void)yaml_target_file(&target, path, d);
	return end(&r, errors, d);
}

const char *pipelines_path(struct arena *a, const char *dir)
{
	return arena_dupz(a, arena_printf(a, "%s/pipelines.yml", dir));
}

int pipelines_all(struct pipeline_list *l, const struct program_settings *base, const char *path, struct diag *d)
{
	int rc;

	if (path) {
		rc = pipelines_read(l, base, path, d);
		if (rc == 0)
			diag_error(d, (struct pos){0}, "'%s' names no pipeline", path);
		return rc == 1 ? 0 : -1;
	}
	/* Even an empty -e is one. */
	if (base->config_path.len && base->config_string.p) {
		diag_error(d, (struct pos){0}, "'path.config' and 'config.string' (-f and -e) exclude each other: '%.*s' would run, or the text",
			   STR_ARG(base->config_path));
		return -1;
	}
	l->entry = arena_alloc(base->arena, sizeof(*l->entry));
	l->entry[0] = (struct pipeline_entry){.settings = *base};
	l->n = 1;
	return 0;
}
