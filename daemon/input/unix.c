/*
 * unix.c - `input { unix { path => "/run/x.sock" } }`: lines over a unix stream socket that weird listens on.
 */
#include "base/log.h"
#include "input/decorate.h"
#include "input/listen.h"
#include "input/tcp_server.h"

struct unix_input {
	struct str path, mode;
	bool force_unlink;
	int64_t data_timeout, max_line;
	const struct ref *ref_host, *ref_path;
};

static int unix_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct unix_input *u = self;

	if (str_eq(u->mode, STR("client")))
		return err_set(err, "mode 'client' is not supported: weird listens");
	if (!str_eq(u->mode, STR("server")))
		return err_set(err, "unknown mode '%.*s': only 'server'", STR_ARG(u->mode));
	u->ref_host = ref_compile(ctx->arena, ctx->ecs == ECS_DISABLED ? STR("host") : STR("[host][name]"), err);
	u->ref_path = ref_compile(ctx->arena, ctx->ecs == ECS_DISABLED ? STR("path") : STR("[file][path]"), err);
	return u->ref_host && u->ref_path ? 0 : -1;
}

static void unix_decorate(void *self, struct event *ev, const struct span *sp)
{
	const struct unix_input *u = self;

	decorate_set(ev, u->ref_host, v_str(own_hostname()));
	/* The plan may be replaced while the event waits: its own copy. */
	decorate_set(ev, u->ref_path, v_str(arena_dup(ev->arena, sp->source->path)));
}

static int io_open(struct inlet *in, const void *self, struct err *err)
{
	const struct unix_input *u = self;
	struct tcp_limits limits = tcp_default_limits;
	int fd = listen_unix(u->path, -1, u->force_unlink, err);

	if (fd == -1)
		return -1;
	limits.frame_max = (size_t)u->max_line;
	/* Programs of this machine may be silent for days. */
	limits.idle_ns = u->data_timeout > 0 ? u->data_timeout * 1000000000 : INT64_MAX;
	limits.half_frame_ns = INT64_MAX;
	log_info("input", "%s: listening on '%.*s'", in->name, STR_ARG(u->path));
	in->io = tcp_server_new(in, fd, FRAMER_LINE, &limits, u->path);
	return 0;
}

static const struct input_ops ops = {.endless = true, .open = io_open, .start = tcp_inlet_start, .pause = tcp_inlet_pause, .resume = tcp_inlet_resume,
				     .stop = tcp_inlet_stop, .release = tcp_inlet_release};

static const struct option options[] = {
	{"path", OPT_PATH, offsetof(struct unix_input, path), .flags = OPT_REQUIRED, .doc = "path of the socket"},
	{"force_unlink", OPT_BOOL, offsetof(struct unix_input, force_unlink), .def = "false", .doc = "take the path away from whoever listens there"},
	{"mode", OPT_STRING, offsetof(struct unix_input, mode), .def = "\"server\"", .doc = "only server"},
	{"data_timeout", OPT_INT, offsetof(struct unix_input, data_timeout), .def = "-1", .min = -1, .max = 31536000, .doc = "seconds of silence after which a connection is closed; -1: never"},
	{"socket_not_present_retry_interval_seconds", OPT_IGNORED, 0, .doc = "of mode client"},
	{"max_line", OPT_BYTES, offsetof(struct unix_input, max_line), .flags = OPT_WEIR, .def = "33554432", .min = 16, .max = 268435456, .doc = "longest line; the rest of a longer one is left out, counted"},
	{0},
};

INPUT(unix, .size = sizeof(struct unix_input), .options = options, .doc = "lines over a unix socket", .default_codec = "line", .stream = true,
      .open = unix_open, .decorate = unix_decorate, .input = &ops)
