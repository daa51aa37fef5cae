/*
 * pipeline.c - `output { pipeline { send_to => ["mail", "dns"] } }`: events to other pipelines of the same process.
 *
 * No sender and no pack: an event is copied, @metadata and all, into the open batch of each address, on the work thread. A batch is pushed when it
 * is full, and at the end of each batch of the pipeline's own (idle). With the copy goes a reference to the event's ack, so that its
 * source hears of it when the far pipeline's outputs have their verdict. "Delivered" counts copies that are in a far pipeline's queue.
 *
 * Where the far queue is full, or nobody listens (ensure_delivery), at most one batch waits for each address, and put() says full. What
 * is forced on it while a plan is replaced waits behind that one. Threads: put and idle are the work thread's; open, inherit, end and
 * free the main thread's while no plan uses the outlet; counters are read by anyone.
 */
#include "outputs/pipeline.h"

#include "base/log.h"
#include "outputs/output.h"
#include "outputs/sender.h"
#include "pipeline/bus.h"
#include "pipeline/event_id.h"

#include <stdlib.h>

struct pipeline_output {
	const struct list *send_to;
	bool ensure_delivery;
};

struct relay;

struct target {
	struct bus_line line; /* first */
	struct relay *relay;
	char *address;
	uint32_t nth;
	struct batch *held, **held_tail; /* full ones, oldest first */
	struct batch *open;
	struct batch *_Atomic heritage; /* from an outlet that a reload took away: taken by the next flush */
	bool lonely;			/* that nobody listens was said */
};

struct relay {
	struct outlet outlet; /* first */
	struct bus *bus;
	struct dead_letters *letters;
	char *id;
	char *pipeline; /* whose output it is, for messages */
	bool ensure;
	_Atomic bool last; /* nobody will listen any more who does not now */
	_Atomic uint64_t routed, reloaded, delivered, dead, nobody, no_letter, unsent, in_flight, bytes;
	_Atomic unsigned lonely; /* targets that are */
	uint32_t n;
	struct target target[];
};

