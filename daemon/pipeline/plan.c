#include "pipeline/plan.h"
#include "base/count.h"

#include "pipeline/bundled.h"
#include "pipeline/former.h"
#include "pipeline/unknown.h"

#include <stdlib.h>

struct compiler {
	struct plan *plan;
	struct diag *diag;
	struct settings *settings;
	uint32_t ordinal[4];
};

static const char *const kind_name[] = {"input", "filter", "output", "codec"};

/* ---- the text of a plug-in, as its identity ---- */

static void value_key(struct buf *b, const struct ast_value *v);

static void plugin_key(struct buf *b, const struct ast_plugin *p)
{
	buf_str(b, p->name);
	buf_ch(b, '{');
	for (size_t i = 0; i < p->n; i++) {
		buf_str(b, p->attr[i].name);
		buf_lit(b, "=>");
		value_key(b, p->attr[i].value);
		buf_ch(b, ' ');
	}
	buf_ch(b, '}');
}

static void value_key(struct buf *b, const struct ast_value *v)
{
	size_t n = v->kind == AST_HASH ? 2 * v->n : v->n;

	switch (v->kind) {
	case AST_ARRAY:
	case AST_HASH:
		buf_ch(b, v->kind == AST_HASH ? '{' : '[');
		for (size_t i = 0; i < n; i++) {
			value_key(b, v->item[i]);
			buf_ch(b, ' ');
		}
		buf_ch(b, ']');
		break;
	case AST_PLUGIN:
		plugin_key(b, v->plugin);
		break;
	default:
		/* The length keeps two texts from reading as one. */
		buf_printf(b, "%zu:", v->text.len);
		buf_str(b, v->text);
		break;
	}
}

static struct str make_key(struct arena *a, enum plugin_kind kind, const struct ast_plugin *p)
{
	struct buf b;
	struct str out;

	buf_init(&b, 0);
	buf_printf(&b, "%s ", kind_name[kind]);
	plugin_key(&b, p);
	out = arena_dup(a, buf_slice(&b));
	buf_release(&b);
	return out;
}

/* ---- instances ---- */

