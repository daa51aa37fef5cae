/*
 * Windows of offsets: what is told when messages end in any order, when a partition goes and comes, and at the end.
 */
#include "test.h"

#include "input/kafka_track.h"

static char told[256];

static void store(void *arg, const char *topic, int32_t partition, int64_t next)
{
	size_t n = strlen(told);

	(void)snprintf(told + n, sizeof(told) - n, "%s/%d:%lld ", topic, partition, (long long)next);
	(*(int *)arg)++;
}

static struct ack *message(struct kafka_track *t, int32_t partition, int64_t offset)
{
	return kafka_track_message(t, STR("t"), partition, offset);
}

static void check_told(const char *want)
{
	CHECK_STR(str_z(told), want);
	told[0] = 0;
}

static void test_order(void)
{
	int calls = 0;
	struct kafka_track *t = kafka_track_new(store, &calls);
	struct ack *a = message(t, 0, 7), *b = message(t, 0, 8), *c = message(t, 0, 12), *d = message(t, 1, 3);

	ack_unref(b);
	check_told("");
	ack_unref(d);
	check_told("t/1:4 ");
	CHECK_INT(kafka_track_open(t), 3);
	CHECK(!kafka_track_wait(t, 1000));
	ack_unref(a);
	check_told("t/0:9 ");
	/* Offsets have holes where a topic is compacted. */
	ack_ref(c);
	ack_unref(c);
	check_told("");
	ack_unref(c);
	check_told("t/0:13 ");
	CHECK(kafka_track_wait(t, 0));
	kafka_track_end(t);
	CHECK_INT(calls, 3);
}

static void test_revoked(void)
{
	int calls = 0;
	struct kafka_track *t = kafka_track_new(store, &calls);
	struct ack *a = message(t, 0, 1), *b = message(t, 0, 2), *again;

	kafka_track_revoke(t, "t", 0);
	kafka_track_revoke(t, "unknown", 5);
	CHECK_INT(kafka_track_open(t), 0);
	/* It comes back and begins at what was committed: the old messages say nothing any more. */
	again = message(t, 0, 1);
	ack_unref(a);
	ack_unref(b);
	check_told("");
	ack_unref(again);
	check_told("t/0:2 ");
	kafka_track_end(t);
}

static void test_end_before_the_last(void)
{
	int calls = 0;
	struct kafka_track *t = kafka_track_new(store, &calls);
	struct ack *a = message(t, 0, 1), *b = message(t, 2, 1);

	kafka_track_end(t);
	ack_unref(b);
	ack_unref(a); /* frees it all: the leak check says whether it did */
	check_told("");
	CHECK_INT(calls, 0);
}

int main(void)
{
	test_order();
	test_revoked();
	test_end_before_the_last();
	return test_end();
}
