#include "outputs/file_output.h"

const char *const file_write_behaviors[] = {"append", "overwrite", NULL};

int file_output_open(struct file_output *f, struct err *err)
{
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

void *file_output_start(const struct file_output *f, const struct plugin_ctx *ctx, struct err *err)
{
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

int file_output_begin(struct file_output *f, const struct event *ev, struct pack *p, struct render_ctx *ctx, struct buf **b, size_t *head)
{
	struct str path;
	bool fresh;

	*b = pack_begin(p);
	*head = 0;
	if (f->fixed)
		return 0;
	if (stamped_render(&f->stamped, ev, ctx->scratch, ctx->clock, &path, &fresh, &ctx->err) == -1)
		return -1;
	path = below_root(f, path);
	/* "/" alone: cannot be a path, so it goes to the failure file. */
	buf_str(*b, path.len ? str_sub(path, 0, 4096) : STR("/"));
	*head = (*b)->len - p->begun;
	return 0;
}

enum render_result file_output_end(struct pack *p, size_t head, struct render_ctx *ctx)
{
	if (p->bytes.over) {
		err_set(&ctx->err, "larger than %d bytes", PACK_BYTES_MAX);
		return RENDER_DEAD;
	}
	pack_end(p, head, 0, 0);
	return RENDER_OK;
}

void file_output_describe(const struct pack *p, const struct pack_item *it, struct str *index, struct str *id)
{
	*index = str_n(p->bytes.p + it->off, it->head);
}
