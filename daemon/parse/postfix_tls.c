/*
 * postfix_tls.c - what Postfix's library says of TLS, in whichever daemon. Work thread.
 *
 *	Anonymous TLS connection established from unknown[192.0.2.7]: TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits)
 */
#include "parse/postfix.h"

/* TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256 */
static bool tls_params(struct record *r, struct str s)
{
	struct str version, cipher, bits, key, value;
	static const char *const names[] = {"key-exchange", "server-signature", "server-digest", "client-signature",
					    "client-digest"};

	if (!scan_word(&s, &version) || !scan_lit(&s, " with cipher ") || !scan_word(&s, &cipher))
		return false;
	if (scan_lit(&version, "TLSv")) {
		rec_str(r, F_TLS_VERSION_PROTOCOL, STR("tls"));
		rec_str(r, F_TLS_VERSION, str_eq(version, STR("1")) ? STR("1.0") : version);
	} else if (scan_lit(&version, "SSLv")) {
		rec_str(r, F_TLS_VERSION_PROTOCOL, STR("ssl"));
		rec_str(r, F_TLS_VERSION, version);
	}
	rec_str(r, F_TLS_CIPHER, cipher);
	rec_bool(r, F_TLS_ESTABLISHED, true);
	rec_outcome(r, "success");
	if (scan_lit(&s, " (") && scan_until_str(&s, STR(" bits)"), &bits))
		rec_raw(r, "tls_bits", bits);
	while (scan_ch(&s, ' ') && scan_word(&s, &key)) {
		if (key.p[0] == '(')
			continue; /* "(2048 bits)", "(P-256)" of what stands before it */
		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
			if (str_eqz(key, names[i]) && scan_ch(&s, ' ') && scan_word(&s, &value)) {
				rec_raw(r, names[i], value);
				break;
			}
	}
	return true;
}

static bool tls_established(struct record *r, struct str s, bool *got)
{
	struct str trust, sni;
	bool to;

	*got = false;
	if (!scan_until_str(&s, STR(" TLS connection "), &trust) || trust.len > 12)
		return false;
	if (scan_lit(&s, "reused "))
		rec_raw(r, "tls_reused", STR("true"));
	else if (!scan_lit(&s, "established "))
		return false;
	rec_raw(r, "tls_trust", trust);
	to = scan_lit(&s, "to ");
	if (!to && !scan_lit(&s, "from "))
		return false;
	if (!(to ? postfix_destination(r, &s) : postfix_source(r, &s)))
		return false;
	/* The name that the client asked for: "from X[192.0.2.7] to mail.example.org: ..." */
	if (scan_lit(&s, " to ") && scan_until_str(&s, STR(": "), &sni))
		rec_str(r, F_TLS_CLIENT_SERVER_NAME, sni);
	else if (!scan_lit(&s, ": "))
		return false;
	*got = tls_params(r, s);
	return *got;
}

/* SSL_accept error from unknown[192.0.2.7]: lost connection; SSL_connect error to mx.example.org[192.0.2.1]:25: -1 */
static bool tls_error(struct record *r, struct str s)
{
	bool from = scan_lit(&s, "SSL_accept error from ");

	if (!from && !scan_lit(&s, "SSL_connect error to ") && !scan_lit(&s, "certificate verification failed for ") &&
	    !scan_lit(&s, "server certificate verification failed for "))
		return false;
	if (!(from ? postfix_source(r, &s) : postfix_destination(r, &s)))
		return false;
	if (scan_lit(&s, ": "))
		rec_str(r, F_EVENT_REASON, s);
	rec_outcome(r, "failure");
	return true;
}

