/*
 * tls_options.c - from the options of TLS to a context. Main thread, at start and reload.
 */
#include "pipeline/tls_options.h"

#include "pipeline/options.h"
#include "pipeline/optvalue.h"

#include <strings.h>

const char *const tls_peer_words[] = {"none", "optional", "required", NULL};
const char *const tls_peer_old_words[] = {"none", "peer", "force_peer", NULL};
const char *const tls_verification_words[] = {"full", "certificate", "none", NULL};

/* One opening: what the steps below work with. */
struct opening {
	struct tls_options *o;
	struct tls_context *c;
	enum tls_side side;
	struct plugin_ctx *ctx;
	struct err *err;
};

static bool given(const struct opening *p, const char *name)
{
	return option_given(p->ctx, name);
}

/* -1: what is in p->err is about that option, or its older name. */
static int about(const struct opening *p, const char *name, const char *older)
{
	const char *which = older && given(p, older) && !given(p, name) ? older : name;

	option_blame(p->ctx, which);
	return err_prefix(p->err, "'%s': ", which);
}

/* The same for a problem that has no text yet. */
static int refuse(const struct opening *p, const char *name, const char *text)
{
	option_blame(p->ctx, name);
	return err_set(p->err, "%s", text);
}

static struct str text_at(const struct opening *p, const struct list *l, uint32_t i)
{
	return optvalue_text(p->ctx->arena, &l->v[i]);
}

/* ---- our certificate ---- */

static int check_store_type(const struct opening *p, const char *name, struct str type)
{
	if (!type.len || (type.len == 6 && strncasecmp(type.p, "pkcs12", 6) == 0))
		return 0;
	err_set(p->err, "'%.*s' cannot be read, only pkcs12: keytool -importkeystore -deststoretype PKCS12 converts it", STR_ARG(type));
	return about(p, name, NULL);
}

static int load_chain(const struct opening *p)
{
	for (uint32_t i = 0; p->o->chain && i < p->o->chain->n; i++)
		if (tls_context_chain(p->c, text_at(p, p->o->chain, i), p->err) == -1)
			return about(p, "ssl_extra_chain_certs", NULL);
	return 0;
}

static int load_certificate(const struct opening *p)
{
	const struct tls_options *o = p->o;

	if (o->keystore.len) {
		if (o->certificate.len)
			return refuse(p, "ssl_keystore_path", "a keystore and a certificate: one of the two");
		if (check_store_type(p, "ssl_keystore_type", o->keystore_type) == -1)
			return -1;
		if (tls_context_keystore(p->c, o->keystore, o->keystore_password, p->err) == -1)
			return about(p, "ssl_keystore_path", "keystore");
		return 0;
	}
	if (o->certificate.len && !o->key.len)
		return refuse(p, given(p, "ssl_certificate") ? "ssl_certificate" : "ssl_cert", "a certificate needs its key: 'ssl_key'");
	if (o->key.len && !o->certificate.len)
		return refuse(p, "ssl_key", "a key needs its certificate: 'ssl_certificate'");
	if (!o->certificate.len)
		return p->side == TLS_CLIENT ? 0 : refuse(p, given(p, "ssl_enabled") ? "ssl_enabled" : "ssl_enable", "TLS needs a certificate: 'ssl_certificate' and 'ssl_key'");
	if (tls_context_certificate(p->c, o->certificate, p->err) == -1)
		return about(p, "ssl_certificate", "ssl_cert");
	if (tls_context_key(p->c, o->key, o->key_passphrase, p->err) == -1)
		return about(p, "ssl_key", NULL);
	return load_chain(p);
}

/* ---- the other side's ---- */

static bool authorities_given(const struct tls_options *o)
{
	return (o->authorities && o->authorities->n) || o->authority_old.len || o->truststore.len;
}

