#include "base/tls_context.h"

#include "base/arena.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { SUITES_TEXT_MAX = 8192 };

/* ---- life ---- */

struct tls_context *tls_context_new(enum tls_side side)
{
	struct tls_context *c = xzalloc(sizeof(*c));

	c->side = side;
	c->ssl = SSL_CTX_new(side == TLS_SERVER ? TLS_server_method() : TLS_client_method());
	bug_on(!c->ssl); /* no memory */
	atomic_init(&c->refs, 1);
	SSL_CTX_set_min_proto_version(c->ssl, TLS1_2_VERSION);
	/* Compression leaks, renegotiation lets a peer ask for work without end. */
	SSL_CTX_set_options(c->ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(c->ssl, 0);
	/* A connection that is silent holds no buffers. */
	SSL_CTX_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS);
	return c;
}

struct tls_context *tls_context_ref(struct tls_context *c)
{
	/* Relaxed: the caller holds a reference. */
	if (c)
		atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void tls_context_unref(struct tls_context *c)
{
	/* Acquire and release: whoever frees it has seen what the others did. */
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	SSL_CTX_free(c->ssl);
	free(c);
}

/* ---- files ---- */

/* OpenSSL's first word on what was tried, which is the cause, behind the text. */
static int refuse(struct err *err, const char *what, const char *path)
{
	unsigned long e = ERR_peek_error();
	const char *why = e ? ERR_reason_error_string(e) : NULL;

	if (ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE)
		why = "there is none in it (PEM is needed)";
	err_set(err, "%s '%s': %s", what, path, why ? why : "OpenSSL does not say why");
	ERR_clear_error();
	return -1;
}

/* The path with a NUL, to be freed, of a file or folder that can be read; NULL and err. */
static char *readable(struct str path, bool *folder, struct err *err)
{
	char *z = xstrdupz(path);
	struct stat st;
	FILE *f = fopen(z, "re");

	ERR_clear_error();
	if (!f || fstat(fileno(f), &st) == -1) {
		err_sys(err, "cannot read '%s'", z);
	} else if (S_ISDIR(st.st_mode) && !folder) {
		err_set(err, "cannot read '%s': it is a folder", z);
	} else {
		fclose(f);
		if (folder)
			*folder = S_ISDIR(st.st_mode);
		return z;
	}
	if (f)
		fclose(f);
	free(z);
	return NULL;
}

int tls_context_certificate(struct tls_context *c, struct str path, struct err *err)
{
	char *z = readable(path, NULL, err);
	int rc = -1;

	if (z)
		rc = SSL_CTX_use_certificate_chain_file(c->ssl, z) == 1 ? 0 : refuse(err, "cannot use the certificate in", z);
	free(z);
	return rc;
}

/* Never asks the terminal. */
static int on_passphrase(char *out, int size, int writing, void *arg)
{
	const struct str *s = arg;

	(void)writing;
	if (!s->p || s->len > (size_t)size)
		return -1;
	memcpy(out, s->p, s->len);
	return (int)s->len;
}

int tls_context_key(struct tls_context *c, struct str path, struct str passphrase, struct err *err)
{
	char *z = readable(path, NULL, err);
	BIO *bio = z ? BIO_new_file(z, "r") : NULL;
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, on_passphrase, &passphrase) : NULL;
	int rc = -1;

	if (z && !key && !passphrase.p && ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_PEM &&
	    ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_BAD_PASSWORD_READ)
		err_set(err, "cannot use the key in '%s': it has a passphrase, and ssl_key_passphrase is not given", z);
	else if (z && !key)
		refuse(err, "cannot use the key in", z);
	else if (z && SSL_CTX_use_PrivateKey(c->ssl, key) == 1 && SSL_CTX_check_private_key(c->ssl) == 1)
		rc = 0;
	else if (z)
		err_set(err, "the key in '%s' is not that of the certificate", z);
	ERR_clear_error();
	EVP_PKEY_free(key);
	BIO_free(bio);
	free(z);
	return rc;
}

