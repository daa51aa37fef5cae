#include "filter/http_tls.h"
#include "base/pem.h"

#include <unistd.h>

const char *const http_tls_verification[] = {"full", "none", NULL};

static int read_authorities(const struct http_tls *t, struct arena *a, struct http_setup *s, struct err *err)
{
	struct buf b;
	int rc = 0;

	buf_init(&b, PEM_BYTES_MAX);
	for (uint32_t i = 0; t->authorities && i < t->authorities->n && rc == 0; i++)
		rc = t->authorities->v[i].type == V_STRING ? pem_append(&b, value_str(&t->authorities->v[i]), err) : err_set(err, "'ssl_certificate_authorities' takes paths");
	if (t->ca_old.len && rc == 0)
		rc = pem_append(&b, t->ca_old, err);
	if (b.len && rc == 0)
		rc = pem_check(&b, err);
	if (b.len && rc == 0)
		s->authorities = arena_dup(a, buf_slice(&b));
	buf_release(&b);
	return rc;
}

static int readable(struct arena *a, struct str path, const char **out, struct err *err)
{
	if (!path.len)
		return 0;
	*out = arena_dupz(a, path);
	return access(*out, R_OK) ? err_sys(err, "cannot read '%s'", *out) : 0;
}

int http_tls_setup(const struct http_tls *t, struct arena *a, struct http_setup *s, struct err *err)
{
	s->tls12 = s->tls13 = !t->protocols || t->protocols->n == 0;
	for (uint32_t i = 0; t->protocols && i < t->protocols->n; i++) {
		struct str name = t->protocols->v[i].type == V_STRING ? value_str(&t->protocols->v[i]) : STR("");

		s->tls12 |= str_eq(name, STR("TLSv1.2"));
		s->tls13 |= str_eq(name, STR("TLSv1.3"));
	}
	if (!s->tls12 && !s->tls13)
		return err_set(err, "'ssl_supported_protocols' takes TLSv1.2 and TLSv1.3");
	if (t->truststore.len)
		return err_set(err, "a trust store of Java's cannot be read: export it as PEM and name that in 'ssl_certificate_authorities'");
	if (t->certificate.len && t->keystore.len)
		return err_set(err, "'ssl_certificate' and 'ssl_keystore_path' cannot be given both");
	if (!t->certificate.len != !t->key.len)
		return err_set(err, "'ssl_certificate' and 'ssl_key' are given together");
	s->verify = t->verification == 0;
	s->certificate_type = t->keystore.len ? "P12" : "PEM";
	if (readable(a, t->keystore.len ? t->keystore : t->certificate, &s->certificate, err) || readable(a, t->key, &s->key, err))
		return -1;
	if (t->keystore.len && t->keystore_password.len)
		s->key_password = arena_dupz(a, t->keystore_password);
	return read_authorities(t, a, s, err);
}