static int load_authorities(const struct opening *p)
{
	const struct tls_options *o = p->o;

	for (uint32_t i = 0; o->authorities && i < o->authorities->n; i++)
		if (tls_context_authority(p->c, text_at(p, o->authorities, i), p->err) == -1)
			return about(p, "ssl_certificate_authorities", NULL);
	if (o->authority_old.len && tls_context_authority(p->c, o->authority_old, p->err) == -1)
		return about(p, "ssl_cacert", NULL);
	if (o->truststore.len) {
		if (check_store_type(p, "ssl_truststore_type", o->truststore_type) == -1)
			return -1;
		if (tls_context_truststore(p->c, o->truststore, o->truststore_password, p->err) == -1)
			return about(p, "ssl_truststore_path", NULL);
	}
	if (!authorities_given(o))
		tls_context_system_authorities(p->c);
	if (o->revoked.len && tls_context_revoked(p->c, o->revoked, o->revoked_all, p->err) == -1)
		return about(p, "ssl_crl_path", "ssl_crl");
	return 0;
}

static int decide_clients(const struct opening *p)
{
	struct tls_options *o = p->o;
	bool by_default = !given(p, "ssl_client_authentication") && !given(p, "ssl_verify") && !given(p, "ssl_verify_mode") && !given(p, "verify_mode");

	if (given(p, "ssl_verification_mode"))
		return refuse(p, "ssl_verification_mode", "'ssl_verification_mode' is for those who connect, who listens has 'ssl_client_authentication'");
	if (given(p, "ssl_verify") && !given(p, "ssl_client_authentication"))
		o->peer = o->verify_old ? TLS_PEER_REQUIRED : TLS_PEER_NONE;
	tls_context_peer(p->c, (enum tls_peer_check)o->peer);
	/* Somebody who names authorities believes that certificates are looked at. */
	if (by_default && o->peer == TLS_PEER_NONE && authorities_given(o))
		return refuse(p, given(p, "ssl_truststore_path") ? "ssl_truststore_path" : "ssl_certificate_authorities",
			      "authorities mean nothing without 'ssl_client_authentication'");
	if (o->peer == TLS_PEER_NONE || authorities_given(o))
		return 0;
	if (given(p, "ssl_client_authentication") || given(p, "ssl_verify_mode") || given(p, "verify_mode"))
		return refuse(p, given(p, "ssl_client_authentication") ? "ssl_client_authentication" : given(p, "verify_mode") ? "verify_mode" : "ssl_verify_mode",
			      "certificates of clients need authorities: 'ssl_certificate_authorities'");
	/* As in Logstash. Hardly anybody means it. */
	plugin_warn(p->ctx, "%sclients must show a certificate of one of the system's authorities: name yours in 'ssl_certificate_authorities', or say "
			    "'ssl_client_authentication => none'", by_default ? "as nothing else is said, " : "");
	return 0;
}

static int decide_servers(const struct opening *p)
{
	struct tls_options *o = p->o;

	if (given(p, "ssl_client_authentication"))
		return refuse(p, "ssl_client_authentication", "'ssl_client_authentication' is for those who listen, who connects has 'ssl_verification_mode'");
	if (given(p, "ssl_verify") && !given(p, "ssl_verification_mode"))
		o->verification = o->verify_old ? TLS_VERIFY_FULL : TLS_VERIFY_NONE;
	tls_context_peer(p->c, o->verification == TLS_VERIFY_NONE ? TLS_PEER_NONE : TLS_PEER_REQUIRED);
	o->check_name = o->verification == TLS_VERIFY_FULL;
	return 0;
}

/* ---- versions and suites ---- */

static int old_versions(const struct opening *p, unsigned *versions)
{
	double min = p->o->min_old, max = p->o->max_old;

	if (given(p, "tls_min_version") && min < 1.15)
		plugin_warn(p->ctx, "'tls_min_version' %g: TLS begins with 1.2", min);
	if (given(p, "tls_max_version") && max < 1.15)
		return refuse(p, "tls_max_version", "'tls_max_version' is 1.2 or 1.3");
	if (given(p, "tls_min_version") && min > 1.25)
		*versions &= ~(unsigned)TLS_VERSION_1_2;
	if (given(p, "tls_max_version") && max < 1.25)
		*versions &= ~(unsigned)TLS_VERSION_1_3;
	return *versions ? 0 : refuse(p, "tls_max_version", "'tls_max_version' is below 'tls_min_version'");
}

