/*
 * parse/dnstap_dns.c - a DNS message into values of the event (see dnstap_decode.h): question, records of each section, EDNS.
 */
#include "parse/dnstap_int.h"

#include "base/utf8.h"

enum { EDNS_SUBNET = 8, EDNS_ERROR = 15, EDNS_DO = 0x8000 };
enum { ONCE_MAX = 2 * DNSTAP_RECORDS }; /* texts of a list in which each stands once */

struct reading {
	struct dnstap_decoder *d;
	struct arena *a;
	struct dns_reader r;
	struct dns_said *out;
	uint32_t records;
	size_t text; /* bytes kept so far */
	/* The owner before: the records of a set point to one name. */
	size_t last_at;
	struct str last_name;
};

void dnstap_add_once(struct arena *a, struct list **l, struct str v)
{
	if (!*l)
		*l = list_new(a, 4);
	if ((*l)->n == ONCE_MAX)
		return;
	for (uint32_t i = 0; i < (*l)->n; i++)
		if (str_eq(value_str(&(*l)->v[i]), v))
			return;
	list_push(a, *l, v_str(v));
}

static void wrong(struct reading *x, const char *why)
{
	if (!x->out->error)
		x->out->error = why;
}

/* The name at `at`; .p NULL (and the error noted) if it cannot be read. */
static struct str name_at(struct reading *x, size_t at)
{
	struct buf *b = &x->d->text;
	const char *why;
	size_t end;

	buf_clear(b);
	why = dns_name(x->r.msg, at, b, &end);
	if (why) {
		wrong(x, why);
		return (struct str){0};
	}
	x->text += b->len;
	return arena_dup(x->a, buf_slice(b));
}

struct str dnstap_wire_name(struct dnstap_decoder *d, struct arena *a, struct str wire)
{
	size_t end = 0;

	buf_clear(&d->text);
	/* No pointer can lead behind a header that is not there. */
	if (dns_name(wire, 0, &d->text, &end) || end != wire.len)
		return (struct str){0};
	return arena_dup(a, buf_slice(&d->text));
}

/* Owners are mostly a pointer to the question's name, or to the one before. */
static struct str owner(struct reading *x, const struct dns_record *rec)
{
	size_t at = dns_name_pointer(x->r.msg, rec->name);
	struct str name;

	if (at == DNS_HEADER && x->out->qname.p) {
		x->text += x->out->qname.len;
		return x->out->qname;
	}
	if (at && at == x->last_at) {
		x->text += x->last_name.len;
		return x->last_name;
	}
	name = name_at(x, rec->name);
	if (at && name.p) {
		x->last_at = at;
		x->last_name = name;
	}
	return name;
}

static void read_question(struct reading *x, const struct dns_record *rec)
{
	struct dns_said *out = x->out;

	if (out->qname.p)
		return; /* nobody asks two questions in a message */
	out->qname = name_at(x, rec->name);
	out->qtype = dns_type_name(x->a, rec->type);
	out->qclass = dns_class_name(x->a, rec->class);
}

/* ---- EDNS ---- */

/* family:16, prefix length, scope length, as many bytes of the address as the prefix needs (RFC 7871 6). */
static struct str subnet(struct reading *x, struct str opt)
{
	char text[IP_TEXT], address[16] = {0};
	unsigned family, bits;
	size_t bytes, n;

	if (opt.len < 4)
		return (struct str){0};
	family = dns_get16(opt, 0);
	bits = (uint8_t)opt.p[2];
	bytes = (bits + 7) / 8;
	n = family == 1 ? 4 : family == 2 ? 16 : 0;
	if (n == 0 || bytes > n || bytes > opt.len - 4)
		return (struct str){0};
	memcpy(address, opt.p + 4, bytes);
	n = dns_ip_text(str_n(address, n), text);
	return arena_printf(x->a, "%.*s/%u", (int)n, text, bits);
}

/* code:16, text (RFC 8914 2). */
static struct str extended_error(struct reading *x, struct str opt)
{
	struct str name, more = utf8_scrub(x->a, str_from(opt, 2));
	unsigned code = dns_get16(opt, 0);

	name = dns_extended_error(code);
	if (!name.p)
		name = arena_printf(x->a, "extended error %u", code);
	if (!more.len)
		return name;
	return arena_printf(x->a, "%.*s: %.*s", STR_ARG(name), STR_ARG(more));
}

