/*
 * fuzz_http.c - any bytes as requests: heads and bodies are the same however the stream was cut into reads, each call moves on or asks for more,
 * and nothing outside of the bytes that are there is touched.
 *
 * The first byte seeds the places of the cuts, the rest is the stream.
 */
#include "fuzz.h"

#include "base/arena.h"
#include "base/buf.h"
#include "input/http_parse.h"

/* A reader as http_server.c is one. */
struct reader {
	enum { HEAD, LENGTH, CHUNKS, OVER } at;
	size_t seen;
	uint64_t left;
	struct http_chunks chunks;
	struct buf kept; /* not yet done with */
	struct buf said; /* all that was understood */
};

static void note_head(struct reader *r, struct str head)
{
	struct http_head h;
	int status = http_head_parse(head, &h);
	struct str name, value;

	FUZZ_ASSERT(status == 0 || status == 400 || status == 431 || status == 501 || status == 505);
	buf_printf(&r->said, "[%d]", status);
	if (status) {
		r->at = OVER;
		return;
	}
	FUZZ_ASSERT(h.minor <= 1 && h.method.len && h.target.len);
	buf_str(&r->said, h.method);
	buf_str(&r->said, h.target);
	while (http_header_next(&h.headers, &name, &value)) {
		FUZZ_ASSERT(name.len && (!value.len || (value.p[0] != ' ' && value.p[value.len - 1] != ' ')));
		buf_str(&r->said, name);
		buf_ch(&r->said, '=');
		buf_str(&r->said, value);
	}
	r->at = h.body == HTTP_CHUNKED ? CHUNKS : LENGTH;
	r->left = h.length;
	r->chunks = (struct http_chunks){0};
}

/* Bytes done with; 0: more is needed. */
static size_t step(struct reader *r, struct str in)
{
	struct str data;
	size_t n, used;

	switch (r->at) {
	case HEAD:
		n = http_head_length(in, &r->seen);
		FUZZ_ASSERT(n <= in.len);
		if (n) {
			r->seen = 0;
			note_head(r, str_sub(in, 0, n));
		}
		return n;
	case LENGTH:
		n = r->left < in.len ? (size_t)r->left : in.len;
		buf_str(&r->said, str_sub(in, 0, n));
		r->left -= n;
		if (!r->left) {
			buf_lit(&r->said, "[end]");
			r->at = HEAD;
			return n ? n : step(r, in);
		}
		return n;
	case CHUNKS:
		switch (http_chunk_next(&r->chunks, in, &data, &used)) {
		case HTTP_CHUNK_DATA:
			FUZZ_ASSERT(data.len && used && data.p >= in.p && data.p + data.len <= in.p + in.len);
			buf_str(&r->said, data);
			break;
		case HTTP_CHUNK_END:
			FUZZ_ASSERT(used);
			buf_lit(&r->said, "[end]");
			r->at = HEAD;
			break;
		case HTTP_CHUNK_BROKEN:
			buf_lit(&r->said, "[broken]");
			r->at = OVER;
			break;
		case HTTP_CHUNK_MORE:
			break;
		}
		FUZZ_ASSERT(used <= in.len);
		return used;
	case OVER:
		break;
	}
	return 0;
}

/* One read, in an allocation of exactly its size with what was kept. */
static void feed(struct reader *r, struct str bytes)
{
	struct str all;
	size_t done = 0, n;
	char *copy;

	buf_str(&r->kept, bytes);
	all = buf_slice(&r->kept);
	copy = xmalloc(all.len ? all.len : 1);
	if (all.len)
		memcpy(copy, all.p, all.len);
	while (r->at != OVER && (n = step(r, str_n(copy + done, all.len - done))))
		done += n;
	buf_clear(&r->kept);
	buf_add(&r->kept, copy + done, all.len - done);
	free(copy);
}

static void run(struct reader *r, struct str in, uint32_t seed)
{
	while (in.len) {
		size_t n = seed ? 1 + (seed >> 8) % 40 : in.len;

		seed = seed * 1103515245u + 12345u;
		feed(r, str_sub(in, 0, n));
		in = str_from(in, n);
	}
}

static void release(struct reader *r)
{
	buf_release(&r->kept);
	buf_release(&r->said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader whole = {0}, cut = {0};
	struct str in;

	if (size < 1)
		return 0;
	in = str_n((const char *)data + 1, size - 1);
	run(&whole, in, 0);
	run(&cut, in, data[0] | 1u);
	FUZZ_ASSERT(str_eq(buf_slice(&whole.said), buf_slice(&cut.said)));
	release(&whole);
	release(&cut);
	return 0;
}
