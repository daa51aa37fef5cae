/*
 * fuzz_store_blob.c - what stands in the columns of a day file, damaged at will: documents and lists of events. The first byte chooses.
 */
#include "fuzz.h"

#include "base/hash.h"
#include "outputs/store_doc.h"
#include "outputs/store_format.h"

enum { DOC_MAX = 1 << 20 };

static void lists(struct str blob)
{
	int64_t id = 0, back = 0;
	int64_t ids[64];
	size_t n = 0;
	struct buf b;

	while (store_take_id(&blob, &id))
		if (n < 64)
			ids[n++] = id;
	buf_init(&b, 0);
	store_put_ids(&b, ids, n);
	blob = buf_slice(&b);
	for (size_t i = 0; i < n; i++)
		FUZZ_ASSERT(store_take_id(&blob, &back) && back == ids[i]);
	FUZZ_ASSERT(blob.len == 0);
	buf_release(&b);
}

static void documents(struct str blob)
{
	struct doc_reader *d = doc_reader_new();
	struct arena a;
	struct event ev;
	struct err err;
	struct buf json;

	arena_init(&a, NULL);
	buf_init(&json, 0);
	doc_reader_add(d, 1, STR("{\"@timestamp\":\"2026-11-24T03:12:09.500Z\",\"message\":\"connect from unknown\",\"host\":{\"name\":\"mx1\"}}"));
	if (doc_unpack(d, blob, DOC_MAX, &json, &err) == 0) {
		FUZZ_ASSERT(json.len <= DOC_MAX || (unsigned char)blob.p[0] == STORE_DOC_PLAIN);
		(void)store_event(&ev, &a, buf_slice(&json), &err);
	}
	buf_release(&json);
	arena_release(&a);
	doc_reader_free(&d);
}

static void names(struct str name)
{
	char again[STORE_NAME_MAX];
	struct str rest;
	int64_t day;
	unsigned part;

	if (!store_name_parse(name, &day, &part, &rest))
		return;
	FUZZ_ASSERT(store_name(day, part, again) < STORE_NAME_MAX);
	FUZZ_ASSERT(store_name_parse(str_z(again), &day, &part, &rest) && rest.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str in;

	if (n == 0)
		return 0;
	hash_init(NULL);
	in = str_n((const char *)p + 1, n - 1);
	if (p[0] % 3 == 0)
		lists(in);
	else if (p[0] % 3 == 1)
		documents(in);
	else
		names(in);
	return 0;
}
