#include "input/kafka_options.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STORE_MAX = 4 * 1024 * 1024 };

/* ---- the module ---- */

const struct kafka_module *kafka_module(struct err *err)
{
	static const struct module_file file = {"kafka", KAFKA_MODULE_VERSION, "Kafka", "librdkafka1"};
	static const struct kafka_host host = {KAFKA_HOST(MODULE_HOST_FILL) .log_threshold = &log_threshold};
	const struct kafka_module *m = (const struct kafka_module *)module_open(&file, err);

	if (m)
		m->start(&host);
	return m;
}

/* ---- gathering ---- */

void kafka_set(struct kafka_settings *k, const char *name, struct str value)
{
	if (k->n == k->cap) {
		size_t cap = k->cap ? 2 * k->cap : 64;

		k->s = arena_grow(k->arena, k->s, sizeof(*k->s) * k->cap, sizeof(*k->s) * cap);
		k->cap = cap;
	}
	k->s[k->n++] = (struct kafka_setting){arena_dupz(k->arena, str_z(name)), arena_dupz(k->arena, value)};
}

void kafka_set_int(struct kafka_settings *k, const char *name, int64_t value)
{
	kafka_set(k, name, arena_printf(k->arena, "%lld", (long long)value));
}

static void set_if(struct kafka_settings *k, const char *name, struct str value)
{
	if (value.p)
		kafka_set(k, name, value);
}

struct kafka_setting *kafka_settings_copy(const struct kafka_settings *k)
{
	size_t bytes = sizeof(*k->s) * (k->n + 1);
	struct kafka_setting *out;
	char *p;

	for (size_t i = 0; i < k->n; i++)
		bytes += strlen(k->s[i].name) + strlen(k->s[i].value) + 2;
	out = xzalloc(bytes);
	p = (char *)(out + k->n + 1);
	for (size_t i = 0; i < k->n; i++) {
		size_t name = strlen(k->s[i].name) + 1, value = strlen(k->s[i].value) + 1;

		out[i].name = memcpy(p, k->s[i].name, name);
		out[i].value = memcpy(p + name, k->s[i].value, value);
		p += name + value;
	}
	return out;
}

/* ---- SASL ---- */

/* The value of name="..." (or name='...', or bare) in a JAAS configuration. */
static struct str jaas_value(struct arena *a, struct str jaas, struct str name)
{
	struct str rest = jaas;
	ptrdiff_t at;

	while ((at = str_find(rest, name)) >= 0) {
		bool begins = at == 0 || strchr(" \t\r\n;{", rest.p[at - 1]);
		struct str s = str_trim(str_from(rest, (size_t)at + name.len));

		rest = str_from(rest, (size_t)at + name.len);
		if (!begins || s.len < 2 || s.p[0] != '=')
			continue;
		s = str_trim(str_from(s, 1));
		if (s.len && (s.p[0] == '"' || s.p[0] == '\'')) {
			char *out = arena_bytes(a, s.len);
			size_t n = 0;

			for (size_t i = 1; i < s.len && s.p[i] != s.p[0]; i++) {
				i += s.p[i] == '\\' && i + 1 < s.len;
				out[n++] = s.p[i];
			}
			return str_n(out, n);
		}
		for (size_t i = 0; i < s.len; i++)
			if (strchr(" \t\r\n;", s.p[i]))
				return str_sub(s, 0, i);
		return s;
	}
	return (struct str){0};
}

static int oauth_settings(struct kafka_settings *k, const struct kafka_options *o, struct err *err)
{
	if (!o->sasl_oauthbearer_token_endpoint_url.p)
		return err_set(err, "'sasl_mechanism' OAUTHBEARER needs 'sasl_oauthbearer_token_endpoint_url'");
	kafka_set(k, "sasl.oauthbearer.method", STR("oidc"));
	kafka_set(k, "sasl.oauthbearer.token.endpoint.url", o->sasl_oauthbearer_token_endpoint_url);
	set_if(k, "sasl.oauthbearer.client.id", jaas_value(k->arena, o->sasl_jaas_config, STR("clientId")));
	set_if(k, "sasl.oauthbearer.client.secret", jaas_value(k->arena, o->sasl_jaas_config, STR("clientSecret")));
	set_if(k, "sasl.oauthbearer.scope", jaas_value(k->arena, o->sasl_jaas_config, STR("scope")));
	return 0;
}

