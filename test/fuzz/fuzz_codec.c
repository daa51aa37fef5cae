/*
 * fuzz_codec.c - any frame through the codecs: the first byte chooses codec and charset. Each event is rendered and must be
 * JSON again; what was decoded twice is the same.
 */
#include "fuzz.h"

#include "../unit/plugin.h"
#include "base/utf8.h"

static const char *const codecs[] = {
	"json",
	"json { target => \"[a][b]\" }",
	"json { charset => \"CP1252\" }",
	"json { charset => \"UTF-16LE\" }",
	"json_lines { charset => \"ISO-2022-JP\" }",
	"plain",
	"plain { charset => \"BINARY\" }",
	"plain { charset => \"UTF-16\" }",
	"plain { charset => \"UTF-32BE\" }",
	"plain { charset => \"UTF-7\" }",
	"plain { charset => \"Shift_JIS\" }",
	"plain { charset => \"EUC-JIS-2004\" }",
	"plain { charset => \"GB18030\" }",
	"line { charset => \"Big5-HKSCS\" }",
	"line { charset => \"EUC-TW\" }",
	"line { charset => \"Windows-1258\" }",
};

enum { CODECS = sizeof(codecs) / sizeof(*codecs) };

static void decode(const struct codec *c, void *state, struct str frame, struct buf *out)
{
	struct decode_ctx ctx = {.clock = &clock_system, .now_ns = 0};

	c->plugin->codec.feed(c->self, state, frame, &ctx);
	for (;;) {
		struct arena a;
		struct event ev;
		int more;

		arena_init(&a, NULL);
		event_init(&ev, &a);
		more = c->plugin->codec.next(c->self, state, &ev, &ctx);
		if (more)
			json_write_event(out, &ev);
		arena_release(&a);
		if (!more)
			break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static bool ready;
	struct opened o;
	struct buf once, twice;
	struct str in;
	struct arena a;
	char *copy;
	void *state;

	if (n == 0)
		return 0;
	if (!ready)
		hash_init(NULL);
	ready = true;
	copy = xmalloc(n - 1);
	memcpy(copy, p + 1, n - 1);
	FUZZ_ASSERT(opened_plugin(&o, PLUGIN_CODEC, codecs[p[0] % CODECS], p[0] & 128 ? ECS_V8 : ECS_DISABLED));
	state = xzalloc(o.codec->plugin->codec.state_size);
	buf_init(&once, 0);
	buf_init(&twice, 0);
	decode(o.codec, state, str_n(copy, n - 1), &once);
	decode(o.codec, state, str_n(copy, n - 1), &twice);
	FUZZ_ASSERT(str_eq(buf_slice(&once), buf_slice(&twice)));
	FUZZ_ASSERT(utf8_valid(buf_slice(&once)));
	arena_init(&a, NULL);
	for (in = buf_slice(&once); in.len;) {
		struct value v;

		FUZZ_ASSERT(json_read(&a, &in, NULL, &v, NULL) == 0);
	}
	arena_release(&a);
	buf_release(&once);
	buf_release(&twice);
	if (o.codec->plugin->codec.release)
		o.codec->plugin->codec.release(state);
	free(state);
	free(copy);
	opened_release(&o);
	return 0;
}