static int decide_versions(const struct opening *p)
{
	const struct list *l = p->o->protocols;
	unsigned versions = 0;

	for (uint32_t i = 0; l && i < l->n; i++) {
		struct str s = text_at(p, l, i);

		if (str_eq(s, STR("TLSv1.2")))
			versions |= TLS_VERSION_1_2;
		else if (str_eq(s, STR("TLSv1.3")))
			versions |= TLS_VERSION_1_3;
		else if (str_eq(s, STR("TLSv1.1")) || str_eq(s, STR("TLSv1")))
			plugin_warn(p->ctx, "'ssl_supported_protocols': %.*s is left out, TLS begins with 1.2", STR_ARG(s));
		else {
			err_set(p->err, "takes TLSv1.2 and TLSv1.3, not '%.*s'", STR_ARG(s));
			return about(p, "ssl_supported_protocols", NULL);
		}
	}
	if (l && l->n && !versions)
		return refuse(p, "ssl_supported_protocols", "'ssl_supported_protocols' names neither TLSv1.2 nor TLSv1.3");
	if (!versions)
		versions = TLS_VERSION_1_2 | TLS_VERSION_1_3;
	if (old_versions(p, &versions) == -1)
		return -1;
	tls_context_versions(p->c, versions);
	return 0;
}

static int decide_suites(const struct opening *p)
{
	const struct list *l = p->o->suites;
	struct str *names;
	size_t bad;

	if (!l || !l->n)
		return 0;
	names = arena_alloc(p->ctx->arena, l->n * sizeof(*names));
	for (uint32_t i = 0; i < l->n; i++)
		names[i] = text_at(p, l, i);
	return tls_context_suites(p->c, names, l->n, &bad, p->err) == -1 ? about(p, "ssl_cipher_suites", "cipher_suites") : 0;
}

/* ---- all of it ---- */

static void warn_unused(const struct opening *p)
{
	for (unsigned i = 0; p->ctx->options[i].name; i++)
		if (plugin_given(p->ctx, i) && strncmp(p->ctx->options[i].name, "ssl_", 4) == 0 && strcmp(p->ctx->options[i].name, "ssl_enabled") != 0 &&
		    strcmp(p->ctx->options[i].name, "ssl_enable") != 0) {
			plugin_warn(p->ctx, "'%s' is not used: TLS is not enabled", p->ctx->options[i].name);
			return;
		}
}

/* What is only looked at may name files of another machine: then none is read. */
static bool files_absent(const struct opening *p)
{
	const struct tls_options *o = p->o;
	const struct str path[] = {o->certificate, o->key, o->keystore, o->authority_old, o->truststore, o->revoked};
	const struct list *lists[] = {o->chain, o->authorities};
	bool absent = false;

	for (size_t i = 0; i < sizeof(path) / sizeof(*path); i++)
		absent |= plugin_file_absent(p->ctx, path[i]);
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		for (uint32_t k = 0; lists[i] && k < lists[i]->n; k++)
			absent |= plugin_file_absent(p->ctx, text_at(p, lists[i], k));
	return absent;
}

int tls_options_open(struct tls_options *o, enum tls_side side, struct plugin_ctx *ctx, struct err *err)
{
	struct opening p = {o, NULL, side, ctx, err};

	if (!o->enabled) {
		warn_unused(&p);
		return 0;
	}
	p.c = tls_context_new(side);
	if (decide_versions(&p) == 0 && decide_suites(&p) == 0 && (files_absent(&p) || (load_certificate(&p) == 0 && load_authorities(&p) == 0)) &&
	    (side == TLS_SERVER ? decide_clients(&p) : decide_servers(&p)) == 0) {
		o->context = p.c;
		return 0;
	}
	tls_context_unref(p.c);
	return -1;
}

void tls_options_close(struct tls_options *o)
{
	tls_context_unref(o->context);
	o->context = NULL;
}
