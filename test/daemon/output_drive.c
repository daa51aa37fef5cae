/*
 * output_drive.c - one output of a configuration, driven without the daemon: for tests against servers that misbehave.
 *
 *	output_drive 'elasticsearch { ... }' DATA EVENTS [SECONDS]
 *
 * Renders events {"n":0}, {"n":1}, ... each with an _id of its own, as fast as the output takes them; waits that long for all
 * verdicts, closes the output and prints what became of them as one JSON object.
 */
#include "config/parse.h"
#include "event/fields.h"
#include "outputs/dead_letter.h"
#include "outputs/sender.h"
#include "pipeline/options.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct drive {
	struct arena arena;
	struct diag diag;
	struct settings settings;
	struct plugin_ctx ctx;
	struct sender *s;
	struct waiter waiter;
	pthread_mutex_t lock;
	pthread_cond_t room;
	bool woken;
	uint64_t acks;
	const struct plugin *plugin;
	void *self;
};

struct counted_ack {
	struct ack ack;
	struct drive *d;
};

static void ended(struct ack *a)
{
	struct counted_ack *c = (struct counted_ack *)a;

	pthread_mutex_lock(&c->d->lock);
	c->d->acks++;
	pthread_cond_signal(&c->d->room);
	pthread_mutex_unlock(&c->d->lock);
	free(c);
}

static void wake(struct waiter *w)
{
	struct drive *d = (struct drive *)((char *)w - offsetof(struct drive, waiter));

	pthread_mutex_lock(&d->lock);
	d->woken = true;
	pthread_cond_signal(&d->room);
	pthread_mutex_unlock(&d->lock);
}

static int complain(struct drive *d, const struct err *err)
{
	struct buf b;

	buf_init(&b, 0);
	diag_print(&d->diag, &b);
	fprintf(stderr, "%.*s%s\n", STR_ARG(buf_slice(&b)), err->text);
	buf_release(&b);
	return EXIT_FAILURE;
}

static int open_output(struct drive *d, const char *conf, struct err *err)
{
	struct ast_plugin *ap = config_parse_plugin(&d->arena, str_z(conf), NULL, &d->diag);
	struct common_options common;
	struct sender_config c = {.ctx = &d->ctx};

	err->text[0] = 0;
	if (!ap)
		return -1;
	c.plugin = plugin_find(PLUGIN_OUTPUT, ap->name);
	if (!c.plugin)
		return err_set(err, "no such output");
	c.self = arena_zalloc(&d->arena, c.plugin->size);
	d->plugin = c.plugin;
	d->self = c.self;
	d->ctx.id = ap->name;
	if (options_bind(c.plugin, ap, c.self, &common, &d->ctx) == -1 ||
	    (c.plugin->open && c.plugin->open(c.self, &d->ctx, err) == -1))
		return -1;
	c.codec = common.codec;
	if (!c.codec && c.plugin->default_codec)
		c.codec = codec_default(c.plugin->default_codec, &d->ctx);
	c.shelf = unsent_shelf_new(d->settings.data_dir, ap->name, err);
	if (!c.shelf)
		return -1;
	d->s = sender_new(&c, err);
	return d->s ? 0 : -1;
}

static void put(struct drive *d, uint64_t n)
{
	struct outlet *o = sender_outlet(d->s);
	struct counted_ack *c = xmalloc(sizeof(*c));
	struct event ev;
	struct arena a;

	ack_init(&c->ack, ended);
	c->d = d;
	arena_init(&a, NULL);
	event_init(&ev, &a);
	event_stamp(&ev, ts_from_ns(clock_wall(&clock_system)));
	event_set_top(&ev, key_make(STR("n")), v_int((int64_t)n));
	event_set_top(&ev, key_make(STR("message")), v_lit("a line of a log, as long as lines are: connect from unknown[192.0.2.1]"));
	ev.id_len = (uint8_t)snprintf(ev.id, sizeof(ev.id), "ID%012" PRIu64, n);
	ev.ack = &c->ack;
	while (o->put(o, &ev) == OUTLET_FULL) {
		o->idle(o);
		pthread_mutex_lock(&d->lock);
		while (!d->woken)
			pthread_cond_wait(&d->room, &d->lock);
		d->woken = false;
		pthread_mutex_unlock(&d->lock);
	}
	ack_unref(&c->ack);
	arena_release(&a);
}

/* Every event has ended, or the time is over. */
static void wait_for_acks(struct drive *d, uint64_t n, uint64_t seconds)
{
	struct timespec at;

	clock_gettime(CLOCK_REALTIME, &at);
	at.tv_sec += (time_t)seconds;
	pthread_mutex_lock(&d->lock);
	while (d->acks < n && pthread_cond_timedwait(&d->room, &d->lock, &at) == 0)
		;
	pthread_mutex_unlock(&d->lock);
}

int main(int argc, char **argv)
{
	struct drive d = {.lock = PTHREAD_MUTEX_INITIALIZER, .room = PTHREAD_COND_INITIALIZER};
	struct sender_stats st;
	struct err err;
	uint64_t n, seconds = 120, left, dropped = 0;

	if (argc < 4 || !str_u64(str_z(argv[3]), 100000000, &n) || (argc > 4 && !str_u64(str_z(argv[4]), 3600, &seconds)))
		return EXIT_FAILURE;
	signal(SIGPIPE, SIG_IGN);
	hash_init(NULL);
	fields_init();
	arena_init(&d.arena, NULL);
	diag_init(&d.diag);
	d.settings.clock = &clock_system;
	d.settings.data_dir = str_z(argv[2]);
	d.settings.dead_letters = dead_letter_file_new(d.settings.data_dir, 0, &clock_system, &err);
	if (!d.settings.dead_letters)
		return complain(&d, &err);
	d.ctx = (struct plugin_ctx){.arena = &d.arena, .settings = &d.settings, .diag = &d.diag};
	if (open_output(&d, argv[1], &err) == -1)
		return complain(&d, &err);
	d.waiter.wake = wake;
	sender_outlet(d.s)->waiter = &d.waiter;
	for (uint64_t i = 0; i < n; i++) {
		put(&d, i);
		if (i % 256 == 255)
			sender_outlet(d.s)->idle(sender_outlet(d.s));
	}
	sender_outlet(d.s)->idle(sender_outlet(d.s));
	wait_for_acks(&d, n, seconds);
	sender_close(d.s);
	left = sender_drain(d.s, clock_mono(&clock_system) + (int64_t)10 * 1000000000);
	sender_stats(d.s, &st);
	for (int i = 0; i < DROP_REASONS; i++)
		dropped += st.dropped[i];
	printf("{\"routed\":%" PRIu64 ",\"reloaded\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"duplicate\":%" PRIu64 ",\"dead_letter\":%" PRIu64
	       ",\"dropped\":%" PRIu64 ",\"unsent\":%" PRIu64 ",\"requests\":%" PRIu64 ",\"failed_requests\":%" PRIu64 ",\"acks\":%" PRIu64
	       ",\"left\":%" PRIu64 "}\n",
	       st.routed, st.reloaded, st.delivered, st.duplicate, st.dead_letter, dropped, st.unsent, st.requests, st.failed_requests,
	       d.acks, left);
	sender_free(&d.s);
	if (d.plugin->close)
		d.plugin->close(d.self);
	dead_letter_file_free(&d.settings.dead_letters);
	diag_release(&d.diag);
	arena_release(&d.arena);
	return EXIT_SUCCESS;
}
