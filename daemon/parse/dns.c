#include "parse/dns.h"

enum { POINTER = 0xc0 };

bool dns_open(struct dns_reader *r, struct str msg)
{
	*r = (struct dns_reader){.msg = msg, .at = DNS_HEADER};
	if (msg.len < DNS_HEADER) {
		r->error = "a DNS message shorter than its header";
		return false;
	}
	r->id = dns_get16(msg, 0);
	r->flags = dns_get16(msg, 2);
	for (unsigned i = 0; i < DNS_SECTIONS; i++)
		r->count[i] = dns_get16(msg, 4 + 2 * i);
	return true;
}

/* Behind the name at *at, which is only walked to its end or its pointer: dns_name() looks at all of it. */
static const char *skip_name(struct str msg, size_t *at)
{
	size_t i = *at;

	for (;;) {
		uint8_t n;

		if (i >= msg.len)
			return "a DNS name that is cut off";
		n = (uint8_t)msg.p[i];
		if (n >= POINTER) {
			i += 2;
			break;
		}
		if (n > 63)
			return "a DNS label of unknown kind";
		i += 1 + (size_t)n;
		if (n == 0)
			break;
		if (i - *at >= DNS_NAME_MAX)
			return "a DNS name of more than 255 bytes";
	}
	if (i > msg.len)
		return "a DNS name that is cut off";
	*at = i;
	return NULL;
}

static bool failed(struct dns_reader *r, const char *why)
{
	r->error = why;
	return false;
}

bool dns_next(struct dns_reader *r, struct dns_record *out)
{
	size_t at = r->at, left;
	const char *wrong;

	while (r->section < DNS_SECTIONS && r->done == r->count[r->section]) {
		r->section++;
		r->done = 0;
	}
	if (r->section == DNS_SECTIONS || r->error)
		return false;
	*out = (struct dns_record){.section = (enum dns_section)r->section, .name = at};
	if (at == r->msg.len)
		return failed(r, "fewer DNS records than the header says");
	wrong = skip_name(r->msg, &at);
	if (wrong)
		return failed(r, wrong);
	left = r->msg.len - at;
	if (left < (r->section == DNS_QUESTION ? 4 : 10))
		return failed(r, "a DNS record that is cut off");
	out->type = dns_get16(r->msg, at);
	out->class = dns_get16(r->msg, at + 2);
	at += 4;
	if (r->section != DNS_QUESTION) {
		out->ttl = dns_get32(r->msg, at);
		out->len = dns_get16(r->msg, at + 4);
		out->data = at + 6;
		if (out->len > left - 10)
			return failed(r, "a DNS record longer than its message");
		at = out->data + out->len;
	}
	r->at = at;
	r->done++;
	return true;
}

size_t dns_name_pointer(struct str msg, size_t at)
{
	if (at + 1 >= msg.len || (uint8_t)msg.p[at] < POINTER)
		return 0;
	return dns_get16(msg, at) & 0x3fff;
}

/* One label in lower case; returns the end of the text. */
static char *put_label(char *q, const uint8_t *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t c = p[i];

		/* Nearly all of them. */
		if ((uint8_t)(c - 'a') < 26 || (uint8_t)(c - '0') < 10) {
			*q++ = (char)c;
			continue;
		}
		if (c > 0x20 && c < 0x7f && c != '.' && c != '\\') {
			*q++ = ch_lower((char)c);
			continue;
		}
		*q++ = '\\';
		*q++ = (char)('0' + c / 100);
		*q++ = (char)('0' + c / 10 % 10);
		*q++ = (char)('0' + c % 10);
	}
	return q;
}

const char *dns_name(struct str msg, size_t at, struct buf *out, size_t *end)
{
	char *begin = buf_room(out, DNS_NAME_TEXT), *q = begin;
	size_t run = at; /* where the labels being read begin: a pointer must lead before it */
	size_t wire = 0;
	unsigned hops = 0;

	if (!begin)
		return "no room for a DNS name";
	for (;;) {
		size_t n;

		if (at >= msg.len)
			return "a DNS name that is cut off";
		n = (uint8_t)msg.p[at];
		if (n >= POINTER) {
			size_t to;

			if (at + 1 >= msg.len)
				return "a DNS name that is cut off";
			to = dns_get16(msg, at) & 0x3fff;
			if (to >= run || to < DNS_HEADER)
				return "a DNS name whose pointer does not lead backward";
			if (hops == 0)
				*end = at + 2;
			if (++hops > DNS_HOPS_MAX)
				return "a DNS name of too many pointers";
			at = run = to;
			continue;
		}
		if (n > 63)
			return "a DNS label of unknown kind";
		wire += 1 + n;
		if (wire > DNS_NAME_MAX)
			return "a DNS name of more than 255 bytes";
		if (n == 0)
			break;
		if (msg.len - at - 1 < n)
			return "a DNS name that is cut off";
		if (q != begin)
			*q++ = '.';
		q = put_label(q, (const uint8_t *)msg.p + at + 1, (unsigned)n);
		at += 1 + n;
	}
	if (hops == 0)
		*end = at + 1;
	if (q == begin)
		*q++ = '.';
	out->len += (size_t)(q - begin);
	return NULL;
}
