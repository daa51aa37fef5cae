/*
 * test_tls.c - TLS over memory: both sides of a connection in one program, fed byte by byte or all at once; certificates made here.
 */
#include "base/arena.h"
#include "base/tls.h"
#include "test.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

static char dir[] = "/tmp/weir-tls-XXXXXX";

static struct str at(const char *name)
{
	static char text[8][128];
	static unsigned k;
	char *p = text[k++ % 8];

	snprintf(p, sizeof(text[0]), "%s/%s", dir, name);
	return str_z(p);
}

/* ---- certificates ---- */

static void write_pem(const char *name, X509 *cert, EVP_PKEY *key, const char *passphrase)
{
	FILE *f = fopen(at(name).p, "w");

	CHECK(f != NULL);
	if (cert)
		CHECK(PEM_write_X509(f, cert) == 1);
	if (key)
		CHECK(PEM_write_PrivateKey(f, key, passphrase ? EVP_aes_128_cbc() : NULL, (const unsigned char *)passphrase,
					   passphrase ? (int)strlen(passphrase) : 0, NULL, NULL) == 1);
	fclose(f);
}

/* NAME.pem and NAME.key, signed by itself; *key as it is. */
static void make(const char *name, const char *alt)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_NAME *subject = X509_get_subject_name(cert);
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alt);
	char file[64];

	ASN1_INTEGER_set(X509_get_serialNumber(cert), 7);
	X509_gmtime_adj(X509_getm_notBefore(cert), -100);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_version(cert, 2);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, (const unsigned char *)"Caf\xc3\xa9, Ltd", -1, -1, 0);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(cert, subject);
	X509_add_ext(cert, ext, -1);
	CHECK(X509_sign(cert, key, EVP_sha256()) > 0);
	snprintf(file, sizeof(file), "%s.pem", name);
	write_pem(file, cert, NULL, NULL);
	snprintf(file, sizeof(file), "%s.key", name);
	write_pem(file, NULL, key, NULL);
	snprintf(file, sizeof(file), "%s.locked", name);
	write_pem(file, NULL, key, "secret");
	X509_EXTENSION_free(ext);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static struct tls_context *context(enum tls_side side, const char *cert, const char *authority)
{
	struct tls_context *c = tls_context_new(side);
	struct err err = {""};
	char file[64];

	if (cert) {
		snprintf(file, sizeof(file), "%s.pem", cert);
		CHECK_INT(tls_context_certificate(c, at(file), &err), 0);
		snprintf(file, sizeof(file), "%s.key", cert);
		CHECK_INT(tls_context_key(c, at(file), (struct str){0}, &err), 0);
	}
	if (authority) {
		snprintf(file, sizeof(file), "%s.pem", authority);
		CHECK_INT(tls_context_authority(c, at(file), &err), 0);
		tls_context_peer(c, TLS_PEER_REQUIRED);
	}
	return c;
}

/* ---- both ends ---- */

struct pair {
	struct tls *server, *client;
	enum tls_result at_server, at_client;
	char got[65536]; /* by the server */
	size_t n_got;
};

/* What one end has to say goes to the other in pieces of `step` bytes. Whether anything moved. */
static bool carry(struct tls *from, struct tls *to, size_t step, char *out, size_t size, size_t *n_out, enum tls_result *r)
{
	char piece[20000], plain[4096];
	size_t n, got;
	bool moved = false;

	while ((n = tls_take(from, piece, step))) {
		moved = true;
		tls_feed(to, piece, n);
		while ((*r = tls_read(to, plain, sizeof(plain), &got)) == TLS_DATA)
			if (*n_out + got <= size) {
				memcpy(out + *n_out, plain, got);
				*n_out += got;
			}
	}
	return moved;
}

static void settle(struct pair *p, size_t step)
{
	char ignored[64];
	size_t n = 0;
	bool a = true, b = true;

	while (a || b) {
		a = carry(p->client, p->server, step, p->got, sizeof(p->got), &p->n_got, &p->at_server);
		b = carry(p->server, p->client, step, ignored, sizeof(ignored), &n, &p->at_client);
	}
}

static struct pair connect_pair(struct tls_context *s, struct tls_context *c, const char *name, size_t step)
{
	struct pair p = {.server = tls_new(s, STR(""), false), .client = tls_new(c, str_z(name), true)};

	tls_begin(p.client);
	settle(&p, step);
	return p;
}