/* "subject_CN=mx.example.org, issuer=R3, fingerprint=AA:BB.., pkey_fingerprint=CC:DD..": a name may hold ", ". */
static bool certificate(struct record *r, struct str s)
{
	static const char *const keys[] = {"subject_CN", "issuer_CN", "issuer", "fingerprint", "pkey_fingerprint"};
	struct str key, value;
	size_t i;

	for (bool more = true; more;) {
		if (!scan_until(&s, '=', &key))
			return false;
		for (i = 0; i < sizeof(keys) / sizeof(*keys) && !str_eqz(key, keys[i]); i++)
			;
		if (i == sizeof(keys) / sizeof(*keys))
			return false;
		value = s;
		/* To where the next key stands. */
		more = false;
		for (size_t k = i + 1; k < sizeof(keys) / sizeof(*keys) && !more; k++) {
			char mark[24];
			int n = snprintf(mark, sizeof(mark), ", %s=", keys[k]);
			ptrdiff_t at = str_find(s, str_n(mark, (size_t)n));

			if (at < 0)
				continue;
			value = str_sub(s, 0, (size_t)at);
			s = str_from(s, (size_t)at + 2);
			more = true;
		}
		rec_raw(r, keys[i], value);
	}
	return true;
}

/*
 * Of log level 2, the peer first:
 *	mx.example.org[192.0.2.7]: Trusted: subject_CN=mx.example.org, issuer=R3, fingerprint=..
 *	mx.example.org[192.0.2.1]:25: Matched subjectAltName: mx.example.org
 *	mx.example.org[192.0.2.1]:25: subject_CN=mx.example.org, issuer_CN=R3, ...
 */
static bool tls_peer(struct record *r, struct str s)
{
	static const struct str trusts[] = {STR_INIT("Trusted: "), STR_INIT("Untrusted: "), STR_INIT("Verified: ")};
	struct postfix_peer p;

	if (!postfix_take_peer(&s, &p) || !scan_ch(&s, ':'))
		return false;
	scan_blanks(&s);
	/* smtpd sees no port of its clients, smtp always one of its servers. */
	if (p.port.len)
		postfix_put_destination(r, &p);
	else
		postfix_put_source(r, &p);
	if (scan_lit(&s, "Matched subjectAltName: ") || scan_lit(&s, "Matched commonName ")) {
		rec_raw(r, "matched_name", s);
		return true;
	}
	if (scan_lit(&s, "TLS cipher list "))
		return true;
	for (size_t i = 0; i < sizeof(trusts) / sizeof(*trusts); i++)
		if (scan_str(&s, trusts[i]))
			rec_raw(r, "tls_trust", str_sub(trusts[i], 0, trusts[i].len - 2));
	return certificate(r, s);
}

/* TLS SNI mx.example.org from mail.example.net[192.0.2.7] not matched, using default chain */
static bool sni_unmatched(struct record *r, struct str s)
{
	struct str name;

	if (!scan_lit(&s, "TLS SNI ") || !scan_word(&s, &name) || !scan_lit(&s, " from ") || !postfix_source(r, &s) ||
	    !str_eq(s, STR(" not matched, using default chain")))
		return false;
	rec_str(r, F_TLS_CLIENT_SERVER_NAME, name);
	return true;
}

enum format_result postfix_tls_line(struct record *r, struct str s)
{
	struct record_mark m = rec_mark(r);
	struct str name = s;
	bool got = false;

	switch (s.p[0]) {
	case 'A':
	case 'U':
	case 'V':
	case 'T':
		(void)tls_established(r, s, &got);
		if (!got) {
			rec_reset(r, m);
			got = sni_unmatched(r, s);
		}
		break;
	case 'S':
	case 'c':
		got = tls_error(r, s);
		break;
	case 's':
		if (scan_lit(&name, "setting up TLS connection from "))
			got = postfix_source(r, &name);
		else if (scan_lit(&name, "setting up TLS connection to "))
			got = postfix_destination(r, &name);
		else
			got = tls_error(r, s);
		break;
	case 'H':
		/* Host offered STARTTLS: [mx.example.org] */
		if (scan_lit(&name, "Host offered STARTTLS: [") && name.len && name.p[name.len - 1] == ']') {
			rec_host(r, F_DESTINATION_DOMAIN, str_sub(name, 0, name.len - 1));
			got = true;
		}
		break;
	default:
		break;
	}
	if (!got) {
		rec_reset(r, m);
		got = tls_peer(r, s);
	}
	if (!got) {
		rec_reset(r, m);
		return FORMAT_NO_MATCH;
	}
	rec_action(r, "smtp-tls", "email", "info");
	return FORMAT_MATCH;
}
