/*
 * redis.c - `input { redis { data_type => "list" key => "logstash" } }`: elements of a list, or messages of channels.
 *
 * A list is read by BLPOP, which waits for the first element, and up to batch_count - 1 times LPOP behind it in the same write: as many as the list had
 * lately. (A transaction or a script would be refused where Redis has no memory left, just when it must be emptied.)
 *
 * Redis knows no acknowledgement for what left a list: what is popped lives in weird alone until its events have their verdict. So a question is
 * asked only when there is room for the answer, an answer is waited for at a stop, and what a broken connection still brought is taken. Channels keep
 * nothing for anybody.
 *
 * Loop thread, a loop of its own: the name server may be slow.
 */
#include "base/log.h"
#include "base/utf8.h"
#include "input/decorate.h"
#include "input/input.h"
#include "input/redis_link.h"

#include <poll.h>
#include <stdlib.h>

enum {
	AGAIN_MS = 1000,	 /* between two connections */
	ANSWER_MS = 60 * 1000,	 /* an answer that is later does not come: what it would bring would be lost, so it is long */
	STOP_MS = 5 * 1000,	 /* the same when weird stops */
	MAX_SOURCES = 64,	 /* channels under a pattern that are remembered */
};

/* BLPOP waits: a stop waits as long. */
#define POP_SECONDS "1"

enum data_type { TYPE_LIST, TYPE_CHANNEL, TYPE_PATTERN };

struct redis_input {
	struct str host, key;
	struct redis_options server;
	int data_type;
	int64_t batch_count, threads;
	const struct map *command_map;
	const struct ref *channel;
};

/* Commands that are sent, for command_map. */
enum command { CMD_BLPOP, CMD_LPOP, CMD_SUBSCRIBE, CMD_PSUBSCRIBE, COMMANDS };
static const char *const command_names[] = {"blpop", "lpop", "subscribe", "psubscribe"};

enum asked { ASKED_NOTHING, ASKED_ELEMENTS, ASKED_CHANNELS };

struct conn {
	struct inlet *in;
	struct redis_link *link;
	uv_poll_t *poll; /* of the link's socket; a new one for each */
	uv_timer_t timer;
	enum asked asked;
	uint32_t want;	  /* elements that are asked for at once */
	uint32_t answers; /* still to come */
	bool emptied;	  /* one of them was that there is none */
	bool said;	 /* that it does not connect */
	struct source *source[MAX_SOURCES];
	unsigned nsources, next_source;
	struct arena scratch;
};

struct redis_io {
	struct redis_server *server;
	enum data_type type;
	char *key, *word[COMMANDS];
	uint32_t batch_count;
	struct conn *conn;
	unsigned nconns;
	unsigned handles; /* open; the timers of all connections are closed last of all at a stop */
	bool stopping;
};

/* ---- the work thread's half ---- */

static int redis_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct redis_input *r = self;

	r->channel = ref_compile(ctx->arena, STR("[@metadata][redis_channel]"), err);
	if (!r->channel)
		return -1;
	if (r->key.len == 0)
		return err_set(err, "'key' is empty");
	for (uint32_t i = 0; r->command_map && i < r->command_map->n; i++)
		if (r->command_map->e[i].val.type != V_STRING)
			return err_set(err, "'command_map' takes names of commands");
	return 0;
}

static void redis_decorate(void *self, struct event *ev, const struct span *sp)
{
	const struct redis_input *r = self;

	if (r->data_type != TYPE_LIST)
		(void)event_set(ev, r->channel, v_str(utf8_scrub(ev->arena, arena_dup(ev->arena, sp->source->path))));
}

/* ---- what comes ---- */

static struct source *source_new(struct conn *c, struct str channel)
{
	struct redis_io *io = c->in->io;
	struct source *s = inlet_source(c->in, str_z(redis_server_name(io->server)));

	s->path = str_n(xstrdupz(channel), channel.len);
	return s;
}

static void source_end(struct conn *c, struct source *s)
{
	inlet_mark(c->in, s, SPAN_CLOSE);
	source_unref(s);
}

/* Each channel is a source. Of more than are remembered the one that has been longest begins anew. */
static struct source *source_of(struct conn *c, struct str channel)
{
	struct source **at;

	for (unsigned i = 0; i < c->nsources; i++)
		if (str_eq(c->source[i]->path, channel))
			return c->source[i];
	if (c->nsources < MAX_SOURCES) {
		at = &c->source[c->nsources++];
	} else {
		at = &c->source[c->next_source];
		c->next_source = (c->next_source + 1) % MAX_SOURCES;
		source_end(c, *at);
	}
	*at = source_new(c, channel);
	return *at;
}

