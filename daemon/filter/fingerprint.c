/*
 * fingerprint.c - the filter `fingerprint`: a hash of fields, to recognise an event by. Work thread.
 *
 * Text is what Ruby's to_s makes of a value; what a hash or a list holds is joined by bars, hashes in the order of their keys.
 */
#include "base/number.h"
#include "base/regex.h"
#include "base/utf8.h"
#include "event/ruby_text.h"
#include "filter/digest.h"
#include "filter/support.h"
#include "filter/uuid.h"

#include <stdlib.h>

enum method { SHA1, SHA256, SHA384, SHA512, MD5, MURMUR3, MURMUR3_128, IPV4_NETWORK, UUID, PUNCTUATION };

enum { MURMUR3_128_SEED = 2 }; /* Logstash's */

struct fingerprint {
	const struct list *source;
	struct str target, key;
	int method;
	bool base64, concatenate_sources, concatenate_all;
	const struct ref **ref; /* of the sources as written, and sorted by name */
	const struct ref **sorted;
	const struct ref *target_ref;
	uint32_t n;
	int64_t bits; /* IPV4_NETWORK */
	struct regex *no_punctuation;
	struct regex_match *match;
};

static int by_name(const void *a, const void *b)
{
	const struct ref *const *x = a, *const *y = b;

	return str_cmp((*x)->text, (*y)->text);
}

static int fingerprint_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct fingerprint *f = self;

	f->n = f->source ? f->source->n : 0;
	f->ref = arena_alloc(ctx->arena, f->n * sizeof(struct ref *) + 1);
	f->sorted = arena_alloc(ctx->arena, f->n * sizeof(struct ref *) + 1);
	for (uint32_t i = 0; i < f->n; i++) {
		f->ref[i] = f->sorted[i] = ref_compile(ctx->arena, value_text(ctx->arena, &f->source->v[i]), err);
		if (!f->ref[i])
			return -1;
	}
	qsort(f->sorted, f->n, sizeof(struct ref *), by_name);
	if (!f->target.p)
		f->target = ctx->ecs == ECS_DISABLED ? STR("fingerprint") : STR("[event][hash]");
	f->target_ref = ref_compile(ctx->arena, f->target, err);
	if (!f->target_ref)
		return -1;
	if (f->method == IPV4_NETWORK) {
		if (!f->key.p)
			return err_set(err, "'key' is missing: the number of bits of the network");
		if (!ruby_to_i(f->key, &f->bits))
			f->bits = -1;
	}
	if (f->method == PUNCTUATION) {
		f->no_punctuation = regex_compile(STR("[^\\p{P}\\p{S}]"), 0, err);
		if (!f->no_punctuation)
			return -1;
		f->match = regex_match_new();
	}
	return 0;
}

static void fingerprint_close(void *self)
{
	struct fingerprint *f = self;

	regex_free(f->no_punctuation);
	regex_match_free(f->match);
}

/* ---- a value as text ---- */

static int by_key(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return str_cmp(key_str(&x->key), key_str(&y->key));
}

static struct map *sorted_map(struct arena *a, const struct map *m)
{
	struct entry *e = arena_alloc(a, m->n * sizeof(*e) + 1);
	struct map *out = map_new(a, m->n);

	if (m->n)
		memcpy(e, m->e, m->n * sizeof(*e));
	qsort(e, m->n, sizeof(*e), by_key);
	for (uint32_t i = 0; i < m->n; i++)
		map_push(a, out, e[i].key, e[i].val);
	return out;
}

/* What hashes and lists hold, between bars. Depth is bounded by what an event may hold. */
static void put_text(struct buf *b, struct arena *a, const struct value *v)
{
	if (v->type == V_MAP) {
		const struct map *m = sorted_map(a, v->map);

		for (uint32_t i = 0; i < m->n; i++) {
			if (i)
				buf_ch(b, '|');
			buf_str(b, key_str(&m->e[i].key));
			buf_ch(b, '|');
			put_text(b, a, &m->e[i].val);
		}
	} else if (v->type == V_LIST) {
		for (uint32_t i = 0; i < v->list->n; i++) {
			if (i)
				buf_ch(b, '|');
			put_text(b, a, &v->list->v[i]);
		}
	} else {
		buf_str(b, ruby_to_s(a, v));
	}
}

static struct str text_of(struct arena *a, const struct value *v)
{
	struct str s;
	struct buf b;

	if (v->type == V_STRING)
		return value_str(v);
	buf_init(&b, 0);
	put_text(&b, a, v);
	s = arena_dup(a, buf_slice(&b));
	buf_release(&b);
	return s;
}

/* ---- the hash of a value ---- */

/* Numbers are hashed as the fewest whole words that hold them. */
static void put_int(int64_t i, unsigned char out[8])
{
	for (int k = 0; k < 8; k++)
		out[k] = (unsigned char)((uint64_t)i >> 8 * k);
}

static bool hash_value(const struct fingerprint *f, struct arena *a, const struct value *v, struct value *out)
{
	unsigned char bytes[DIGEST_BYTES_MAX], word[8];
	struct str s = text_of(a, v), network;
	size_t n = 16;

	if (v->type == V_INT) {
		put_int(v->i, word);
		if (f->method == MURMUR3)
			s = str_n((char *)word, 8);
		else if (f->method == MURMUR3_128)
			s = str_n((char *)word, v->i >= -(1ll << 32) && v->i < 1ll << 32 ? 4 : 8);
	}
	switch ((enum method)f->method) {
	case MURMUR3:
		*out = v_int(murmur3_32(s.p, s.len, 0));
		return true;
	case MURMUR3_128:
		murmur3_128(s.p, s.len, MURMUR3_128_SEED, bytes);
		break;
	case IPV4_NETWORK:
		if (v->type != V_STRING || !ip_network_text(a, s, f->bits, &network))
			return false;
		*out = v_str(network);
		return true;
	default:
		n = digest_bytes((enum digest_method)f->method, f->key, s, bytes);
		if (!n)
			return false;
		break;
	}
	*out = v_str(f->base64 ? digest_base64(a, bytes, n) : digest_hex(a, bytes, n));
	return true;
}