int tls_context_chain(struct tls_context *c, struct str path, struct err *err)
{
	char *z = readable(path, NULL, err);
	BIO *bio = z ? BIO_new_file(z, "r") : NULL;
	X509 *cert;
	unsigned n = 0;
	int rc = z ? 0 : -1;

	while (rc == 0 && (cert = PEM_read_bio_X509(bio, NULL, on_passphrase, &(struct str){0}))) {
		if (SSL_CTX_add1_chain_cert(c->ssl, cert) != 1)
			rc = refuse(err, "cannot use a certificate in", z);
		X509_free(cert);
		n++;
	}
	if (rc == 0 && n == 0)
		rc = refuse(err, "cannot use the certificates in", z);
	ERR_clear_error();
	BIO_free(bio);
	free(z);
	return rc;
}

/* ---- PKCS#12 ---- */

struct store {
	EVP_PKEY *key;
	X509 *cert;
	STACK_OF(X509) *more;
};

static void store_release(struct store *s)
{
	EVP_PKEY_free(s->key);
	X509_free(s->cert);
	sk_X509_pop_free(s->more, X509_free);
}

/* Java's own format begins so; its newer keystores are PKCS#12. */
static bool is_jks(const char *path)
{
	unsigned char magic[4];
	FILE *f = fopen(path, "re");
	bool jks = f && fread(magic, 1, 4, f) == 4 && memcmp(magic, "\xfe\xed\xfe\xed", 4) == 0;

	if (f)
		fclose(f);
	return jks;
}

static int open_store(struct store *s, const char *z, struct str password, struct err *err)
{
	BIO *bio = BIO_new_file(z, "r");
	PKCS12 *p12 = bio ? d2i_PKCS12_bio(bio, NULL) : NULL;
	char *pass = xstrdupz(password.p ? password : STR(""));
	int rc = -1;

	*s = (struct store){0};
	if (is_jks(z))
		err_set(err, "'%s' is a keystore in Java's own format, JKS: convert it with keytool -importkeystore -deststoretype PKCS12", z);
	else if (!p12)
		refuse(err, "no PKCS#12 in", z);
	else if (PKCS12_parse(p12, pass, &s->key, &s->cert, &s->more) != 1)
		refuse(err, "cannot open the keystore", z);
	else
		rc = 0;
	ERR_clear_error();
	OPENSSL_cleanse(pass, strlen(pass));
	free(pass);
	PKCS12_free(p12);
	BIO_free(bio);
	return rc;
}

int tls_context_keystore(struct tls_context *c, struct str path, struct str password, struct err *err)
{
	char *z = readable(path, NULL, err);
	struct store s;
	int rc = z ? open_store(&s, z, password, err) : -1;

	if (rc == 0) {
		if (!s.key || !s.cert)
			rc = err_set(err, "the keystore '%s' holds no certificate with its key", z);
		else if (SSL_CTX_use_cert_and_key(c->ssl, s.cert, s.key, s.more, 1) != 1)
			rc = refuse(err, "cannot use the certificate in", z);
		store_release(&s);
	}
	free(z);
	return rc;
}

int tls_context_truststore(struct tls_context *c, struct str path, struct str password, struct err *err)
{
	char *z = readable(path, NULL, err);
	struct store s;
	int rc = z ? open_store(&s, z, password, err) : -1;

	if (rc == 0) {
		for (int i = 0; i < sk_X509_num(s.more); i++) {
			X509_STORE_add_cert(SSL_CTX_get_cert_store(c->ssl), sk_X509_value(s.more, i));
			SSL_CTX_add_client_CA(c->ssl, sk_X509_value(s.more, i));
		}
		if (sk_X509_num(s.more) <= 0)
			rc = err_set(err, "the truststore '%s' holds no certificates", z);
		store_release(&s);
	}
	free(z);
	return rc;
}

/* ---- who is believed ---- */

int tls_context_authority(struct tls_context *c, struct str path, struct err *err)
{
	bool folder = false;
	char *z = readable(path, &folder, err);
	STACK_OF(X509_NAME) *names;
	int rc = z ? 0 : -1;

	if (z && folder && SSL_CTX_load_verify_dir(c->ssl, z) != 1)
		rc = refuse(err, "cannot use the certificates in", z);
	if (z && !folder && SSL_CTX_load_verify_file(c->ssl, z) != 1)
		rc = refuse(err, "cannot use the certificates in", z);
	/* A server tells its clients whose certificates it takes. */
	if (rc == 0 && !folder && c->side == TLS_SERVER) {
		names = SSL_CTX_get_client_CA_list(c->ssl);
		if (!names) {
			names = sk_X509_NAME_new_null();
			SSL_CTX_set_client_CA_list(c->ssl, names);
		}
		SSL_add_file_cert_subjects_to_stack(names, z);
	}
	ERR_clear_error();
	free(z);
	return rc;
}