static void take(struct conn *c, struct str channel, const struct resp *element)
{
	if (element->type == RESP_TEXT)
		inlet_frame(c->in, source_of(c, channel), element->text, 0, true, NULL);
}

/* ["message", channel, text] or ["pmessage", pattern, channel, text]; others say that a subscription began. */
static void take_message(struct conn *c, const struct resp *r)
{
	if (r->type != RESP_LIST || r->n < 3)
		return;
	if (r->n == 3 && str_eqz(r->v[0].text, "message"))
		take(c, r->v[1].text, &r->v[2]);
	else if (r->n == 4 && str_eqz(r->v[0].text, "pmessage"))
		take(c, r->v[2].text, &r->v[3]);
}

/* ---- questions ---- */

static void command(struct conn *c, enum command cmd, uint32_t n_args)
{
	struct redis_io *io = c->in->io;
	struct buf *out = redis_link_out(c->link);

	resp_command(out, n_args + 1);
	resp_word(out, str_z(io->word[cmd]));
}

static void word_z(struct conn *c, const char *z)
{
	resp_word(redis_link_out(c->link), str_z(z));
}

static void ask_elements(struct conn *c)
{
	struct redis_io *io = c->in->io;

	command(c, CMD_BLPOP, 2);
	word_z(c, io->key);
	word_z(c, POP_SECONDS);
	for (uint32_t i = 1; i < c->want; i++) {
		command(c, CMD_LPOP, 1);
		word_z(c, io->key);
	}
	c->asked = ASKED_ELEMENTS;
	c->answers = c->want;
	c->emptied = false;
}

static void ask_channels(struct conn *c)
{
	struct redis_io *io = c->in->io;

	command(c, io->type == TYPE_CHANNEL ? CMD_SUBSCRIBE : CMD_PSUBSCRIBE, 1);
	word_z(c, io->key);
	c->asked = ASKED_CHANNELS;
}

/* ---- answers ---- */

static int refusal(const struct conn *c, const struct resp *r, struct err *err)
{
	const struct redis_io *io = c->in->io;

	return err_set(err, "'%s' refuses: %.*s", redis_server_name(io->server), STR_ARG(str_sub(r->text, 0, 200)));
}

/* Twice as many the next time where none was missing; where one was, the next may be long in coming. */
static void elements_done(struct conn *c)
{
	struct redis_io *io = c->in->io;

	c->asked = ASKED_NOTHING;
	c->want = c->emptied ? 1 : 2 * c->want < io->batch_count ? 2 * c->want : io->batch_count;
}

/* [key, element] of BLPOP, element of LPOP, or nothing. */
static void take_element(struct conn *c, const struct resp *r)
{
	struct redis_io *io = c->in->io;
	const struct resp *element = r->type == RESP_LIST && r->n == 2 ? &r->v[1] : r;

	if (element->type == RESP_TEXT)
		take(c, str_z(io->key), element);
	else
		c->emptied = true;
	if (--c->answers == 0)
		elements_done(c);
}

static int take_reply(struct conn *c, const struct resp *r, struct err *err)
{
	struct redis_io *io = c->in->io;

	if (r->type == RESP_ERROR)
		return refusal(c, r, err);
	if (c->said)
		log_info("input", "%s: reads from '%s' again", c->in->name, redis_server_name(io->server));
	c->said = false;
	if (c->asked == ASKED_CHANNELS)
		take_message(c, r);
	else if (c->asked == ASKED_ELEMENTS)
		take_element(c, r);
	else
		return err_set(err, "'%s' answers what nobody asked", redis_server_name(io->server));
	return 0;
}

/* ---- turning ---- */

static void connect_later(uv_timer_t *t);
static void turn(struct conn *c);
static void end_conn(struct conn *c);

static void handle_gone(struct inlet *in)
{
	struct redis_io *io = in->io;

	if (--io->handles == 0)
		inlet_closed(in);
}

static void on_poll_closed(uv_handle_t *h)
{
	struct inlet *in = h->data;

	free(h);
	handle_gone(in);
}

static void on_timer_closed(uv_handle_t *h)
{
	handle_gone(((struct conn *)h->data)->in);
}

