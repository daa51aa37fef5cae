#include "input/kafka_read.h"

#include "base/log.h"
#include "input/kafka_track.h"
#include "pipeline/event_id.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	POLLS_A_TURN = 1024,
	LOOK_MS = 1000,	      /* so often a paused member shows that it lives */
	POLLS_PAUSED = 64,    /* what was fetched before a pause took hold */
	MAX_HEADERS = 256,
	WAIT_NS = 1000000000, /* for verdicts, when a partition or the input is taken away while others go on */
	WAITS = 50,
};

struct partition {
	struct partition *next;
	struct source *source;
	int32_t number;
	char topic[];
};

struct consumer {
	struct inlet *in;
	struct kafka_consumer *kafka;
	struct kafka_track *track;
	struct partition *partitions;
	const struct kafka_meta *meta; /* of the message that is being given, for span() */
	uv_async_t ready;
	uv_timer_t look;
	bool held; /* partitions are paused */
	char *name;
};

struct kafka_io {
	const struct kafka_module *module;
	struct kafka_setting *settings;
	size_t n_settings;
	char **topic;
	size_t n_topics;
	char *client_id, *group_instance_id;
	struct consumer *consumer;
	unsigned n, handles;
	bool stopping;
	bool headers; /* are wanted */
	struct consumer *giving; /* whose message is on its way into a batch */
};

/* Who the partition is, and where the message stands: the same message has the same id whenever it is read again. */
static void kafka_event_id(struct source *s, const struct batch *b, const struct span *span, uint32_t frame, uint32_t nth, struct event *ev)
{
	const struct kafka_meta *m = kafka_meta(span);
	uint8_t who[5];

	(void)b;
	memcpy(who, s->path.p + s->path.len + 1, sizeof(who));
	event_id_make(ev, m && m->timestamp_ms > 0 ? m->timestamp_ms : span->received_ns / 1000000, who, m ? (uint64_t)m->offset : 0);
	if (nth)
		event_id_nth(ev, frame < span->first + span->n ? ':' : '!', nth);
}

/* ---- partitions; loop thread ---- */

/* The source's path is TOPIC/PARTITION, with the hash of it behind the NUL. */
static void describe(struct source *s, const char *topic, int32_t number)
{
	char name[300];
	unsigned char digest[EVP_MAX_MD_SIZE];
	int n = snprintf(name, sizeof(name), "%s/%d", topic, number);
	size_t len = n < 0 ? 0 : (size_t)n < sizeof(name) ? (size_t)n : sizeof(name) - 1;
	char *p = xzalloc(len + 1 + 5);

	bug_on(!EVP_Digest(name, len, digest, NULL, EVP_sha256(), NULL));
	memcpy(p, name, len);
	memcpy(p + len + 1, digest, 5);
	s->path = str_n(p, len);
}

static struct partition *partition_of(struct consumer *c, const struct kafka_message *m)
{
	struct partition **at = &c->partitions, *p;

	while (*at && ((*at)->number != m->partition || !str_eqz(m->topic, (*at)->topic)))
		at = &(*at)->next;
	p = *at;
	if (p) {
		*at = p->next;
	} else {
		p = xzalloc(sizeof(*p) + m->topic.len + 1);
		p->number = m->partition;
		memcpy(p->topic, m->topic.p, m->topic.len);
		p->source = inlet_source(c->in, str_z(c->name));
		p->source->event_id = kafka_event_id;
		describe(p->source, p->topic, p->number);
	}
	/* Messages come in runs of one partition. */
	p->next = c->partitions;
	c->partitions = p;
	return p;
}

static void partition_end(struct consumer *c, struct partition *p)
{
	struct kafka_io *io = c->in->io;

	io->giving = NULL;
	inlet_mark(c->in, p->source, SPAN_CLOSE);
	source_unref(p->source);
	free(p);
}

/*
 * Within poll() on the loop's thread, or within close() when there is no loop any more. What has its verdict now need not be read again by the next
 * member; for what takes longer nobody waits.
 */
static void on_giving_back(void *arg)
{
	struct consumer *c = arg;
	struct kafka_io *io = c->in->io;

	for (int i = 0; i < WAITS && !io->stopping; i++) {
		inlet_flush(c->in);
		if (kafka_track_wait(c->track, WAIT_NS / WAITS))
			break;
	}
}

