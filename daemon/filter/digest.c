#include "filter/digest.h"

#include "base/base64.h"
#include "base/ip.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

size_t digest_bytes(enum digest_method m, struct str key, struct str data, unsigned char out[DIGEST_BYTES_MAX])
{
	const EVP_MD *md = NULL;
	unsigned n = 0;
	const void *p = data.len ? data.p : "";

	switch (m) {
	case DIGEST_SHA1:
		md = EVP_sha1();
		break;
	case DIGEST_SHA256:
		md = EVP_sha256();
		break;
	case DIGEST_SHA384:
		md = EVP_sha384();
		break;
	case DIGEST_SHA512:
		md = EVP_sha512();
		break;
	case DIGEST_MD5:
		md = EVP_md5();
		break;
	}
	if (!key.p)
		return EVP_Digest(p, data.len, out, &n, md, NULL) == 1 ? n : 0;
	return HMAC(md, key.len ? key.p : "", (int)key.len, p, data.len, out, &n) ? n : 0;
}

struct str digest_hex(struct arena *a, const void *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *b = p;
	char *q = arena_bytes(a, 2 * n + 1);

	for (size_t i = 0; i < n; i++) {
		q[2 * i] = digits[b[i] >> 4];
		q[2 * i + 1] = digits[b[i] & 15];
	}
	return str_n(q, 2 * n);
}

struct str digest_base64(struct arena *a, const void *p, size_t n)
{
	char *text = arena_bytes(a, BASE64_LEN(n) + 1);

	return str_n(text, base64_encode(text, str_n(p, n)));
}

/* ---- MurmurHash3 (Austin Appleby, public domain algorithm) ---- */

static uint32_t rotl32(uint32_t x, int r)
{
	return x << r | x >> (32 - r);
}

static uint64_t rotl64(uint64_t x, int r)
{
	return x << r | x >> (64 - r);
}

/* Up to 8 bytes, little endian. */
static uint64_t word(const unsigned char *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

uint32_t murmur3_32(const void *data, size_t n, uint32_t seed)
{
	const unsigned char *p = data;
	uint32_t h = seed;

	for (size_t i = 0; i < n; i += 4) {
		size_t here = n - i < 4 ? n - i : 4;
		uint32_t k = (uint32_t)word(p + i, here);

		h ^= rotl32(k * 0xcc9e2d51u, 15) * 0x1b873593u;
		if (here == 4)
			h = rotl32(h, 13) * 5 + 0xe6546b64u;
	}
	h ^= (uint32_t)n;
	h = (h ^ h >> 16) * 0x85ebca6bu;
	h = (h ^ h >> 13) * 0xc2b2ae35u;
	return h ^ h >> 16;
}

static uint64_t mix64(uint64_t k)
{
	k = (k ^ k >> 33) * 0xff51afd7ed558ccdull;
	k = (k ^ k >> 33) * 0xc4ceb9fe1a85ec53ull;
	return k ^ k >> 33;
}

void murmur3_128(const void *data, size_t n, uint64_t seed, unsigned char out[16])
{
	static const uint64_t c1 = 0x87c37b91114253d5ull, c2 = 0x4cf5ad432745937full;
	const unsigned char *p = data;
	uint64_t h1 = seed, h2 = seed;

	for (size_t i = 0; i < n; i += 16) {
		size_t here = n - i < 16 ? n - i : 16;
		uint64_t k1 = word(p + i, here < 8 ? here : 8), k2 = here > 8 ? word(p + i + 8, here - 8) : 0;

		h1 ^= rotl64(k1 * c1, 31) * c2;
		if (here == 16)
			h1 = (rotl64(h1, 27) + h2) * 5 + 0x52dce729;
		h2 ^= rotl64(k2 * c2, 33) * c1;
		if (here == 16)
			h2 = (rotl64(h2, 31) + h1) * 5 + 0x38495ab5;
	}
	h1 ^= n;
	h2 ^= n;
	h1 += h2;
	h2 += h1;
	h1 = mix64(h1);
	h2 = mix64(h2);
	h1 += h2;
	h2 += h1;
	for (int i = 0; i < 8; i++) {
		out[i] = (unsigned char)(h1 >> 8 * i);
		out[8 + i] = (unsigned char)(h2 >> 8 * i);
	}
}

bool ip_network_text(struct arena *a, struct str s, int64_t bits, struct str *out)
{
	bool v6 = str_chr(s, ':') >= 0;
	char text[IP_TEXT];
	struct ip ip;

	if (!ip_parse(s, &ip) || bits < 0 || bits > (v6 ? 128 : 32))
		return false;
	ip = ip_mask(&ip, (unsigned)bits + (v6 ? 0 : IP_V4_BITS));
	*out = arena_dup(a, str_n(text, ip_format(&ip, text)));
	return true;
}