static void release(struct pair *p)
{
	tls_free(p->server);
	tls_free(p->client);
}

static void test_both_versions(void)
{
	for (unsigned v = TLS_VERSION_1_2; v <= TLS_VERSION_1_3; v++)
		for (size_t step = 1; step <= 16384; step *= 128) {
			struct tls_context *s = context(TLS_SERVER, "server", "client"), *c = context(TLS_CLIENT, "client", "server");
			struct tls_peer *peer;
			struct pair p;
			char *text = xmalloc(50000);

			tls_context_versions(s, v);
			p = connect_pair(s, c, "server.example", step);
			CHECK(tls_up(p.server) && tls_up(p.client));
			CHECK_INT(tls_one_sided(p.client), v == TLS_VERSION_1_3);
			CHECK(!tls_one_sided(p.server));
			/* No tickets: nothing is said to a client that did not ask. */
			CHECK_INT(tls_waiting(p.server), 0);
			peer = tls_peer_of(p.server);
			CHECK_STR(peer->subject, "CN=client,O=Caf\xc3\xa9\\, Ltd");
			CHECK_STR(peer->protocol, v == TLS_VERSION_1_3 ? "TLSv1.3" : "TLSv1.2");
			CHECK(peer->verified && str_sub(peer->cipher, 0, 4).len == 4);
			free(peer);
			for (size_t i = 0; i < 50000; i++)
				text[i] = (char)('a' + i * 31 % 26);
			CHECK(tls_write(p.client, text, 50000));
			settle(&p, step);
			CHECK(p.n_got == 50000 && memcmp(p.got, text, 50000) == 0);
			CHECK(!tls_torn(p.server));
			tls_end(p.client);
			settle(&p, step);
			CHECK_INT(p.at_server, TLS_ENDED);
			free(text);
			release(&p);
			tls_context_unref(s);
			tls_context_unref(c);
		}
}

/* A record is whole or nothing. */
static void test_torn(void)
{
	struct tls_context *s = context(TLS_SERVER, "server", NULL), *c = context(TLS_CLIENT, NULL, "server");
	struct pair p = connect_pair(s, c, "server.example", 4096);
	char record[1000], plain[100];
	size_t n, got;

	CHECK(tls_write(p.client, "hello", 5));
	n = tls_take(p.client, record, sizeof(record));
	for (size_t i = 0; i < n - 1; i++) {
		tls_feed(p.server, record + i, 1);
		CHECK_INT(tls_read(p.server, plain, sizeof(plain), &got), TLS_MORE);
		CHECK(tls_torn(p.server));
	}
	record[n - 1] ^= 1;
	tls_feed(p.server, record + n - 1, 1);
	CHECK_INT(tls_read(p.server, plain, sizeof(plain), &got), TLS_FAILED);
	CHECK_INT(got, 0);
	CHECK(str_find(str_z(tls_why(p.server)), STR("bad record mac")) >= 0);
	/* The peer is told, and nothing is read or written any more. */
	CHECK(tls_waiting(p.server) > 0);
	CHECK(!tls_write(p.server, "x", 1));
	CHECK_INT(tls_read(p.server, plain, sizeof(plain), &got), TLS_FAILED);
	release(&p);
	tls_context_unref(s);
	tls_context_unref(c);
}

static void refused(const char *cert, const char *authority_of_clients, const char *client_cert, const char *authority, const char *name, bool by_server, const char *why)
{
	struct tls_context *s = context(TLS_SERVER, cert, authority_of_clients), *c = context(TLS_CLIENT, client_cert, authority);
	struct pair p = connect_pair(s, c, name, 4096);

	CHECK_INT(by_server ? p.at_server : p.at_client, TLS_FAILED);
	CHECK(!tls_up(by_server ? p.server : p.client) || !by_server);
	if (str_find(str_z(tls_why(by_server ? p.server : p.client)), str_z(why)) < 0) {
		fprintf(stderr, "%s\n", tls_why(by_server ? p.server : p.client));
		CHECK(false);
	}
	release(&p);
	tls_context_unref(s);
	tls_context_unref(c);
}

