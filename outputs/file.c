/*
 * file.c - output `file`: events by their codec (json_lines), appended to a file whose path may depend on the event.
 *
 * An item is path, text: the path stands in front (head) where it depends on the event, and is the file_conn's own where it does not. Render half on
 * the work thread; the files are file_write.c's.
 */
#include "outputs/file_write.h"
#include "outputs/stamped.h"

struct file_output {
	struct queue_options queue;
	const struct tmpl *path;
	struct str failure;
	bool gzip, create_if_deleted;
	int write_behavior;
	int64_t flush_interval, stale_cleanup_interval, dir_mode, file_mode;
	struct str root; /* literal folder */
	struct stamped stamped;
	bool fixed; /* nothing of the path depends on the event */
};

static int file_open_plugin(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct file_output *f = self;
	struct str text = tmpl_text(f->path);
	ptrdiff_t field = str_find(text, STR("%{"));
	ptrdiff_t slash = str_rchr(field < 0 ? text : str_sub(text, 0, (size_t)field), '/');

	if (text.len == 0)
		return err_set(err, "'path' is empty");
	if (slash < 0 && field >= 0)
		return err_set(err, "'path' must begin with a folder that does not depend on the event, as in \"/var/log/weir/%%{host}\"");
	f->root = slash < 0 ? STR(".") : slash == 0 ? STR("/") : str_sub(text, 0, (size_t)slash);
	f->fixed = tmpl_is_const(f->path);
	if (f->fixed && (size_t)(slash + 1) == text.len)
		return err_set(err, "'path' names a folder, not a file");
	stamped_init(&f->stamped, f->path);
	/* Compressed members should not be tiny. */
	f->queue.linger_ns = f->gzip ? f->flush_interval * 1000000000 : 0;
	return 0;
}

static void *file_start(const void *self, const struct plugin_ctx *ctx, struct err *err)
{
	const struct file_output *f = self;
	struct str text = tmpl_text(f->path);
	struct file_config c = {
		.root = f->root,
		.failure = f->failure,
		.gzip = f->gzip,
		.create_if_deleted = f->create_if_deleted,
		.overwrite = f->write_behavior == 1,
		.file_mode = (int)f->file_mode,
		.dir_mode = (int)f->dir_mode,
		.stale_ns = f->stale_cleanup_interval * 1000000000,
		.clock = ctx->settings->clock,
	};

	if (f->fixed)
		c.fixed = str_from(text, (size_t)(str_rchr(text, '/') + 1));
	return file_conn_new(&c, err);
}

/* The part of a rendered path below the root; an event can not have changed what is in front of it. */
static struct str below_root(const struct file_output *f, struct str path)
{
	if (str_eq(f->root, STR("/")))
		return str_from(path, 1);
	return str_from(path, f->root.len + 1);
}

static enum render_result file_render(void *self, const struct event *ev, struct pack *p, struct render_ctx *ctx)
{
	struct file_output *f = self;
	struct buf *b = pack_begin(p);
	size_t head = 0;
	struct str path;
	bool fresh;

	if (!f->fixed) {
		if (stamped_render(&f->stamped, ev, ctx->scratch, ctx->clock, &path, &fresh, &ctx->err) == -1)
			return RENDER_DEAD;
		path = below_root(f, path);
		/* "/" alone: cannot be a path, so it goes to the failure file. */
		buf_str(b, path.len ? str_sub(path, 0, 4096) : STR("/"));
		head = b->len - p->begun;
	}
	if (render_by_codec(ev, b, ctx) != RENDER_OK)
		return RENDER_DEAD;
	pack_end(p, head, 0, 0);
	return RENDER_OK;
}

static void file_describe(const struct pack *p, const struct pack_item *it, struct str *index, struct str *id)
{
	*index = str_n(p->bytes.p + it->off, it->head);
}

static const char *const write_behaviors[] = {"append", "overwrite", NULL};

static const struct option options[] = {
	{"path", OPT_TMPL, offsetof(struct file_output, path), .flags = OPT_REQUIRED,
	 .doc = "file; %{...} may stand behind the last literal folder"},
	{"gzip", OPT_BOOL, offsetof(struct file_output, gzip), .def = "false", .doc = "compress, one member a write"},
	{"create_if_deleted", OPT_BOOL, offsetof(struct file_output, create_if_deleted), .def = "true",
	 .doc = "a file that was removed is made again; else events go to filename_failure"},
	{"filename_failure", OPT_STRING, offsetof(struct file_output, failure), .def = "_filepath_failures",
	 .doc = "file in the literal folder for events whose path would leave it"},
	{"dir_mode", OPT_INT, offsetof(struct file_output, dir_mode), .def = "-1", .min = -1, .max = 07777,
	 .doc = "mode of new folders, as in 0750; -1: by the umask"},
	{"file_mode", OPT_INT, offsetof(struct file_output, file_mode), .def = "-1", .min = -1, .max = 07777,
	 .doc = "mode of new files, as in 0640; -1: by the umask"},
	{"flush_interval", OPT_INT, offsetof(struct file_output, flush_interval), .def = "2", .min = 0, .max = 3600,
	 .doc = "seconds that events may wait for more with gzip; without, they are written at once"},
	{"stale_cleanup_interval", OPT_INT, offsetof(struct file_output, stale_cleanup_interval), .def = "10", .min = 1, .max = 86400,
	 .doc = "seconds after which a file that is not written to is closed"},
	{"write_behavior", OPT_ENUM, offsetof(struct file_output, write_behavior), .def = "append", .choices = write_behaviors,
	 .doc = "append, or overwrite: only the latest event stays"},
	{"message_format", OPT_OBSOLETE, .instead = "codec => line { format => ... }", .doc = "as codec line's format"},
	QUEUE_OPTIONS(struct file_output, queue, "1"),
	{0},
};

static const struct output_ops ops = {
	.queue_offset = offsetof(struct file_output, queue),
	.ordered = true,
	.render = file_render,
	.start = file_start,
	.stop = file_conn_free,
	.send = file_conn_send,
	.reopen = file_conn_reopen,
	.describe = file_describe,
};

OUTPUT(file, .size = sizeof(struct file_output), .options = options, .open = file_open_plugin, .output = &ops,
       .default_codec = "json_lines", .doc = "appends events to files")
