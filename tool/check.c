/*
 * check.c - `weir check PATH...`: reads, parses and compiles a configuration as the daemon would, without starting anything.
 */
#include "config/parse.h"
#include "pipeline/plan.h"
#include "tool/tool.h"

#include <stdio.h>

static bool check_path(const char *path)
{
	struct settings settings = {.clock = &clock_system, .pipeline_id = STR("main")};
	struct config_env env = {0};
	struct config_file *files;
	struct ast_config *ast;
	struct plan *plan = NULL;
	struct arena arena;
	struct diag diag;
	struct buf out;
	bool ok;

	arena_init(&arena, NULL);
	diag_init(&diag);
	buf_init(&out, 0);
	files = config_read(&arena, path, &diag);
	ast = files ? config_parse_part(&arena, files, &env, &diag) : NULL;
	if (ast)
		plan = plan_compile(ast, &settings, &diag);
	ok = plan != NULL && diag.errors == 0;
	diag_print(&diag, &out);
	if (!ok)
		buf_printf(&out, "%s: will not run: %u error%s\n", path, diag.errors, diag.errors == 1 ? "" : "s");
	else if (diag.warnings)
		buf_printf(&out, "%s: runs, with %u warning%s\n", path, diag.warnings, diag.warnings == 1 ? "" : "s");
	else
		buf_printf(&out, "%s: runs fully\n", path);
	fwrite(out.p, 1, out.len, stdout);
	plan_free(plan);
	buf_release(&out);
	diag_release(&diag);
	arena_release(&arena);
	return ok;
}

int tool_check(int argc, char **argv)
{
	bool ok = true;

	if (argc < 2) {
		fprintf(stderr, "usage: weir check PATH...\n");
		return 2;
	}
	for (int i = 1; i < argc; i++)
		ok &= check_path(argv[i]);
	return ok ? 0 : 1;
}
