#include "input/redis_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	READ_BYTES = 64 * 1024,
	OUT_MAX = 512 * 1024 * 1024,
	IN_MAX = RESP_MAX + READ_BYTES,
	NAME = 300,
};

const char *const redis_verification_modes[] = {"full", "none", NULL};

struct redis_server {
	char name[NAME], host[256], port[8];
	char *path, *username, *password;
	int64_t db, timeout_ns;
	SSL_CTX *tls; /* NULL: plain */
	bool verify;
	_Atomic unsigned failed; /* connections that did not come about: the next begins with another address */
};

enum stage { STAGE_CONNECT, STAGE_TLS, STAGE_LOGIN, STAGE_READY };

struct redis_link {
	struct redis_server *server;
	int fd;
	SSL *ssl;
	enum stage stage;
	bool want_write; /* TLS asks for it, whatever there is to write */
	bool hold;
	bool broken;	 /* why; said once the replies before it are taken */
	struct err why;
	unsigned greeting; /* replies to login and choice of the database that are still to come */
	struct buf out, in;
	size_t sent, taken; /* of out; of in */
	struct resp_scan scan;
	struct arena scratch;
};

/* ---- TLS ---- */

static int tls_err(struct err *err, const char *what, const char *which)
{
	unsigned long e = ERR_peek_last_error();
	const char *reason = e ? ERR_reason_error_string(e) : NULL;

	ERR_clear_error();
	return err_set(err, "%s '%s'%s%s", what, which, reason ? ": " : "", reason ? reason : "");
}

static int tls_authorities(SSL_CTX *tls, const struct list *files, struct err *err)
{
	int rc = 0;

	if (!files)
		return SSL_CTX_set_default_verify_paths(tls) == 1 ? 0 : tls_err(err, "cannot load", "the system's authorities");
	for (uint32_t i = 0; i < files->n && !rc; i++) {
		char *path = files->v[i].type == V_STRING ? xstrdupz(value_str(&files->v[i])) : NULL;

		if (!path)
			return err_set(err, "'ssl_certificate_authorities' takes paths");
		if (SSL_CTX_load_verify_locations(tls, path, NULL) != 1)
			rc = tls_err(err, "cannot read authorities of", path);
		free(path);
	}
	return rc;
}

static int tls_own(SSL_CTX *tls, const struct redis_options *o, struct err *err)
{
	char *cert, *key, *phrase;
	int rc = 0;

	if (!o->ssl_certificate.p != !o->ssl_key.p)
		return err_set(err, "'ssl_certificate' and 'ssl_key' go together");
	if (!o->ssl_certificate.p)
		return 0;
	cert = xstrdupz(o->ssl_certificate);
	key = xstrdupz(o->ssl_key);
	phrase = o->ssl_key_passphrase.p ? xstrdupz(o->ssl_key_passphrase) : NULL;
	/* OpenSSL would ask the terminal for a pass phrase that it needs and does not have. */
	SSL_CTX_set_default_passwd_cb_userdata(tls, phrase ? phrase : (char[]){""});
	if (SSL_CTX_use_certificate_chain_file(tls, cert) != 1)
		rc = tls_err(err, "cannot read certificate", cert);
	else if (SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1)
		rc = tls_err(err, "cannot read key", key);
	else if (SSL_CTX_check_private_key(tls) != 1)
		rc = tls_err(err, "certificate does not belong to key", key);
	SSL_CTX_set_default_passwd_cb_userdata(tls, NULL);
	free(cert);
	free(key);
	free(phrase);
	return rc;
}

static int tls_protocols(SSL_CTX *tls, const struct list *names, struct err *err)
{
	static const struct {
		const char *name;
		int version;
	} known[] = {{"TLSv1.1", TLS1_1_VERSION}, {"TLSv1.2", TLS1_2_VERSION}, {"TLSv1.3", TLS1_3_VERSION}};
	int low = 0, high = 0;

	for (uint32_t i = 0; names && i < names->n; i++) {
		int version = 0;

		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			if (names->v[i].type == V_STRING && str_eqz(value_str(&names->v[i]), known[k].name))
				version = known[k].version;
		if (!version)
			return err_set(err, "'ssl_supported_protocols' takes TLSv1.1, TLSv1.2, TLSv1.3");
		low = !low || version < low ? version : low;
		high = version > high ? version : high;
	}
	if (SSL_CTX_set_min_proto_version(tls, low ? low : TLS1_2_VERSION) != 1 || SSL_CTX_set_max_proto_version(tls, high) != 1)
		return tls_err(err, "cannot use", "ssl_supported_protocols");
	return 0;
}

