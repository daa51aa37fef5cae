/*
 * digest.h - hashes of text for fingerprint and anonymize: OpenSSL's, with a key as HMAC, and MurmurHash3.
 */
#ifndef WEIR_FILTER_DIGEST_H
#define WEIR_FILTER_DIGEST_H

#include "base/arena.h"
#include "base/err.h"

enum digest_method { DIGEST_SHA1, DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512, DIGEST_MD5 };

enum { DIGEST_BYTES_MAX = 64 };

/* key.p NULL: the plain hash. Returns the number of bytes, 0 where OpenSSL refuses the method. */
size_t digest_bytes(enum digest_method m, struct str key, struct str data, unsigned char out[DIGEST_BYTES_MAX]);
/* Small letters; base64 with padding. Live in a. */
struct str digest_hex(struct arena *a, const void *p, size_t n);
struct str digest_base64(struct arena *a, const void *p, size_t n);

uint32_t murmur3_32(const void *p, size_t n, uint32_t seed);
/* The x64 variant; its two words in little endian. */
void murmur3_128(const void *p, size_t n, uint64_t seed, unsigned char out[16]);

/* What is left of an IPv4 or IPv6 address under a prefix of so many bits. false: s is no address. */
bool ip_network_text(struct arena *a, struct str s, int64_t bits, struct str *out);

#endif