static void on_revoked(void *arg, const char *topic, int32_t partition)
{
	struct consumer *c = arg;

	kafka_track_revoke(c->track, topic, partition);
	for (struct partition **at = &c->partitions; *at; at = &(*at)->next) {
		struct partition *p = *at;

		if (p->number != partition || strcmp(p->topic, topic) != 0)
			continue;
		*at = p->next;
		partition_end(c, p);
		return;
	}
}

static void on_store(void *arg, const char *topic, int32_t partition, int64_t next)
{
	struct consumer *c = arg;
	struct kafka_io *io = c->in->io;

	io->module->store(c->kafka, topic, partition, next);
}

/* ---- messages ---- */

static struct kafka_meta *copy_meta(struct kafka_io *io, const struct kafka_message *m, struct arena *a)
{
	uint32_t n = io->headers ? m->n_headers < MAX_HEADERS ? m->n_headers : MAX_HEADERS : 0;
	struct kafka_meta *meta = arena_zalloc(a, sizeof(*meta) + n * sizeof(meta->header[0]));

	meta->topic = arena_dup(a, m->topic);
	meta->key = m->key.p ? arena_dup(a, m->key) : m->key;
	meta->offset = m->offset;
	meta->timestamp_ms = m->timestamp_ms;
	meta->partition = m->partition;
	for (uint32_t i = 0; i < n; i++) {
		struct kafka_meta_header *h = &meta->header[meta->n_headers];

		if (!io->module->header(m, i, &h->name, &h->value))
			continue;
		h->name = arena_dup(a, h->name);
		h->value = arena_dup(a, h->value);
		meta->n_headers++;
	}
	return meta;
}

/* inlet_room opens the batch that the frame will be put into. */
static void give(struct consumer *c, const struct kafka_message *m)
{
	struct kafka_io *io = c->in->io;
	struct partition *p = partition_of(c, m);

	(void)inlet_room(c->in, 0);
	c->meta = copy_meta(io, m, &c->in->open->arena);
	io->giving = c;
	inlet_split(c->in);
	/* A message without a value marks a key as deleted; Java makes an empty text of it. */
	inlet_frame(c->in, p->source, m->value.p ? m->value : STR(""), 0, true, NULL);
	io->giving = NULL;
}

void kafka_read_span(struct inlet *in, struct source *s, struct span *sp)
{
	struct kafka_io *io = in->io;
	struct consumer *c = io->giving;

	(void)s;
	if (!c)
		return; /* the mark of a partition's end */
	sp->cursor = (uint64_t)(uintptr_t)c->meta;
	sp->ack = kafka_track_message(c->track, c->meta->topic, c->meta->partition, c->meta->offset);
}

/* At most so many; true: there may be more. */
static bool take(struct consumer *c, int most, bool while_paused)
{
	struct kafka_io *io = c->in->io;
	struct kafka_message m;

	for (int i = 0; i < most; i++) {
		if ((c->in->paused && !while_paused) || io->stopping)
			return false;
		if (!io->module->poll(c->kafka, &m))
			return false;
		give(c, &m);
		io->module->message_free(&m);
	}
	return true;
}

static void on_ready(uv_async_t *a)
{
	struct consumer *c = a->data;

	if (take(c, POLLS_A_TURN, false))
		uv_async_send(&c->ready);
}

/* librdkafka's threads. */
static void wake(void *arg)
{
	struct consumer *c = arg;

	uv_async_send(&c->ready);
}

/* A pause that lasts: a member that does not poll is given up by its group after max_poll_interval_ms. */
static void on_look(uv_timer_t *t)
{
	struct consumer *c = t->data;
	struct kafka_io *io = c->in->io;

	if (c->in->paused && !c->held) {
		c->held = true;
		io->module->pause(c->kafka, true);
	}
	if (c->held)
		(void)take(c, POLLS_PAUSED, true);
	else
		on_ready(&c->ready);
}

/* ---- life ---- */

static char **copy_texts(const char *const *v, size_t n)
{
	char **out = xzalloc(sizeof(*out) * (n + 1));

	for (size_t i = 0; i < n; i++)
		out[i] = xstrdupz(str_z(v[i]));
	return out;
}

void kafka_read_open(struct inlet *in, const struct kafka_read_config *c)
{
	struct kafka_io *io = xzalloc(sizeof(*io));

	in->io = io;
	io->module = c->module;
	io->settings = kafka_settings_copy(c->settings);
	io->n_settings = c->settings->n;
	io->topic = copy_texts(c->topic, c->n_topics);
	io->n_topics = c->n_topics;
	io->client_id = xstrdupz(c->client_id);
	io->group_instance_id = c->group_instance_id.p ? xstrdupz(c->group_instance_id) : NULL;
	io->headers = c->headers;
	io->n = c->members;
	io->consumer = xzalloc(sizeof(*io->consumer) * io->n);
}

