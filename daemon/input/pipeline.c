/*
 * pipeline.c - `input { pipeline { address => "mail" } }`: events of other pipelines, by a virtual address inside the process.
 *
 * There is nothing to read: the work threads of those pipelines push batches straight into the queue (pipeline/bus.h). A frame is a
 * struct event in the batch's memory, which outlives the event made of it. Fields, @metadata, tags and the event's id come as they
 * were; each span holds the ack of its event's own source, so that one is told when the outputs here have their verdict.
 */
#include "input/pipeline.h"

#include "input/input.h"
#include "pipeline/bus.h"

#include <stdlib.h>

struct pipeline_input {
	struct str address;
	struct bus *bus;
};

struct pipeline_io {
	struct bus_listener listener; /* first */
	struct inlet *in;
	struct bus *bus;
	char *address;
};

static int pipeline_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct pipeline_input *p = self;

	p->bus = ctx->settings->bus;
	if (!p->address.len)
		return err_set(err, "'address' is empty");
	return 0;
}

/* The maps are the batch's; what the plan adds to them is the event's own. */
static void pipeline_decode(void *self, struct event *ev, struct str frame, uint32_t flags, const struct span *sp)
{
	struct arena *arena = ev->arena;

	memcpy(ev, frame.p, sizeof(*ev));
	ev->arena = arena;
}

/* Under the bus's lock, so that one thread counts at a time. */
static void came(struct bus_listener *l, uint32_t events)
{
	count_add(&((struct pipeline_io *)l)->in->count.frames, events);
}

static int io_open(struct inlet *in, const void *self, struct err *err)
{
	const struct pipeline_input *p = self;
	struct pipeline_io *io;

	if (!p->bus)
		return err_set(err, "there are no other pipelines here");
	io = xzalloc(sizeof(*io));
	in->io = io;
	io->in = in;
	io->bus = p->bus;
	io->address = xstrdupz(p->address);
	return 0;
}

static int io_start(struct inlet *in, struct err *err)
{
	struct pipeline_io *io = in->io;

	io->listener = (struct bus_listener){.queue = in->queue, .source = inlet_source(in, str_z(io->address)), .came = came};
	/* The id came with the event. */
	io->listener.source->event_id = NULL;
	if (bus_listen(io->bus, str_z(io->address), &io->listener))
		return 0;
	return err_set(err, "another input listens on the address '%s'", io->address);
}

static void unlisten(struct pipeline_io *io)
{
	bus_unlisten(io->bus, &io->listener);
	source_unref(io->listener.source);
	io->listener.source = NULL;
}

static void io_stop(struct inlet *in)
{
	unlisten(in->io);
	inlet_closed(in);
}

static void io_release(struct inlet *in)
{
	struct pipeline_io *io = in->io;

	unlisten(io);
	free(io->address);
	free(io);
}

static const struct input_ops ops = {.endless = true, .open = io_open, .start = io_start, .stop = io_stop, .release = io_release};

static const struct option options[] = {
	{"address", OPT_STRING, offsetof(struct pipeline_input, address), .flags = OPT_REQUIRED, .doc = "the name that outputs `pipeline` send to; one input in the whole process may have it"},
	{0},
};

INPUT(pipeline, .size = sizeof(struct pipeline_input), .options = options, .doc = "events of other pipelines", .default_codec = "plain",
      .events = true, .open = pipeline_open, .decode = pipeline_decode, .input = &ops)

struct str pipeline_input_address(const struct plan_plugin *pp)
{
	return pp->plugin == &input_pipeline ? ((const struct pipeline_input *)pp->self)->address : (struct str){0};
}