static bool set_hash(const struct fingerprint *f, struct event *ev, const struct value *v)
{
	struct value out;

	if (v->type != V_LIST)
		return hash_value(f, ev->arena, v, &out) && filter_set(ev, f->target_ref, out);
	out = v_list(list_new(ev->arena, v->list->n));
	for (uint32_t i = 0; i < v->list->n; i++)
		if (!hash_value(f, ev->arena, &v->list->v[i], list_push(ev->arena, out.list, v_null())))
			return false;
	return filter_set(ev, f->target_ref, out);
}

/* "|name|value|name|value|" */
static bool set_concatenated(const struct fingerprint *f, struct event *ev)
{
	struct arena *a = ev->arena;
	struct value text;
	struct buf b;

	buf_init(&b, 0);
	if (f->concatenate_all) {
		const struct map *all = sorted_map(a, &ev->root);

		for (uint32_t i = 0; i < all->n; i++) {
			buf_ch(&b, '|');
			buf_str(&b, key_str(&all->e[i].key));
			buf_ch(&b, '|');
			buf_str(&b, text_of(a, &all->e[i].val));
		}
	}
	for (uint32_t i = 0; !f->concatenate_all && i < f->n; i++) {
		const struct value *v = event_get(ev, f->sorted[i]);

		buf_ch(&b, '|');
		buf_str(&b, f->sorted[i]->text);
		buf_ch(&b, '|');
		if (v)
			buf_str(&b, text_of(a, v));
	}
	buf_ch(&b, '|');
	text = v_str(arena_dup(a, buf_slice(&b)));
	buf_release(&b);
	return set_hash(f, ev, &text);
}

static bool set_punctuation(struct fingerprint *f, struct event *ev, const struct value *v)
{
	struct str out;

	if (v->type != V_STRING ||
	    regex_gsub(f->no_punctuation, f->match, ev->arena, utf8_scrub(ev->arena, value_str(v)), STR(""), &out))
		return false;
	return filter_set(ev, f->target_ref, v_str(out));
}

static bool run_all(struct fingerprint *f, struct event *ev)
{
	char uuid[UUID_TEXT];

	if (f->method == UUID) {
		uuid_random(uuid);
		return filter_set(ev, f->target_ref, v_str(arena_dup(ev->arena, str_n(uuid, UUID_LEN))));
	}
	if (f->method != PUNCTUATION && (f->concatenate_sources || f->concatenate_all))
		return set_concatenated(f, ev);
	for (uint32_t i = 0; i < f->n; i++) {
		const struct value *v = event_get(ev, f->method == PUNCTUATION ? f->sorted[i] : f->ref[i]);

		if (v && !(f->method == PUNCTUATION ? set_punctuation(f, ev, v) : set_hash(f, ev, v)))
			return false;
	}
	return true;
}

/* A value of which no punctuation can be taken; NULL: none. */
static const struct ref *no_text(const struct fingerprint *f, const struct event *ev)
{
	for (uint32_t i = 0; f->method == PUNCTUATION && i < f->n; i++) {
		const struct value *v = event_get(ev, f->sorted[i]);

		if (v && v->type != V_STRING)
			return f->sorted[i];
	}
	return NULL;
}

static enum step fingerprint_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	const struct ref *at;

	if (run_all(self, ev))
		return STEP_OK;
	at = no_text(self, ev);
	event_tag(ev, STR("_fingerprint_error"));
	return at ? filter_stops_at(ctx, ev, at, event_get(ev, at)) : STEP_PASS;
}

static const char *const methods[] = {"SHA1", "SHA256", "SHA384", "SHA512", "MD5", "MURMUR3", "MURMUR3_128", "IPV4_NETWORK", "UUID",
				      "PUNCTUATION", NULL};

#define AT(member) offsetof(struct fingerprint, member)
static const struct option options[] = {
	{"source", OPT_LIST, AT(source), .def = "[\"message\"]", .doc = "fields to hash; of several each in turn, unless they are concatenated"},
	{"target", OPT_STRING, AT(target), .doc = "field that gets the hash; fingerprint, or [event][hash] under ECS"},
	{"method", OPT_ENUM, AT(method), .def = "SHA1", .choices = methods, .doc = "which hash; UUID is drawn, PUNCTUATION what is no letter, digit or blank"},
	{"key", OPT_PASSWORD, AT(key), .doc = "makes the hash an HMAC; bits of the network for IPV4_NETWORK"},
	{"base64encode", OPT_BOOL, AT(base64), .def = "false", .doc = "base64 instead of hexadecimal digits"},
	{"concatenate_sources", OPT_BOOL, AT(concatenate_sources), .def = "false", .doc = "one hash over names and values of all sources"},
	{"concatenate_all_fields", OPT_BOOL, AT(concatenate_all), .def = "false", .doc = "one hash over the whole event"},
	{0},
};
#undef AT

FILTER(fingerprint, .size = sizeof(struct fingerprint), .options = options, .doc = "a hash of fields", .open = fingerprint_open,
       .close = fingerprint_close, .filter = {.run = fingerprint_run})
