#include "tool/filtered.h"

static const struct plugin no_input = {.kind = PLUGIN_INPUT, .name = "tool"};

struct plan *filtered_compile(const struct ast_config *ast, const struct settings *settings, struct diag *d)
{
	struct ast_config only = *ast;

	only.section[SECTION_INPUT].n = only.section[SECTION_OUTPUT].n = 0;
	return plan_compile(&only, settings, d);
}

static void free_nothing(struct source *s)
{
	if (s->free_decoder)
		s->free_decoder(s);
}

/* Any thread: an answer arrived. */
static void wake(void *arg)
{
	struct filtered *f = arg;

	pthread_mutex_lock(&f->lock);
	f->woken = true;
	pthread_cond_signal(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

static void stops(void *arg, const struct plan_plugin *pp, struct str why)
{
	const struct filtered *f = arg;

	if (f->stops)
		f->stops(f->stops_arg, pp, why);
}

void filtered_init(struct filtered *f, struct plan *plan, struct codec *codec, struct outlet *outlet)
{
	struct plan_step *end = &plan->step[plan->nsteps - 1];
	struct plan_step *steps = arena_alloc(&plan->arena, (plan->nsteps + 1) * sizeof(*steps));

	*f = (struct filtered){.plan = plan, .outlet = outlet};
	f->input = (struct plan_plugin){.plugin = &no_input, .codec = codec, .ecs = plan->settings.ecs};
	f->sink = (struct plan_plugin){.plugin = &no_input, .outlet = outlet};
	/* What reaches the end goes to the outlet: one more step before the end. */
	if (outlet) {
		memcpy(steps, plan->step, plan->nsteps * sizeof(*steps));
		steps[plan->nsteps] = *end;
		steps[plan->nsteps - 1] = (struct plan_step){.op = OP_OUTPUT, .plugin = &f->sink};
		plan->step = steps;
		plan->nsteps++;
	}
	f->instance = &f->input;
	f->source = (struct source){.refs = 1, .instance = &f->instance, .free = free_nothing};
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	f->exec = exec_new(plan, &(struct exec_hooks){.wake = wake, .stops = stops, .arg = f});
}

void filtered_release(struct filtered *f)
{
	exec_free(f->exec);
	source_unref(&f->source);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
}

static void add_frame(struct batch *b, struct str frame)
{
	b->frame[b->nframes] = (struct frame){.p = frame.p, .len = (uint32_t)frame.len};
	b->span[0].n = ++b->nframes;
}

static struct batch *open_batch(struct filtered *f, int64_t received_ns)
{
	struct batch *b = batch_new(NULL);

	b->nspans = 1;
	b->span[0] = (struct span){.source = &f->source, .received_ns = received_ns};
	source_ref(&f->source);
	return b;
}

static void wait_woken(struct filtered *f)
{
	pthread_mutex_lock(&f->lock);
	while (!f->woken)
		pthread_cond_wait(&f->changed, &f->lock);
	f->woken = false;
	pthread_mutex_unlock(&f->lock);
}

static bool pump(struct filtered *f, struct batch *b)
{
	enum exec_state state;

	if (b)
		exec_feed(f->exec, b);
	while ((state = exec_pump(f->exec)) == EXEC_WAITING)
		wait_woken(f);
	return state == EXEC_IDLE;
}

bool filtered_stream(struct filtered *f, struct str bytes, int64_t received_ns, bool last)
{
	struct str delimiter = f->input.codec->delimiter;
	struct batch *b = open_batch(f, received_ns);

	if (!delimiter.len)
		delimiter = STR("\n");
	while (bytes.len) {
		ptrdiff_t at = str_find(bytes, delimiter);
		size_t n = at < 0 ? bytes.len : (size_t)at;

		if (b->nframes == BATCH_FRAMES) {
			if (!pump(f, b))
				return false;
			b = open_batch(f, received_ns);
		}
		add_frame(b, str_sub(bytes, 0, n));
		bytes = at < 0 ? STR("") : str_from(bytes, n + delimiter.len);
	}
	b->span[0].flags = last ? SPAN_CLOSE : 0;
	if (!pump(f, b))
		return false;
	while (last && exec_finish(f->exec))
		if (!pump(f, NULL))
			return false;
	return true;
}

bool filtered_frame(struct filtered *f, struct str frame, int64_t received_ns)
{
	struct batch *b = open_batch(f, received_ns);

	add_frame(b, frame);
	return pump(f, b);
}
