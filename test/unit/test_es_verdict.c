/*
 * Bulk answers: what real servers and bad proxies send, and the decision table.
 */
#include "test.h"

#include "base/buf.h"
#include "outputs/es_verdict.h"

struct seen {
	uint32_t n, last;
	struct es_item item[16];
};

static void note(void *arg, uint32_t i, const struct es_item *it)
{
	struct seen *s = arg;

	s->last = i;
	if (s->n < 16)
		s->item[s->n] = *it;
	s->n++;
}

static bool scan(const char *body, uint32_t expect, struct seen *s)
{
	*s = (struct seen){0};
	return es_answer_scan(str_z(body), expect, note, s);
}

static void test_good(void)
{
	static const char *const two[] = {
		"{\"took\":6,\"errors\":false,\"items\":[{\"create\":{\"status\":201}},{\"create\":{\"status\":201}}]}",
		"{\"errors\":false,\"took\":0,\"items\":[{\"index\":{\"status\":201}},{\"index\":{\"status\":200}}]}",
		"{\"errors\":false,\"items\":[{\"create\":{\"status\":201}},{\"index\":{\"status\":200}}]}",
		" { \"errors\" : false , \"items\" : [ { \"create\" : { \"status\" : 201 } } , { \"create\":{\"status\":201}} ] } \n",
		("{\"took\":1,\"errors\":false,\"items\":[{\"index\":{\"_index\":\"x\",\"_id\":\"1\",\"_version\":1,\"result\":\"created\","
		"\"_shards\":{\"total\":1,\"successful\":1,\"failed\":0},\"status\":201}},{\"index\":{\"status\":201,\"_seq_no\":-1.5e+3}}]}"),
		"{\"items\":[{\"create\":{\"status\":201}},{\"create\":{\"status\":201}}],\"errors\":false}",
	};
	struct seen s;

	for (size_t i = 0; i < sizeof(two) / sizeof(*two); i++) {
		CHECK(scan(two[i], 2, &s));
		CHECK_INT(s.n, 0);
		CHECK(!scan(two[i], 1, &s));
		CHECK(!scan(two[i], 3, &s));
	}
	/* Cut anywhere, it is no answer. */
	for (size_t len = 0; len < strlen(two[4]); len++) {
		s = (struct seen){0};
		CHECK(!es_answer_scan(str_n(two[4], len), 2, note, &s));
	}
}

static void test_many(void)
{
	struct buf b;
	struct seen s = {0};

	buf_init(&b, 0);
	buf_lit(&b, "{\"errors\":false,\"took\":11,\"items\":[");
	for (int i = 0; i < 2000; i++)
		buf_printf(&b, "%s{\"create\":{\"status\":%d}}", i ? "," : "", i == 1234 ? 429 : 201);
	buf_lit(&b, "]}");
	CHECK(es_answer_scan(buf_slice(&b), 2000, note, &s));
	CHECK_INT(s.n, 1);
	CHECK_INT(s.last, 1234);
	CHECK(!es_answer_scan(buf_slice(&b), 1999, note, &s));
	CHECK(!es_answer_scan(buf_slice(&b), 2001, note, &s));
	buf_release(&b);
}

static void test_bad(void)
{
	static const char *const bad[] = {
		"", "{}", "[]", "null", "<html><body>Maintenance</body></html>",
		"{\"took\":1,\"errors\":false,\"items\":[{\"index\":{\"sta",
		"{\"errors\":false}",
		"{\"items\":[{\"create\":{\"status\":201}}]}",
		"{\"errors\":0,\"items\":[{\"create\":{\"status\":201}}]}",
		"{\"errors\":false,\"items\":[{\"create\":{\"status\":201}}]} x",
		"{\"errors\":false,\"items\":[{\"create\":{\"status\":201}},]}",
		"{\"errors\":false,\"items\":[{\"create\":{}}]}",
		"{\"errors\":false,\"items\":[{\"create\":{\"status\":\"201\"}}]}",
		"{\"errors\":false,\"items\":[{\"create\":{\"status\":99999}}]}",
		"{\"errors\":false,\"items\":[{}]}",
		"{\"errors\":false,\"items\":[null]}",
		"{\"errors\":false,\"errors\":false,\"items\":[{\"create\":{\"status\":201}}]}",
		"{\"errors\":false,\"items\":[{\"create\":{\"status\":201}}],\"items\":[{\"create\":{\"status\":201}}]}",
		"{\"error\":{\"type\":\"x\"},\"status\":503}",
		"{\"errors\":tru,\"items\":[{\"create\":{\"status\":201}}]}",
		"{\"errors\":false,\"items\":[{\"create\":{\"status\":201,\"a\":\"\n\"}}]}",
	};
	struct seen s;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (scan(bad[i], 1, &s))
			fprintf(stderr, "taken: %s\n", bad[i]);
		CHECK(!scan(bad[i], 1, &s));
	}
}

static void test_deep(void)
{
	char b[4096];
	size_t n = (size_t)snprintf(b, sizeof(b), "{\"x\":");
	struct seen s;

	for (int i = 0; i < 1000; i++)
		b[n++] = '[';
	for (int i = 0; i < 1000; i++)
		b[n++] = ']';
	snprintf(b + n, sizeof(b) - n, ",\"errors\":false,\"items\":[{\"create\":{\"status\":201}}]}");
	CHECK(!scan(b, 1, &s));
	CHECK(scan("{\"x\":[[],{},[{\"a\":[1,{\"b\":null}]},[[]]],\"]\\\"}\"],\"errors\":false,\"items\":[{\"create\":{\"status\":201}}]}", 1, &s));
	CHECK(!scan("{\"x\":[[],{},[{\"a\":[1,{\"b\":null}}]]],\"errors\":false,\"items\":[{\"create\":{\"status\":201}}]}", 1, &s));
}