/* Suites of TLS 1.3 and the others are set apart; the first kind's names are the same for OpenSSL and Java. */
static int tls_suites(SSL_CTX *tls, const struct list *names, struct err *err)
{
	struct buf new, old;
	int rc = 0;

	buf_init(&new, 0);
	buf_init(&old, 0);
	for (uint32_t i = 0; names && i < names->n; i++) {
		char *z = names->v[i].type == V_STRING ? xstrdupz(value_str(&names->v[i])) : xstrdupz(STR(""));
		const char *own = OPENSSL_cipher_name(z);
		bool known = own && strcmp(own, "(NONE)") != 0;
		struct buf *to = str_starts(str_z(z), STR("TLS_AES_")) || str_starts(str_z(z), STR("TLS_CHACHA20_")) ? &new : &old;

		buf_printf(to, "%s%s", to->len ? ":" : "", known ? own : z);
		free(z);
	}
	buf_ch(&new, 0);
	buf_ch(&old, 0);
	if (new.len > 1 && SSL_CTX_set_ciphersuites(tls, new.p) != 1)
		rc = tls_err(err, "'ssl_cipher_suites' cannot be", new.p);
	if (!rc && old.len > 1 && SSL_CTX_set_cipher_list(tls, old.p) != 1)
		rc = tls_err(err, "'ssl_cipher_suites' cannot be", old.p);
	buf_release(&new);
	buf_release(&old);
	return rc;
}

