/*
 * eval.c - `weir eval`: what would weir make of these events under this configuration?
 *
 * Reads questions, one JSON object a line:
 *
 *	{"id": "x", "config": "filter { ... }", "settings": {"pipeline.ecs_compatibility": "disabled"},
 *	 "codec": "json_lines", "ocodec": null, "bare": false, "events": [...]}
 *
 * and answers each with {"id": "x", "events": [...]} or {"id": "x", "error": "..."}. Without a codec the events are fed as
 * JSON lines; with one they are lines of text, or {"__base64": "..."}: bytes as they are. With ocodec the answer holds the
 * texts that this codec writes. With bare only the text of the configuration is judged: it may name plug-ins of Logstash's that weir does not
 * have. Inputs and outputs of a configuration that is run are left out. No daemon, no network; one thread.
 *
 * Where an event does what is known to end Logstash's pipeline, the answer is {"id": "x", "error": "...", "weir_events": [...]}: what Logstash does,
 * and what comes out of weir, which tags such an event and goes on.
 */
#include "config/parse.h"
#include "event/json.h"
#include "tool/filtered.h"
#include "tool/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct question {
	struct arena arena;
	struct str config, codec, ocodec;
	const struct list *events;
	bool bare;
	struct settings settings;
	struct diag diag;
};

/* Collects what leaves the plan. */
struct collector {
	struct outlet outlet;
	struct codec *codec; /* NULL: as JSON */
	const struct clock *clock;
	struct buf *out;
	bool any;
	struct str error;
	struct str stops; /* where Logstash's pipeline ends; .p NULL: nowhere */
	struct arena *arena;
};

/* The first is what a Logstash would have ended at. */
static void stopped(void *arg, const struct plan_plugin *pp, struct str why)
{
	struct collector *c = arg;
	const struct pos *at = &pp->pos;

	if (c->stops.p)
		return;
	c->stops = arena_printf(c->arena, "%.*s:%u:%u: filter %s: %.*s: Logstash's pipeline ends at such an event; weir tags it and goes on",
				STR_ARG(at->file ? at->file->name : STR("config")), at->line, at->col, pp->plugin->name, STR_ARG(why));
}

static enum outlet_answer collect(struct outlet *o, const struct event *ev)
{
	struct collector *c = (struct collector *)o;
	struct buf text;
	struct err err;
	int rc = 0;

	buf_init(&text, 0);
	if (c->codec)
		rc = c->codec->plugin->codec.encode(c->codec->self, ev, &text, c->clock, &err);
	if (rc == 1) {
		buf_release(&text);
		return OUTLET_TAKEN;
	}
	if (c->any)
		buf_ch(c->out, ',');
	c->any = true;
	if (!c->codec) {
		json_write_event(c->out, ev);
		return OUTLET_TAKEN;
	}
	if (rc < 0)
		c->error = arena_dup(c->arena, str_z(err.text));
	/* The codec json writes documents: they stand in the answer as what they are. */
	if (c->codec->plugin == plugin_find(PLUGIN_CODEC, STR("json")))
		buf_str(c->out, buf_slice(&text));
	else
		json_write_string(c->out, buf_slice(&text));
	buf_release(&text);
	return OUTLET_TAKEN;
}

static struct str map_text(const struct map *m, const char *key)
{
	const struct value *v = map_find_str(m, str_z(key));

	return value_is(v, V_STRING) ? value_str(v) : (struct str){0};
}

static bool setting_true(const struct map *m, const char *key)
{
	const struct value *v = map_find_str(m, str_z(key));

	return (value_is(v, V_BOOL) && v->b) || (value_is(v, V_STRING) && str_eq(value_str(v), STR("true")));
}

static void read_settings(struct settings *s, const struct map *m)
{
	struct str ecs;

	*s = (struct settings){.clock = &clock_system, .pipeline_id = STR("main"), .config_dir = STR(".")};
	if (!m)
		return;
	ecs = map_text(m, "pipeline.ecs_compatibility");
	s->ecs = str_eq(ecs, STR("v1")) ? ECS_V1 : str_eq(ecs, STR("v8")) ? ECS_V8 : ECS_DISABLED;
	s->support_escapes = setting_true(m, "config.support_escapes");
	s->lenient = setting_true(m, "config.lenient");
}

static int read_question(struct question *q, const struct map *m)
{
	const struct value *v = map_find_str(m, STR("events"));

	q->config = map_text(m, "config");
	if (!q->config.p)
		return -1;
	q->codec = map_text(m, "codec");
	q->ocodec = map_text(m, "ocodec");
	q->bare = setting_true(m, "bare");
	q->events = value_is(v, V_LIST) ? v->list : NULL;
	v = map_find_str(m, STR("settings"));
	read_settings(&q->settings, value_is(v, V_MAP) ? v->map : NULL);
	q->settings.elsewhere = q->settings.text_only = q->bare;
	return 0;
}

