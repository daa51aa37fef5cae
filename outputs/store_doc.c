#include "outputs/store_doc.h"

#include "outputs/store_format.h"

#include <stdlib.h>
#include <zdict.h>
#include <zstd.h>

enum {
	LEVEL = 1,
	SAMPLES_MAX = 1024,
	SAMPLE_BYTES = 512 * 1024,
	ONE_SAMPLE_MAX = 8 * 1024, /* a longer document says nothing about others */
};

/* When a dictionary is made: at so many documents since the packer began. */
static const uint64_t milestones[] = {64, 1024, 16384, 262144, UINT64_MAX};

struct doc_packer {
	ZSTD_CCtx *c;
	ZSTD_CDict *dictionary;
	struct buf data; /* of it */
	unsigned number;
	struct buf out;
	/* samples for the next one */
	uint64_t seen, every;
	unsigned milestone;
	struct buf samples, made;
	size_t size[SAMPLES_MAX];
	unsigned n;
};

struct doc_packer *doc_packer_new(void)
{
	struct doc_packer *d = xzalloc(sizeof(*d));

	d->c = ZSTD_createCCtx();
	bug_on(!d->c);
	ZSTD_CCtx_setParameter(d->c, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(d->c, ZSTD_c_dictIDFlag, 0);
	buf_init(&d->data, 0);
	buf_init(&d->out, 0);
	buf_init(&d->samples, SAMPLE_BYTES);
	buf_init(&d->made, 0);
	d->every = 1;
	return d;
}

void doc_packer_free(struct doc_packer **dp)
{
	struct doc_packer *d = *dp;

	if (!d)
		return;
	ZSTD_freeCCtx(d->c);
	ZSTD_freeCDict(d->dictionary);
	buf_release(&d->data);
	buf_release(&d->out);
	buf_release(&d->samples);
	buf_release(&d->made);
	free(d);
	*dp = NULL;
}

struct str doc_packer_dictionary(const struct doc_packer *d)
{
	return buf_slice(&d->data);
}

void doc_packer_number(struct doc_packer *d, unsigned number)
{
	d->number = number;
}

void doc_packer_use(struct doc_packer *d, unsigned number, struct str data)
{
	ZSTD_CDict *next = ZSTD_createCDict(data.p, data.len, LEVEL);

	if (!next)
		return;
	ZSTD_CCtx_refCDict(d->c, next);
	ZSTD_freeCDict(d->dictionary);
	d->dictionary = next;
	d->number = number;
	if (data.p != d->data.p) {
		buf_clear(&d->data);
		buf_str(&d->data, data);
	}
}

/* ---- learning ---- */

static void next_milestone(struct doc_packer *d)
{
	d->milestone++;
	d->every = milestones[d->milestone] == UINT64_MAX ? UINT64_MAX : milestones[d->milestone] / SAMPLES_MAX;
	if (d->every == 0)
		d->every = 1;
	buf_clear(&d->samples);
	d->n = 0;
}

bool doc_packer_learn(struct doc_packer *d, struct str json, struct str *data)
{
	size_t got = 0;
	char *room;

	d->seen++;
	if (milestones[d->milestone] == UINT64_MAX)
		return false;
	if (d->seen % d->every == 0 && d->n < SAMPLES_MAX && json.len <= ONE_SAMPLE_MAX) {
		buf_str(&d->samples, json);
		if (!d->samples.over)
			d->size[d->n++] = json.len;
		d->samples.over = false;
	}
	if (d->seen < milestones[d->milestone])
		return false;
	buf_clear(&d->made);
	room = buf_room(&d->made, STORE_DICTIONARY_BYTES);
	if (d->n >= 8 && room) {
		size_t cap = d->samples.len / 8 < STORE_DICTIONARY_BYTES ? d->samples.len / 8 : STORE_DICTIONARY_BYTES;

		if (cap < 4096)
			cap = 4096;
		got = ZDICT_trainFromBuffer(room, cap, d->samples.p, d->size, d->n);
		if (ZDICT_isError(got))
			got = 0;
	}
	next_milestone(d);
	d->made.len = got;
	*data = buf_slice(&d->made);
	return got > 0;
}

/* ---- documents ---- */

static struct str plain(struct doc_packer *d, struct str json)
{
	buf_clear(&d->out);
	buf_ch(&d->out, STORE_DOC_PLAIN);
	buf_str(&d->out, json);
	return buf_slice(&d->out);
}

struct str doc_pack(struct doc_packer *d, struct str json)
{
	size_t bound = ZSTD_compressBound(json.len), n;
	char *room;