static int tls_new(struct redis_server *s, const struct redis_options *o, struct err *err)
{
	s->tls = SSL_CTX_new(TLS_client_method());
	if (!s->tls)
		return tls_err(err, "cannot use", "TLS");
	s->verify = o->ssl_verification_mode == 0;
	SSL_CTX_set_verify(s->tls, s->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_mode(s->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return tls_authorities(s->tls, o->ssl_certificate_authorities, err) || tls_own(s->tls, o, err) || tls_protocols(s->tls, o->ssl_supported_protocols, err) ||
		       tls_suites(s->tls, o->ssl_cipher_suites, err)
		       ? -1
		       : 0;
}

/* ---- servers ---- */

static int host_and_port(struct redis_server *s, struct str host, int64_t port, struct err *err)
{
	struct str name = host, number = {0};
	ptrdiff_t colon = str_rchr(host, ':');
	uint64_t n = (uint64_t)port;

	if (host.len && host.p[0] == '[') {
		ptrdiff_t end = str_chr(host, ']');

		if (end < 0)
			return err_set(err, "host '%.*s' lacks its ]", STR_ARG(host));
		name = str_sub(host, 1, (size_t)end - 1);
		if ((size_t)end + 1 < host.len)
			number = str_from(host, (size_t)end + 1);
	} else if (colon >= 0 && str_chr(host, ':') == colon) {
		/* Two colons without brackets: an address of IPv6. */
		name = str_sub(host, 0, (size_t)colon);
		number = str_from(host, (size_t)colon);
	}
	if (number.len && (number.p[0] != ':' || !str_u64(str_from(number, 1), 65535, &n) || n == 0))
		return err_set(err, "host '%.*s' has no port behind its colon", STR_ARG(host));
	if (name.len == 0 || name.len >= sizeof(s->host))
		return err_set(err, "host '%.*s' is no name", STR_ARG(host));
	memcpy(s->host, name.p, name.len);
	(void)snprintf(s->port, sizeof(s->port), "%u", (unsigned)n);
	(void)snprintf(s->name, sizeof(s->name), "%s:%s", s->host, s->port);
	return 0;
}

struct redis_server *redis_server_new(const struct redis_options *o, struct str host, struct err *err)
{
	struct redis_server *s = xzalloc(sizeof(*s));
	int rc = 0;

	s->db = o->db;
	s->timeout_ns = o->timeout * 1000000000;
	s->username = o->username.p ? xstrdupz(o->username) : NULL;
	s->password = o->password.p ? xstrdupz(o->password) : NULL;
	if (o->path.p) {
		s->path = xstrdupz(o->path);
		(void)snprintf(s->name, sizeof(s->name), "%s", s->path);
		if (o->path.len >= sizeof(((struct sockaddr_un *)0)->sun_path))
			rc = err_set(err, "'path' is too long for a unix socket");
	} else {
		rc = host_and_port(s, host, o->port, err);
	}
	if (!rc && s->username && !s->password)
		rc = err_set(err, "'username' needs 'password'");
	if (!rc && (o->ssl || o->ssl_enabled))
		rc = tls_new(s, o, err);
	if (rc) {
		redis_server_free(s);
		return NULL;
	}
	return s;
}

void redis_server_free(struct redis_server *s)
{
	if (!s)
		return;
	SSL_CTX_free(s->tls);
	free(s->path);
	free(s->username);
	if (s->password)
		OPENSSL_cleanse(s->password, strlen(s->password));
	free(s->password);
	free(s);
}

const char *redis_server_name(const struct redis_server *s)
{
	return s->name;
}

int64_t redis_server_timeout_ns(const struct redis_server *s)
{
	return s->timeout_ns;
}

/* ---- connecting ---- */

static int connect_to(struct redis_link *l, int family, const struct sockaddr *to, socklen_t len)
{
	int one = 1;

	l->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd == -1)
		return -1;
	if (family != AF_UNIX) {
		(void)setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		(void)setsockopt(l->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	}
	if (connect(l->fd, to, len) == 0 || errno == EINPROGRESS)
		return 0;
	close(l->fd);
	l->fd = -1;
	return -1;
}

static int connect_unix(struct redis_link *l, struct err *err)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", l->server->path);
	return connect_to(l, AF_UNIX, (struct sockaddr *)&to, sizeof(to)) ? err_sys(err, "cannot connect to '%s'", l->server->name) : 0;
}

static int connect_tcp(struct redis_link *l, struct err *err)
{
	const struct redis_server *s = l->server;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
	int rc = getaddrinfo(s->host, s->port, &hints, &list);
	unsigned n = 0, first;

	if (rc)
		return err_set(err, "cannot find '%s': %s", s->name, gai_strerror(rc));
	for (struct addrinfo *a = list; a; a = a->ai_next)
		n++;
	/* Relaxed: any address is as good as another. */
	first = atomic_load_explicit(&s->failed, memory_order_relaxed) % n;
	for (unsigned i = 0; i < n && l->fd == -1; i++) {
		struct addrinfo *a = list;

		for (unsigned k = (first + i) % n; k; k--)
			a = a->ai_next;
		(void)connect_to(l, a->ai_family, a->ai_addr, a->ai_addrlen);
	}
	if (l->fd == -1)
		err_sys(err, "cannot connect to '%s'", s->name);
	freeaddrinfo(list);
	return l->fd == -1 ? -1 : 0;
}

static int begin_tls(struct redis_link *l, struct err *err)
{
	const struct redis_server *s = l->server;
	struct in6_addr any;
	bool address = inet_pton(AF_INET, s->host, &any) == 1 || inet_pton(AF_INET6, s->host, &any) == 1;

	l->ssl = SSL_new(s->tls);
	if (!l->ssl || SSL_set_fd(l->ssl, l->fd) != 1)
		return tls_err(err, "cannot use TLS with", s->name);
	if (!s->path && !address)
		(void)SSL_set_tlsext_host_name(l->ssl, s->host);
	if (s->verify && !s->path && (address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(l->ssl), s->host) : SSL_set1_host(l->ssl, s->host)) != 1)
		return tls_err(err, "cannot check the certificate of", s->name);
	SSL_set_connect_state(l->ssl);
	return 0;
}