/* As of an input, or an output. */
static struct codec *open_codec(struct question *q, struct str text, enum plugin_kind user, const struct config_env *env)
{
	struct plugin_ctx ctx = {.arena = &q->arena, .settings = &q->settings, .ecs = q->settings.ecs, .diag = &q->diag};
	struct ast_value v = {.kind = AST_PLUGIN};
	struct codec *c;

	v.plugin = config_parse_plugin(&q->arena, text, env, &q->diag);
	if (!v.plugin)
		return NULL;
	v.pos = v.plugin->pos;
	c = codec_bind(&v, &ctx);
	/* What does not fit is an error: nothing is run. */
	if (c)
		codec_fits(c, user, v.pos, &q->diag);
	return c;
}

static int base64_bits(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : ch_digit(c) ? c - '0' + 52
	       : c == '+' ? 62 : c == '/' ? 63 : -1;
}

static void put_base64(struct buf *out, struct str s)
{
	uint32_t acc = 0;
	int have = 0;

	for (size_t i = 0; i < s.len; i++) {
		int b = base64_bits(s.p[i]);

		if (b < 0)
			continue;
		acc = acc << 6 | (uint32_t)b;
		have += 6;
		if (have >= 8) {
			have -= 8;
			buf_ch(out, (char)(acc >> have));
		}
	}
}

static void event_as_bytes(const struct question *q, const struct value *v, struct buf *out)
{
	const struct value *raw = v->type == V_MAP ? map_find_str(v->map, STR("__base64")) : NULL;

	if (value_is(raw, V_STRING)) {
		put_base64(out, value_str(raw));
		return;
	}
	if (q->codec.p && v->type == V_STRING)
		buf_str(out, value_str(v));
	else
		json_write_value(out, v);
	buf_ch(out, '\n');
}

/* A codec that wants lines gets one stream; one that takes what a read brings, an event a read. */
static bool feed_events(const struct question *q, const struct codec *codec, struct filtered *f)
{
	bool whole = codec->framing == FRAME_CHUNK || codec->plugin->codec.several, ok = true;
	struct buf bytes;

	buf_init(&bytes, 0);
	for (uint32_t i = 0; ok && q->events && i < q->events->n; i++) {
		event_as_bytes(q, &q->events->v[i], &bytes);
		if (!whole)
			continue;
		ok = filtered_frame(f, buf_slice(&bytes), clock_wall(&clock_system));
		buf_clear(&bytes);
	}
	ok = ok && filtered_stream(f, buf_slice(&bytes), clock_wall(&clock_system), true);
	buf_release(&bytes);
	return ok;
}

static void answer_error(struct buf *out, struct str text)
{
	buf_lit(out, "\"error\":");
	json_write_string(out, text);
}

static void answer_diag(struct buf *out, const struct diag *d)
{
	const struct diag_item *i = d->first;
	struct buf text;

	while (i && i->level != DIAG_ERROR)
		i = i->next;
	buf_init(&text, 0);
	if (i && i->pos.file)
		buf_printf(&text, "%.*s:%u:%u: ", STR_ARG(i->pos.file->name), i->pos.line, i->pos.col);
	buf_str(&text, i ? i->text : STR("refused"));
	answer_error(out, buf_slice(&text));
	buf_release(&text);
}

static void run_plan(struct question *q, struct plan *plan, struct codec *codec, struct codec *ocodec, struct buf *out)
{
	struct collector c = {.outlet.put = collect, .codec = ocodec, .clock = q->settings.clock, .arena = &q->arena};
	struct filtered f;
	struct buf events;

	buf_init(&events, 0);
	c.out = &events;
	filtered_init(&f, plan, codec, &c.outlet);
	f.input.ecs = ECS_DISABLED;
	f.stops = stopped;
	f.stops_arg = &c;
	if (!feed_events(q, codec, &f)) {
		answer_error(out, STR("the configuration waits for something that eval does not have"));
	} else if (c.error.p) {
		answer_error(out, c.error);
	} else {
		if (c.stops.p) {
			answer_error(out, c.stops);
			buf_lit(out, ",\"weir_");
		} else {
			buf_lit(out, "\"");
		}
		buf_lit(out, "events\":[");
		buf_str(out, buf_slice(&events));
		buf_ch(out, ']');
	}
	filtered_release(&f);
	buf_release(&events);
}

