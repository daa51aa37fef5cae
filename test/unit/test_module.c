/*
 * Modules that are there, that are not, and that are something else. argv[1]: the folder of the three that the build made.
 */
#include "test.h"

#include "pipeline/module.h"

#include <string.h>
#include <unistd.h>

static const struct module *opened(const char *name, const char *version, struct err *err)
{
	struct module_file file = {name, version, "The thing", "libthing1"};

	err->text[0] = 0;
	return module_open(&file, err);
}

static void refused(const char *name, const char *version, const char *why)
{
	struct err err;

	CHECK(!opened(name, version, &err));
	CHECK_STR(str_z(err.text), why);
}

static void test_versions(void)
{
	struct err err;
	const struct module *m = opened("other", "1.2 3", &err);

	CHECK(m && strcmp(m->version, "1.2 3") == 0);
	CHECK(opened("other", "1.2 3", &err) == m);
	refused("other", MODULE_VERSION("1"),
		"weir_other.so belongs to another weir (1.2 3, this one is " MODULE_VERSION("1") "): install the same version of the package weir-other");
	refused("none", "1.2 3", "weir_none.so is not weir's module");
}

static void test_what_is_not_there(const char *dir)
{
	char path[4096];
	struct err err;
	FILE *f;

	refused("absent", "1", "The thing is not here: install the package weir-absent, which brings libthing1");
	/* A file that is no library: the loader's own words are the cause. */
	CHECK(snprintf(path, sizeof(path), "%s/weir_text.so", dir) < (int)sizeof(path));
	f = fopen(path, "w");
	CHECK(f && fputs("no library\n", f) >= 0 && fclose(f) == 0);
	CHECK(!opened("text", "1", &err));
	CHECK(strstr(err.text, "install the package weir-text, which brings libthing1; cause: ") != NULL);
	CHECK(strstr(err.text, "weir_text.so") != NULL);
	unlink(path);
}

int main(int argc, char **argv)
{
	if (argc != 2 || setenv("WEIR_MODULE_DIR", argv[1], 1))
		return 2;
	test_versions();
	test_what_is_not_there(argv[1]);
	return test_end();
}
