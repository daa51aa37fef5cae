/*
 * fuzz_dnstap.c - any bytes as a dnstap frame: it becomes an event that is complete and bounded whatever the frame says, its JSON can be
 * read again, and what the decoder answers agrees with the event's marks.
 */
#include "fuzz.h"

#include "base/hash.h"
#include "event/json.h"
#include "parse/dnstap.h"
#include "parse/dnstap_decode.h"

static void inside(struct str part, struct str whole)
{
	FUZZ_ASSERT(!part.len || (part.p >= whole.p && part.p + part.len <= whole.p + whole.len));
}

/* Every slice that was read lies in the frame. */
static void check_slices(struct str frame)
{
	struct dnstap d;

	(void)dnstap_read(frame, &d);
	inside(d.identity, frame);
	inside(d.version, frame);
	inside(d.query_address, frame);
	inside(d.response_address, frame);
	inside(d.query, frame);
	inside(d.response, frame);
	inside(d.zone, frame);
	inside(d.policy_type, frame);
	inside(d.policy_rule, frame);
}

static const struct value *below(const struct value *v, struct str key)
{
	return value_is(v, V_MAP) ? map_find_str(v->map, key) : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct dnstap_decoder *d;
	struct dnstap_from from = {.received_ns = INT64_C(1795489200) * 1000000000, .host = STR("h"), .sender = STR("192.0.2.1:9")};
	struct str frame = str_n((const char *)p, n), text;
	const struct value *parse, *ok;
	struct arena a;
	struct event ev;
	struct buf out;
	struct value again;
	struct err err;
	unsigned what;

	if (!d) {
		hash_init(NULL);
		d = dnstap_decoder_new();
	}
	check_slices(frame);
	arena_init(&a, NULL);
	buf_init(&out, 0);
	event_init(&ev, &a);
	what = dnstap_decode(d, &ev, frame, &from);
	parse = below(event_top(&ev, STR("weir")), STR("parse"));
	ok = below(parse, STR("ok"));
	FUZZ_ASSERT(value_is(ok, V_BOOL) && ok->b == !(what & DNSTAP_MALFORMED));
	FUZZ_ASSERT(!ok->b == (below(parse, STR("error")) != NULL));
	FUZZ_ASSERT(!ok->b == event_has_tag(&ev, STR("_dnstapparsefailure")));
	FUZZ_ASSERT(!!(what & DNSTAP_CUT) == event_has_tag(&ev, STR("_dns_records_cut")));
	FUZZ_ASSERT(value_is(event_top(&ev, STR("@timestamp")), V_TIME) && value_is(event_top(&ev, STR("message")), V_STRING));
	json_write_event(&out, &ev);
	FUZZ_ASSERT(out.len < 6 * (DNSTAP_TEXT + 2 * DNSTAP_DATA) + 8 * 2 * n + 100000);
	text = buf_slice(&out);
	FUZZ_ASSERT(json_read(&a, &text, NULL, &again, &err) == 0 && text.len == 0);
	buf_release(&out);
	arena_release(&a);
	return 0;
}
