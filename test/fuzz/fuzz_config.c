/*
 * fuzz_config.c - any text as a configuration: read, or refused with at least one problem that can be shown.
 *
 * The text is parsed as one file and cut in two: what holds for the whole (a section may span files) must not depend
 * on where an error is.
 */
#include "fuzz.h"

#include "base/hash.h"
#include "config/parse.h"

static bool lookup(void *arg, struct str name, struct str *out)
{
	if (name.len % 2)
		return false;
	*out = STR("v ${x:y} \\n");
	return true;
}

static void parse(const struct config_file *files, bool escapes)
{
	struct config_env env = {.lookup = lookup, .support_escapes = escapes};
	struct ast_config *c;
	struct arena a;
	struct diag d;
	struct buf b;

	arena_init(&a, NULL);
	diag_init(&d);
	buf_init(&b, 0);
	c = config_parse(&a, files, &env, &d);
	FUZZ_ASSERT((c == NULL) == (d.errors > 0));
	diag_print(&d, &b);
	FUZZ_ASSERT((b.len > 0) == (d.errors + d.warnings > 0));
	for (const struct diag_item *it = d.first; it; it = it->next)
		FUZZ_ASSERT(it->text.len > 0 && (!it->pos.file || (it->pos.line > 0 && it->pos.col > 0)));
	buf_release(&b);
	diag_release(&d);
	arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char *copy = xmalloc(n);
	struct config_file second = {STR("b"), {copy + n / 2, n - n / 2}, NULL};
	struct config_file first = {STR("a"), {copy, n / 2}, &second};
	struct config_file whole = {STR("w"), {copy, n}, NULL};

	hash_init(NULL);
	if (n)
		memcpy(copy, p, n);
	parse(&whole, false);
	parse(&first, true);
	free(copy);
	return 0;
}
