#include "filter/ruby_link.h"
#include "pipeline/exec.h"

#include <stdlib.h>

/* The questions of one unit of events, or one flush. */
struct asked {
	struct ruby_job job; /* first: so that it can be cast back */
	struct wait *wait;
	const struct ruby_module *module;
	bool started;
	struct ruby_call call[EXEC_UNIT_EVENTS];
};

static const struct ruby_module *ruby_module(const struct plugin_ctx *ctx, struct err *err)
{
	static const struct module_file file = {"ruby", RUBY_MODULE_VERSION, "Ruby", "libruby3.1"};
	static const struct ruby_host host = {RUBY_HOST(MODULE_HOST_FILL) .log_threshold = &log_threshold};
	const struct ruby_module *m;

	/* Ruby makes its library's functions everybody's, and those of its regular expressions are called as libonig's. */
	regex_open_library();
	m = (const struct ruby_module *)module_open(&file, err);
	return m && m->start(&host, ctx->settings->clock, err) == 0 ? m : NULL;
}

static const struct ast_value *written(const struct plugin_ctx *ctx, struct str option)
{
	for (size_t i = 0; ctx->written && i < ctx->written->n; i++)
		if (str_eq(ctx->written->attr[i].name, option))
			return ctx->written->attr[i].value;
	return NULL;
}

void ruby_link_place(const struct plugin_ctx *ctx, struct str option, struct str *file, uint32_t *line)
{
	const struct ast_value *v = written(ctx, option);

	*file = v && v->pos.file ? v->pos.file->name : arena_printf(ctx->arena, "(ruby filter %.*s)", STR_ARG(option));
	*line = v && v->pos.file ? v->pos.line : 1;
}

/* Of a line in one of the texts: where that begins in its first, 1 in those behind it. */
static uint32_t column_of(const struct plugin_ctx *ctx, const char *const *texts, uint32_t line)
{
	for (; *texts; texts++) {
		const struct ast_value *v = written(ctx, str_z(*texts));
		uint32_t last;

		if (!v)
			continue;
		last = v->pos.line;
		for (size_t k = 0; k < v->text.len; k++)
			last += v->text.p[k] == '\n';
		if (line >= v->pos.line && line <= last)
			return line == v->pos.line ? v->pos.col : 1;
	}
	return 1;
}

int ruby_link_open(struct ruby_link *l, const struct ruby_setup *setup, struct plugin_ctx *ctx, const char *const *texts, struct err *err)
{
	struct ruby_fault fault = {0};

	l->module = ruby_module(ctx, err);
	if (!l->module)
		return -1;
	l->instance = l->module->open(setup, &fault);
	if (l->instance)
		return 0;
	if (fault.line) {
		ctx->pos.line = fault.line;
		ctx->pos.col = column_of(ctx, texts, fault.line);
	}
	return err_set(err, "%s", fault.text);
}

void ruby_link_close(void *self)
{
	struct ruby_link *l = self;

	if (l->instance)
		l->module->close(l->instance);
	l->instance = NULL;
}

/* ---- the waiting step ---- */

static struct ruby_call *add_call(struct ruby_link *l, struct wait *w, struct event *ev)
{
	struct asked *a = w->data;

	if (!a) {
		a = xmalloc(sizeof(*a));
		a->job = (struct ruby_job){.instance = l->instance, .call = a->call};
		a->wait = w;
		a->module = l->module;
		a->started = false;
		w->data = a;
	}
	a->call[a->job.n] = (struct ruby_call){.ev = ev};
	return &a->call[a->job.n++];
}

enum step ruby_link_ask(void *self, struct event *ev, struct wait *w, unsigned *slot, struct step_ctx *ctx)
{
	struct ruby_link *l = self;

	if (!l->instance)
		return STEP_PASS;
	(void)add_call(l, w, ev);
	*slot = ((struct asked *)w->data)->job.n - 1;
	return STEP_WAIT;
}

bool ruby_link_flush_ask(void *self, struct wait *w, bool final)
{
	struct ruby_link *l = self;

	if (!l->instance)
		return false;
	add_call(l, w, NULL)->final = final;
	return true;
}

/* The module's thread. */
static void answered(void *arg)
{
	struct asked *a = arg;

	a->wait->done(a->wait);
}

void ruby_link_start(void *self, struct wait *w)
{
	struct ruby_link *l = self;
	struct asked *a = w->data;

	a->started = true;
	a->job.done = answered;
	a->job.arg = a;
	l->module->run(&a->job);
}

static void free_child(struct ruby_child *c)
{
	arena_release(&c->arena);
	free(c);
}

enum step ruby_link_finish(void *self, struct event *ev, struct wait *w, unsigned slot, struct step_ctx *ctx)
{
	struct asked *a = w->data;
	struct ruby_call *call = &a->call[slot];

	if (!call->child)
		return call->cancelled ? STEP_DROP : call->outcome == RUBY_DONE ? STEP_OK : STEP_PASS;
	ctx->gen = call;
	return call->cancelled ? STEP_MORE : call->outcome == RUBY_DONE ? STEP_OK_FORK : STEP_FORK;
}

bool ruby_link_flush(void *self, struct step_ctx *ctx)
{
	struct asked *a = ctx->wait->data;

	ctx->gen = &a->call[0];
	return a->call[0].child != NULL;
}

int ruby_link_next(void *self, void *gen, const struct event *parent, struct event *child, struct step_ctx *ctx)
{
	struct ruby_call *call = gen;
	struct ruby_child *c = call->child;

	if (!c)
		return 0;
	call->child = c->next;
	event_copy(child, &c->ev, ctx->arena);
	child->received_ns = parent->received_ns;
	free_child(c);
	/* Options such as add_field are for the event that came in. */
	return 2;
}

void ruby_link_wait_release(void *self, struct wait *w)
{
	struct asked *a = w->data;

	if (!a)
		return;
	if (a->started)
		a->module->settle(&a->job);
	for (unsigned i = 0; i < a->job.n; i++)
		while (a->call[i].child) {
			struct ruby_child *c = a->call[i].child;

			a->call[i].child = c->next;
			free_child(c);
		}
	free(a);
	w->data = NULL;
}
