#include "plugin.h"

static struct opened o;

static void check(const char *json, const char *want)
{
	struct arena a;
	struct event ev;
	struct step_ctx ctx = {.arena = &a, .clock = &clock_system};
	struct str text = str_z(json);
	struct value doc, wanted;
	struct buf out;
	struct err err;

	arena_init(&a, NULL);
	buf_init(&out, 0);
	event_init(&ev, &a);
	ev.received_ns = INT64_C(1795608000) * 1000000000; /* 2026-11-25T12:00:00Z */
	CHECK(json_read(&a, &text, NULL, &doc, &err) == 0);
	ev.root = *doc.map;
	o.plugin->filter.run(o.self, &ev, &ctx);
	show_event(&out, &ev);
	/* The order of names does not matter. */
	text = buf_slice(&out);
	CHECK(json_read(&a, &text, NULL, &doc, &err) == 0);
	text = str_z(want);
	CHECK(json_read(&a, &text, NULL, &wanted, &err) == 0);
	if (!value_equal(&doc, &wanted))
		CHECK_STR(buf_slice(&out), want);
	buf_release(&out);
	arena_release(&a);
}

#define LINE "Connection from 192.0.2.9 port 51905 on 198.51.100.25 port 22"
#define MADE                                                                                                                          \
	"\"source\":{\"ip\":\"192.0.2.9\",\"address\":\"192.0.2.9\",\"port\":51905},\"destination\":{\"ip\":\"198.51.100.25\",\"port\":22}," \
	"\"related\":{\"ip\":[\"192.0.2.9\",\"198.51.100.25\"]},\"weir\":{\"parse\":{\"format\":\"sshd\",\"ok\":true}}"
#define EVENT(more)                                                                                                                   \
	"\"event\":{" more "\"module\":\"sshd\",\"dataset\":\"weir.sshd\",\"kind\":\"event\",\"provider\":\"sshd\",\"action\":\"ssh-connect\"," \
	"\"category\":[\"network\"],\"type\":[\"connection\"]}"
#define REST "\"ecs\":{\"version\":\"9.1.0\"},\"network\":{\"protocol\":\"ssh\",\"transport\":\"tcp\"},"

/* What the syslog input left under ecs_compatibility => disabled: names of its own, and the sender as a scalar in host. */
static void test_legacy_input(void)
{
	check("{\"message\":\"" LINE "\",\"host\":\"192.0.2.7\",\"program\":\"sshd\",\"pid\":\"746\",\"logsource\":\"mail\",\"facility\":4}",
	      "{\"message\":\"" LINE "\",\"host\":{\"hostname\":\"mail\",\"name\":\"mail\"},\"program\":\"sshd\",\"pid\":\"746\",\"logsource\":\"mail\","
	      "\"facility\":4," EVENT("") ",\"log\":{\"source\":{\"address\":\"192.0.2.7\"},\"syslog\":{\"facility\":{\"code\":4}}},"
	      "\"process\":{\"name\":\"sshd\",\"pid\":746}," REST "\"service\":{\"type\":\"sshd\"}," MADE "}");
}

/* A header within the message, as of tcp or stdin; the sender's name only where the header gives none. */
static void test_header_in_message(void)
{
	check("{\"message\":\"Nov 23 07:57:05 mail sshd[746]: " LINE "\",\"host\":\"192.0.2.7\",\"process\":\"x\"}",
	      "{\"message\":\"" LINE "\",\"host\":{\"name\":\"mail\",\"hostname\":\"mail\"},\"process\":{\"name\":\"sshd\",\"pid\":746},"
	      EVENT("\"original\":\"Nov 23 07:57:05 mail sshd[746]: " LINE "\",") ",\"log\":{\"source\":{\"address\":\"192.0.2.7\"}},"
	      "\"@timestamp\":\"2026-11-23T07:57:05.000Z\",\"service\":{\"type\":\"sshd\"}," REST MADE "}");
}

/* Nothing is lost of what nobody knows. */
static void test_unknown(void)
{
	check("{\"message\":\"what is this?\",\"host\":\"192.0.2.7\"}",
	      "{\"message\":\"what is this?\",\"host\":{\"name\":\"192.0.2.7\"},\"log\":{\"source\":{\"address\":\"192.0.2.7\"}},"
	      "\"weir\":{\"parse\":{\"ok\":false,\"error\":\"unknown program\"}},\"tags\":[\"_parsefailure\"]}");
	check("{\"note\":1}", "{\"note\":1}");
	check("{\"message\":[\"a\"]}", "{\"message\":[\"a\"]}");
}

/* charon logs each line under two facilities: the second is marked, a third begins anew. */
static void test_told_twice(void)
{
	static const char *const want[] = {"{}", "{\"duplicate\":true}", "{}"};

	for (int i = 0; i < 3; i++) {
		struct arena a;
		struct event ev;
		struct step_ctx ctx = {.arena = &a, .clock = &clock_system};
		const struct value *v;
		struct str text = STR("<30>Nov 23 08:26:00 vpn charon: 04[IKE] assigning virtual IP 10.3.0.1 to peer 'carol@corp.example'");

		if (i == 1)
			text = STR("<86>Nov 23 08:26:00 vpn charon: 04[IKE] assigning virtual IP 10.3.0.1 to peer 'carol@corp.example'");
		arena_init(&a, NULL);
		event_init(&ev, &a);
		ev.received_ns = INT64_C(1795608000) * 1000000000;
		event_set_top(&ev, key_make(STR("message")), v_str(text));
		o.plugin->filter.run(o.self, &ev, &ctx);
		v = event_get(&ev, field_ref(F_WEIR_PARSE_DUPLICATE));
		CHECK((v && v->b) == (want[i][1] == '"'));
		arena_release(&a);
	}
}

int main(void)
{
	hash_init(NULL);
	fields_init();
	CHECK(opened_plugin(&o, PLUGIN_FILTER, "parse { timezone => \"UTC\" }", ECS_DISABLED));
	test_legacy_input();
	test_header_in_message();
	test_unknown();
	test_told_twice();
	opened_release(&o);
	return test_end();
}
