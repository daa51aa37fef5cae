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
	"multiline { pattern => \"^\\s\" what => \"previous\" max_lines => 3 max_bytes => 64 }",
	"multiline { pattern => \"x$\" what => \"next\" charset => \"CP1252\" }",
	"graphite",
	"es_bulk",
	"cef",
	"cef { delimiter => \"\n\" raw_data_field => \"[cef][raw]\" }",
	"edn",
	"edn_lines { target => \"[a][b]\" }",
	"netflow",
	"gzip_lines",
	"csv { autodetect_column_names => true }",
	"csv { columns => [\"a\", \"b\"] convert => { \"a\" => \"integer\" \"b\" => \"date_time\" } separator => \";\" }",
};

enum { CODECS = sizeof(codecs) / sizeof(*codecs) };

static void take_events(const struct codec *c, void *state, const struct decode_ctx *ctx, struct buf *out)
{
	for (;;) {
		struct arena a;
		struct event ev;
		int more;

		arena_init(&a, NULL);
		event_init(&ev, &a);
		more = c->plugin->codec.next(c->self, state, &ev, ctx);
		if (more)
			json_write_event(out, &ev);
		arena_release(&a);
		if (!more)
			break;
	}
}

/* From an empty state, the frame twice: what the first leaves there meets the second. */
static void decode(const struct codec *c, struct str frame, struct buf *out)
{
	struct decode_ctx ctx = {.clock = &clock_system, .now_ns = 0};
	void *state = xzalloc(c->plugin->codec.state_size);

	for (int pass = 0; pass < 2; pass++) {
		c->plugin->codec.feed(c->self, state, frame, &ctx);
		take_events(c, state, &ctx, out);
	}
	if (c->plugin->codec.flush) {
		c->plugin->codec.flush(c->self, state, &ctx);
		take_events(c, state, &ctx, out);
	}
	if (c->plugin->codec.release)
		c->plugin->codec.release(state);
	free(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static bool ready;
	struct opened o;
	struct buf once, twice;
	struct str in;
	struct arena a;
	char *copy;

	if (n == 0)
		return 0;
	if (!ready)
		hash_init(NULL);
	ready = true;
	copy = xmalloc(n - 1);
	memcpy(copy, p + 1, n - 1);
	FUZZ_ASSERT(opened_plugin(&o, PLUGIN_CODEC, codecs[p[0] % CODECS], p[0] & 128 ? ECS_V8 : ECS_DISABLED));
	buf_init(&once, 0);
	buf_init(&twice, 0);
	decode(o.codec, str_n(copy, n - 1), &once);
	decode(o.codec, str_n(copy, n - 1), &twice);
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
	free(copy);
	opened_release(&o);
	return 0;
}