static void greet(struct redis_link *l)
{
	const struct redis_server *s = l->server;

	if (s->password) {
		resp_command(&l->out, s->username ? 3 : 2);
		resp_word(&l->out, STR("AUTH"));
		if (s->username)
			resp_word(&l->out, str_z(s->username));
		resp_word(&l->out, str_z(s->password));
		l->greeting++;
	}
	if (s->db) {
		char n[24];

		resp_command(&l->out, 2);
		resp_word(&l->out, STR("SELECT"));
		(void)snprintf(n, sizeof(n), "%lld", (long long)s->db);
		resp_word(&l->out, str_z(n));
		l->greeting++;
	}
}

struct redis_link *redis_link_new(struct redis_server *s, struct err *err)
{
	struct redis_link *l = xzalloc(sizeof(*l));

	l->server = s;
	l->fd = -1;
	buf_init(&l->out, OUT_MAX);
	buf_init(&l->in, IN_MAX);
	arena_init(&l->scratch, NULL);
	if ((s->path ? connect_unix(l, err) : connect_tcp(l, err)) || (s->tls && begin_tls(l, err))) {
		redis_link_free(l);
		return NULL;
	}
	greet(l);
	return l;
}

void redis_link_free(struct redis_link *l)
{
	if (!l)
		return;
	SSL_free(l->ssl);
	if (l->fd != -1)
		close(l->fd);
	buf_release(&l->out);
	buf_release(&l->in);
	arena_release(&l->scratch);
	free(l);
}

/* ---- turning ---- */

static int broken(struct redis_link *l, const char *what, struct err *err)
{
	return err_sys(err, "%s '%s'", what, l->server->name);
}

/* Of a call of OpenSSL's that did not go through: 0: later, -1: broken. */
static int tls_outcome(struct redis_link *l, int rc, const char *what, struct err *err)
{
	long verified;

	switch (SSL_get_error(l->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return 0;
	case SSL_ERROR_WANT_WRITE:
		l->want_write = true;
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		return err_set(err, "'%s' closed the connection", l->server->name);
	case SSL_ERROR_SYSCALL:
		return errno ? broken(l, what, err) : err_set(err, "'%s' closed the connection", l->server->name);
	default:
		verified = SSL_get_verify_result(l->ssl);
		if (verified != X509_V_OK && l->server->verify) {
			ERR_clear_error();
			return err_set(err, "the certificate of '%s' is not good: %s", l->server->name, X509_verify_cert_error_string(verified));
		}
		return tls_err(err, what, l->server->name);
	}
}

static int finish_connect(struct redis_link *l, struct err *err)
{
	struct pollfd p = {.fd = l->fd, .events = POLLOUT};
	int cause = 0;
	socklen_t len = sizeof(cause);

	if (poll(&p, 1, 0) <= 0)
		return 0;
	(void)getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &cause, &len);
	if (cause) {
		atomic_fetch_add_explicit(&l->server->failed, 1, memory_order_relaxed);
		errno = cause;
		return broken(l, "cannot connect to", err);
	}
	l->stage = l->ssl ? STAGE_TLS : STAGE_LOGIN;
	return 0;
}

static int finish_tls(struct redis_link *l, struct err *err)
{
	int rc;

	l->want_write = false;
	ERR_clear_error();
	errno = 0;
	rc = SSL_do_handshake(l->ssl);
	if (rc != 1)
		return tls_outcome(l, rc, "TLS with", err);
	l->stage = STAGE_LOGIN;
	return 0;
}

/* SSL_write has no MSG_NOSIGNAL: weird ignores SIGPIPE. */
static int write_out(struct redis_link *l, struct err *err)
{
	l->want_write = false;
	while (l->sent < l->out.len) {
		const char *p = l->out.p + l->sent;
		size_t n = l->out.len - l->sent;
		ssize_t done;

		errno = 0;
		if (l->ssl) {
			ERR_clear_error();
			done = SSL_write(l->ssl, p, n > READ_BYTES ? READ_BYTES : (int)n);
			if (done <= 0)
				return tls_outcome(l, (int)done, "cannot write to", err);
		} else {
			done = send(l->fd, p, n, MSG_NOSIGNAL);
			if (done < 0)
				return errno == EAGAIN || errno == EINTR ? 0 : broken(l, "cannot write to", err);
		}
		l->sent += (size_t)done;
	}
	buf_clear(&l->out);
	l->sent = 0;
	return 0;
}