void tls_context_system_authorities(struct tls_context *c)
{
	SSL_CTX_set_default_verify_paths(c->ssl);
	ERR_clear_error();
}

int tls_context_revoked(struct tls_context *c, struct str path, bool all, struct err *err)
{
	char *z = readable(path, NULL, err);
	X509_STORE *store = SSL_CTX_get_cert_store(c->ssl);
	X509_LOOKUP *lookup = z ? X509_STORE_add_lookup(store, X509_LOOKUP_file()) : NULL;
	int rc = z ? 0 : -1;

	if (z && (!lookup || X509_load_crl_file(lookup, z, X509_FILETYPE_PEM) < 1))
		rc = refuse(err, "cannot use the list of revoked certificates in", z);
	X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | (all ? X509_V_FLAG_CRL_CHECK_ALL : 0));
	ERR_clear_error();
	free(z);
	return rc;
}

void tls_context_peer(struct tls_context *c, enum tls_peer_check check)
{
	int mode = SSL_VERIFY_NONE;

	if (check != TLS_PEER_NONE)
		mode = SSL_VERIFY_PEER;
	if (check == TLS_PEER_REQUIRED)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_CTX_set_verify(c->ssl, mode, NULL);
}

/* ---- versions and suites ---- */

void tls_context_versions(struct tls_context *c, unsigned versions)
{
	SSL_CTX_set_min_proto_version(c->ssl, versions & TLS_VERSION_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION);
	SSL_CTX_set_max_proto_version(c->ssl, versions & TLS_VERSION_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
}

static const char *const suites_1_3[] = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
					 "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"};

static bool is_1_3(const char *name)
{
	for (size_t i = 0; i < sizeof(suites_1_3) / sizeof(*suites_1_3); i++)
		if (strcmp(suites_1_3[i], name) == 0)
			return true;
	return false;
}

/* The name by which OpenSSL's list of ciphers knows it; NULL: it does not. */
static const char *openssl_name(SSL_CTX *ctx, const char *name)
{
	const char *own = OPENSSL_cipher_name(name);
	STACK_OF(SSL_CIPHER) *all;

	if (own && strcmp(own, "(NONE)") != 0)
		return own;
	all = SSL_CTX_get_ciphers(ctx);
	for (int i = 0; i < sk_SSL_CIPHER_num(all); i++)
		if (strcmp(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(all, i)), name) == 0)
			return SSL_CIPHER_get_name(sk_SSL_CIPHER_value(all, i));
	return NULL;
}

static void append(char *list, size_t size, const char *name)
{
	size_t len = strlen(list);

	snprintf(list + len, size - len, "%s%s", len ? ":" : "", name);
}

int tls_context_suites(struct tls_context *c, const struct str *names, size_t n, size_t *bad, struct err *err)
{
	char old[SUITES_TEXT_MAX] = "", new[SUITES_TEXT_MAX] = "", name[128];

	for (size_t i = 0; i < n; i++) {
		const char *own;

		*bad = i;
		snprintf(name, sizeof(name), "%.*s", STR_ARG(names[i]));
		own = is_1_3(name) ? NULL : openssl_name(c->ssl, name);
		if (is_1_3(name))
			append(new, sizeof(new), name);
		else if (own && strlen(old) + strlen(own) + 2 < sizeof(old))
			append(old, sizeof(old), own);
		else
			return err_set(err, "there is no cipher suite '%s'", name);
	}
	*bad = 0;
	if (SSL_CTX_set_ciphersuites(c->ssl, new) != 1 || (old[0] && SSL_CTX_set_cipher_list(c->ssl, old) != 1)) {
		ERR_clear_error();
		return err_set(err, "none of the cipher suites can be used");
	}
	if (!old[0])
		SSL_CTX_set_min_proto_version(c->ssl, TLS1_3_VERSION);
	if (!new[0])
		SSL_CTX_set_max_proto_version(c->ssl, TLS1_2_VERSION);
	if (SSL_CTX_get_max_proto_version(c->ssl) && SSL_CTX_get_min_proto_version(c->ssl) > SSL_CTX_get_max_proto_version(c->ssl))
		return err_set(err, "none of the cipher suites belongs to the TLS versions that are allowed");
	return 0;
}