static int sasl_settings(struct kafka_settings *k, const struct kafka_options *o, struct err *err)
{
	struct str user, password;

	if (o->jaas_path.p)
		return err_set(err, "'jaas_path' is Java's: put what stands in the file into 'sasl_jaas_config'");
	if (o->kerberos_config.p)
		return err_set(err, "'kerberos_config' is Java's: set the environment variable KRB5_CONFIG");
	if (o->callback.p)
		return err_set(err, "'sasl_client_callback_handler_class' is a class of Java, which is not here");
	kafka_set(k, "sasl.mechanism", o->sasl_mechanism);
	if (str_eqz(o->sasl_mechanism, "OAUTHBEARER"))
		return oauth_settings(k, o, err);
	if (str_eqz(o->sasl_mechanism, "GSSAPI")) {
		set_if(k, "sasl.kerberos.service.name", o->sasl_kerberos_service_name);
		set_if(k, "sasl.kerberos.keytab", jaas_value(k->arena, o->sasl_jaas_config, STR("keyTab")));
		set_if(k, "sasl.kerberos.principal", jaas_value(k->arena, o->sasl_jaas_config, STR("principal")));
		return 0;
	}
	user = jaas_value(k->arena, o->sasl_jaas_config, STR("username"));
	password = jaas_value(k->arena, o->sasl_jaas_config, STR("password"));
	if (!user.p || !password.p)
		return err_set(err, "'sasl_mechanism' %.*s needs username=\"...\" and password=\"...\" in 'sasl_jaas_config'", STR_ARG(o->sasl_mechanism));
	kafka_set(k, "sasl.username", user);
	kafka_set(k, "sasl.password", password);
	return 0;
}

/* ---- key stores ---- */

static int read_store(struct arena *a, const char *option, struct str path, struct str *out, struct err *err)
{
	char *z = arena_dupz(a, path);
	FILE *f = fopen(z, "re");
	char *p;
	size_t n;

	if (!f)
		return err_sys(err, "cannot read '%s' '%s'", option, z);
	p = xmalloc(STORE_MAX);
	n = fread(p, 1, STORE_MAX, f);
	fclose(f);
	*out = arena_dup(a, str_n(p, n));
	free(p);
	if (n == 0 || n == STORE_MAX)
		return err_set(err, "'%s' '%s' is no key store", option, z);
	if (n > 4 && memcmp(out->p, "\xfe\xed\xfe\xed", 4) == 0)
		return err_set(err, "'%s' '%s' is a Java key store (JKS): make it PKCS#12 with keytool -importkeystore -deststoretype pkcs12, or PEM", option, z);
	return 0;
}

static bool is_pem(struct str bytes)
{
	return str_find(bytes, STR("-----BEGIN ")) >= 0;
}

/* The certificates of a PKCS#12 file as PEM: what Java calls a trust store has no key. */
static int pem_of(struct arena *a, struct str bytes, struct str password, struct str *out, struct err *err)
{
	const unsigned char *p = (const unsigned char *)bytes.p;
	PKCS12 *store = d2i_PKCS12(NULL, &p, (long)bytes.len);
	STACK_OF(X509) *all = NULL;
	EVP_PKEY *key = NULL;
	X509 *own = NULL;
	BIO *pem = BIO_new(BIO_s_mem());
	char *text;
	long n;
	int rc = -1;

	if (!store || !PKCS12_parse(store, password.p ? arena_dupz(a, password) : "", &key, &own, &all)) {
		err_set(err, "'ssl_truststore_location' is neither PEM nor a PKCS#12 file that 'ssl_truststore_password' opens");
		goto end;
	}
	for (int i = 0; all && i < sk_X509_num(all); i++)
		PEM_write_bio_X509(pem, sk_X509_value(all, i));
	n = BIO_get_mem_data(pem, &text);
	*out = arena_dup(a, str_n(text, n > 0 ? (size_t)n : 0));
	rc = n > 0 ? 0 : err_set(err, "'ssl_truststore_location' holds no certificate of an authority");
end:
	ERR_clear_error();
	PKCS12_free(store);
	EVP_PKEY_free(key);
	X509_free(own);
	sk_X509_pop_free(all, X509_free);
	BIO_free(pem);
	return rc;
}

