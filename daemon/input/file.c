/*
 * file.c - `input { file { path => "/var/log/syslog" } }`: the options, and what events say of their file. The work is file_watch.c's.
 */
#include "base/utf8.h"
#include "input/decorate.h"
#include "input/file_watch.h"
#include "input/glob.h"
#include "pipeline/optvalue.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_PATTERNS = 4096 };

struct file_input {
	const struct list *path, *exclude;
	struct str sincedb_path, completed_log, delimiter, data_dir;
	struct str stat_interval, sincedb_write_interval, sincedb_clean_after, ignore_older, close_older;
	int64_t discover_interval, max_open_files, chunk_size, chunk_count, max_line;
	int mode, start, sort_by, sort_direction, completed_action;
	bool exit_after_read, check_archives;

	int64_t stat_ns, write_ns, clean_ns, ignore_ns, close_ns;
	struct str *pattern;
	size_t npatterns;
	char *sincedb, *seen;
	const struct ref *ref_host, *ref_path, *meta_host, *meta_path;
};

/* ---- options ---- */

/* "10", "1.5": in units; "2 weeks": as it says. */
static int duration(struct str s, int64_t unit_ns, const char *name, int64_t *out, struct err *err)
{
	bool bare = s.len > 0;

	for (size_t i = 0; i < s.len; i++)
		bare &= ch_digit(s.p[i]) || s.p[i] == '.';
	if (!text_duration(s, out))
		return err_set(err, "'%s' takes a number, or a text such as \"30 seconds\", \"2 hours\" or \"1 week\", not '%.*s'", name, STR_ARG(s));
	if (bare && __builtin_mul_overflow(*out, unit_ns / 1000000000, out))
		return err_set(err, "'%s' is too long", name);
	return 0;
}

static int durations(struct file_input *f, struct err *err)
{
	const int64_t second = 1000000000, day = 86400 * second;

	if (duration(f->stat_interval, second, "stat_interval", &f->stat_ns, err) ||
	    duration(f->sincedb_write_interval, second, "sincedb_write_interval", &f->write_ns, err) ||
	    duration(f->sincedb_clean_after, day, "sincedb_clean_after", &f->clean_ns, err) ||
	    duration(f->close_older, second, "close_older", &f->close_ns, err) ||
	    (f->ignore_older.p && duration(f->ignore_older, second, "ignore_older", &f->ignore_ns, err)))
		return -1;
	/* Without a pause in between it would do nothing else. */
	if (f->stat_ns < 10000000)
		f->stat_ns = 10000000;
	return 0;
}

static int patterns(struct file_input *f, struct plugin_ctx *ctx, struct err *err)
{
	struct arena *a = ctx->arena;

	if (f->path->n == 0)
		return err_set(err, "'path' names no file");
	f->pattern = arena_alloc(a, sizeof(struct str) * MAX_PATTERNS);
	for (uint32_t i = 0; i < f->path->n; i++) {
		const struct value *v = &f->path->v[i];
		struct str *some;
		size_t n;

		if (v->type != V_STRING)
			return err_set(err, "'path' takes texts");
		/* Logstash's test lets it pass, too: C:/logs is absolute on the machine that it is for. */
		if (v->len && v->s[0] != '/' && ctx->settings->elsewhere)
			plugin_warn(ctx, "'path' must be absolute, '%.*s' is not: weird does not start with it", STR_ARG(value_str(v)));
		else if (v->len == 0 || v->s[0] != '/')
			return err_set(err, "'path' must be absolute, '%.*s' is not", STR_ARG(value_str(v)));
		n = glob_braces(a, value_str(v), &some);
		if (n == 0 || n > MAX_PATTERNS - f->npatterns)
			return err_set(err, "'path': '%.*s' stands for too many patterns", STR_ARG(value_str(v)));
		memcpy(f->pattern + f->npatterns, some, n * sizeof(*some));
		f->npatterns += n;
	}
	for (uint32_t i = 0; f->exclude && i < f->exclude->n; i++)
		if (f->exclude->v[i].type != V_STRING)
			return err_set(err, "'exclude' takes texts");
	return 0;
}

