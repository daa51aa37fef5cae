/*
 * fuzz_gelf.c - any bytes as datagrams of GELF: each chunk ends in exactly one count, what is whole is no longer than its chunks, and whatever
 * comes out becomes an event that is JSON again.
 *
 * A datagram is LENGTH[1] SENDER[1] bytes; LENGTH 0: all the rest.
 */
#include "fuzz.h"

#include "../unit/plugin.h"
#include "input/gelf_chunks.h"
#include "pipeline/batch.h"

#include <netinet/in.h>

static void decode(const struct opened *o, struct str frame)
{
	struct source source = {.name = STR_INIT("x")};
	struct span sp = {.source = &source, .received_ns = 1};
	struct arena a;
	struct event ev;
	struct value v;
	struct str text;
	struct err err;
	struct buf b;

	arena_init(&a, NULL);
	buf_init(&b, 0);
	event_init(&ev, &a);
	o->plugin->decode(o->self, &ev, frame, 0, &sp);
	json_write_event(&b, &ev);
	text = buf_slice(&b);
	FUZZ_ASSERT(json_read(&a, &text, NULL, &v, &err) == 0 && text.len == 0 && map_find_str(v.map, STR("@timestamp")));
	buf_release(&b);
	arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str in = str_n((const char *)p, n), whole;
	struct gelf_chunks *g = gelf_chunks_new(2000);
	size_t chunks = 0, refused = 0, made = 0, gone = 0;
	int64_t now = 0;
	struct opened o;
	static bool ready;

	if (!ready) {
		hash_init(NULL);
		fields_init();
		ready = true;
	}
	FUZZ_ASSERT(opened_plugin(&o, PLUGIN_INPUT, "gelf { }", ECS_DISABLED));
	while (in.len >= 2) {
		size_t len = (unsigned char)in.p[0] ? (unsigned char)in.p[0] : in.len - 2;
		struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = (unsigned char)in.p[1] & 1};
		struct str d = str_sub(in, 2, len);
		unsigned parts = 0, lost = 0;

		now += (int64_t)((unsigned char)in.p[1] >> 1) * 20000000;
		in = str_from(in, 2 + len);
		if (!gelf_is_chunk(d)) {
			decode(&o, d);
			continue;
		}
		chunks++;
		switch (gelf_chunks_add(g, d, (struct sockaddr *)&from, now, &whole, &parts, &lost)) {
		case GELF_REFUSED:
			refused++;
			break;
		case GELF_WHOLE:
			FUZZ_ASSERT(parts >= 1 && parts <= GELF_CHUNKS_MAX && whole.len <= n);
			made += parts;
			decode(&o, whole);
			break;
		case GELF_HELD:
			break;
		}
		gone += lost;
	}
	gone += gelf_chunks_expire(g, INT64_MAX);
	FUZZ_ASSERT(chunks == refused + made + gone);
	gelf_chunks_free(g);
	opened_release(&o);
	return 0;
}
