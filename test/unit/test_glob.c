/*
 * Patterns of file names: one name, { }, and a tree of folders.
 */
#include "test.h"

#include "base/arena.h"
#include "input/glob.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void matches(const char *pattern, const char *name, bool want)
{
	bool have = glob_match(str_z(pattern), str_z(name));

	CHECK(have == want);
	if (have != want)
		fprintf(stderr, "  '%s' and '%s'\n", pattern, name);
}

static void test_names(void)
{
	matches("a.log", "a.log", true);
	matches("a.log", "a.logs", false);
	matches("*", "a", true);
	matches("*", "", true);
	matches("*.log", "a.log", true);
	matches("*.log", ".log", false);
	matches(".*", ".log", true);
	matches("\\.log", ".log", true);
	matches("?og", "log", true);
	matches("?og", "og", false);
	matches("?", ".", false);
	matches("[.]a", ".a", false);
	matches("a*b*c", "a1b2b3c", true);
	matches("a*b*c", "a1b2b3d", false);
	matches("*ab*ab*ab", "ababab", true);
	matches("*ab*ab*ab*ab", "ababab", false);
	matches("[a-c]1", "b1", true);
	matches("[a-c]1", "d1", false);
	matches("[^a-c]1", "d1", true);
	matches("[!a-c]1", "a1", false);
	matches("[]]", "]", true);
	matches("[a\\]]", "]", true);
	matches("[a-]", "-", true);
	matches("[ab", "[ab", true);
	matches("[ab", "a", false);
	matches("\\*", "*", true);
	matches("\\*", "x", false);
	/* One character is not always one byte. */
	matches("?.log", "\xc3\xa4.log", true);
	matches("??.log", "\xc3\xa4.log", false);
	matches("[\xc3\xa4-\xc3\xbc]", "\xc3\xb6", true);
	matches("?", "\xff", true);
	CHECK(glob_magic(STR("a*")) && glob_magic(STR("a\\b")) && !glob_magic(STR("a.b")));
}

static void path_matches(const char *pattern, const char *path, bool want)
{
	bool have = glob_match_path(str_z(pattern), str_z(path));

	CHECK(have == want);
	if (have != want)
		fprintf(stderr, "  '%s' and '%s'\n", pattern, path);
}

static void test_paths(void)
{
	path_matches("/a/b.log", "/a/b.log", true);
	path_matches("/a/b.log", "/a/b.log.1", false);
	path_matches("/a/*.log", "/a/b.log", true);
	path_matches("/a/*.log", "/a/b/c.log", false);
	path_matches("/*/*/c.log", "/a/b/c.log", true);
	path_matches("/a/**/c.log", "/a/c.log", true);
	path_matches("/a/**/c.log", "/a/b/d/c.log", true);
	path_matches("/a/**/c.log", "/a/.b/c.log", false);
	path_matches("/a/**/b/**/c", "/a/b/x/b/y/c", true);
	path_matches("/a/**/b/**/c", "/a/x/y/c", false);
	path_matches("/a/**", "/a/b", true);
	path_matches("/a/**", "/a/b/c", false);
	path_matches("//a//b", "/a/b", true);
}

static void braces(const char *pattern, const char *want)
{
	struct arena a;
	struct str *v, have = {0};
	size_t n;

	arena_init(&a, NULL);
	n = glob_braces(&a, str_z(pattern), &v);
	for (size_t i = 0; i < n; i++)
		have = arena_printf(&a, "%.*s%s%.*s", STR_ARG(have), i ? " " : "", STR_ARG(v[i]));
	CHECK_STR(have, want);
	arena_release(&a);
}

static void test_braces(void)
{
	char many[64] = "", *p = many;
	struct arena a;
	struct str *v;

	braces("/a", "/a");
	braces("/{a,b}", "/a /b");
	braces("/{a,b}/{c,d}.log", "/a/c.log /a/d.log /b/c.log /b/d.log");
	braces("/{a,b{1,2}}x", "/ax /b1x /b2x");
	braces("/a{,.1}", "/a /a.1");
	braces("/{a", "/{a");
	braces("/a}", "/a}");
	braces("/\\{a,b\\}", "/\\{a,b\\}");
	/* 2^11 is more than fits. */
	for (int i = 0; i < 11; i++) {
		memcpy(p, "{a,b}", 6);
		p += 5;
	}
	arena_init(&a, NULL);
	CHECK_INT(glob_braces(&a, str_z(many), &v), 0);
	arena_release(&a);
}

/* ---- the tree ---- */

static char dir[] = "/tmp/weir-glob-XXXXXX";

static void make(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (name[strlen(name) - 1] == '/') {
		CHECK_INT(mkdir(path, 0755), 0);
		return;
	}
	fd = open(path, O_WRONLY | O_CREAT, 0644);
	CHECK(fd != -1);
	close(fd);
}

static char found[16][256];
static size_t nfound;

static bool on_found(void *arg, const char *path)
{
	(void)arg;
	if (nfound < 16)
		snprintf(found[nfound++], sizeof(found[0]), "%.200s", path + sizeof(dir));
	return true;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void walk(const char *pattern, const char *want)
{
	struct glob_hooks hooks = {.found = on_found};
	char text[256], all[4096] = "";
	size_t len = 0;

	nfound = 0;
	snprintf(text, sizeof(text), "%s/%s", dir, pattern);
	glob_walk(str_z(text), &hooks);
	qsort(found, nfound, sizeof(found[0]), by_text);
	for (size_t i = 0; i < nfound; i++)
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s", i ? " " : "", found[i]);
	CHECK_STR(str_z(all), want);
}

static void test_tree(void)
{
	static const char *const names[] = {"a.log", "b.log", "x/", "x/c.log", "x/y/", "x/y/d.log", "x/.git/", "x/.git/e.log", "odd*name"};
	char link[256];

	CHECK(mkdtemp(dir));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		make(names[i]);
	snprintf(link, sizeof(link), "%s/x/up", dir);
	CHECK_INT(symlink(dir, link), 0);
	walk("a.log", "a.log");
	walk("no.log", "");
	walk("*.log", "a.log b.log");
	walk("*/*.log", "x/c.log");
	walk("**/*.log", "a.log b.log x/c.log x/y/d.log");
	walk("**/**/d.log", "x/y/d.log");
	walk("x/**/y/*", "x/y/d.log");
	/* Named, a link is followed like any folder. */
	walk("x/up/a.log", "x/up/a.log");
	walk("x/*/a.log", "x/up/a.log");
	walk("x/.git/*", "x/.git/e.log");
	walk("x//y/d.log", "x/y/d.log");
	walk("odd\\*name", "odd*name");
	walk("**", "a.log b.log odd*name x");
	unlink(link);
	for (size_t i = sizeof(names) / sizeof(*names); i-- > 0;) {
		snprintf(link, sizeof(link), "%s/%s", dir, names[i]);
		CHECK_INT(remove(link), 0);
	}
	CHECK_INT(rmdir(dir), 0);
}

int main(void)
{
	test_names();
	test_paths();
	test_braces();
	test_tree();
	return test_end();
}
