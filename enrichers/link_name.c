#include "link_name.h"
#include "base/hash.h"

#include <pthread.h>

/* Polynomials over 2^61 - 1 with a secret base: one pass from the right gives every suffix, and nobody can choose names that collide. */
#define PRIME ((UINT64_C(1) << 61) - 1)

static uint64_t base;

static void draw_base(void)
{
	base = hash_bytes("names", 5) % (PRIME - 1000) + 500;
}

void name_init(void)
{
	/* Another pipeline's work thread may be reading it. */
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, draw_base);
}

static inline uint64_t step(uint64_t h, char c)
{
	unsigned __int128 p = (unsigned __int128)h * base + (uint8_t)c + 1;
	uint64_t lo = (uint64_t)p & PRIME, hi = (uint64_t)(p >> 61);

	lo += hi;
	return lo >= PRIME ? lo - PRIME : lo;
}

uint64_t name_hash(struct str name)
{
	uint64_t h = 1;

	for (size_t i = name.len; i > 0; i--)
		h = step(h, name.p[i - 1]);
	return h;
}

void name_hashes(struct str name, struct name_hashes *out)
{
	uint64_t h = 1, found[NAME_LABELS];
	uint16_t at[NAME_LABELS];
	unsigned n = 0;

	for (size_t i = name.len; i > 0; i--) {
		if (name.p[i - 1] == '.' && n < NAME_LABELS - 1 && i <= UINT16_MAX) {
			found[n] = h;
			at[n++] = (uint16_t)i;
		}
		h = step(h, name.p[i - 1]);
	}
	found[n] = h;
	at[n++] = 0;
	out->n = n;
	for (unsigned i = 0; i < n; i++) {
		out->hash[i] = found[n - 1 - i];
		out->at[i] = at[n - 1 - i];
	}
}

static int hex(char c)
{
	return ch_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* d.c.b.a in front of .in-addr.arpa */
static bool reverse4(struct str s, struct ip *out)
{
	uint8_t b[4];

	for (int i = 3; i >= 0; i--) {
		struct str was = s;
		uint64_t n;

		if (!str_take_u64(&s, 3, 255, &n) || (was.p[0] == '0' && was.len - s.len > 1))
			return false;
		b[i] = (uint8_t)n;
		if (i > 0 && (s.len == 0 || s.p[0] != '.'))
			return false;
		if (i > 0)
			s = str_from(s, 1);
	}
	if (s.len)
		return false;
	*out = ip_v4(b);
	return true;
}

bool name_reverse(struct str name, struct ip *out)
{
	static const struct str v4 = STR_INIT(".in-addr.arpa"), v6 = STR_INIT(".ip6.arpa");
	struct ip ip;

	if (name.len > v4.len && name.len <= v4.len + 15 && str_ends(name, v4))
		return reverse4(str_n(name.p, name.len - v4.len), out);
	if (name.len != 63 + v6.len || !str_ends(name, v6))
		return false;
	for (int i = 0; i < 16; i++) {
		const char *p = name.p + 4 * (15 - i);
		int low = hex(p[0]), high = hex(p[2]);

		if (low < 0 || high < 0 || p[1] != '.' || p[3] != '.')
			return false;
		ip.b[i] = (uint8_t)(high << 4 | low);
	}
	/* A mapped address is the IPv4 one, here as everywhere. */
	*out = ip;
	return true;
}

bool name_is_arpa(struct str name)
{
	return str_ends(name, STR(".in-addr.arpa")) || str_ends(name, STR(".ip6.arpa")) || str_eq(name, STR("in-addr.arpa")) ||
	       str_eq(name, STR("ip6.arpa"));
}

bool name_is_infra(struct str name)
{
	return name.len == 0 || str_chr(name, '.') < 0 || str_eq(name, STR(".")) || str_eq(name, STR("in-addr.arpa")) ||
	       str_eq(name, STR("ip6.arpa")) || str_ends(name, STR("root-servers.net"));
}

void name_keep(struct kept_name *k, struct str name)
{
	k->cut = name.len > NAME_BYTES;
	while (name.len > NAME_BYTES) {
		ptrdiff_t dot = str_chr(name, '.');

		name = dot < 0 ? str_from(name, name.len - NAME_BYTES) : str_from(name, (size_t)dot + 1);
	}
	k->len = (uint8_t)name.len;
	memcpy(k->text, name.p, name.len);
}

bool name_under(struct str name, struct str of)
{
	return str_ends(name, of) && (name.len == of.len || of.len == 0 || name.p[name.len - of.len - 1] == '.');
}
