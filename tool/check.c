/*
 * check.c - `weir check PATH...`, `weir check --path.settings DIR`: reads, parses and compiles a configuration, or all pipelines of a folder of settings, as
 * the daemon would, without starting anything.
 */
#include "config/pipelines.h"
#include "examine.h"
#include "tool/tool.h"

#include <stdio.h>

static void show_outcome(const char *path, const struct diag *diag, bool ok)
{
	struct buf out;

	buf_init(&out, 0);
	diag_print(diag, &out);
	if (!ok)
		buf_printf(&out, "%s: will not run: %u error%s\n", path, diag->errors, diag->errors == 1 ? "" : "s");
	else if (diag->warnings)
		buf_printf(&out, "%s: runs, with %u warning%s\n", path, diag->warnings, diag->warnings == 1 ? "" : "s");
	else
		buf_printf(&out, "%s: runs fully\n", path);
	fwrite(out.p, 1, out.len, stdout);
	buf_release(&out);
}

static bool check_path(const char *path)
{
	struct program_settings settings;
	struct arena arena;
	struct diag diag;
	bool ok;

	arena_init(&arena, NULL);
	diag_init(&diag);
	settings_init(&settings, &arena);
	settings.config_path = str_z(path);
	ok = examine_pipelines(&settings, NULL, &diag, NULL) == 0;
	show_outcome(path, &diag, ok);
	diag_release(&diag);
	arena_release(&arena);
	return ok;
}

/* As weird finds them: the settings name the pipeline, or pipelines.yml does. */
static bool check_settings(const char *dir)
{
	struct program_settings settings;
	struct arena arena;
	struct diag diag;
	bool ok;

	arena_init(&arena, NULL);
	diag_init(&diag);
	settings_init(&settings, &arena);
	ok = settings_read(&settings, dir, &diag) == 0;
	if (ok)
		ok = examine_pipelines(&settings, settings_name_pipeline(&settings) ? NULL : pipelines_path(&arena, dir), &diag, NULL) == 0;
	show_outcome(dir, &diag, ok);
	diag_release(&diag);
	arena_release(&arena);
	return ok;
}

static int usage(void)
{
	fprintf(stderr, "usage: weir check PATH...\n       weir check --path.settings DIR\n");
	return 2;
}

int tool_check(int argc, char **argv)
{
	static const char option[] = "--path.settings";
	bool ok = true;

	if (argc < 2)
		return usage();
	for (int i = 1; i < argc; i++) {
		struct str word = str_z(argv[i]);

		if (str_eqz(word, option) && i + 1 < argc)
			ok &= check_settings(argv[++i]);
		else if (str_starts(word, STR("--path.settings=")))
			ok &= check_settings(argv[i] + sizeof(option));
		else if (str_starts(word, STR("--")))
			return usage();
		else
			ok &= check_path(argv[i]);
	}
	return ok ? 0 : 1;
}