static void unknown_plugin(struct compiler *c, enum plugin_kind kind, const struct ast_plugin *ap)
{
	const struct plugin *const *all = plugin_all(kind);
	const char *names[256], *near;
	size_t n = 0;

	for (; all[n] && n < 255; n++)
		names[n] = all[n]->name;
	near = nearest_word(ap->name, names, n);
	if (c->settings->text_only && bundled_has(kind, ap->name))
		diag_warn(c->diag, ap->pos, "weir does not have Logstash's %s '%.*s': passed over", kind_name[kind], STR_ARG(ap->name));
	else if (kind == PLUGIN_FILTER && c->settings->lenient)
		diag_warn(c->diag, ap->pos, "unknown filter '%.*s': passed over, its events get the tag _unknown_filter%s%s%s", STR_ARG(ap->name),
			  near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	else if (bundled_has(kind, ap->name))
		diag_error(c->diag, ap->pos, "unknown %s '%.*s': weir does not have this plug-in of Logstash's", kind_name[kind], STR_ARG(ap->name));
	else if (near)
		diag_error(c->diag, ap->pos, "unknown %s '%.*s', did you mean '%s'?", kind_name[kind],
			   STR_ARG(ap->name), near);
	else
		diag_error(c->diag, ap->pos, "unknown %s '%.*s'", kind_name[kind], STR_ARG(ap->name));
}

static bool id_taken(const struct compiler *c, struct str id)
{
	const struct plan *p = c->plan;

	for (uint32_t i = 0; i < p->ninputs; i++)
		if (str_eq(p->input[i]->id, id))
			return true;
	for (uint32_t i = 0; i < p->nfilters; i++)
		if (str_eq(p->filter[i]->id, id))
			return true;
	for (uint32_t i = 0; i < p->noutputs; i++)
		if (str_eq(p->output[i]->id, id))
			return true;
	return false;
}

/* Which of its kind: what stands between others may come and go. */
static unsigned nth_of(const struct plan *p, enum plugin_kind kind, const struct plugin *plugin)
{
	struct plan_plugin **list = kind == PLUGIN_INPUT ? p->input : kind == PLUGIN_FILTER ? p->filter : p->output;
	uint32_t n = kind == PLUGIN_INPUT ? p->ninputs : kind == PLUGIN_FILTER ? p->nfilters : p->noutputs;
	unsigned nth = 1;

	for (uint32_t i = 0; i < n; i++)
		nth += list[i]->plugin == plugin;
	return nth;
}

static void keep(struct plan *p, enum plugin_kind kind, struct plan_plugin *pp)
{
	struct plan_plugin ***list = kind == PLUGIN_INPUT ? &p->input : kind == PLUGIN_FILTER ? &p->filter : &p->output;
	uint32_t *n = kind == PLUGIN_INPUT ? &p->ninputs : kind == PLUGIN_FILTER ? &p->nfilters : &p->noutputs;

	*list = arena_grow(&p->arena, *list, *n * sizeof(**list), (*n + 1) * sizeof(**list));
	(*list)[(*n)++] = pp;
}

/* No plan will close what was opened of it. */
static struct plan_plugin *refused(struct codec *codec)
{
	if (codec && codec->plugin->close)
		codec->plugin->close(codec->self);
	return NULL;
}

static struct plan_plugin *instance(struct compiler *c, enum plugin_kind kind, const struct ast_plugin *ap)
{
	struct arena *a = &c->plan->arena;
	const struct plugin *plugin = plugin_find(kind, ap->name);
	struct ast_plugin bare = {.name = ap->name, .pos = ap->pos};
	struct plan_plugin *pp;
	struct plugin_ctx ctx = {.arena = a, .settings = c->settings, .pos = ap->pos, .diag = c->diag,
				 .ecs = c->settings->ecs};
	struct str now = former_name(kind, ap->name);
	struct err err;

	if (!plugin && now.p)
		plugin = plugin_find(kind, now);
	if (plugin && now.p)
		diag_warn(c->diag, ap->pos, "the %s '%.*s' is read as '%.*s'", kind_name[kind], STR_ARG(ap->name), STR_ARG(now));
	if (!plugin) {
		unknown_plugin(c, kind, ap);
		if (kind != PLUGIN_FILTER || !c->settings->lenient)
			return NULL;
		plugin = unknown_filter(a, ap->name);
		ap = &bare;
	}
	pp = arena_zalloc(a, sizeof(*pp));
	pp->plugin = plugin;
	pp->pos = ap->pos;
	pp->ordinal = ++c->ordinal[kind];
	pp->self = arena_zalloc(a, plugin->size);
	pp->key = make_key(a, kind, ap);
	ctx.id = arena_printf(a, "%s/%s/%u", kind_name[kind], plugin->name, pp->ordinal);
	if (options_bind(plugin, ap, pp->self, &pp->options, &ctx))
		return refused(pp->options.codec);
	pp->id = ctx.id;
	pp->ecs = ctx.ecs;
	ctx.state_key = pp->options.id.len ? pp->options.id : arena_printf(a, "%s/%u", plugin->name, nth_of(c->plan, kind, plugin));
	if (id_taken(c, pp->id)) {
		diag_error(c->diag, ap->pos, "two plug-ins have the id '%.*s'", STR_ARG(pp->id));
		return refused(pp->options.codec);
	}
	pp->codec = pp->options.codec;
	if (!pp->codec && plugin->default_codec) {
		/* A default codec follows the mode of its input. */
		const char *former = kind == PLUGIN_INPUT ? former_codec(ap) : NULL;

		pp->codec = codec_default(former ? former : plugin->default_codec, &ctx);
		if (!pp->codec)
			return NULL;
	}
	if (plugin->stream && pp->codec) {
		pp->codec = codec_streaming(pp->codec, &ctx);
		if (!pp->codec)
			return NULL;
	}
	ctx.written = ap;
	/* Of one that has no default codec nothing is read or written by codecs. */
	if (plugin->default_codec && !plugin->events && !c->settings->text_only) {
		option_blame(&ctx, "codec");
		if (!codec_fits(pp->codec, kind, ctx.pos, c->diag))
			return refused(pp->codec);
		ctx.pos = ap->pos;
	}
	if (plugin->open && plugin->open(pp->self, &ctx, &err)) {
		diag_error(c->diag, ctx.pos, "%s: %s", plugin->name, err.text);
		return refused(pp->codec);
	}
	if (plugin->around) {
		struct codec *outer = plugin->around(pp->self, pp->codec, pp->options.codec != NULL, &ctx, &err);

		if (!outer) {
			diag_error(c->diag, ctx.pos, "%s: %s", plugin->name, err.text);
			if (plugin->close)
				plugin->close(pp->self);
			return refused(pp->codec);
		}
		pp->codec = outer;
	}
	pp->common = kind == PLUGIN_INPUT ? common_compile_input(a, &pp->options) : common_compile(a, &pp->options);
	keep(c->plan, kind, pp);
	return pp;
}

/* ---- steps ---- */

static uint32_t emit(struct plan *p, struct plan_step step)
{
	if (p->nsteps == p->cap) {
		uint32_t cap = p->cap ? p->cap * 2 : 32;

		p->step = arena_grow(&p->arena, p->step, p->nsteps * sizeof(step), cap * sizeof(step));
		p->cap = cap;
	}
	p->step[p->nsteps] = step;
	return p->nsteps++;
}

static void emit_plugin(struct compiler *c, enum plugin_kind kind, const struct ast_plugin *ap)
{
	struct plan *p = c->plan;
	struct plan_plugin *pp = instance(c, kind, ap);
	struct plan_step step = {.op = kind == PLUGIN_FILTER ? OP_FILTER : OP_OUTPUT, .pos = ap->pos, .plugin = pp};
	struct ast_expr *when;
	uint32_t at, test = UINT32_MAX;

	if (!pp || (c->settings->stateless && pp->plugin->stateful))
		return;
	when = former_condition(&p->arena, pp->plugin, ap);
	if (when)
		test = emit(p, (struct plan_step){.op = OP_IF, .pos = when->pos, .cond = cond_compile(&p->arena, when, c->diag)});
	at = emit(p, step);
	if (when)
		p->step[test].target = p->nsteps;
	if (kind == PLUGIN_FILTER && pp->plugin->filter.ask) {
		p->wait = arena_grow(&p->arena, p->wait, p->nwait * sizeof(*p->wait), (p->nwait + 1) * sizeof(*p->wait));
		p->wait[p->nwait++] = at;
	}
}

static bool only_adds(const struct plan_step *s)
{
	const struct plan_plugin *pp = s->op == OP_FILTER ? s->plugin : NULL;

	return pp && !pp->common && pp->plugin->filter.adds && pp->plugin->filter.adds(pp->self);
}

/* Behind each filter that only adds: as far as the last one of a row of these, or right behind it, that wants to know. */
static void find_ahead(struct plan *p)
{
	for (uint32_t i = 0; i < p->nsteps; i++) {
		for (uint32_t j = i; only_adds(&p->step[j]) && p->step[j + 1].op == OP_FILTER; j++)
			if (p->step[j + 1].plugin->plugin->filter.ahead)
				p->step[i].ahead = j + 1 - i;
	}
}

static void emit_block(struct compiler *c, enum plugin_kind kind, const struct ast_block *b);

static void emit_if(struct compiler *c, enum plugin_kind kind, const struct ast_stmt *s)
{
	struct plan *p = c->plan;
	uint32_t *jump = arena_alloc(&p->arena, s->n * sizeof(*jump) + 1), njumps = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct ast_branch *br = &s->branch[i];
		uint32_t test = UINT32_MAX;

		if (br->cond) {
			struct cond *cond = cond_compile(&p->arena, br->cond, c->diag);

			test = emit(p, (struct plan_step){.op = OP_IF, .pos = br->cond->pos, .cond = cond});
		}
		emit_block(c, kind, br->body);
		if (i + 1 < s->n)
			jump[njumps++] = emit(p, (struct plan_step){.op = OP_JUMP, .pos = s->pos});
		if (test != UINT32_MAX)
			p->step[test].target = p->nsteps;
	}
	for (uint32_t i = 0; i < njumps; i++)
		p->step[jump[i]].target = p->nsteps;
}