static void disconnect(struct conn *c)
{
	if (c->poll) {
		uv_poll_stop(c->poll);
		c->poll->data = c->in;
		uv_close((uv_handle_t *)c->poll, on_poll_closed);
		c->poll = NULL;
		count_add(&c->in->count.open, (uint64_t)-1);
	}
	redis_link_free(c->link);
	c->link = NULL;
	c->asked = ASKED_NOTHING;
}

static void failed(struct conn *c, const struct err *err)
{
	struct redis_io *io = c->in->io;

	if (c->said)
		log_debug("input", "%s: %s", c->in->name, err->text);
	else
		log_warn("input", "%s: %s; tried again every second", c->in->name, err->text);
	c->said = true;
	disconnect(c);
	if (io->stopping)
		end_conn(c);
	else
		uv_timer_start(&c->timer, connect_later, AGAIN_MS, 0);
}

static void on_late(uv_timer_t *t)
{
	struct conn *c = t->data;
	struct redis_io *io = c->in->io;
	struct err err;

	err_set(&err, "'%s' does not answer", redis_server_name(io->server));
	failed(c, &err);
}

static void on_poll(uv_poll_t *p, int status, int events)
{
	struct conn *c = p->data;

	(void)status;
	(void)events;
	turn(c);
}

/* The next question, what the socket is watched for, and how long. */
static void arrange(struct conn *c)
{
	struct redis_io *io = c->in->io;
	short want;

	if (redis_link_ready(c->link) && c->asked == ASKED_NOTHING && !c->in->paused && !io->stopping) {
		if (io->type == TYPE_LIST)
			ask_elements(c);
		else
			ask_channels(c);
	}
	if (io->stopping && (c->asked == ASKED_NOTHING || c->asked == ASKED_CHANNELS)) {
		end_conn(c);
		return;
	}
	want = redis_link_events(c->link);
	uv_poll_start(c->poll, (want & POLLIN ? UV_READABLE : 0) | (want & POLLOUT ? UV_WRITABLE : 0), on_poll);
	if (!redis_link_ready(c->link))
		return; /* the timer runs since the connecting began */
	if (c->asked == ASKED_ELEMENTS)
		uv_timer_start(&c->timer, on_late, io->stopping ? STOP_MS : ANSWER_MS, 0);
	else
		uv_timer_stop(&c->timer);
}

static void turn(struct conn *c)
{
	struct err err = {0};
	struct resp r;
	int rc;

	if (redis_link_turn(c->link, &err)) {
		failed(c, &err);
		return;
	}
	while ((rc = redis_link_reply(c->link, &c->scratch, &r, &err)) == 1) {
		if (take_reply(c, &r, &err)) {
			rc = -1;
			break;
		}
		arena_clear(&c->scratch);
	}
	arena_clear(&c->scratch);
	if (rc == -1)
		failed(c, &err);
	else
		arrange(c);
}

static void begin(struct conn *c)
{
	struct inlet *in = c->in;
	struct redis_io *io = in->io;
	struct err err = {0};

	c->link = redis_link_new(io->server, &err);
	if (!c->link) {
		failed(c, &err);
		return;
	}
	c->poll = xzalloc(sizeof(*c->poll));
	bug_on(uv_poll_init(loop_uv(in->loop), c->poll, redis_link_fd(c->link)) != 0);
	c->poll->data = c;
	io->handles++;
	count_add(&in->count.connections, 1);
	count_add(&in->count.open, 1);
	redis_link_hold(c->link, in->paused && io->type != TYPE_LIST);
	uv_timer_start(&c->timer, on_late, (uint64_t)(redis_server_timeout_ns(io->server) / 1000000), 0);
	turn(c);
}

static void connect_later(uv_timer_t *t)
{
	begin(t->data);
}

/* ---- life ---- */

static int io_open(struct inlet *in, const void *self, struct err *err)
{
	const struct redis_input *r = self;
	struct redis_io *io = xzalloc(sizeof(*io));

	in->io = io;
	io->server = redis_server_new(&r->server, r->host, err);
	if (!io->server)
		return -1;
	io->type = (enum data_type)r->data_type;
	io->key = xstrdupz(r->key);
	io->batch_count = (uint32_t)r->batch_count;
	for (int i = 0; i < COMMANDS; i++) {
		const struct value *v = r->command_map ? map_find_str(r->command_map, str_z(command_names[i])) : NULL;

		io->word[i] = xstrdupz(v ? value_str(v) : str_z(command_names[i]));
	}
	/* Twice the same channel would be each message twice. */
	io->nconns = io->type == TYPE_LIST ? (unsigned)r->threads : 1;
	io->conn = xzalloc(sizeof(*io->conn) * io->nconns);
	return 0;
}

