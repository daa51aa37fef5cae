/*
 * test_pipelines.c - pipelines.yml, and what pipelines may send to which.
 */
#include "base/hash.h"
#include "config/parse.h"
#include "config/pipelines.h"
#include "event/fields.h"
#include "flow.h"

#include "test.h"

static struct arena arena;
static struct diag diag;
static struct pipeline_list list;

static int read_yml(const char *text)
{
	struct program_settings base;

	diag_release(&diag);
	arena_clear(&arena);
	settings_init(&base, &arena);
	base.pipeline.ecs = ECS_V1;
	return pipelines_read_text(&list, &base, STR("pipelines.yml"), str_z(text), &diag);
}

static struct str problems(void)
{
	static struct buf b;

	buf_clear(&b);
	for (const struct diag_item *it = diag.first; it; it = it->next)
		buf_printf(&b, "%s%u:%u: %s%.*s", b.len ? "\n" : "", it->pos.line, it->pos.col,
			   it->level == DIAG_WARNING ? "warning: " : "", STR_ARG(it->text));
	return buf_slice(&b);
}

static void test_list(void)
{
	const struct program_settings *s;

	CHECK_INT(read_yml("# the pipelines\n"
			   "- pipeline.id: mail\n  path.config: \"/etc/x/*.conf\"\n  pipeline.workers: 3\n  queue.type: persisted\n"
			   "  queue.max_bytes: 1gb\n  dead_letter_queue.enable: true\n"
			   "- pipeline:\n    id: dns\n    ecs_compatibility: v8\n    batch.size: 10\n    reloadable: false\n"
			   "  config.string: |\n    input { stdin {} }\n  config.support_escapes: true\n  config.reload.interval: 5s\n"), 1);
	CHECK_STR(problems(), "");
	CHECK_INT(list.n, 2);
	s = &list.entry[0].settings;
	CHECK_STR(s->pipeline.pipeline_id, "mail");
	CHECK_STR(s->config_path, "/etc/x/*.conf");
	CHECK_INT(s->pipeline.ecs, ECS_V1); /* of the whole program */
	CHECK(s->reloadable && !s->pipeline.support_escapes);
	s = &list.entry[1].settings;
	CHECK_STR(s->pipeline.pipeline_id, "dns");
	CHECK_STR(s->config_string, "input { stdin {} }\n");
	CHECK_INT(s->pipeline.ecs, ECS_V8);
	CHECK(!s->reloadable && s->pipeline.support_escapes);
	CHECK_INT(s->reload_ns, 3000000000); /* the whole program's business */
	CHECK_INT(list.entry[1].pos.line, 8);
	/* Without a name it is the program's, which is "main". */
	CHECK_INT(read_yml("- path.config: x\n"), 1);
	CHECK_STR(list.entry[0].settings.pipeline.pipeline_id, "main");
}

static void test_nothing(void)
{
	CHECK_INT(read_yml(""), 0);
	CHECK_INT(read_yml("# - pipeline.id: main\n"), 0);
	CHECK_INT(read_yml("[]\n"), 0);
	CHECK_STR(problems(), "");
}

static void test_mistakes(void)
{
	CHECK_INT(read_yml("- pipeline.id: a\n  path.config: x\n  pipelin.workers: 1\n  http.port: 1\n"), 1);
	CHECK_STR(problems(), "3:20: warning: unknown setting 'pipelin.workers', did you mean 'pipeline.workers'?\n"
			      "4:14: warning: the setting 'http.port' is the whole program's: it has no effect for one pipeline");
	CHECK_INT(read_yml("- pipeline.id: a\n  path.config: x\n- pipeline.id: a\n  path.config: y\n"), -1);
	CHECK_STR(problems(), "3:3: two pipelines have the id 'a'");
	CHECK_INT(read_yml("- pipeline.id: a\n  path.config: x\n  config.string: y\n- pipeline.id: b\n"), -1);
	CHECK_STR(problems(), "1:3: pipeline 'a' has both 'path.config' and 'config.string'\n"
			      "4:3: pipeline 'b' needs 'path.config' or 'config.string'");
	CHECK_INT(read_yml("- pipeline.id: a\n  path.config: x\n  pipeline.ecs_compatibility: v9\n"), -1);
	CHECK_STR(problems(), "3:31: the setting 'pipeline.ecs_compatibility' takes disabled, v1 or v8, not 'v9'");
	CHECK_INT(read_yml("- pipeline.id: \"\"\n  path.config: x\n"), -1);
	CHECK_STR(problems(), "1:3: 'pipeline.id' is empty");
	CHECK_INT(read_yml("pipeline.id: a\npath.config: x\n"), -1);
	CHECK_STR(problems(), "1:1: expected a list: '- name: value'");
	CHECK_INT(read_yml("x\n"), -1);
	CHECK_STR(problems(), "1:1: expected a list: '- name: value'");
	CHECK_INT(read_yml("- pipeline.id: a\n  path.config: x\n- b\n"), -1);
	CHECK_STR(problems(), "3:3: expected 'name: value'");
	CHECK_INT(read_yml("- - a\n"), -1);
	CHECK_STR(problems(), "1:3: expected 'name: value'");
	CHECK_INT(read_yml("- pipeline.id: a\n  path.config: x\n  : : [\n"), -1);
	CHECK(diag.errors == 1);
	CHECK_INT(read_yml("- pipeline.id: a\n  path.config: \"${WEIR_NO_SUCH_NAME}\"\n"), -1);
	CHECK_INT(diag.first->pos.line, 2);
}