static void emit_block(struct compiler *c, enum plugin_kind kind, const struct ast_block *b)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct ast_stmt *s = &b->stmt[i];

		if (s->kind == STMT_IF)
			emit_if(c, kind, s);
		else
			emit_plugin(c, kind, s->plugin);
	}
}

/* A condition around inputs is accepted and ignored, as in Logstash: there is no event yet to test. */
static void open_inputs(struct compiler *c, const struct ast_block *b)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct ast_stmt *s = &b->stmt[i];

		if (s->kind == STMT_PLUGIN) {
			instance(c, PLUGIN_INPUT, s->plugin);
			continue;
		}
		diag_warn(c->diag, s->pos, "'if' has no effect among inputs: all of them are started");
		for (size_t k = 0; k < s->n; k++)
			open_inputs(c, s->branch[k].body);
	}
}

static bool says_true(const struct ast_plugin *p, struct str option)
{
	bool is = false;

	for (size_t i = 0; i < p->n; i++)
		if (str_eq(p->attr[i].name, option))
			is = p->attr[i].value->kind != AST_ARRAY && p->attr[i].value->kind != AST_HASH && str_eq(p->attr[i].value->text, STR("true"));
	return is;
}

/* Is there an input that does not end by itself? Where all do, nobody waits for the start, but each line counts. */
static bool goes_on(const struct ast_block *b)
{
	bool on = false;

	for (size_t i = 0; i < b->n && !on; i++) {
		const struct ast_stmt *s = &b->stmt[i];

		if (s->kind == STMT_PLUGIN)
			on = !str_eq(s->plugin->name, STR("stdin")) && !str_eq(s->plugin->name, STR("generator")) &&
			     !says_true(s->plugin, STR("exit_after_read"));
		for (size_t k = 0; s->kind == STMT_IF && k < s->n && !on; k++)
			on = goes_on(s->branch[k].body);
	}
	return on;
}