/* Class is the sender's buffer, the ttl the upper bits of the response code, a version and flags (RFC 6891 6.1.3). */
static void read_opt(struct reading *x, const struct dns_record *rec)
{
	struct str in = str_sub(x->r.msg, rec->data, rec->len);

	x->out->rcode |= rec->ttl >> 24 << 4;
	x->out->dnssec_ok |= (rec->ttl & EDNS_DO) != 0;
	while (in.len) {
		unsigned code, len;
		struct str opt;

		if (in.len < 4 || dns_get16(in, 2) > in.len - 4) {
			wrong(x, "an EDNS option longer than its record");
			return;
		}
		code = dns_get16(in, 0);
		len = dns_get16(in, 2);
		opt = str_sub(in, 4, len);
		in = str_from(in, 4 + (size_t)len);
		if (code == EDNS_SUBNET && !x->out->subnet.p)
			x->out->subnet = subnet(x, opt);
		else if (code == EDNS_ERROR && opt.len >= 2 && !x->out->cause.p)
			x->out->cause = extended_error(x, opt);
	}
}

/* ---- records ---- */

static struct list **list_of(struct dns_said *out, enum dns_section s)
{
	return s == DNS_ANSWER ? &out->answers : s == DNS_AUTHORITY ? &out->authorities : &out->additionals;
}

/* What other fields take from the record. */
static void note(struct reading *x, const struct dns_record *rec, struct str data)
{
	struct str head, rest = data;

	if (rec->section == DNS_ANSWER && (rec->type == DNS_A || rec->type == DNS_AAAA))
		dnstap_add_once(x->a, &x->out->resolved, data);
	if (rec->section != DNS_AUTHORITY)
		return;
	if (rec->type == DNS_NS)
		dnstap_add_once(x->a, &x->out->authority, data);
	else if (rec->type == DNS_SOA && str_cut(&rest, ' ', &head))
		dnstap_add_once(x->a, &x->out->authority, head);
}

/* The data's text; .p NULL: it has none, or too much of it. */
static struct str data_text(struct reading *x, const struct dns_record *rec, bool *fits)
{
	struct buf *b = &x->d->text;
	const char *why;

	*fits = false;
	if (rec->len == 0) /* of an UPDATE that removes */
		return (struct str){0};
	buf_clear(b);
	why = dns_data(x->r.msg, rec, b);
	if (why)
		wrong(x, why);
	if (b->over) {
		x->out->cut = true;
		return (struct str){0};
	}
	*fits = !why;
	x->text += b->len;
	return arena_dup(x->a, buf_slice(b));
}

static void put_record(struct reading *x, const struct dns_record *rec)
{
	const struct key *key = x->d->key;
	struct list **l = list_of(x->out, rec->section);
	struct str name, data;
	struct map *m;
	bool fits;

	if (x->records == DNSTAP_RECORDS || x->text > DNSTAP_TEXT) {
		x->out->cut = true;
		return;
	}
	x->records++;
	name = owner(x, rec);
	data = data_text(x, rec, &fits);
	m = map_new_block(x->a, rec->section == DNS_ANSWER ? 8 : 4);
	if (name.p)
		map_add(x->a, m, key[DK_NAME], v_str(name));
	map_add(x->a, m, key[DK_TYPE], v_str(dns_type_name(x->a, rec->type)));
	if (rec->section == DNS_ANSWER)
		map_add(x->a, m, key[DK_CLASS], v_str(dns_class_name(x->a, rec->class)));
	map_add(x->a, m, key[DK_TTL], v_int(rec->ttl));
	if (data.p)
		map_add(x->a, m, key[DK_DATA], v_str(data));
	if (!*l)
		*l = list_new(x->a, x->out->count[rec->section] < 8 ? x->out->count[rec->section] : 8);
	list_push(x->a, *l, v_map(m));
	if (fits)
		note(x, rec, data);
}

void dnstap_read_dns(struct dnstap_decoder *d, struct arena *a, struct str msg, struct dns_said *out)
{
	struct reading x = {.d = d, .a = a, .out = out};
	struct dns_record rec;

	*out = (struct dns_said){0};
	if (!dns_open(&x.r, msg)) {
		out->error = x.r.error;
		return;
	}
	out->there = true;
	out->id = x.r.id;
	out->flags = x.r.flags;
	out->rcode = x.r.flags & 15;
	memcpy(out->count, x.r.count, sizeof(out->count));
	while (dns_next(&x.r, &rec)) {
		if (rec.section == DNS_QUESTION)
			read_question(&x, &rec);
		else if (rec.section == DNS_ADDITIONAL && rec.type == DNS_OPT)
			read_opt(&x, &rec);
		else
			put_record(&x, &rec);
	}
	if (x.r.error)
		wrong(&x, x.r.error);
}