static void test_refused(void)
{
	struct tls_context *s;
	struct tls *t;
	char plain[100];
	size_t n;

	refused("server", NULL, NULL, "client", "server.example", false, "certificate is not accepted");
	refused("server", NULL, NULL, "server", "other.example", false, "hostname mismatch");
	refused("server", NULL, NULL, "server", "192.0.2.9", false, "IP address mismatch");
	refused("server", "client", NULL, "server", "server.example", true, "did not return a certificate");
	refused("server", "client", "server", "server", "server.example", true, "certificate is not accepted");
	s = context(TLS_SERVER, "server", NULL);
	t = tls_new(s, STR(""), false);
	tls_feed(t, "GET / HTTP/1.1\r\n", 16);
	CHECK_INT(tls_read(t, plain, sizeof(plain), &n), TLS_FAILED);
	CHECK_STR(str_z(tls_why(t)), "it does not speak TLS");
	tls_free(t);
	tls_context_unref(s);
}

static void test_files(void)
{
	struct tls_context *c = tls_context_new(TLS_SERVER);
	struct err err;

	CHECK_INT(tls_context_certificate(c, at("none.pem"), &err), -1);
	CHECK(str_find(str_z(err.text), STR("No such file")) > 0);
	CHECK_INT(tls_context_certificate(c, str_z(dir), &err), -1);
	CHECK(str_find(str_z(err.text), STR("it is a folder")) > 0);
	CHECK_INT(tls_context_certificate(c, at("server.key"), &err), -1);
	CHECK(str_find(str_z(err.text), STR("PEM is needed")) > 0);
	CHECK_INT(tls_context_certificate(c, at("server.pem"), &err), 0);
	CHECK_INT(tls_context_key(c, at("client.key"), (struct str){0}, &err), -1);
	CHECK(str_find(str_z(err.text), STR("is not that of the certificate")) > 0);
	CHECK_INT(tls_context_key(c, at("server.locked"), (struct str){0}, &err), -1);
	CHECK(str_find(str_z(err.text), STR("has a passphrase")) > 0);
	CHECK_INT(tls_context_key(c, at("server.locked"), STR("wrong"), &err), -1);
	CHECK_INT(tls_context_key(c, at("server.locked"), STR("secret"), &err), 0);
	CHECK_INT(tls_context_authority(c, at("server.key"), &err), -1);
	CHECK_INT(tls_context_authority(c, str_z(dir), &err), 0);
	CHECK_INT(tls_context_chain(c, at("client.pem"), &err), 0);
	CHECK_INT(tls_context_keystore(c, at("server.pem"), STR(""), &err), -1);
	tls_context_unref(c);
}

static int suites(struct tls_context *c, const char *a, const char *b, size_t *bad)
{
	struct str names[] = {str_z(a), str_z(b ? b : "")};
	struct err err;

	return tls_context_suites(c, names, b ? 2 : 1, bad, &err);
}

static void test_suites(void)
{
	struct tls_context *s = context(TLS_SERVER, "server", NULL), *c = context(TLS_CLIENT, NULL, "server");
	struct tls_peer *peer;
	struct pair p;
	size_t bad;

	CHECK_INT(suites(s, "TLS_AES_128_GCM_SHA256", "TLS_RSA_WITH_NONSENSE", &bad), -1);
	CHECK_INT(bad, 1);
	/* Of 1.2 alone: the other version is off. */
	CHECK_INT(suites(s, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256", &bad), 0);
	p = connect_pair(s, c, "server.example", 4096);
	peer = tls_peer_of(p.client);
	CHECK_STR(peer->protocol, "TLSv1.2");
	CHECK_STR(peer->cipher, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
	free(peer);
	release(&p);
	CHECK_INT(suites(c, "TLS_AES_256_GCM_SHA384", NULL, &bad), 0);
	p = connect_pair(s, c, "server.example", 4096);
	CHECK(!tls_up(p.server) && !tls_up(p.client));
	release(&p);
	tls_context_versions(c, TLS_VERSION_1_2);
	CHECK_INT(suites(c, "TLS_AES_256_GCM_SHA384", NULL, &bad), -1);
	tls_context_unref(s);
	tls_context_unref(c);
}

static void remove_files(void)
{
	static const char *const names[] = {"server.pem", "server.key", "server.locked", "client.pem", "client.key", "client.locked"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlink(at(names[i]).p);
	rmdir(dir);
}

int main(void)
{
	CHECK(mkdtemp(dir) != NULL);
	make("server", "DNS:server.example,IP:192.0.2.1");
	make("client", "DNS:client.example");
	test_both_versions();
	test_torn();
	test_refused();
	test_files();
	test_suites();
	remove_files();
	return test_end();
}