struct plan *plan_compile(const struct ast_config *ast, const struct settings *settings, struct diag *d)
{
	struct plan *p = xzalloc(sizeof(*p));
	struct compiler c = {.plan = p, .diag = d, .settings = &p->settings};
	unsigned before = d->errors;

	arena_init(&p->arena, NULL);
	p->settings = *settings;
	p->settings.later &= goes_on(&ast->section[SECTION_INPUT]);
	open_inputs(&c, &ast->section[SECTION_INPUT]);
	emit_block(&c, PLUGIN_FILTER, &ast->section[SECTION_FILTER]);
	emit_block(&c, PLUGIN_OUTPUT, &ast->section[SECTION_OUTPUT]);
	emit(p, (struct plan_step){.op = OP_END});
	find_ahead(p);
	if (d->errors != before) {
		plan_free(p);
		return NULL;
	}
	return p;
}

static void close_all(struct plan_plugin **list, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (list[i]->plugin->close)
			list[i]->plugin->close(list[i]->self);
		if (list[i]->codec && list[i]->codec->plugin->close)
			list[i]->codec->plugin->close(list[i]->codec->self);
	}
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i < p->nsteps; i++)
		if (p->step[i].op == OP_IF)
			cond_release(p->step[i].cond);
	close_all(p->input, p->ninputs);
	close_all(p->filter, p->nfilters);
	close_all(p->output, p->noutputs);
	arena_release(&p->arena);
	free(p);
}

/* ---- a reload ---- */

/* The step of the former plan whose state this one goes on with, if it has not been taken. */
static struct plan_plugin *heir_to(const struct plan *former, const struct plan_plugin *pp, const bool *taken)
{
	for (uint32_t i = 0; i < former->nfilters; i++) {
		struct plan_plugin *f = former->filter[i];
		bool named = pp->options.id.len && str_eq(f->options.id, pp->options.id);

		if (!taken[i] && f->plugin == pp->plugin && (named || str_eq(f->key, pp->key)))
			return f;
	}
	return NULL;
}

/* The numbers of a filter are shown by its id: they go on. */
static void adopt_counts(struct plan_plugin *pp, const struct plan *former)
{
	for (uint32_t i = 0; i < former->nfilters; i++) {
		const struct plan_plugin *f = former->filter[i];

		if (f->plugin != pp->plugin || !str_eq(f->id, pp->id))
			continue;
		count_add(&pp->in, count_read(&f->in));
		count_add(&pp->out, count_read(&f->out));
		count_add(&pp->busy_ns, count_read(&f->busy_ns));
		return;
	}
}

void plan_adopt(struct plan *next, struct plan *former)
{
	bool *taken = xzalloc(former->nfilters + 1);

	for (uint32_t i = 0; i < next->nfilters; i++) {
		struct plan_plugin *pp = next->filter[i], *f;

		adopt_counts(pp, former);
		if (!pp->plugin->filter.adopt)
			continue;
		f = heir_to(former, pp, taken);
		if (!f)
			continue;
		for (uint32_t k = 0; k < former->nfilters; k++)
			taken[k] |= former->filter[k] == f;
		pp->plugin->filter.adopt(pp->self, f->self);
	}
	free(taken);
}

/* ---- --explain ---- */

static void explain_place(struct buf *out, struct pos pos)
{
	if (pos.file)
		buf_printf(out, "   # %.*s:%u", STR_ARG(pos.file->name), pos.line);
	buf_ch(out, '\n');
}

void plan_explain(const struct plan *p, struct buf *out)
{
	for (uint32_t i = 0; i < p->ninputs; i++) {
		const struct plan_plugin *in = p->input[i];

		buf_printf(out, "input     %s", in->plugin->name);
		if (in->codec)
			buf_printf(out, ", codec %s", (in->codec->inner ? in->codec->inner : in->codec)->plugin->name);
		explain_place(out, in->pos);
	}
	for (uint32_t i = 0; i < p->nsteps; i++) {
		const struct plan_step *s = &p->step[i];

		buf_printf(out, "%-5u", i);
		switch (s->op) {
		case OP_FILTER:
			buf_printf(out, "filter    %s%s", s->plugin->plugin->name,
				   s->plugin->plugin->filter.ask ? " (waits)" : "");
			break;
		case OP_OUTPUT:
			buf_printf(out, "output    %s", s->plugin->plugin->name);
			break;
		case OP_IF:
			buf_printf(out, "if        else -> %u", s->target);
			break;
		case OP_JUMP:
			buf_printf(out, "jump      -> %u", s->target);
			break;
		case OP_END:
			buf_printf(out, "end\n");
			continue;
		}
		explain_place(out, s->pos);
	}
}
