/*
 * ruby.c - filter ruby: hands a batch's events to a block or a script in Ruby and waits for them.
 *
 * This half is part of weird: options, the module's opening, the waiting step. Ruby itself is in the module (ruby_module.h) and runs on a
 * thread of its own; the work thread goes on with other batches meanwhile. Events are not copied on the way: those of a waiting unit
 * stand still until it is answered.
 */
#include "filter/ruby_module.h"
#include "pipeline/exec.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct ruby {
	struct str code, path, init, tag, timeout_tag;
	const struct map *params;
	bool tag_message;
	int64_t timeout_ns;
	const struct ruby_module *module;
	struct ruby_instance *instance;
};

/* The questions of one unit of events. */
struct asked {
	struct ruby_job job; /* first: so that it can be cast back */
	struct wait *wait;
	const struct ruby_module *module;
	bool started;
	struct ruby_call call[EXEC_UNIT_EVENTS];
};

extern const char module_dir[]; /* module_dir.c.in */

/* ---- the module ---- */

/* Once, under ruby_module's lock: the module reads it from then on. */
static void fill_host(struct ruby_host *host, const struct clock *clock)
{
#define RUBY_HOST_FILL(f) host->f = f;
	RUBY_HOST(RUBY_HOST_FILL)
#undef RUBY_HOST_FILL
	host->clock = clock;
	host->log_threshold = &log_threshold;
}

static void *open_file(struct arena *a, struct str dir, const char **why)
{
	struct str path = arena_printf(a, "%.*s/weir_ruby.so", STR_ARG(dir));
	char *z = arena_dupz(a, path);
	void *so;

	if (access(z, R_OK))
		return NULL;
	so = dlopen(z, RTLD_NOW | RTLD_NODELETE);
	if (!so)
		*why = arena_dupz(a, str_z(dlerror()));
	return so;
}

/* $WEIR_MODULE_DIR, beside the program (a build folder), where it is installed. */
static void *find_module(struct arena *a, const char **why)
{
	const char *env = secure_getenv("WEIR_MODULE_DIR");
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self));
	void *so = NULL;

	if (env)
		return open_file(a, str_z(env), why);
	if (n > 0 && (size_t)n < sizeof(self)) {
		struct str dir = str_n(self, (size_t)n);
		ptrdiff_t slash = str_rchr(dir, '/');

		so = open_file(a, str_sub(dir, 0, slash > 0 ? (size_t)slash : 0), why);
	}
	return so ? so : open_file(a, str_z(module_dir), why);
}

/* Plans are compiled on the main thread, but nothing says that it stays so: the lock. */
static const struct ruby_module *ruby_module(const struct plugin_ctx *ctx, struct err *err)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static const struct ruby_module *module;
	static struct ruby_host host;
	const char *why = NULL;

	pthread_mutex_lock(&lock);
	if (!module) {
		void *so = find_module(ctx->arena, &why);

		module = so ? dlsym(so, RUBY_MODULE_SYMBOL) : NULL;
		if (!so)
			err_set(err, "Ruby is not here: install the package weir-ruby, which brings libruby3.1%s%.300s", why ? "; cause: " : "", why ? why : "");
		else if (!module)
			err_set(err, "weir_ruby.so is not weir's module");
		else
			fill_host(&host, ctx->settings->clock);
	}
	if (module && strcmp(module->version, RUBY_MODULE_VERSION) != 0) {
		err_set(err, "weir_ruby.so belongs to another weir (%.100s, this one is " RUBY_MODULE_VERSION "): install the same version of the package weir-ruby",
			module->version);
		module = NULL;
	}
	pthread_mutex_unlock(&lock);
	if (module && module->start(&host, err))
		return NULL;
	return module;
}

/* ---- opening ---- */

/* Where the text of an option begins in the configuration. */
static const struct ast_value *written(const struct plugin_ctx *ctx, struct str option)
{
	for (size_t i = 0; ctx->written && i < ctx->written->n; i++)
		if (str_eq(ctx->written->attr[i].name, option))
			return ctx->written->attr[i].value;
	return NULL;
}

static void place_of(const struct plugin_ctx *ctx, struct str option, struct str *file, uint32_t *line)
{
	const struct ast_value *v = written(ctx, option);

	*file = v && v->pos.file ? v->pos.file->name : arena_printf(ctx->arena, "(ruby filter %.*s)", STR_ARG(option));
	*line = v && v->pos.file ? v->pos.line : 1;
}

