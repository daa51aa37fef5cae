/*
 * ruby.c - filter ruby: hands a batch's events to a block or a script in Ruby and waits for them.
 *
 * This half is part of weird: the options (the waiting step is ruby_link.c's). Ruby itself is in the module (ruby_module.h) and runs on a
 * thread of its own; the work thread goes on with other batches meanwhile. Events are not copied on the way: those of a waiting unit
 * stand still until it is answered.
 */
#include "filter/ruby_link.h"

struct ruby {
	struct ruby_link link; /* first */
	struct str code, path, init, tag, timeout_tag;
	const struct map *params;
	bool tag_message;
	int64_t timeout_ns;
};

static struct ruby_setup setup_of(const struct ruby *r, const struct plugin_ctx *ctx)
{
	struct ruby_setup s = {.code = r->code, .path = r->path, .init = r->init, .params = r->params, .tag = r->tag,
			       .timeout_tag = r->timeout_tag, .tag_message = r->tag_message, .timeout_ns = r->timeout_ns};

	if (ctx) {
		s.id = ctx->id;
		ruby_link_place(ctx, STR("code"), &s.code_file, &s.code_line);
		ruby_link_place(ctx, STR("init"), &s.init_file, &s.init_line);
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
	static const char *const texts[] = {"init", "code", NULL};
	struct ruby *r = self;
	struct ruby_setup setup;

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
	setup = setup_of(r, ctx);
	return ruby_link_open(&r->link, &setup, ctx, texts, err);
}

/* The same code goes on with what it remembers (@x); other code begins anew. */
static void ruby_adopt(void *self, void *former)
{
	struct ruby *r = self, *old = former;
	struct ruby_instance *in = old->link.instance;
	struct ruby_setup setup;

	if (!r->code.p || !in || !str_eq(r->code, old->code) || !str_eq(r->init, old->init))
		return;
	old->link.instance = r->link.instance;
	r->link.instance = in;
	setup = setup_of(r, NULL);
	r->link.module->retune(in, &setup);
}

static void ruby_raised(void *self, struct event *ev)
{
	const struct ruby *r = self;

	event_tag(ev, r->tag);
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
       .open = ruby_open, .close = ruby_link_close,
       .filter = {.ask = ruby_link_ask, .start = ruby_link_start, .finish = ruby_link_finish, .next = ruby_link_next,
		  .wait_release = ruby_link_wait_release, .adopt = ruby_adopt, .raised = ruby_raised})
