/*
 * curl_tls.c - authorities, certificates and versions of TLS, as the options of several outputs have them.
 *
 * Trust by an authority's fingerprint is no part of libcurl: the chain is verified by OpenSSL as always, with the certificate that has the
 * fingerprint as the only root.
 */
#include "outputs/curl_tls.h"

#include "base/pem.h"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- from the options ---- */

static int build_authorities(struct curl_tls *t, struct arena *a, const struct curl_tls_options *o, struct err *err)
{
	struct buf b;
	int r = 0;

	buf_init(&b, PEM_BYTES_MAX);
	for (uint32_t i = 0; o->ca_files && i < o->ca_files->n && r == 0; i++)
		r = pem_append(&b, value_str(&o->ca_files->v[i]), err);
	if (o->ca_file.len && r == 0)
		r = pem_append(&b, o->ca_file, err);
	if (r == 0 && b.len)
		r = pem_check(&b, err);
	if (r == 0)
		t->ca = arena_dup(a, buf_slice(&b));
	buf_release(&b);
	return r;
}

static int parse_fingerprint(struct str s, unsigned char out[32], struct err *err)
{
	char hex[64];
	size_t n = 0;
	uint64_t v;

	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == ':')
			continue;
		if (n == sizeof(hex) || !ch_xdigit(s.p[i])) {
			n = 0;
			break;
		}
		hex[n++] = s.p[i];
	}
	if (n != sizeof(hex))
		return err_set(err, "'ca_trusted_fingerprint' is 64 hexadecimal digits");
	for (size_t i = 0; i < 32; i++) {
		str_hex64(str_n(hex + 2 * i, 2), &v);
		out[i] = (unsigned char)v;
	}
	return 0;
}

static int build_fingerprints(struct curl_tls *t, struct arena *a, const struct value *v, struct err *err)
{
	size_t n = !v ? 0 : v->type == V_LIST ? v->list->n : v->type == V_STRING;

	t->fingerprint = arena_zalloc(a, (n ? n : 1) * sizeof(*t->fingerprint));
	for (size_t i = 0; i < n; i++) {
		const struct value *one = v->type == V_LIST ? &v->list->v[i] : v;

		if (!value_is(one, V_STRING))
			return err_set(err, "'ca_trusted_fingerprint' takes texts");
		if (parse_fingerprint(value_str(one), t->fingerprint[i], err) == -1)
			return -1;
	}
	t->n_fingerprints = n;
	return 0;
}

static int check_readable(const char *path, struct err *err)
{
	FILE *f = path ? fopen(path, "re") : NULL;

	if (path && !f)
		return err_sys(err, "cannot read '%s'", path);
	if (f)
		fclose(f);
	return 0;
}

static int build_versions(struct curl_tls *t, const struct list *l, struct err *err)
{
	bool v12 = !l || l->n == 0, v13 = v12;

	for (uint32_t i = 0; l && i < l->n; i++) {
		v12 |= str_eq(value_str(&l->v[i]), STR("TLSv1.2"));
		v13 |= str_eq(value_str(&l->v[i]), STR("TLSv1.3"));
	}
	if (!v12 && !v13)
		return err_set(err, "'ssl_supported_protocols' takes TLSv1.2 and TLSv1.3");
	t->versions = (v12 ? CURL_SSLVERSION_TLSv1_2 : CURL_SSLVERSION_TLSv1_3) |
		      (v13 ? CURL_SSLVERSION_MAX_DEFAULT : CURL_SSLVERSION_MAX_TLSv1_2);
	return 0;
}

static const char *optional(struct arena *a, struct str s)
{
	return s.len ? arena_dupz(a, s) : NULL;
}

int curl_tls_init(struct curl_tls *t, struct arena *a, const struct curl_tls_options *o, struct err *err)
{
	bool store = o->keystore.len > 0;

	*t = (struct curl_tls){.verify = o->verify};
	t->cert = optional(a, store ? o->keystore : o->certificate);
	t->cert_type = store ? "P12" : "PEM";
	t->key = optional(a, o->key);
	t->key_pass = optional(a, store ? o->keystore_password : o->key_passphrase);
	if (build_versions(t, o->protocols, err) == -1 || build_authorities(t, a, o, err) == -1 ||
	    build_fingerprints(t, a, o->fingerprint, err) == -1)
		return -1;
	return check_readable(t->cert, err) == -1 ? -1 : check_readable(t->key, err);
}

/* ---- to a handle ---- */

static X509 *trusted_in(const struct curl_tls *t, STACK_OF(X509) *chain)
{
	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *x = sk_X509_value(chain, i);
		unsigned char digest[32];
		unsigned n = sizeof(digest);

		if (!X509_digest(x, EVP_sha256(), digest, &n))
			continue;
		for (size_t k = 0; k < t->n_fingerprints; k++)
			if (memcmp(digest, t->fingerprint[k], sizeof(digest)) == 0)
				return x;
	}
	return NULL;
}

/* The certificate with the fingerprint becomes the only root; everything else is verified as always. */
static int verify_chain(X509_STORE_CTX *ctx, void *arg)
{
	const struct curl_tls *t = arg;
	X509 *root = trusted_in(t, X509_STORE_CTX_get0_untrusted(ctx));
	STACK_OF(X509) *roots;
	int r;

	if (!root) {
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_CERT_UNTRUSTED);
		return 0;
	}
	roots = sk_X509_new_null();
	if (!roots || !sk_X509_push(roots, root)) {
		sk_X509_free(roots);
		return 0;
	}
	X509_STORE_CTX_set0_trusted_stack(ctx, roots);
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
	r = X509_verify_cert(ctx);
	sk_X509_free(roots);
	return r;
}

static CURLcode configure_ssl(CURL *easy, void *ssl_ctx, void *arg)
{
	SSL_CTX_set_cert_verify_callback(ssl_ctx, verify_chain, arg);
	return CURLE_OK;
}

void curl_tls_apply(const struct curl_tls *t, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, t->versions);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, (long)t->verify);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, t->verify ? 2L : 0L);
	if (t->ca.len) {
		struct curl_blob blob = {(void *)(uintptr_t)t->ca.p, t->ca.len, CURL_BLOB_NOCOPY};

		curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	if (t->cert) {
		curl_easy_setopt(easy, CURLOPT_SSLCERT, t->cert);
		curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE, t->cert_type);
	}
	if (t->key)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, t->key);
	if (t->key_pass)
		curl_easy_setopt(easy, CURLOPT_KEYPASSWD, t->key_pass);
	if (t->n_fingerprints) {
		curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, configure_ssl);
		curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, t);
	}
}