static struct str md5(struct arena *a, struct str text)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char *hex = arena_bytes(a, 2 * sizeof(digest) + 1);
	unsigned n = 0;

	bug_on(!EVP_Digest(text.p, text.len, digest, &n, EVP_md5(), NULL));
	for (unsigned i = 0; i < n; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return str_n(hex, 2 * n);
}

static bool is_device(struct str path)
{
	char z[PATH_MAX];
	struct stat st;

	if (path.len >= sizeof(z))
		return false;
	memcpy(z, path.p, path.len);
	z[path.len] = 0;
	return stat(z, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode));
}

/* Where Logstash would have them, and weird's own file beside it; named after the sincedb, or after the patterns where that keeps nothing. */
static int places(struct file_input *f, struct arena *a, struct err *err)
{
	struct str joined = {0}, dir = f->data_dir, seen;

	for (uint32_t i = 0; i < f->path->n; i++)
		joined = arena_printf(a, "%.*s%s%.*s", STR_ARG(joined), i ? "," : "", STR_ARG(value_str(&f->path->v[i])));
	if (f->sincedb_path.p) {
		if (f->sincedb_path.len == 0)
			return err_set(err, "'sincedb_path' is empty");
		f->sincedb = arena_dupz(a, f->sincedb_path);
	} else if (dir.len) {
		f->sincedb = arena_dupz(a, arena_printf(a, "%.*s/plugins/inputs/file/.sincedb_%.*s", STR_ARG(dir), STR_ARG(md5(a, joined))));
	} else {
		f->sincedb = arena_dupz(a, STR("/dev/null"));
	}
	seen = is_device(str_z(f->sincedb)) ? joined : str_z(f->sincedb);
	f->seen = dir.len ? arena_dupz(a, arena_printf(a, "%.*s/plugins/inputs/file/.seen_%.*s", STR_ARG(dir), STR_ARG(md5(a, seen)))) : NULL;
	return 0;
}

static int modes(const struct file_input *f, struct err *err)
{
	if (f->delimiter.len == 0 || f->delimiter.len > sizeof(((struct watch_config *)0)->delimiter))
		return err_set(err, "'delimiter' takes 1 to %zu bytes", sizeof(((struct watch_config *)0)->delimiter));
	if (f->mode != FILE_READ)
		return f->exit_after_read ? err_set(err, "'exit_after_read' needs mode => \"read\"") : 0;
	if (f->completed_action == COMPLETED_DELETE)
		return 0;
	if (!f->completed_log.len || f->completed_log.p[0] != '/')
		return err_set(err, "'file_completed_log_path' must name a file, by its absolute path, where 'file_completed_action' logs");
	return 0;
}

static int file_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct file_input *f = self;
	bool legacy = ctx->ecs == ECS_DISABLED;

	f->data_dir = ctx->settings->data_dir;
	f->ref_host = ref_compile(ctx->arena, legacy ? STR("host") : STR("[host][name]"), err);
	f->ref_path = ref_compile(ctx->arena, legacy ? STR("path") : STR("[log][file][path]"), err);
	f->meta_host = ref_compile(ctx->arena, STR("[@metadata][host]"), err);
	f->meta_path = ref_compile(ctx->arena, STR("[@metadata][path]"), err);
	if (!f->ref_host || !f->ref_path || !f->meta_host || !f->meta_path)
		return -1;
	if (patterns(f, ctx, err) || durations(f, err) || modes(f, err))
		return -1;
	return places(f, ctx->arena, err);
}

static void file_decorate(void *self, struct event *ev, const struct span *sp)
{
	const struct file_input *f = self;
	/* The plan may be replaced while the event waits: its own copy. */
	struct value path = v_str(utf8_scrub(ev->arena, arena_dup(ev->arena, sp->source->path))), host = v_str(own_hostname());

	(void)event_set(ev, f->meta_path, path);
	(void)event_set(ev, f->meta_host, host);
	decorate_set(ev, f->ref_path, path);
	decorate_set(ev, f->ref_host, host);
}

/* ---- the io half ---- */

static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == path ? xstrdupz(STR("/")) : slash ? xstrdupz(str_n(path, (size_t)(slash - path))) : xstrdupz(STR("."));
}