static int io_start(struct inlet *in, struct err *err)
{
	struct redis_io *io = in->io;

	(void)err;
	for (unsigned i = 0; i < io->nconns; i++) {
		struct conn *c = &io->conn[i];

		c->in = in;
		c->want = 1;
		arena_init(&c->scratch, NULL);
		uv_timer_init(loop_uv(in->loop), &c->timer);
		c->timer.data = c;
		io->handles++;
		begin(c);
	}
	return 0;
}

static void io_pause(struct inlet *in)
{
	struct redis_io *io = in->io;

	/* A list: no further question. A channel: the socket fills up, and Redis then cuts off a subscriber that is too slow. */
	for (unsigned i = 0; i < io->nconns && io->type != TYPE_LIST; i++)
		if (io->conn[i].link) {
			redis_link_hold(io->conn[i].link, true);
			if (redis_link_ready(io->conn[i].link))
				uv_poll_stop(io->conn[i].poll);
		}
}

static void io_resume(struct inlet *in)
{
	struct redis_io *io = in->io;

	for (unsigned i = 0; i < io->nconns; i++)
		if (io->conn[i].link) {
			redis_link_hold(io->conn[i].link, false);
			turn(&io->conn[i]);
		}
}

static void end_conn(struct conn *c)
{
	disconnect(c);
	for (unsigned i = 0; i < c->nsources; i++)
		source_end(c, c->source[i]);
	c->nsources = 0;
	if (!uv_is_closing((uv_handle_t *)&c->timer))
		uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

static void io_stop(struct inlet *in)
{
	struct redis_io *io = in->io;

	io->stopping = true;
	for (unsigned i = 0; i < io->nconns; i++) {
		struct conn *c = &io->conn[i];

		/* An answer that is under way brings what is no longer in the list: it is waited for. */
		if (c->link && redis_link_ready(c->link) && c->asked == ASKED_ELEMENTS) {
			uv_timer_start(&c->timer, on_late, STOP_MS, 0);
		} else if (c->link && c->asked == ASKED_CHANNELS) {
			redis_link_hold(c->link, false);
			turn(c);
		} else {
			end_conn(c);
		}
	}
}

static void io_release(struct inlet *in)
{
	struct redis_io *io = in->io;

	for (unsigned i = 0; io->conn && i < io->nconns; i++)
		if (io->conn[i].in)
			arena_release(&io->conn[i].scratch);
	for (int i = 0; i < COMMANDS; i++)
		free(io->word[i]);
	redis_server_free(io->server);
	free(io->conn);
	free(io->key);
	free(io);
}

static const struct input_ops ops = {.own_loop = true, .disk = true, .endless = true, .open = io_open, .start = io_start, .pause = io_pause,
				     .resume = io_resume, .stop = io_stop, .release = io_release};

static const char *const data_types[] = {"list", "channel", "pattern_channel", NULL};

#define AT(field) offsetof(struct redis_input, field)
static const struct option options[] = {
	{"data_type", OPT_ENUM, AT(data_type), .choices = data_types, .flags = OPT_REQUIRED, .doc = "list: its elements are taken out; channel: SUBSCRIBE; pattern_channel: PSUBSCRIBE"},
	{"key", OPT_STRING, AT(key), .flags = OPT_REQUIRED, .doc = "name of the list or channel, or the pattern"},
	{"host", OPT_STRING, AT(host), .def = "127.0.0.1", .doc = "server: a name or an address"},
	{"batch_count", OPT_INT, AT(batch_count), .def = "125", .min = 1, .max = 100000, .doc = "elements that are taken at once; what weird holds when it is killed is lost"},
	{"threads", OPT_INT, AT(threads), .def = "1", .min = 1, .max = 64, .doc = "connections that read a list"},
	{"command_map", OPT_HASH, AT(command_map), .doc = "commands that the server calls otherwise: blpop, lpop, subscribe, psubscribe"},
	REDIS_OPTIONS(struct redis_input, server),
	{"name", OPT_IGNORED, 0, .doc = "use id"},
	{"queue", OPT_OBSOLETE, .instead = "key"},
	{"message_format", OPT_OBSOLETE, .instead = "codec"},
	{"charset", OPT_OBSOLETE, .instead = "codec"},
	{0},
};

INPUT(redis, .size = sizeof(struct redis_input), .options = options, .doc = "elements of a Redis list, or messages of its channels", .default_codec = "json",
      .open = redis_open, .decorate = redis_decorate, .input = &ops)
