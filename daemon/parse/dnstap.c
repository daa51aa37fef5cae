#include "parse/dnstap.h"

enum wire { WIRE_VARINT, WIRE_64, WIRE_BYTES, WIRE_GROUP, WIRE_GROUP_END, WIRE_32 };

enum message { M_DNSTAP, M_MESSAGE, M_POLICY };

enum { VARINT_MAX = 10 };

/* The caller has compared n with what is there. */
static inline struct str take(struct str *s, size_t n)
{
	struct str head = {s->p, n};

	s->p += n;
	s->len -= n;
	return head;
}

static bool take_long_varint(struct str *s, uint64_t *out)
{
	uint64_t v = 0;

	for (size_t i = 0; i < s->len && i < VARINT_MAX; i++) {
		uint8_t b = (uint8_t)s->p[i];

		/* The tenth byte has one bit of the 64 to give. */
		if (i == VARINT_MAX - 1 && b > 1)
			return false;
		v |= (uint64_t)(b & 127) << 7 * i;
		if (b < 128) {
			take(s, i + 1);
			*out = v;
			return true;
		}
	}
	return false;
}

/* The base 128 number at the front of *s, the lowest seven bits first; mostly it has one byte. */
static inline bool take_varint(struct str *s, uint64_t *out)
{
	if (s->len == 0 || (uint8_t)s->p[0] > 127)
		return take_long_varint(s, out);
	*out = (uint8_t)take(s, 1).p[0];
	return true;
}

static uint32_t get_le32(const char *p)
{
	const uint8_t *b = (const uint8_t *)p;

	return (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
}

/* One field's value as it came: bytes under WIRE_BYTES, else v. */
struct field {
	uint64_t number;
	enum wire wire;
	uint64_t v;
	struct str bytes;
};

static inline const char *take_field(struct str *s, struct field *f)
{
	uint64_t key, len;

	if (!take_varint(s, &key))
		return "a protobuf key that does not end";
	f->number = key >> 3;
	f->wire = (enum wire)(key & 7);
	if (f->number == 0)
		return "a protobuf field of number 0";
	switch (f->wire) {
	case WIRE_VARINT:
		return take_varint(s, &f->v) ? NULL : "a protobuf number that does not end";
	case WIRE_BYTES:
		if (!take_varint(s, &len))
			return "a protobuf length that does not end";
		if (len > s->len)
			return "a protobuf field longer than what holds it";
		f->bytes = take(s, (size_t)len);
		return NULL;
	case WIRE_64:
		if (s->len < 8)
			return "a protobuf field that is cut off";
		take(s, 8);
		return NULL;
	case WIRE_32:
		if (s->len < 4)
			return "a protobuf field that is cut off";
		f->v = get_le32(take(s, 4).p);
		return NULL;
	case WIRE_GROUP:
	case WIRE_GROUP_END:
		return "a protobuf group";
	}
	return "an unknown protobuf wire type";
}

/* Field and wire type in one number, so that a field of another type is an unknown one. */
#define AS(number, wire) ((number) << 3 | (wire))

static void put_dnstap(struct dnstap *d, const struct field *f)
{
	switch (AS(f->number, f->wire)) {
	case AS(1, WIRE_BYTES):
		d->identity = f->bytes;
		break;
	case AS(2, WIRE_BYTES):
		d->version = f->bytes;
		break;
	case AS(15, WIRE_VARINT):
		d->kind = f->v;
		break;
	default: /* 3: extra, which means nothing to us */
		break;
	}
}

static void put_message(struct dnstap *d, const struct field *f)
{
	switch (AS(f->number, f->wire)) {
	case AS(1, WIRE_VARINT):
		d->type = f->v;
		break;
	case AS(2, WIRE_VARINT):
		d->family = f->v;
		break;
	case AS(3, WIRE_VARINT):
		d->protocol = f->v;
		break;
	case AS(4, WIRE_BYTES):
		d->query_address = f->bytes;
		break;
	case AS(5, WIRE_BYTES):
		d->response_address = f->bytes;
		break;
	case AS(6, WIRE_VARINT):
		d->query_port = f->v;
		d->has |= DNSTAP_HAS_QUERY_PORT;
		break;
	case AS(7, WIRE_VARINT):
		d->response_port = f->v;
		d->has |= DNSTAP_HAS_RESPONSE_PORT;
		break;
	case AS(8, WIRE_VARINT):
		d->query_s = f->v;
		d->has |= DNSTAP_HAS_QUERY_TIME;
		break;
	case AS(9, WIRE_32):
		d->query_ns = (uint32_t)f->v;
		break;
	case AS(10, WIRE_BYTES):
		d->query = f->bytes;
		d->has |= DNSTAP_HAS_QUERY;
		break;
	case AS(11, WIRE_BYTES):
		d->zone = f->bytes;
		d->has |= DNSTAP_HAS_ZONE;
		break;
	case AS(12, WIRE_VARINT):
		d->response_s = f->v;
		d->has |= DNSTAP_HAS_RESPONSE_TIME;
		break;
	case AS(13, WIRE_32):
		d->response_ns = (uint32_t)f->v;
		break;
	case AS(14, WIRE_BYTES):
		d->response = f->bytes;
		d->has |= DNSTAP_HAS_RESPONSE;
		break;
	case AS(16, WIRE_VARINT):
		d->http = f->v;
		break;
	default:
		break;
	}
}

static void put_policy(struct dnstap *d, const struct field *f)
{
	if (f->wire != WIRE_BYTES)
		return; /* action and match */
	if (f->number == 1)
		d->policy_type = f->bytes;
	else if (f->number == 2)
		d->policy_rule = f->bytes;
}

/* The message that a field of `in` holds, if it holds one. */
static bool is_message(enum message in, const struct field *f, enum message *child)
{
	if (f->wire != WIRE_BYTES)
		return false;
	if (in == M_DNSTAP && f->number == 14) {
		*child = M_MESSAGE;
		return true;
	}
	if (in == M_MESSAGE && f->number == 15) {
		*child = M_POLICY;
		return true;
	}
	return false;
}

const char *dnstap_read(struct str frame, struct dnstap *d)
{
	struct {
		struct str rest;
		enum message kind;
	} level[DNSTAP_DEPTH] = {{frame, M_DNSTAP}};
	unsigned depth = 1;

	*d = (struct dnstap){0};
	while (depth) {
		enum message kind = level[depth - 1].kind, child;
		struct field f;
		const char *wrong;

		if (level[depth - 1].rest.len == 0) {
			depth--;
			continue;
		}
		wrong = take_field(&level[depth - 1].rest, &f);
		if (wrong)
			return wrong;
		if (is_message(kind, &f, &child)) {
			if (depth == DNSTAP_DEPTH)
				return "protobuf messages too deep in each other";
			level[depth].rest = f.bytes;
			level[depth++].kind = child;
			d->has |= DNSTAP_HAS_MESSAGE;
			continue;
		}
		if (kind == M_DNSTAP)
			put_dnstap(d, &f);
		else if (kind == M_MESSAGE)
			put_message(d, &f);
		else
			put_policy(d, &f);
	}
	return NULL;
}