/* Of a line in init or code: where its text begins in the first, 1 in those behind it. */
static uint32_t column_of(const struct plugin_ctx *ctx, uint32_t line)
{
	static const struct str texts[] = {STR_INIT("init"), STR_INIT("code")};

	for (size_t i = 0; i < 2; i++) {
		const struct ast_value *v = written(ctx, texts[i]);
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

static struct ruby_setup setup_of(const struct ruby *r, const struct plugin_ctx *ctx)
{
	struct ruby_setup s = {.code = r->code, .path = r->path, .init = r->init, .params = r->params, .tag = r->tag,
			       .timeout_tag = r->timeout_tag, .tag_message = r->tag_message, .timeout_ns = r->timeout_ns};

	if (ctx) {
		s.id = ctx->id;
		place_of(ctx, STR("code"), &s.code_file, &s.code_line);
		place_of(ctx, STR("init"), &s.init_file, &s.init_line);
	}
	return s;
}

/* event['field'] stands in the code: it raises an exception for each event, as in Logstash since 5. */
static bool has_former_access(struct str code)
{
	static const struct str word = STR_INIT("event[");
	ptrdiff_t at;
	char before = ' ';

	while ((at = str_find(code, word)) >= 0) {
		before = at ? code.p[at - 1] : before;
		if (!ch_alpha(before) && !ch_digit(before) && !strchr("_@$.", before))
			return true;
		before = word.p[word.len - 1];
		code = str_from(code, (size_t)at + word.len);
	}
	return false;
}

static int ruby_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct ruby *r = self;
	struct ruby_setup setup;
	struct ruby_fault fault = {0};

	if (!r->code.p && !r->path.p) {
		/* As in Logstash, which takes it, too. */
		plugin_warn(ctx, "ruby has neither 'code' nor 'path': it does nothing");
		return 0;
	}
	if (r->code.p && r->path.p)
		return err_set(err, "takes 'code' or 'path', not both");
	if (has_former_access(r->code))
		plugin_warn(ctx, "event['field'] ended with Logstash 5 and raises an exception: write event.get('field') and event.set('field', value)");
	if (plugin_file_absent(ctx, r->path))
		return 0;
	r->module = ruby_module(ctx, err);
	if (!r->module)
		return -1;
	setup = setup_of(r, ctx);
	r->instance = r->module->open(&setup, &fault);
	if (r->instance)
		return 0;
	if (fault.line) {
		ctx->pos.line = fault.line;
		ctx->pos.col = column_of(ctx, fault.line);
	}
	return err_set(err, "%s", fault.text);
}

static void ruby_close(void *self)
{
	struct ruby *r = self;

	if (r->instance)
		r->module->close(r->instance);
	r->instance = NULL;
}

/* The same code goes on with what it remembers (@x); other code begins anew. */
static void ruby_adopt(void *self, void *former)
{
	struct ruby *r = self, *old = former;
	struct ruby_instance *in = old->instance;
	struct ruby_setup setup;

	if (!r->code.p || !in || !str_eq(r->code, old->code) || !str_eq(r->init, old->init))
		return;
	old->instance = r->instance;
	r->instance = in;
	setup = setup_of(r, NULL);
	r->module->retune(in, &setup);
}

/* ---- the waiting step ---- */

static enum step ruby_ask(void *self, struct event *ev, struct wait *w, unsigned *slot, struct step_ctx *ctx)
{
	struct ruby *r = self;
	struct asked *a = w->data;

	if (!r->instance)
		return STEP_PASS;
	if (!a) {
		a = xmalloc(sizeof(*a));
		a->job = (struct ruby_job){.instance = r->instance, .call = a->call};
		a->wait = w;
		a->module = r->module;
		a->started = false;
		w->data = a;
	}
	*slot = a->job.n;
	a->call[a->job.n++] = (struct ruby_call){.ev = ev};
	return STEP_WAIT;
}

/* The module's thread. */
static void answered(void *arg)
{
	struct asked *a = arg;

	a->wait->done(a->wait);
}

static void ruby_start(void *self, struct wait *w)
{
	struct ruby *r = self;
	struct asked *a = w->data;

	a->started = true;
	a->job.done = answered;
	a->job.arg = a;
	r->module->run(&a->job);
}

static void free_child(struct ruby_child *c)
{
	arena_release(&c->arena);
	free(c);
}

static enum step ruby_finish(void *self, struct event *ev, struct wait *w, unsigned slot, struct step_ctx *ctx)
{
	struct asked *a = w->data;
	struct ruby_call *call = &a->call[slot];

	if (!call->child)
		return call->cancelled ? STEP_DROP : call->outcome == RUBY_DONE ? STEP_OK : STEP_PASS;
	ctx->gen = call;
	return call->cancelled ? STEP_MORE : call->outcome == RUBY_DONE ? STEP_OK_FORK : STEP_FORK;
}

static int ruby_next(void *self, void *gen, const struct event *parent, struct event *child, struct step_ctx *ctx)
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

static void ruby_wait_release(void *self, struct wait *w)
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

static const struct option options[] = {
	{"code", OPT_STRING, offsetof(struct ruby, code), .doc = "Ruby that is run for each event; it finds `event` and `new_event_block`"},
	{"init", OPT_STRING, offsetof(struct ruby, init), .doc = "Ruby that is run once at the start, before the first event; `@x` stays there for `code`"},
	{"path", OPT_PATH, offsetof(struct ruby, path), .doc = "a script with `filter(event)`, which answers a list of events, and where it likes `register(params)` and tests"},
	{"script_params", OPT_HASH, offsetof(struct ruby, params), .doc = "what `register` of the script gets"},
	{"tag_on_exception", OPT_STRING, offsetof(struct ruby, tag), .def = "\"_rubyexception\"", .doc = "tag of an event whose code raised an exception; it goes on"},
	{"tag_on_timeout", OPT_STRING, offsetof(struct ruby, timeout_tag), .def = "\"_rubytimeout\"", .flags = OPT_WEIR, .doc = "tag of an event whose code took longer than `timeout`; it goes on"},
	{"tag_with_exception_message", OPT_BOOL, offsetof(struct ruby, tag_message), .doc = "one more tag that says what the exception was"},
	{"timeout", OPT_DURATION, offsetof(struct ruby, timeout_ns), .flags = OPT_WEIR, .doc = "how long the code may take for one event; 0: as long as it likes, and nothing else of the pipeline's runs behind it"},
	{0},
};

FILTER(ruby, .size = sizeof(struct ruby), .options = options, .doc = "runs Ruby for each event (CRuby 3.1; docs/from-logstash-ruby.md says what differs)",
       .open = ruby_open, .close = ruby_close,
       .filter = {.ask = ruby_ask, .start = ruby_start, .finish = ruby_finish, .next = ruby_next, .wait_release = ruby_wait_release, .adopt = ruby_adopt})