static void add(_Atomic uint64_t *c, uint64_t n)
{
	/* Relaxed: a number by itself. */
	atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

static uint64_t read_count(const _Atomic uint64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

/* ---- what becomes of a batch ---- */

static void left(struct relay *r, uint64_t events, size_t bytes)
{
	add(&r->in_flight, -events);
	add(&r->bytes, -(uint64_t)bytes);
}

static void set_lonely(struct target *t, bool lonely)
{
	if (t->lonely == lonely)
		return;
	t->lonely = lonely;
	/* Relaxed: a gauge. */
	atomic_fetch_add_explicit(&t->relay->lonely, lonely ? 1u : -1u, memory_order_relaxed);
	if (lonely)
		log_warn("output", "pipeline '%s': no pipeline listens on the address '%s': events wait until one does", t->relay->pipeline, t->address);
	else
		log_info("output", "pipeline '%s': a pipeline listens on the address '%s'", t->relay->pipeline, t->address);
}

static void drop_batch(struct target *t, struct batch *b)
{
	struct relay *r = t->relay;

	log_warn("output", "pipeline '%s': no pipeline listens on the address '%s': events are dropped", r->pipeline, t->address);
	add(&r->nobody, b->nframes);
	left(r, b->nframes, b->bytes);
	batch_free(b);
}

static void bury_batch(struct target *t, struct batch *b)
{
	struct relay *r = t->relay;
	char why[200];

	(void)snprintf(why, sizeof(why), "no pipeline listens on the address '%s'", t->address);
	log_warn("output", "pipeline '%s': %s: events go to the dead letter", r->pipeline, why);
	for (uint32_t i = 0; i < b->nframes; i++) {
		bool ok = dead_letter_event(r->letters, (const struct event *)(const void *)b->frame[i].p, str_z(why), str_z(r->id));

		add(ok ? &r->dead : &r->no_letter, 1);
	}
	left(r, b->nframes, b->bytes);
	batch_free(b);
}

/* true: it is gone, in one way or the other. */
static bool push(struct target *t, struct batch *b, bool force)
{
	struct relay *r = t->relay;
	uint32_t events = b->nframes;
	size_t bytes = b->bytes;

	switch (bus_push(r->bus, &t->line, b, force)) {
	case BUS_TAKEN:
		add(&r->delivered, events);
		left(r, events, bytes);
		set_lonely(t, false);
		return true;
	case BUS_FULL:
		return false;
	case BUS_NOBODY:
		break;
	}
	if (!r->ensure) {
		drop_batch(t, b);
		return true;
	}
	/* Acquire: pairs with relay_last; what listens was there before. */
	if (atomic_load_explicit(&r->last, memory_order_acquire)) {
		bury_batch(t, b);
		return true;
	}
	set_lonely(t, true);
	return false;
}

static void hold(struct target *t, struct batch *b)
{
	b->next = NULL;
	*t->held_tail = b;
	t->held_tail = &b->next;
}

static void take_heritage(struct target *t)
{
	/* Acquire: the batches were linked before. */
	struct batch *first = atomic_exchange_explicit(&t->heritage, NULL, memory_order_acquire), **end;

	if (!first)
		return;
	for (end = &first; *end; end = &(*end)->next)
		;
	*end = t->held;
	if (!t->held)
		t->held_tail = end;
	t->held = first;
}

/* Everything that waits, oldest first. false: some of it has to wait on. */
static bool flush(struct target *t, bool force)
{
	take_heritage(t);
	while (t->held) {
		struct batch *b = t->held, *next = b->next;

		if (!push(t, b, force)) {
			b->next = next;
			return false;
		}
		t->held = next;
		if (!next)
			t->held_tail = &t->held;
	}
	if (t->open && !push(t, t->open, force))
		return false;
	t->open = NULL;
	return true;
}

/* ---- an event ---- */

static bool is_full(const struct batch *b)
{
	return b->nframes == BATCH_FRAMES || b->bytes >= BATCH_BYTES;
}

static bool has_room(struct target *t)
{
	/* Relaxed: what is inherited in this moment is seen by the next flush. */
	if (!t->held && !(t->open && is_full(t->open)) && !atomic_load_explicit(&t->heritage, memory_order_relaxed))
		return true;
	return flush(t, false);
}

static void copy_event(struct target *t, const struct event *ev)
{
	struct relay *r = t->relay;
	struct batch *b;
	struct event *copy;
	size_t before;

	if (t->open && is_full(t->open) && !flush(t, true)) {
		hold(t, t->open);
		t->open = NULL;
	}
	if (!t->open)
		t->open = batch_new(bus_budget(r->bus));
	b = t->open;
	before = b->bytes;
	copy = arena_alloc(&b->arena, sizeof(*copy));
	event_copy(copy, ev, &b->arena);
	copy->ack = NULL;
	copy->routed = false;
	/* Two copies of one event are two events for whatever tells them apart by their ids. The first one keeps it: links name it. */
	if (ev->routed || t->nth)
		event_id_branch(copy, str_z(t->address));
	ack_ref(ev->ack);
	b->span[b->nspans++] = (struct span){.ack = ev->ack, .received_ns = ev->received_ns, .first = b->nframes, .n = 1};
	b->frame[b->nframes++] = (struct frame){.p = (const char *)copy, .len = sizeof(*copy)};
	b->bytes = b->arena.bytes;
	add(&r->routed, 1);
	add(&r->in_flight, 1);
	add(&r->bytes, b->bytes - before);
}

static enum outlet_answer relay_put(struct outlet *o, const struct event *ev)
{
	struct relay *r = (struct relay *)o;

	/* All or nothing: an event that must wait for one address is not with another already. */
	for (uint32_t i = 0; i < r->n; i++)
		if (!has_room(&r->target[i]) && !o->force)
			return OUTLET_FULL;
	for (uint32_t i = 0; i < r->n; i++)
		copy_event(&r->target[i], ev);
	return OUTLET_TAKEN;
}

static void relay_idle(struct outlet *o)
{
	struct relay *r = (struct relay *)o;

	for (uint32_t i = 0; i < r->n; i++)
		(void)flush(&r->target[i], o->force);
}

static void wake_line(struct bus_line *l)
{
	struct waiter *w = ((struct target *)l)->relay->outlet.waiter;

	if (w)
		w->wake(w);
}

/* ---- life ---- */

static void relay_free(struct outlet *o)
{
	struct relay *r = (struct relay *)o;

	for (uint32_t i = 0; i < r->n; i++) {
		struct target *t = &r->target[i];

		bus_detach(r->bus, &t->line);
		bug_on(t->held || t->open || t->heritage);
		free(t->address);
	}
	free(r->id);
	free(r->pipeline);
	free(r);
}

static struct target *target_find(struct relay *r, const char *address)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (strcmp(r->target[i].address, address) == 0)
			return &r->target[i];
	return NULL;
}

static struct outlet *relay_open(const void *self, const struct plugin_ctx *ctx, struct err *err)
{
	const struct pipeline_output *p = self;
	struct relay *r;

	if (!ctx->settings->bus) {
		err_set(err, "there are no other pipelines here");
		return NULL;
	}
	r = xzalloc(sizeof(*r) + p->send_to->n * sizeof(r->target[0]));
	r->outlet.put = relay_put;
	r->outlet.idle = relay_idle;
	r->bus = ctx->settings->bus;
	r->letters = ctx->settings->dead_letters;
	r->id = xstrdupz(ctx->id);
	r->pipeline = xstrdupz(ctx->settings->pipeline_id);
	r->ensure = p->ensure_delivery;
	for (uint32_t i = 0; i < p->send_to->n; i++) {
		struct target *t = &r->target[r->n];
		char *address = xstrdupz(value_str(&p->send_to->v[i]));

		if (target_find(r, address)) { /* named twice, sent to once */
			free(address);
			continue;
		}
		*t = (struct target){.line.wake = wake_line, .relay = r, .address = address, .nth = r->n, .held_tail = &t->held};
		r->n++;
		bus_attach(r->bus, str_z(address), &t->line);
	}
	return &r->outlet;
}

/* Takes everything that waits at t: a chain, and how much it is. */
static struct batch **take_all(struct target *t, struct batch **end, uint64_t *events, uint64_t *bytes)
{
	take_heritage(t);
	if (t->open)
		hold(t, t->open);
	t->open = NULL;
	*end = t->held;
	for (; *end; end = &(*end)->next) {
		*events += (*end)->nframes;
		*bytes += (*end)->bytes;
	}
	t->held = NULL;
	t->held_tail = &t->held;
	return end;
}

static void relay_inherit(struct outlet *o, struct outlet *former)
{
	struct relay *r = (struct relay *)o, *from = (struct relay *)former;

	for (uint32_t i = 0; i < r->n; i++) {
		struct target *t = &r->target[i];
		struct batch *chain = NULL, **end = &chain;
		uint64_t events = 0, bytes = 0;

		/* What waited for an address that is not there any more goes to the first that is. */
		for (uint32_t k = 0; k < from->n; k++) {
			struct target *same = target_find(r, from->target[k].address);

			if (same == t || (!same && i == 0))
				end = take_all(&from->target[k], end, &events, &bytes);
		}
		if (!chain)
			continue;
		add(&from->unsent, events);
		left(from, events, bytes);
		add(&r->reloaded, events);
		add(&r->in_flight, events);
		add(&r->bytes, bytes);
		/* Release: pairs with take_heritage. */
		atomic_store_explicit(&t->heritage, chain, memory_order_release);
	}
	if (r->n)
		wake_line(&r->target[0].line);
}

static void relay_last(struct outlet *o)
{
	struct relay *r = (struct relay *)o;

	atomic_store_explicit(&r->last, true, memory_order_release);
	if (r->n)
		wake_line(&r->target[0].line);
}

static void relay_end(struct outlet *o)
{
	struct relay *r = (struct relay *)o;

	relay_last(o);
	for (uint32_t i = 0; i < r->n; i++)
		bug_on(!flush(&r->target[i], true));
}

static void relay_stats(struct outlet *o, struct sender_stats *st)
{
	struct relay *r = (struct relay *)o;

	*st = (struct sender_stats){.routed = read_count(&r->routed), .reloaded = read_count(&r->reloaded),
				    .delivered = read_count(&r->delivered), .dead_letter = read_count(&r->dead),
				    .unsent = read_count(&r->unsent), .in_flight = read_count(&r->in_flight), .bytes = read_count(&r->bytes),
				    .failing = atomic_load_explicit(&r->lonely, memory_order_relaxed) != 0};
	st->dropped[DROP_NOBODY] = read_count(&r->nobody);
	st->dropped[DROP_NO_LETTER] = read_count(&r->no_letter);
}

static int pipeline_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	const struct pipeline_output *p = self;

	if (!p->send_to->n)
		return err_set(err, "'send_to' is empty");
	for (uint32_t i = 0; i < p->send_to->n; i++)
		if (p->send_to->v[i].type != V_STRING || !value_str(&p->send_to->v[i]).len)
			return err_set(err, "'send_to' takes names of addresses");
	return 0;
}

static const struct direct_ops direct = {.open = relay_open, .inherit = relay_inherit, .last = relay_last, .end = relay_end,
					 .stats = relay_stats, .free = relay_free};
static const struct output_ops ops = {.direct = &direct};

static const struct option options[] = {
	{"send_to", OPT_LIST, offsetof(struct pipeline_output, send_to), .flags = OPT_REQUIRED, .doc = "addresses of inputs `pipeline`; each gets a copy of the event"},
	{"ensure_delivery", OPT_BOOL, offsetof(struct pipeline_output, ensure_delivery), .def = "true", .doc = "whether events wait for an address on which nobody listens; else they are dropped, counted"},
	{0},
};

OUTPUT(pipeline, .size = sizeof(struct pipeline_output), .options = options, .doc = "events to other pipelines of the same process",
       .open = pipeline_open, .output = &ops)

const struct list *pipeline_output_addresses(const struct plan_plugin *pp)
{
	return pp->plugin == &output_pipeline ? ((const struct pipeline_output *)pp->self)->send_to : NULL;
}
