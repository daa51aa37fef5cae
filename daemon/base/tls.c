#include "base/tls.h"

#include "base/arena.h"
#include "base/tls_context.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

struct tls {
	SSL *ssl;
	BIO *in, *out; /* the SSL's */
	/* Where what was fed ends within a record (RFC 8446 5.1: type, version, length): OpenSSL does not tell a header from nothing. */
	unsigned char head[5];
	size_t n_head, left;
	bool failed;
	char why[160];
};

/* ---- what went wrong ---- */

bool tls_up(const struct tls *t)
{
	return SSL_is_init_finished(t->ssl);
}

static const char *reason(unsigned long e)
{
	const char *s = e ? ERR_reason_error_string(e) : NULL;

	return s ? s : "no reason given";
}

/* A failed read or write. In the words of whoever must repair it, where OpenSSL's do not lead there. */
static enum tls_result fail(struct tls *t)
{
	unsigned long e = ERR_peek_error();
	long verdict = SSL_get_verify_result(t->ssl);

	t->failed = true;
	if (ERR_GET_REASON(e) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		snprintf(t->why, sizeof(t->why), "TLS: the peer's certificate is not accepted: %s", X509_verify_cert_error_string(verdict));
	else if (ERR_GET_REASON(e) == SSL_R_WRONG_VERSION_NUMBER || ERR_GET_REASON(e) == SSL_R_HTTP_REQUEST)
		snprintf(t->why, sizeof(t->why), "it does not speak TLS");
	else
		snprintf(t->why, sizeof(t->why), "TLS: %s", reason(e));
	ERR_clear_error();
	return TLS_FAILED;
}

const char *tls_why(const struct tls *t)
{
	return t->why;
}

/* ---- a connection ---- */

static bool is_address(const char *name)
{
	struct in6_addr a;

	return inet_pton(AF_INET, name, &a) == 1 || inet_pton(AF_INET6, name, &a) == 1;
}

static void ask_for(struct tls *t, const char *name, bool check)
{
	if (!is_address(name)) {
		bug_on(SSL_set_tlsext_host_name(t->ssl, name) != 1);
		if (check)
			bug_on(SSL_set1_host(t->ssl, name) != 1);
	} else if (check) {
		bug_on(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), name) != 1);
	}
}

struct tls *tls_new(struct tls_context *c, struct str name, bool check_name)
{
	struct tls *t = xzalloc(sizeof(*t));
	char text[256];

	t->ssl = SSL_new(c->ssl);
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	bug_on(!t->ssl || !t->in || !t->out); /* no memory */
	SSL_set_bio(t->ssl, t->in, t->out);
	if (c->side == TLS_SERVER) {
		SSL_set_accept_state(t->ssl);
		return t;
	}
	SSL_set_connect_state(t->ssl);
	if (name.len && name.len < sizeof(text)) {
		memcpy(text, name.p, name.len);
		text[name.len] = '\0';
		ask_for(t, text, check_name);
	}
	return t;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_free(t->ssl);
	free(t);
}

static void follow_records(struct tls *t, const unsigned char *p, size_t n)
{
	while (n) {
		size_t step = t->left < n ? t->left : n;

		t->left -= step;
		p += step;
		n -= step;
		while (n && t->n_head < sizeof(t->head) && !t->left) {
			t->head[t->n_head++] = *p++;
			n--;
		}
		if (t->n_head == sizeof(t->head) && !t->left) {
			t->left = (size_t)t->head[3] << 8 | t->head[4];
			t->n_head = 0;
		}
	}
}

void tls_feed(struct tls *t, const void *p, size_t n)
{
	follow_records(t, p, n);
	if (n)
		bug_on(BIO_write(t->in, p, (int)n) != (int)n);
}

/* What an SSL function returned that did not succeed. */
static enum tls_result judge(struct tls *t, int rc)
{
	switch (SSL_get_error(t->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return TLS_MORE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_ENDED;
	default:
		return fail(t);
	}
}

enum tls_result tls_read(struct tls *t, char *out, size_t size, size_t *n)
{
	int rc;

	*n = 0;
	if (t->failed)
		return TLS_FAILED;
	ERR_clear_error();
	rc = SSL_read_ex(t->ssl, out, size, n);
	return rc == 1 ? TLS_DATA : judge(t, rc);
}

void tls_begin(struct tls *t)
{
	int rc;

	ERR_clear_error();
	rc = SSL_do_handshake(t->ssl);
	if (rc != 1)
		(void)judge(t, rc);
}

bool tls_write(struct tls *t, const void *p, size_t n)
{
	size_t done = 0;
	int rc;

	if (t->failed || !tls_up(t))
		return false;
	if (!n)
		return true;
	ERR_clear_error();
	rc = SSL_write_ex(t->ssl, p, n, &done);
	/* Memory takes all of it. */
	if (rc != 1 && judge(t, rc) == TLS_MORE)
		(void)fail(t);
	return rc == 1;
}

size_t tls_take(struct tls *t, char *out, size_t size)
{
	int n = BIO_read(t->out, out, (int)size);

	return n > 0 ? (size_t)n : 0;
}

size_t tls_waiting(const struct tls *t)
{
	return BIO_ctrl_pending(t->out);
}

bool tls_one_sided(const struct tls *t)
{
	return !SSL_is_server(t->ssl) && SSL_version(t->ssl) == TLS1_3_VERSION;
}

bool tls_torn(const struct tls *t)
{
	return !t->failed && (t->n_head || t->left);
}

void tls_end(struct tls *t)
{
	if (!t->failed && tls_up(t)) {
		ERR_clear_error();
		(void)SSL_shutdown(t->ssl);
		ERR_clear_error();
	}
}

/* ---- who it is ---- */

struct tls_peer *tls_peer_of(const struct tls *t)
{
	X509 *cert = SSL_get1_peer_certificate(t->ssl);
	const SSL_CIPHER *cipher = SSL_get_current_cipher(t->ssl);
	struct str protocol = str_z(SSL_get_version(t->ssl)), suite = str_z(cipher ? SSL_CIPHER_standard_name(cipher) : "");
	BIO *text = BIO_new(BIO_s_mem());
	struct tls_peer *p;
	char *subject = NULL, *at;
	long n = 0;

	bug_on(!text);
	if (cert) {
		X509_NAME_print_ex(text, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
		n = BIO_get_mem_data(text, &subject);
	}
	p = xzalloc(sizeof(*p) + (size_t)n + protocol.len + suite.len + 1);
	at = (char *)(p + 1);
	p->subject = str_n(at, (size_t)n);
	p->protocol = str_n(at + n, protocol.len);
	p->cipher = str_n(at + (size_t)n + protocol.len, suite.len);
	if (n)
		memcpy(at, subject, (size_t)n);
	memcpy(at + n, protocol.p, protocol.len);
	memcpy(at + (size_t)n + protocol.len, suite.p, suite.len);
	p->verified = cert && SSL_get_verify_mode(t->ssl) != SSL_VERIFY_NONE && SSL_get_verify_result(t->ssl) == X509_V_OK;
	BIO_free(text);
	X509_free(cert);
	return p;
}