/* What was taken goes. */
static void close_up(struct redis_link *l)
{
	if (!l->taken)
		return;
	memmove(l->in.p, l->in.p + l->taken, l->in.len - l->taken);
	l->in.len -= l->taken;
	l->taken = 0;
}

static int read_in(struct redis_link *l, struct err *err)
{
	/* As much as a turn should take: the socket says that there is more. It does not know what OpenSSL holds already. */
	for (int i = 0; i < 16 || (l->ssl && SSL_pending(l->ssl)); i++) {
		char *p = buf_room(&l->in, READ_BYTES);
		ssize_t n;

		if (!p)
			return err_set(err, "'%s' sends an answer of more than %d bytes", l->server->name, RESP_MAX);
		errno = 0;
		if (l->ssl) {
			ERR_clear_error();
			n = SSL_read(l->ssl, p, READ_BYTES);
			if (n <= 0)
				return tls_outcome(l, (int)n, "cannot read from", err);
		} else {
			n = recv(l->fd, p, READ_BYTES, 0);
			if (n == 0)
				return err_set(err, "'%s' closed the connection", l->server->name);
			if (n < 0)
				return errno == EAGAIN || errno == EINTR ? 0 : broken(l, "cannot read from", err);
		}
		l->in.len += (size_t)n;
		if (n < READ_BYTES && !l->ssl)
			return 0;
	}
	return 0;
}

static int next_reply(struct redis_link *l, struct arena *a, struct resp *out, struct err *err)
{
	struct str rest = str_from(buf_slice(&l->in), l->taken);
	size_t len;
	int rc = resp_whole(&l->scan, rest, &len);

	if (rc == 1 && resp_read(a, str_sub(rest, 0, len), out))
		rc = -1;
	if (rc == -1)
		return err_set(err, "'%s' does not speak Redis' protocol", l->server->name);
	if (rc == 1)
		l->taken += len;
	return rc;
}

static int take_greeting(struct redis_link *l, struct err *err)
{
	while (l->greeting) {
		struct resp r;
		int rc = next_reply(l, &l->scratch, &r, err);

		if (rc <= 0)
			return rc;
		if (r.type == RESP_ERROR)
			return err_set(err, "'%s' refuses: %.*s", l->server->name, STR_ARG(str_sub(r.text, 0, 200)));
		l->greeting--;
	}
	l->stage = STAGE_READY;
	arena_release(&l->scratch);
	return 0;
}

int redis_link_turn(struct redis_link *l, struct err *err)
{
	close_up(l);
	if (l->broken) {
		*err = l->why;
		return -1;
	}
	if ((l->stage == STAGE_CONNECT && finish_connect(l, err)) || (l->stage == STAGE_TLS && finish_tls(l, err)))
		return -1;
	if (l->stage < STAGE_LOGIN)
		return 0;
	if (write_out(l, &l->why) || (!l->hold && read_in(l, &l->why))) {
		/* What came before is given first: an element of a list is nowhere else any more. */
		l->broken = true;
		if (l->in.len == 0) {
			*err = l->why;
			return -1;
		}
	}
	return l->stage == STAGE_LOGIN ? take_greeting(l, err) : 0;
}

int redis_link_fd(const struct redis_link *l)
{
	return l->fd;
}

short redis_link_events(const struct redis_link *l)
{
	short events = l->hold && l->stage == STAGE_READY ? 0 : POLLIN;

	if (l->stage == STAGE_CONNECT)
		return POLLOUT;
	if (l->want_write || (l->stage >= STAGE_LOGIN && l->sent < l->out.len))
		events |= POLLOUT;
	return events;
}

bool redis_link_ready(const struct redis_link *l)
{
	return l->stage == STAGE_READY;
}

bool redis_link_flushed(const struct redis_link *l)
{
	return l->out.len == 0;
}

struct buf *redis_link_out(struct redis_link *l)
{
	return &l->out;
}

int redis_link_reply(struct redis_link *l, struct arena *a, struct resp *out, struct err *err)
{
	return l->stage == STAGE_READY ? next_reply(l, a, out, err) : 0;
}

void redis_link_hold(struct redis_link *l, bool hold)
{
	l->hold = hold;
}