static int ssl_settings(struct kafka_settings *k, const struct kafka_options *o, struct err *err)
{
	struct str bytes;

	if (o->ssl_truststore_location.p) {
		if (read_store(k->arena, "ssl_truststore_location", o->ssl_truststore_location, &bytes, err))
			return -1;
		if (!is_pem(bytes) && pem_of(k->arena, bytes, o->ssl_truststore_password, &bytes, err))
			return -1;
		kafka_set(k, "ssl.ca.pem", bytes);
	}
	if (o->ssl_keystore_location.p) {
		if (read_store(k->arena, "ssl_keystore_location", o->ssl_keystore_location, &bytes, err))
			return -1;
		if (is_pem(bytes)) {
			kafka_set(k, "ssl.certificate.location", o->ssl_keystore_location);
			kafka_set(k, "ssl.key.location", o->ssl_keystore_location);
			set_if(k, "ssl.key.password", o->ssl_key_password);
		} else {
			kafka_set(k, "ssl.keystore.location", o->ssl_keystore_location);
			set_if(k, "ssl.keystore.password", o->ssl_keystore_password);
		}
	}
	kafka_set(k, "ssl.endpoint.identification.algorithm", o->ssl_endpoint_identification_algorithm.len ? STR("https") : STR("none"));
	return 0;
}

/* ---- all ---- */

int kafka_settings_of(struct kafka_settings *k, const struct kafka_options *o, struct err *err)
{
	bool sasl = str_starts(o->security_protocol, STR("SASL_")), ssl = str_ends(o->security_protocol, STR("SSL"));

	if (!str_eqz(o->security_protocol, "PLAINTEXT") && !str_eqz(o->security_protocol, "SSL") && !str_eqz(o->security_protocol, "SASL_PLAINTEXT") &&
	    !str_eqz(o->security_protocol, "SASL_SSL"))
		return err_set(err, "'security_protocol' takes PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL, not '%.*s'", STR_ARG(o->security_protocol));
	if (o->bootstrap_servers.len == 0)
		return err_set(err, "'bootstrap_servers' is empty");
	kafka_set(k, "bootstrap.servers", o->bootstrap_servers);
	kafka_set(k, "client.id", o->client_id);
	kafka_set(k, "security.protocol", o->security_protocol);
	kafka_set_int(k, "connections.max.idle.ms", o->connections_max_idle_ms);
	kafka_set_int(k, "metadata.max.age.ms", o->metadata_max_age_ms);
	kafka_set_int(k, "reconnect.backoff.ms", o->reconnect_backoff_ms);
	kafka_set_int(k, "socket.timeout.ms", o->request_timeout_ms);
	if (o->receive_buffer_bytes > 0)
		kafka_set_int(k, "socket.receive.buffer.bytes", o->receive_buffer_bytes);
	if (o->send_buffer_bytes > 0)
		kafka_set_int(k, "socket.send.buffer.bytes", o->send_buffer_bytes);
	if (sasl && sasl_settings(k, o, err))
		return -1;
	return ssl ? ssl_settings(k, o, err) : 0;
}

int kafka_settings_own(struct kafka_settings *k, const struct kafka_options *o, struct err *err)
{
	for (uint32_t i = 0; o->settings && i < o->settings->n; i++) {
		const struct entry *e = &o->settings->e[i];

		if (e->val.type != V_STRING)
			return err_set(err, "'librdkafka' takes texts: '%.*s'", (int)e->key.len, e->key.p);
		kafka_set(k, arena_dupz(k->arena, str_n(e->key.p, e->key.len)), value_str(&e->val));
	}
	return 0;
}