static void answer(struct question *q, struct buf *out)
{
	struct config_file file = {.name = STR("config"), .text = q->config};
	struct config_env env = {.support_escapes = q->settings.support_escapes, .filters_only = !q->bare};
	struct ast_config *ast = config_parse(&q->arena, &file, &env, &q->diag);
	struct codec *codec = NULL, *ocodec = NULL;
	struct plan *plan = NULL;

	if (ast && !q->bare) {
		struct plugin_ctx ctx = {.arena = &q->arena, .settings = &q->settings, .ecs = q->settings.ecs, .diag = &q->diag};

		/* Events come as on standard input: a stream. */
		codec = open_codec(q, q->codec.p ? q->codec : STR("json_lines { ecs_compatibility => disabled }"), PLUGIN_INPUT, &env);
		codec = codec_streaming(codec, &ctx);
		if (codec && q->ocodec.p)
			ocodec = open_codec(q, q->ocodec, PLUGIN_OUTPUT, &env);
	}
	if (ast && !q->diag.errors) {
		/* Outputs and inputs of the text itself are left out, unless it is only judged. */
		plan = q->bare ? plan_compile(ast, &q->settings, &q->diag) : filtered_compile(ast, &q->settings, &q->diag);
	}
	if (!plan || q->diag.errors)
		answer_diag(out, &q->diag);
	else if (q->bare)
		buf_lit(out, "\"events\":[]");
	else
		run_plan(q, plan, codec, ocodec, out);
	plan_free(plan);
	if (codec && codec->plugin->close)
		codec->plugin->close(codec->self);
	if (ocodec && ocodec->plugin->close)
		ocodec->plugin->close(ocodec->self);
}

static void answer_line(struct str line, struct buf *out)
{
	struct question q = {0};
	struct value v = {0};
	struct err err;

	arena_init(&q.arena, NULL);
	diag_init(&q.diag);
	buf_lit(out, "{\"id\":");
	if (json_read(&q.arena, &line, NULL, &v, &err) || v.type != V_MAP || line.len) {
		buf_lit(out, "null,");
		answer_error(out, STR("the question is not a JSON object"));
	} else {
		const struct value *id = map_find_str(v.map, STR("id"));

		if (id)
			json_write_value(out, id);
		else
			buf_lit(out, "null");
		buf_ch(out, ',');
		if (read_question(&q, v.map))
			answer_error(out, STR("the question has no 'config'"));
		else
			answer(&q, out);
	}
	buf_lit(out, "}\n");
	diag_release(&q.diag);
	arena_release(&q.arena);
}

/* Answers alone go to standard output: what the configuration's code prints there (ruby) goes to standard error. */
static FILE *answers_only(void)
{
	int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);

	if (fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return NULL;
	return fdopen(fd, "w");
}

struct lines {
	struct buf text; /* what was read and not asked for yet begins at used */
	size_t used;
};

/*
 * The next line of standard input, until the next call; the last one may lack its line feed. Not getline(): a signal that belongs to Ruby ends that
 * as if the input had ended.
 */
static bool next_line(struct lines *l, struct str *line)
{
	for (;;) {
		struct str rest = str_from(buf_slice(&l->text), l->used);
		ptrdiff_t at = str_chr(rest, '\n');
		ssize_t n;
		char *room;

		if (at >= 0) {
			*line = str_sub(rest, 0, (size_t)at);
			l->used += (size_t)at + 1;
			return true;
		}
		if (l->used) {
			memmove(l->text.p, rest.p, rest.len);
			l->text.len = rest.len;
			l->used = 0;
		}
		room = buf_room(&l->text, 65536);
		n = read(STDIN_FILENO, room, 65536);
		if (n > 0)
			l->text.len += (size_t)n;
		if (n > 0 || (n == -1 && errno == EINTR))
			continue;
		*line = buf_slice(&l->text);
		l->used = l->text.len;
		return line->len > 0;
	}
}

int tool_eval(int argc, char **argv)
{
	struct lines in = {0};
	struct str line;
	struct buf out;
	FILE *to;

	(void)argv;
	if (argc != 1) {
		fprintf(stderr, "usage: weir eval   (questions on standard input)\n");
		return 2;
	}
	to = answers_only();
	if (!to) {
		perror("weir: standard output");
		return 1;
	}
	buf_init(&out, 0);
	buf_init(&in.text, 0);
	while (next_line(&in, &line)) {
		buf_clear(&out);
		answer_line(line, &out);
		if (fwrite(out.p, 1, out.len, to) != out.len || fflush(to))
			break;
	}
	fclose(to);
	buf_release(&out);
	buf_release(&in.text);
	return 0;
}
