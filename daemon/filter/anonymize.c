/*
 * anonymize.c - the filter `anonymize`: fields become hashes of themselves, with a key. Work thread.
 */
#include "base/number.h"
#include "filter/digest.h"
#include "filter/support.h"

enum algorithm { SHA1, SHA256, SHA384, SHA512, MD5, MURMUR3, IPV4_NETWORK };

struct anonymize {
	const struct list *fields;
	struct str key;
	int algorithm;
	const struct ref **ref;
	int64_t bits;
};

static int anonymize_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct anonymize *n = self;

	n->ref = filter_refs(ctx->arena, n->fields, err);
	if (!n->ref)
		return -1;
	if (n->algorithm == IPV4_NETWORK && !ruby_to_i(n->key, &n->bits))
		n->bits = -1;
	return 0;
}

/* false where Logstash raises an exception: a number has no HMAC. */
static bool anonymous(const struct anonymize *n, struct arena *a, const struct value *v, struct value *out)
{
	unsigned char bytes[DIGEST_BYTES_MAX];
	struct str s = v->type == V_STRING ? value_str(v) : STR("");
	size_t len;

	if (n->algorithm == MURMUR3) {
		*out = v_null();
		if (v->type == V_INT)
			*out = v_int(murmur3_32(&(int32_t){(int32_t)v->i}, 4, 0));
		else if (v->type == V_STRING)
			*out = v_int(murmur3_32(s.p, s.len, 0));
		return true;
	}
	if (v->type != V_STRING)
		return false;
	if (n->algorithm == IPV4_NETWORK) {
		if (!ip_network_text(a, s, n->bits, &s))
			return false;
		*out = v_str(s);
		return true;
	}
	len = digest_bytes((enum digest_method)n->algorithm, n->key, s, bytes);
	*out = v_str(digest_hex(a, bytes, len));
	return len != 0;
}

static enum step anonymize_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	const struct anonymize *n = self;
	bool ok = true;

	(void)ctx;
	for (uint32_t i = 0; ok && i < n->fields->n; i++) {
		const struct value *v = event_get(ev, n->ref[i]);
		struct value out;

		if (!v)
			continue;
		if (v->type == V_LIST) {
			out = v_list(list_new(ev->arena, v->list->n));
			for (uint32_t k = 0; ok && k < v->list->n; k++)
				ok = anonymous(n, ev->arena, &v->list->v[k], list_push(ev->arena, out.list, v_null()));
		} else {
			ok = anonymous(n, ev->arena, v, &out);
		}
		ok = ok && filter_set(ev, n->ref[i], out);
	}
	if (!ok)
		event_tag(ev, STR("_anonymize_error"));
	/* Its common options never run: so in Logstash. */
	return STEP_PASS;
}

static const char *const algorithms[] = {"SHA1", "SHA256", "SHA384", "SHA512", "MD5", "MURMUR3", "IPV4_NETWORK", NULL};

static const struct option options[] = {
	{"fields", OPT_LIST, offsetof(struct anonymize, fields), .flags = OPT_REQUIRED, .doc = "fields to replace"},
	{"key", OPT_PASSWORD, offsetof(struct anonymize, key), .flags = OPT_REQUIRED, .doc = "key of the HMAC; bits of the network for IPV4_NETWORK"},
	{"algorithm", OPT_ENUM, offsetof(struct anonymize, algorithm), .def = "SHA1", .choices = algorithms, .doc = "which hash"},
	{0},
};

FILTER(anonymize, .size = sizeof(struct anonymize), .options = options, .doc = "replaces fields by keyed hashes", .open = anonymize_open,
       .filter = {.run = anonymize_run})