static void test_errors(void)
{
	struct seen s;

	CHECK(scan("{\"errors\":true,\"items\":["
		   "{\"create\":{\"status\":400,\"error\":{\"type\":\"mapper_parsing_exception\",\"reason\":\"failed \\\"x\\\"\","
		   "\"caused_by\":{\"type\":\"number_format_exception\",\"reason\":\"inner\"}}}},"
		   "{\"create\":{\"status\":201}},"
		   "{\"create\":{\"failure_store\":\"used\",\"status\":201}},"
		   "{\"create\":{\"failure_store\":\"not_enabled\",\"status\":409,\"error\":{\"reason\":null,\"type\":\"version_conflict_engine_exception\"}}},"
		   "{\"delete\":{\"status\":404,\"result\":\"not_found\"}},"
		   "{\"index\":{\"status\":405,\"error\":\"plain\"}}]}", 6, &s));
	CHECK_INT(s.n, 5);
	CHECK_INT(s.item[0].status, 400);
	CHECK_STR(s.item[0].type, "mapper_parsing_exception");
	CHECK_STR(s.item[0].reason, "failed \\\"x\\\"");
	CHECK(s.item[1].failure_store);
	CHECK_INT(s.item[2].status, 409);
	CHECK(!s.item[2].failure_store);
	CHECK_STR(s.item[2].type, "version_conflict_engine_exception");
	CHECK(s.item[3].deleted);
	CHECK_STR(s.item[4].reason, "plain");
}

static void test_table(void)
{
	static const struct row {
		int status;
		const char *type, *reason;
		unsigned flags;
		enum verdict want;
	} rows[] = {
		{201, NULL, NULL, 0, VERDICT_DELIVERED},
		{200, NULL, NULL, 0, VERDICT_DELIVERED},
		{409, "version_conflict_engine_exception", "", ITEM_OWN_ID, VERDICT_DUPLICATE},
		{409, "version_conflict_engine_exception", "", 0, VERDICT_DEAD},
		{409, "version_conflict_engine_exception", "", ITEM_MAYBE_SENT, VERDICT_DUPLICATE},
		{429, "es_rejected_execution_exception", "", 0, VERDICT_RETRY},
		{429, "cluster_block_exception", "flood", 0, VERDICT_RETRY},
		{503, "unavailable_shards_exception", "", 0, VERDICT_RETRY},
		{500, "fail_processor_exception", "", 0, VERDICT_RETRY},
		{408, "", "", 0, VERDICT_RETRY},
		{403, "cluster_block_exception", "FORBIDDEN/5", 0, VERDICT_RETRY},
		{403, "security_exception", "", 0, VERDICT_HOLD},
		{401, "security_exception", "", 0, VERDICT_HOLD},
		{400, "document_parsing_exception", "[1:2] failed", 0, VERDICT_DEAD},
		{400, "mapper_parsing_exception", "", 0, VERDICT_DEAD},
		{400, "illegal_argument_exception", "immense term", 0, VERDICT_DEAD},
		{400, "validation_exception", "this action would add [2] shards", 0, VERDICT_HOLD},
		{400, "index_closed_exception", "", 0, VERDICT_DEAD},
		{400, "dropped_here", "", 0, VERDICT_DROPPED},
		{404, "index_not_found_exception", "", 0, VERDICT_RETRY},
		{404, "index_not_found_exception", "", ITEM_TRIED_AGAIN, VERDICT_DEAD},
		{418, "", "", 0, VERDICT_DEAD}, /* dead by the configuration's code list, and by default */
		{507, "", "", 0, VERDICT_DEAD}, /* only by the list */
		{302, "", "", 0, VERDICT_RETRY},
	};
	const int codes[] = {507};
	const struct str drop[] = {STR_INIT("dropped_here")};
	const struct es_policy policy = {codes, 1, drop, 1};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct es_item it = {.status = rows[i].status, .type = str_z(rows[i].type), .reason = str_z(rows[i].reason)};

		if (es_judge(&it, rows[i].flags, &policy).verdict != rows[i].want)
			fprintf(stderr, "row %zu: %d %s\n", i, rows[i].status, rows[i].type);
		CHECK_INT(es_judge(&it, rows[i].flags, &policy).verdict, rows[i].want);
	}
	CHECK(es_judge(&(struct es_item){.status = 404}, 0, &policy).template_missing);
	CHECK_INT(es_judge(&(struct es_item){.status = 404, .deleted = true}, 0, &policy).verdict, VERDICT_DELIVERED);
}

static void test_status(void)
{
	CHECK_INT(es_judge_status(200), SEND_JUDGED);
	CHECK_INT(es_judge_status(400), SEND_REFUSED);
	CHECK_INT(es_judge_status(413), SEND_TOO_BIG);
	CHECK_INT(es_judge_status(401), SEND_HOLD);
	CHECK_INT(es_judge_status(403), SEND_HOLD);
	CHECK_INT(es_judge_status(404), SEND_HOLD);
	CHECK_INT(es_judge_status(429), SEND_RETRY);
	CHECK_INT(es_judge_status(503), SEND_RETRY);
	CHECK_INT(es_judge_status(302), SEND_RETRY);
	CHECK_INT(es_judge_status(0), SEND_RETRY);
	CHECK_INT(es_judge_status(999), SEND_RETRY);
}

int main(void)
{
	test_good();
	test_many();
	test_bad();
	test_deep();
	test_errors();
	test_table();
	test_status();
	return test_end();
}