/* A file that is to be written at `path` can be there. */
static int can_be_file(const char *option, const char *path, struct err *err)
{
	char *parent = parent_of(path);
	struct stat st;
	int rc = 0;

	if (stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			rc = err_set(err, "'%s' must be a file, '%s' is a directory", option, path);
	} else if (errno != ENOENT) {
		rc = err_sys(err, "cannot use %s '%s'", option, path);
	} else if (stat(parent, &st) == -1) {
		rc = err_sys(err, "cannot make %s '%s'", option, path);
	}
	free(parent);
	return rc;
}

static struct str *copy_texts(const struct str *v, size_t n)
{
	struct str *out = xzalloc(sizeof(*out) * (n + 1));

	for (size_t i = 0; i < n; i++)
		out[i] = str_n(xstrdupz(v[i]), v[i].len);
	return out;
}

static void configure(struct watch_config *c, const struct file_input *f)
{
	c->pattern = copy_texts(f->pattern, f->npatterns);
	c->npatterns = f->npatterns;
	c->nexcludes = f->exclude ? f->exclude->n : 0;
	c->exclude = xzalloc(sizeof(*c->exclude) * (c->nexcludes + 1));
	for (size_t i = 0; i < c->nexcludes; i++)
		c->exclude[i] = str_n(xstrdupz(value_str(&f->exclude->v[i])), f->exclude->v[i].len);
	c->sincedb_path = xstrdupz(str_z(f->sincedb));
	c->seen_path = f->seen ? xstrdupz(str_z(f->seen)) : NULL;
	c->completed_log = f->completed_log.p ? xstrdupz(f->completed_log) : NULL;
	memcpy(c->delimiter, f->delimiter.p, f->delimiter.len);
	c->delimiter_len = f->delimiter.len;
	c->max_line = (size_t)f->max_line;
	c->mode = (enum file_mode)f->mode;
	c->start = (enum file_start)f->start;
	c->sort = (enum file_sort)f->sort_by;
	c->descending = f->sort_direction == 1;
	c->exit_after_read = f->exit_after_read;
	c->check_archives = f->check_archives;
	c->completed = (enum file_completed)f->completed_action;
	c->stat_ns = f->stat_ns;
	c->write_ns = f->write_ns;
	c->clean_after_ns = f->clean_ns;
	c->close_older_ns = f->close_ns;
	c->ignore_older_ns = f->ignore_ns;
	c->discover_every = (uint64_t)f->discover_interval;
	c->max_open = (uint64_t)f->max_open_files;
	if (__builtin_mul_overflow((uint64_t)f->chunk_size, (uint64_t)f->chunk_count, &c->turn_bytes))
		c->turn_bytes = UINT64_MAX;
}

static int io_open(struct inlet *in, const void *self, struct err *err)
{
	const struct file_input *f = self;
	struct watch_config c = {0};

	/* The default place is made at the start, by the user that weird then is. */
	if (f->sincedb_path.p && can_be_file("sincedb_path", f->sincedb, err))
		return -1;
	if (f->mode == FILE_READ && f->completed_action != COMPLETED_DELETE) {
		char *log = xstrdupz(f->completed_log);
		int rc = can_be_file("file_completed_log_path", log, err);

		free(log);
		if (rc)
			return -1;
	}
	configure(&c, f);
	in->io = watch_new(in, &c);
	return 0;
}

static int io_start(struct inlet *in, struct err *err)
{
	return watch_start(in->io, err);
}

static void io_pause(struct inlet *in)
{
	watch_pause(in->io);
}

static void io_resume(struct inlet *in)
{
	watch_resume(in->io);
}

static void io_stop(struct inlet *in)
{
	watch_stop(in->io);
}

static void io_span(struct inlet *in, struct source *s, struct span *sp)
{
	(void)in;
	tail_span(s, sp);
}

static void io_release(struct inlet *in)
{
	watch_free(in->io);
}

static const struct input_ops ops = {.own_loop = true, .disk = true, .open = io_open, .start = io_start, .pause = io_pause, .resume = io_resume,
				     .stop = io_stop, .span = io_span, .release = io_release};