/* ---- flow ---- */

static struct plan *compile(const char *id, const char *text)
{
	struct settings settings = {.clock = &clock_system, .pipeline_id = str_z(id)};
	struct config_file *f = arena_zalloc(&arena, sizeof(*f));
	struct config_env env = {0};
	struct ast_config *ast;

	f->name = str_z(id);
	f->text = str_z(text);
	ast = config_parse(&arena, f, &env, &diag);
	return ast ? plan_compile(ast, &settings, &diag) : NULL;
}

#define IN(address) "input { pipeline { address => \"" address "\" } } "
#define OUT(list) "output { pipeline { send_to => [" list "] } }\n"

static void test_flow(void)
{
	struct plan *p[] = {
		compile("last", IN("last")),
		compile("middle", IN("middle") "\n" OUT("'last', 'nowhere'")),
		compile("first", "input { stdin {} } output { if [x] { pipeline { send_to => 'middle' } } }"),
		compile("aside", "input { stdin {} }"),
		compile("back", IN("nowhere") "\n" OUT("'middle'")),
		compile("self", IN("self") "\n\n" OUT("'self'")),
		compile("again", "\n" IN("last")),
		compile("twice", IN("t") IN("t")),
	};
	struct flow flow;
	struct pos pos;
	struct err err;
	size_t order[4];

	flow_init(&flow);
	for (size_t i = 0; i < 4; i++)
		CHECK_INT(flow_add(&flow, p[i], &pos, &err), 0);
	CHECK_INT(flow_add(&flow, p[4], &pos, &err), -1);
	CHECK_STR(str_z(err.text), "events would come back: back -> middle -> back");
	CHECK_INT(pos.line, 2);
	CHECK_INT(flow_add(&flow, p[5], &pos, &err), -1);
	CHECK_STR(str_z(err.text), "events would come back: self -> self");
	CHECK_INT(pos.line, 3);
	CHECK_INT(flow_add(&flow, p[6], &pos, &err), -1);
	CHECK_STR(str_z(err.text), "pipeline 'last' listens on the address 'last' already");
	CHECK_INT(pos.line, 2);
	CHECK_INT(flow_add(&flow, p[7], &pos, &err), -1);
	CHECK_STR(str_z(err.text), "two inputs listen on the address 't'");
	CHECK_INT(flow.n, 4);
	flow_order(&flow, order);
	for (size_t i = 0; i < 4; i++)
		for (size_t k = 0; k < i; k++)
			CHECK(!(order[k] == 0 && order[i] == 1) && !(order[k] == 1 && order[i] == 2));
	flow_release(&flow);
	for (size_t i = 0; i < sizeof(p) / sizeof(*p); i++)
		plan_free(p[i]);
	CHECK_INT(diag.errors, 0);
}

/* A way back over several pipelines is told whole. */
static void test_long_loop(void)
{
	struct plan *p[] = {
		compile("a", IN("a") OUT("'b'")),
		compile("b", IN("b") OUT("'dead end', 'c'")),
		compile("x", IN("dead end")),
		compile("c", IN("c") OUT("'a'")),
	};
	struct flow flow;
	struct pos pos;
	struct err err;

	flow_init(&flow);
	for (size_t i = 0; i < 3; i++)
		CHECK_INT(flow_add(&flow, p[i], &pos, &err), 0);
	CHECK_INT(flow_add(&flow, p[3], &pos, &err), -1);
	CHECK_STR(str_z(err.text), "events would come back: c -> a -> b -> c");
	flow_release(&flow);
	for (size_t i = 0; i < sizeof(p) / sizeof(*p); i++)
		plan_free(p[i]);
}

int main(void)
{
	hash_init(NULL);
	fields_init();
	arena_init(&arena, NULL);
	diag_init(&diag);
	test_list();
	test_nothing();
	test_mistakes();
	diag_release(&diag);
	test_flow();
	test_long_loop();
	diag_release(&diag);
	arena_release(&arena);
	return test_end();
}