/* Its own client_id, and its own group_instance_id where there are several: two members of one name throw each other out. */
static struct kafka_consumer *member(struct kafka_io *io, struct consumer *c, unsigned i, struct err *err)
{
	struct kafka_listener listener = {.ready = wake, .giving_back = on_giving_back, .revoked = on_revoked, .arg = c};
	struct kafka_setting *s = xzalloc(sizeof(*s) * (io->n_settings + 2));
	char id[300], instance[300];
	size_t n = io->n_settings;
	struct kafka_consumer *out;

	memcpy(s, io->settings, sizeof(*s) * n);
	(void)snprintf(id, sizeof(id), "%s-%u", io->client_id, i);
	s[n++] = (struct kafka_setting){"client.id", id};
	if (io->group_instance_id) {
		(void)snprintf(instance, sizeof(instance), io->n > 1 ? "%s-%u" : "%s", io->group_instance_id, i);
		s[n++] = (struct kafka_setting){"group.instance.id", instance};
	}
	out = io->module->consumer_new(s, n, (const char *const *)io->topic, io->n_topics, c->name, &listener, err);
	free(s);
	return out;
}

int kafka_read_start(struct inlet *in, struct err *err)
{
	struct kafka_io *io = in->io;
	uv_loop_t *uv = loop_uv(in->loop);

	for (unsigned i = 0; i < io->n; i++) {
		struct consumer *c = &io->consumer[i];

		c->in = in;
		c->name = xstrdupz(str_z(in->name));
		c->track = kafka_track_new(on_store, c);
		uv_async_init(uv, &c->ready, on_ready);
		uv_timer_init(uv, &c->look);
		c->ready.data = c->look.data = c;
		io->handles += 2;
		c->kafka = member(io, c, i, err);
		if (!c->kafka) {
			io->n = i + 1;
			return -1;
		}
		uv_timer_start(&c->look, on_look, LOOK_MS, LOOK_MS);
	}
	return 0;
}

void kafka_read_pause(struct inlet *in)
{
	(void)in; /* take() looks; on_look tells the group */
}

void kafka_read_resume(struct inlet *in)
{
	struct kafka_io *io = in->io;

	for (unsigned i = 0; i < io->n; i++) {
		struct consumer *c = &io->consumer[i];

		if (c->held)
			io->module->pause(c->kafka, false);
		c->held = false;
		uv_async_send(&c->ready);
	}
}

static void on_closed(uv_handle_t *h)
{
	struct consumer *c = h->data;
	struct kafka_io *io = c->in->io;

	if (--io->handles == 0)
		inlet_closed(c->in);
}

void kafka_read_stop(struct inlet *in)
{
	struct kafka_io *io = in->io;

	io->stopping = true;
	for (unsigned i = 0; i < io->n; i++) {
		struct consumer *c = &io->consumer[i];

		while (c->partitions) {
			struct partition *p = c->partitions;

			c->partitions = p->next;
			partition_end(c, p);
		}
	}
	for (unsigned i = 0; i < io->n; i++) {
		struct consumer *c = &io->consumer[i];

		/* The last one may not have come about. */
		if (c->kafka)
			io->module->quiet(c->kafka);
		uv_close((uv_handle_t *)&c->ready, on_closed);
		uv_close((uv_handle_t *)&c->look, on_closed);
	}
}

/*
 * At the end of weird everything has its verdict by now. At a reload outputs may stand still: then what is under way is read again by
 * whoever has the partition next.
 */
void kafka_read_release(struct inlet *in)
{
	struct kafka_io *io = in->io;

	for (unsigned i = 0; i < io->n; i++) {
		struct consumer *c = &io->consumer[i];

		if (c->kafka && !kafka_track_wait(c->track, WAIT_NS))
			log_info("input", "%s: %zu messages that are under way will be read again", in->name, kafka_track_open(c->track));
		if (c->kafka)
			io->module->close(c->kafka);
		if (c->track)
			kafka_track_end(c->track);
		if (c->kafka)
			io->module->consumer_free(c->kafka);
		free(c->name);
	}
	for (size_t i = 0; i < io->n_topics; i++)
		free(io->topic[i]);
	free(io->topic);
	free(io->client_id);
	free(io->group_instance_id);
	free(io->settings);
	free(io->consumer);
	free(io);
}