	buf_clear(&d->out);
	buf_ch(&d->out, (char)(d->number ? d->number : STORE_DOC_NO_DICTIONARY));
	room = buf_room(&d->out, bound);
	if (!room)
		return plain(d, json);
	if (d->number)
		n = ZSTD_compress2(d->c, room, bound, json.p, json.len);
	else
		n = ZSTD_compress(room, bound, json.p, json.len, LEVEL);
	if (ZSTD_isError(n) || n >= json.len)
		return plain(d, json);
	d->out.len += n;
	return buf_slice(&d->out);
}

/* ---- reading ---- */

struct doc_reader {
	ZSTD_DCtx *c;
	ZSTD_DDict *dictionary[STORE_DICTIONARIES_MAX + 1];
};

struct doc_reader *doc_reader_new(void)
{
	struct doc_reader *d = xzalloc(sizeof(*d));

	d->c = ZSTD_createDCtx();
	bug_on(!d->c);
	return d;
}

void doc_reader_free(struct doc_reader **dp)
{
	struct doc_reader *d = *dp;

	if (!d)
		return;
	ZSTD_freeDCtx(d->c);
	for (int i = 0; i <= STORE_DICTIONARIES_MAX; i++)
		ZSTD_freeDDict(d->dictionary[i]);
	free(d);
	*dp = NULL;
}

bool doc_reader_knows(const struct doc_reader *d, unsigned number)
{
	return number <= STORE_DICTIONARIES_MAX && d->dictionary[number];
}

void doc_reader_add(struct doc_reader *d, unsigned number, struct str data)
{
	if (number && number <= STORE_DICTIONARIES_MAX && !d->dictionary[number])
		d->dictionary[number] = ZSTD_createDDict(data.p, data.len);
}

unsigned doc_dictionary(struct str blob)
{
	unsigned n = blob.len ? (unsigned char)blob.p[0] : 0;

	return n == STORE_DOC_NO_DICTIONARY ? 0 : n;
}

int doc_unpack(struct doc_reader *d, struct str blob, size_t max, struct buf *out, struct err *err)
{
	unsigned number = blob.len ? (unsigned char)blob.p[0] : 0;
	unsigned long long size;
	char *room;
	size_t n;

	if (blob.len == 0)
		return err_set(err, "a document is empty");
	blob = str_from(blob, 1);
	if (number == STORE_DOC_PLAIN) {
		buf_str(out, blob);
		return 0;
	}
	size = ZSTD_getFrameContentSize(blob.p, blob.len);
	if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR || size > max)
		return err_set(err, "a document is damaged");
	if (number != STORE_DOC_NO_DICTIONARY && !doc_reader_knows(d, number))
		return err_set(err, "dictionary %u of a document is missing", number);
	room = buf_room(out, size);
	if (!room)
		return err_set(err, "a document is too large");
	if (number == STORE_DOC_NO_DICTIONARY)
		n = ZSTD_decompressDCtx(d->c, room, size, blob.p, blob.len);
	else
		n = ZSTD_decompress_usingDDict(d->c, room, size, blob.p, blob.len, d->dictionary[number]);
	if (ZSTD_isError(n) || n != size)
		return err_set(err, "a document is damaged");
	out->len += n;
	return 0;
}