static const char *const mode_names[] = {"tail", "read", NULL};
static const char *const start_names[] = {"beginning", "end", NULL};
static const char *const sort_names[] = {"last_modified", "path", NULL};
static const char *const direction_names[] = {"asc", "desc", NULL};
static const char *const action_names[] = {"delete", "log", "log_and_delete", NULL};

#define AT(field) offsetof(struct file_input, field)
static const struct option options[] = {
	{"path", OPT_LIST, AT(path), .flags = OPT_REQUIRED, .doc = "absolute paths or patterns: * ? [a-z] {a,b}, and ** for any depth of folders"},
	{"exclude", OPT_LIST, AT(exclude), .doc = "patterns of file names (without folders) that are not read"},
	{"mode", OPT_ENUM, AT(mode), .choices = mode_names, .def = "tail", .doc = "tail: follow files; read: each to its end, gzip archives (.gz, .gzip) too"},
	{"start_position", OPT_ENUM, AT(start), .choices = start_names, .def = "end", .doc = "mode tail: where files begin that are there at the first start and unknown to the sincedb"},
	{"delimiter", OPT_STRING, AT(delimiter), .def = "\"\n\"", .doc = "what ends a line"},
	{"max_line", OPT_BYTES, AT(max_line), .flags = OPT_WEIR, .def = "33554432", .min = 16, .max = 268435456, .doc = "longest line; the rest of a longer one is left out, counted"},
	{"sincedb_path", OPT_PATH, AT(sincedb_path), .doc = "file of the positions; default: plugins/inputs/file/.sincedb_HASH in the data folder; /dev/null: none are kept"},
	{"sincedb_write_interval", OPT_STRING, AT(sincedb_write_interval), .def = "\"15 seconds\"", .doc = "how often positions are written"},
	{"sincedb_clean_after", OPT_STRING, AT(sincedb_clean_after), .def = "\"2 weeks\"", .doc = "when the position of a file that is gone is forgotten; a bare number: days"},
	{"stat_interval", OPT_STRING, AT(stat_interval), .def = "\"1 second\"", .doc = "how often files are looked at"},
	{"discover_interval", OPT_INT, AT(discover_interval), .def = "15", .min = 1, .max = 1000000, .doc = "how often new files are looked for, in stat_intervals"},
	{"ignore_older", OPT_STRING, AT(ignore_older), .doc = "a file that was not written to for so long when it is found is only read on from its end, once it changes"},
	{"close_older", OPT_STRING, AT(close_older), .def = "\"1 hour\"", .doc = "mode tail: a file that nothing came from for so long is closed until it changes"},
	{"max_open_files", OPT_INT, AT(max_open_files), .def = "4095", .min = 1, .max = 1000000, .doc = "files open at once; one that has nothing to read is closed for another"},
	{"file_chunk_size", OPT_INT, AT(chunk_size), .def = "32768", .min = 1, .max = 1073741824, .doc = "bytes of a piece"},
	{"file_chunk_count", OPT_INT, AT(chunk_count), .def = "4611686018427387903", .min = 1, .max = INT64_MAX, .doc = "pieces read of one file before the next one's turn"},
	{"file_sort_by", OPT_ENUM, AT(sort_by), .choices = sort_names, .def = "last_modified", .doc = "which file's turn is first"},
	{"file_sort_direction", OPT_ENUM, AT(sort_direction), .choices = direction_names, .def = "asc", .doc = "oldest or first path first, or last"},
	{"file_completed_action", OPT_ENUM, AT(completed_action), .choices = action_names, .def = "delete", .doc = "mode read: what happens to a file whose events have all arrived"},
	{"file_completed_log_path", OPT_PATH, AT(completed_log), .doc = "mode read: file that completed ones are listed in"},
	{"check_archive_validity", OPT_BOOL, AT(check_archives), .def = "false", .doc = "mode read: an archive is decompressed once before; nothing is read of a damaged one"},
	{"exit_after_read", OPT_BOOL, AT(exit_after_read), .def = "false", .doc = "mode read: ends when all files that were there at the start are read"},
	{0},
};

INPUT(file, .size = sizeof(struct file_input), .options = options, .doc = "lines of files: followed, or read once", .default_codec = "plain",
      .open = file_open, .decorate = file_decorate, .input = &ops)
