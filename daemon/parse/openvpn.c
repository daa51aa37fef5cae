/*
 * openvpn.c - OpenVPN's server.
 *
 *	203.0.113.77:46739 VERIFY OK: depth=0, CN=alice-laptop			before an address was given
 *	alice-laptop/203.0.113.77:46739 MULTI: primary virtual IP for ..: 10.8.0.2	from then on
 *	alice-laptop/udp4:203.0.113.77:46739 MULTI: ..					2.7, which listens on several sockets
 *
 * Who it is about stands in front. The name there is the certificate's (the user's with username-as-common-name), and stands there only after
 * everything was checked; "[alice-laptop] Peer Connection Initiated" stands in the log of a failed login, too. So vpn.certificate is set wherever a
 * line has the name, user.name only by a line that proves it. A name may hold blanks, '/' and quotes: find_peer().
 *
 * Its own log file begins with "2026-11-23 08:15:13 us=687322 " (2.5 on) or "Mon Nov 23 08:15:13 2026 ".
 */
#include "parse/message.h"

/* What is the peer's in front of a text. */
struct peer {
	struct str name, ip, port; /* name.len 0: none yet */
	struct str transport;	   /* "udp", "tcp"; "" where it does not say */
	struct str rest;	   /* the text behind */
};

/* "203.0.113.77:46739", "2001:db8::77:46739", "::ffff:192.0.2.1:1194": the last colon is the port's. The length, or 0. */
static size_t address_port(struct str s, struct str *ip, struct str *port)
{
	size_t n = 0;
	ptrdiff_t colon;

	while (n < s.len && n < 60 && (ch_xdigit(s.p[n]) || s.p[n] == '.' || s.p[n] == ':'))
		n++;
	s = str_sub(s, 0, n);
	colon = str_rchr(s, ':');
	if (colon < 2 || (size_t)colon + 1 == n)
		return 0;
	*ip = str_sub(s, 0, (size_t)colon);
	*port = str_from(s, (size_t)colon + 1);
	for (size_t i = 0; i < port->len; i++)
		if (!ch_digit(port->p[i]))
			return 0;
	return port->len <= 5 && str_is_ip(*ip) ? n : 0;
}

/* "udp4:", "tcp6-server:", as 2.7 puts it in front of an address. Its length, or 0. */
static size_t transport_word(struct str s, struct str *transport)
{
	struct str rest = s;

	*transport = STR("");
	if (s.len < 5 || (s.p[0] != 'u' && s.p[0] != 't') || (!scan_lit(&rest, "udp") && !scan_lit(&rest, "tcp")))
		return 0;
	(void)(scan_ch(&rest, '4') || scan_ch(&rest, '6'));
	(void)scan_lit(&rest, "-server");
	if (!scan_ch(&rest, ':'))
		return 0;
	*transport = str_sub(s, 0, 3);
	return s.len - rest.len;
}

/*
 * As a peer stands in front of a line: OpenVPN prints an IPv6 address there without its port, since both together would be ambiguous. port.len is 0 then.
 */
static size_t peer_address(struct str s, struct peer *out)
{
	size_t word = transport_word(s, &out->transport), n = 0;

	s = str_from(s, word);
	while (n < s.len && n < 60 && (ch_xdigit(s.p[n]) || s.p[n] == '.' || s.p[n] == ':'))
		n++;
	if (str_chr(str_sub(s, 0, n), ':') < 0 || !str_is_ip(str_sub(s, 0, n))) {
		n = address_port(s, &out->ip, &out->port);
		return n ? word + n : 0;
	}
	out->ip = str_sub(s, 0, n);
	out->port = str_sub(s, 0, 0);
	return word + n;
}

/* The peer in front of s, whose name ends not before `from`. */
static bool find_peer(struct str s, size_t from, struct peer *out)
{
	size_t n = from ? 0 : peer_address(s, out);

	if (n && n < s.len && s.p[n] == ' ') {
		out->name = STR("");
		out->rest = str_from(s, n + 1);
		return true;
	}
	for (size_t i = from ? from : 1; i + 8 < s.len; i++) {
		if (s.p[i] != '/')
			continue;
		n = peer_address(str_from(s, i + 1), out);
		if (n == 0 || i + 1 + n >= s.len || s.p[i + 1 + n] != ' ')
			continue;
		out->name = str_sub(s, 0, i);
		/* The text of another message, in which somebody wrote what looks like a peer: "AUTH-PAM: BACKGROUND: user 'x/192.0.2.1:5 .." */
		if (str_find(out->name, STR(": ")) >= 0 || s.p[0] == '[')
			return false;
		out->rest = str_from(s, i + n + 2);
		return true;
	}
	return false;
}

/* "[AF_INET]203.0.113.77:46739 (via [AF_INET]10.0.1.200%ens5)", "[AF_INET6]2001:db8::77:46739", "[AF_INET][undef]:1194" */
static bool put_socket(struct record *r, struct str s, enum field_id ip_field, enum field_id port_field)
{
	struct str ip, port, rest, via, zone;
	size_t n;

	(void)(scan_lit(&s, "[AF_INET]") || scan_lit(&s, "[AF_INET6]"));
	if (scan_lit(&s, "[undef]:"))
		return rec_num(r, port_field, s);
	n = address_port(s, &ip, &port);
	if (n == 0)
		return false;
	rec_ip(r, ip_field, ip);
	rec_num(r, port_field, port);
	if (ip_field == F_SOURCE_IP)
		rec_str(r, F_SOURCE_ADDRESS, ip);
	rest = str_from(s, n);
	if (scan_lit(&rest, " (via ") && scan_until(&rest, ')', &via)) {
		(void)(scan_lit(&via, "[AF_INET]") || scan_lit(&via, "[AF_INET6]") || scan_lit(&via, "::ffff:"));
		zone = via;
		if (str_cut(&zone, '%', &via))
			rec_str(r, F_OBSERVER_INGRESS_INTERFACE_NAME, zone);
		(void)rec_ip(r, F_DESTINATION_IP, via);
	}
	return true;
}

/* "C=ES, O=Icecrown CA, CN=client01", "/C=US/CN=client1/emailAddress=x": the common name of a subject. */
static struct str common_name(struct str s)
{
	bool slashes = s.len && s.p[0] == '/';
	struct str part;

	if (slashes)
		s = str_from(s, 1);
	while (s.len) {
		if (slashes ? !str_cut(&s, '/', &part) : !scan_until_str(&s, STR(", "), &part)) {
			part = s;
			s = STR("");
		}
		if (scan_lit(&part, "CN="))
			return part;
	}
	return STR("");
}

static void put_name(struct record *r, struct str name)
{
	if (name.len && !str_eq(name, STR("UNDEF")))
		rec_str(r, F_VPN_CERTIFICATE, name);
}

/* The inner address: 10.8.0.2, 2001:db8::1000, "10.8.0.2@1" with a VLAN; an Ethernet address of a bridge. */
static bool put_inner(struct record *r, struct str s)
{
	struct str head, rest = s;

	if (str_cut(&rest, '@', &head))
		s = head;
	if (rec_ip(r, F_CLIENT_IP, s) || rec_mac(r, F_CLIENT_MAC, s))
		return true;
	rest = s;
	if (!scan_ip(&rest, &head) || !scan_ch(&rest, '/'))
		return false;
	rec_raw(r, "network", s); /* what lies behind the peer */
	return true;
}

/* "IPv4=10.8.0.2, IPv6=2001:db8::1000": the event is about the first that there is. "(Not enabled)" is none. */
static void put_pool(struct record *r, struct str s)
{
	struct value have = rec_get(r, F_CLIENT_IP);

	if (!str_is_ip(s))
		return;
	rec_ip(r, F_CLIENT_IP, s);
	if (have.type == V_NONE)
		return;
	rec_value(r, F_CLIENT_IP, have);
	rec_raw(r, "client_ip6", s);
}

/* TLSv1.3: 1.3 */
static void put_tls_version(struct record *r, struct str s)
{
	if (!scan_lit(&s, "TLSv"))
		return;
	rec_str(r, F_TLS_VERSION, str_eq(s, STR("1")) ? STR("1.0") : s);
	rec_str(r, F_TLS_VERSION_PROTOCOL, STR("tls"));
}

/* IV_PLAT=linux */
static bool put_peer_info(struct record *r, struct str s)
{
	struct str key;
	char *name;

	if (!str_cut(&s, '=', &key) || key.len == 0 || key.len > 40 || !str_is_name(key))
		return false;
	if (s.len > 1 && s.p[0] == '"' && s.p[s.len - 1] == '"')
		s = str_sub(s, 1, s.len - 2);
	if (str_eq(key, STR("IV_PLAT"))) {
		rec_str(r, F_VPN_PLATFORM, s);
		return true;
	}
	if (str_eq(key, STR("IV_HWADDR")) && rec_mac(r, F_SOURCE_MAC, s))
		return true;
	name = arena_bytes(r->arena, key.len + 1);
	memcpy(name, key.p, key.len);
	name[key.len] = 0;
	rec_raw(r, name, s);
	return true;
}

/* PUSH_REPLY,route-gateway 10.8.0.1,..,ifconfig 10.8.0.2 255.255.255.0,peer-id 1,cipher AES-256-GCM,.. */
static void put_push(struct record *r, struct str s)
{
	struct str item, value;

	if (scan_lit(&s, "AUTH_FAILED")) {
		rec_action(r, "vpn-login", "authentication", "denied");
		rec_outcome(r, "failure");
		if (scan_ch(&s, ','))
			rec_str(r, F_EVENT_REASON, s);
		return;
	}
	if (!scan_lit(&s, "PUSH_REPLY,"))
		return;
	while (s.len) {
		if (!str_cut(&s, ',', &item)) {
			item = s;
			s = STR("");
		}
		if (scan_lit(&item, "ifconfig ") && scan_word(&item, &value))
			(void)rec_ip(r, F_CLIENT_IP, value);
		else if (scan_lit(&item, "ifconfig-ipv6 ") && scan_ip(&item, &value) && rec_get(r, F_CLIENT_IP).type == V_NONE)
			(void)rec_ip(r, F_CLIENT_IP, value);
		else if (scan_lit(&item, "peer-id "))
			rec_raw(r, "peer_id", item);
		else if (scan_lit(&item, "cipher "))
			rec_raw(r, "cipher", item);
	}
}

static bool put_peer_socket(struct record *r, struct str v)
{
	return put_socket(r, v, F_SOURCE_IP, F_SOURCE_PORT);
}

static bool put_server_socket(struct record *r, struct str v)
{
	(void)put_socket(r, v, F_SERVER_IP, F_SERVER_PORT);
	return true;
}

static bool put_pool_address(struct record *r, struct str v)
{
	put_pool(r, v);
	return true;
}

static bool put_common_name(struct record *r, struct str v)
{
	put_name(r, v);
	return true;
}

static bool put_subject(struct record *r, struct str v)
{
	rec_str(r, F_TLS_CLIENT_SUBJECT, v);
	put_name(r, common_name(v));
	return true;
}

/* What stood in a packet of the tunnel, which nobody was given: no address of the client's. */
static bool put_packet_source(struct record *r, struct str v)
{
	rec_raw(r, "packet_source", v);
	if (str_is_ip(v))
		rec_related_ip(r, v);
	return true;
}

static bool put_version(struct record *r, struct str v)
{
	put_tls_version(r, v);
	return true;
}

static bool put_peer_address(struct record *r, struct str v)
{
	if (put_socket(r, v, F_SOURCE_IP, F_SOURCE_PORT))
		return true;
	rec_str(r, F_SOURCE_ADDRESS, v);
	return rec_ip(r, F_SOURCE_IP, v);
}

/* 203.0.113.77:46739, and no more: a user name is in front of it. */
static bool put_bare_socket(struct record *r, struct str v)
{
	struct str ip, port;

	return address_port(v, &ip, &port) == v.len && put_socket(r, v, F_SOURCE_IP, F_SOURCE_PORT);
}

/* What the letters in the patterns stand for. */
static const struct message_place places[] = {
	AS_CALL('A', put_inner),
	AS_RAW('a', "ca"),
	AS_RAW('B', "bytes"),
	AS_RAW('b', "pool_base"),
	AS_CALL('C', put_peer_socket),
	AS_STR('c', F_TLS_CIPHER),
	AS_CALL('D', put_server_socket),
	AS_RAW('d', "cipher"),
	AS_STR('E', F_ERROR_MESSAGE),
	AS_STR('f', F_FILE_PATH),
	AS_RAW('g', "signal"),
	AS_RAW('h', "network"),
	AS_CALL('I', put_pool_address),
	AS_RAW('i', "peer_id"),
	AS_RAW('k', "command"),
	AS_RAW('l', "serial"),
	AS_STR('M', F_VPN_SESSION_REASON),
	AS_RAW('m', "management"),
	AS_CALL('N', put_common_name),
	AS_RAW('n', "dn"),
	AS_CALL('o', put_bare_socket),
	AS_CALL('P', put_peer_info),
	AS_CALL('p', put_packet_source),
	AS_RAW('q', "former_user"),
	AS_STR('R', F_EVENT_REASON),
	AS_RAW('r', "claimed_user"),
	AS_CALL('S', put_subject),
	AS_STR('s', F_VPN_SESSION_ID),
	AS_STR('t', F_VPN_TUNNEL),
	AS_USER('U', F_USER_NAME),
	AS_STR('V', F_SERVICE_VERSION),
	AS_CALL('v', put_version),
	AS_RAW('w', "seconds"),
	AS_CALL('x', put_peer_address),
	AS_RAW('z', "pool_size"),
	{0}};

#define MSG "daemon-message", "network", "info"
#define LOGIN "vpn-login", "authentication"
#define CERT "vpn-certificate", "authentication"
#define CONN "vpn-connect", "network"
#define LIST (const struct message[])

/* First what a session goes through; what the server says of itself is below. */
static const struct messages messages = {
	.by = {
		['['] = LIST{
			{"[%N] Peer Connection Initiated with %C", CONN, "start", NULL},
			{"[%N] Inactivity timeout (--%M), restarting", MSG, NULL},
			{"[%N] Inactivity timeout (--%M), exiting", MSG, NULL},
			{0}},
		['A'] = LIST{
			{"AUTH: Received control message: %R", LOGIN, "denied", "failure"},
			{"AUTH-PAM: BACKGROUND: user '%U' failed to authenticate: %R", LOGIN, "denied", "failure"},
			{"AUTH-PAM: BACKGROUND: USER: %U", MSG, NULL},
			{"AUTH-PAM: %R", MSG, NULL},
			{"Authenticate/Decrypt packet error: %E", MSG, "failure"},
			{0}},
		['B'] = LIST{{"Bad %*", MSG, "failure"}, {0}},
		['C'] = LIST{
			{"Control Channel: %v, cipher %* %c, %*", CONN, "protocol", NULL},
			{"Control Channel: %v, cipher %* %c", CONN, "protocol", NULL},
			{"CC-EEN exit message received by peer", MSG, NULL},
			{"Connection reset, restarting [%*", MSG, NULL},
			{"CRL: loaded %* CRLs from file %f", MSG, NULL},
			{"CRL: cannot %*", MSG, "failure"},
			{0}},
		['D'] = LIST{
			{"Disallow float to an address taken by another client %C", MSG, "failure"},
			{"Data Channel: cipher '%d', peer-id: %i", MSG, NULL},
			{"Data Channel: cipher '%d'%*", MSG, NULL},
			{"Data Channel: using negotiated cipher '%d'", MSG, NULL},
			{"Data Channel Encrypt: Cipher '%d' initialized%*", MSG, NULL},
			{"Data Channel Decrypt: Cipher '%d' initialized%*", MSG, NULL},
			{"Delayed exit in %w seconds", MSG, NULL},
			{"Data channel cipher negotiation failed (%R)", MSG, "failure"},
			{0}},
		['E'] = LIST{{"ERROR: %E", MSG, "failure"}, {0}},
		['F'] = LIST{{"Float requested for peer %i to %x", MSG, NULL}, {"Fatal TLS error (%*", MSG, "failure"}, {0}},
		['I'] = LIST{
			{"Incoming Data Channel: Cipher '%d' initialized%*", MSG, NULL},
			{"Inactivity timeout (--%M), restarting", MSG, NULL},
			{"Inactivity timeout (--%M), exiting", MSG, NULL},
			{"IFCONFIG POOL%*: base=%b size=%z netbits=%*", MSG, NULL},
			{"IFCONFIG POOL%*: base=%b size=%z, ipv6=%*", MSG, NULL},
			{"IFCONFIG POOL%*: base=%b size=%z", MSG, NULL},
			/* openvpn-auth-ldap */
			{"Incorrect password supplied for LDAP DN \"%n\".", LOGIN, "denied", "failure"},
			{0}},
		['i'] = LIST{
			/* The file of the pool: who had which address. */
			{"ifconfig_pool_read(), in='%N,%A,%*'", MSG, NULL},
			{"ifconfig_pool_read(), in='%N,%A'%*", MSG, NULL},
			{0}},
		['L'] = LIST{
			{"Listening for incoming TCP connection on %D", MSG, NULL},
			{"LDAP user \"%U\" was not found.", LOGIN, "denied", "failure"},
			{"LDAP bind failed immediately: %E", MSG, "failure"},
			{"LDAP bind failed: %E", MSG, "failure"},
			{"LDAP search failed: %E", MSG, "failure"},
			{"LDAP connect failed.", MSG, "failure"},
			{0}},
		['M'] = LIST{
			{"MULTI: Learn: %A -> %*", "vpn-assign", "network", "start", "success"},
			{"MULTI: Learn (%*): %A -> %*", "vpn-assign", "network", "start", "success"},
			{"MULTI: primary virtual IP for %*: %A", "vpn-assign", "network", "start", "success"},
			{"MULTI: primary virtual IPv6 for %*: %A", "vpn-assign", "network", "start", "success"},
			{"MULTI_sva: pool returned IPv4=%I, IPv6=%I", MSG, NULL},
			{"MULTI: new connection by client '%N' will cause previous active sessions by this client to be dropped.%*", MSG, NULL},
			{"MULTI: bad source address from client [%p], packet dropped", MSG, "failure"},
			{"MULTI: internal route %h -> %*", MSG, NULL},
			{"MULTI: client has been rejected due to %R", LOGIN, "denied", "failure"},
			{"MULTI: connection rejected: %R, CLI:%*", LOGIN, "denied", "failure"},
			{"MULTI: Connection attempt from %C ignored while %R", CONN, "denied", "failure"},
			{"MULTI: Connection from %C would exceed %R", CONN, "denied", "failure"},
			{"MULTI: no free --ifconfig-pool addresses are available", MSG, "failure"},
			{"MULTI: no dynamic or static remote --ifconfig address is available for %*", MSG, "failure"},
			{"MULTI ERROR: %E", MSG, "failure"},
			{"MULTI%*", MSG, NULL},
			{"MANAGEMENT: CMD '%k'", MSG, NULL},
			{"MANAGEMENT: Client connected from %m", MSG, NULL},
			{"MANAGEMENT: %* listening on %m", MSG, NULL},
			{0}},
		['O'] = LIST{
			{"OPTIONS IMPORT: reading client specific options from: %f", MSG, NULL},
			{"OCC exit message received by peer", MSG, NULL},
			{"Outgoing Data Channel: Cipher '%d' initialized%*", MSG, NULL},
			{"OTP-AUTH: authentication succeeded for username '%U', remote %o", LOGIN, "allowed", "success"},
			{"OTP-AUTH: authentication failed for username '%U', remote %o", LOGIN, "denied", "failure"},
			{"OpenVPN STATISTICS", MSG, NULL},
			{"OpenVPN %V %*", MSG, NULL},
			{"OpenSSL: %E", MSG, "failure"},
			{"Options error: %E", MSG, "failure"},
			{0}},
		['P'] = LIST{
			{"Peer Connection Initiated with %C", CONN, "start", NULL},
			{"PLUGIN_CALL: POST %f/PLUGIN_AUTH_USER_PASS_VERIFY status=0", LOGIN, "allowed", "success"},
			{"PLUGIN_CALL: POST %f/PLUGIN_AUTH_USER_PASS_VERIFY status=1", LOGIN, "denied", "failure"},
			{"PLUGIN_CALL: plugin function %* failed with status %*: %f", MSG, "failure"},
			{"PUSH: Received control message: '%*", MSG, NULL},
			{"PUSH: No %R", MSG, "failure"},
			{0}},
		['S'] = LIST{
			{"SENT CONTROL [%N]: '%*' (status=%*)", MSG, NULL},
			{"SIG%g[%*,%M] received, client-instance exiting", "vpn-disconnect", "network", "end", NULL},
			{"SIG%g[%*,%M] received, client-instance restarting", "vpn-disconnect", "network", "end", NULL},
			{"SIG%g[%*,%M] received, process exiting", MSG, NULL},
			{"SIG%g[%*,%M] received, process restarting", MSG, NULL},
			{"Socket Buffers: %*", MSG, NULL},
			{0}},
		['T'] = LIST{
			{"TLS: Initial packet from %C, sid=%s", CONN, "start", NULL},
			{"TLS: Username/Password authentication succeeded for username '%U' [CN SET]", LOGIN, "allowed", "success"},
			{"TLS: Username/Password authentication succeeded for username '%U'", LOGIN, "allowed", "success"},
			{"TLS: Username/auth-token authentication succeeded for username '%U' [CN SET]", LOGIN, "allowed", "success"},
			{"TLS: Username/auth-token authentication succeeded for username '%U'", LOGIN, "allowed", "success"},
			{"TLS: Username/auth-token authentication failed for username '%U' [CN SET]", LOGIN, "denied", "failure"},
			{"TLS: Username/auth-token authentication failed for username '%U'", LOGIN, "denied", "failure"},
			{"TLS: Username/Password authentication deferred for username '%U' [CN SET]", LOGIN, "info", NULL},
			{"TLS: Username/Password authentication deferred for username '%U'", LOGIN, "info", NULL},
			{"TLS Auth Error: username attempted to change from '%q' to '%r' -- tunnel disabled", LOGIN, "denied", "failure"},
			{"TLS Auth Error: --client-config-dir authentication failed for common name '%N' file='%f'", LOGIN, "denied", "failure"},
			{"TLS Auth Error: %R", LOGIN, "denied", "failure"},
			{"TLS Auth Error (%R", LOGIN, "denied", "failure"},
			{"TLS Error: Auth Username/Password was not provided by peer", LOGIN, "denied", "failure"},
			{"TLS Error: Username/Password authentication failed%*", LOGIN, "denied", "failure"},
			{"TLS Error: TLS key negotiation failed to occur within %* seconds%*", CONN, "error", "failure"},
			{"TLS Error: TLS handshake failed", CONN, "error", "failure"},
			{"TLS Error: %* from %C (%*)", MSG, "failure"},
			{"TLS Error: %* from %C", MSG, "failure"},
			{"TLS Error: %* out of sync: %C %*", MSG, "failure"},
			{"TLS Error: %E", MSG, "failure"},
			{"TLS error: %E", MSG, "failure"},
			{"TLS_ERROR: %E", MSG, "failure"},
			{"TLS: soft reset sec=%* bytes=%B/%* pkts=%*", MSG, NULL},
			{"TLS: %*", MSG, NULL},
			{"TCP connection established with %C", CONN, "start", NULL},
			{"TCP/UDP: Incoming packet rejected from %C, expected peer address: %*", MSG, "failure"},
			{"TCP/UDP: %*", MSG, NULL},
			{"TCPv4_SERVER link local (bound): %D", MSG, NULL},
			{"TCPv6_SERVER link local (bound): %D", MSG, NULL},
			{"TCPv%* link %*", MSG, NULL},
			{"TUN/TAP device %t opened", MSG, NULL},
			{"TUN/TAP %*", MSG, NULL},
			{0}},
		['U'] = LIST{
			{"UDPv4 link local (bound): %D", MSG, NULL},
			{"UDPv6 link local (bound): %D", MSG, NULL},
			{"UDPv%* link %*", MSG, NULL},
			{"UID set to %*", MSG, NULL},
			{"Unroutable control packet received from %C (%*)", MSG, "failure"},
			{"Unable to bind as %n", MSG, "failure"},
			{"Unrecognized option %*", MSG, "failure"},
			{"Use --help for more information.", MSG, NULL},
			{0}},
		['V'] = LIST{
			{"VERIFY OK: depth=0, %S", CERT, "info", "success"},
			{"VERIFY OK: depth=%*, %a", CERT, "info", "success"},
			{"VERIFY SCRIPT OK: depth=0, %S", CERT, "info", "success"},
			{"VERIFY SCRIPT ERROR: depth=0, %S", CERT, "denied", "failure"},
			{"VERIFY X509NAME OK: %S", CERT, "info", "success"},
			{"VERIFY X509NAME ERROR: %S, must be %*", CERT, "denied", "failure"},
			{"VERIFY ERROR: depth=0, error=%R: %S, serial=%l", CERT, "denied", "failure"},
			{"VERIFY ERROR: depth=0, error=%R: %S", CERT, "denied", "failure"},
			{"VERIFY ERROR: depth=%*, error=%R: %a, serial=%l", CERT, "denied", "failure"},
			{"VERIFY ERROR: depth=%*, error=%R: %a", CERT, "denied", "failure"},
			{"VERIFY ERROR: %R", CERT, "denied", "failure"},
			{"VERIFY WARNING: depth=0, %R: %S", CERT, "info", NULL},
			{"VERIFY WARNING: %R", CERT, "info", NULL},
			{"VERIFY CRL: %R", CERT, "denied", "failure"},
			{"VERIFY KU ERROR", CERT, "denied", "failure"},
			{"VERIFY EKU ERROR", CERT, "denied", "failure"},
			{"VERIFY %* OK%*", CERT, "info", "success"},
			{"VERIFY %* ERROR%*", CERT, "denied", "failure"},
			{"Validating certificate %*", MSG, NULL},
			{0}},
		['W'] = LIST{
			{"WARNING: Failed running command (--auth-user-pass-verify): %R", LOGIN, "denied", "failure"},
			{"WARNING: %R", MSG, NULL},
			{0}},
		/* pfSense's scripts, under the same name. */
		['o'] = LIST{
			{"openvpn server '%t' user '%U' address '%x' - connected", CONN, "start", "success"},
			{"openvpn server '%t' user '%U' address '%x' - disconnected", "vpn-disconnect", "network", "end", NULL},
			{"openvpn server '%t' user '%*' address '%x' - connecting", CONN, "start", NULL},
			{0}},
		['p'] = LIST{
			{"peer info: %P", MSG, NULL},
			{"peer %i (%N) floated from %* to %C", MSG, NULL},
			{"pid=%*", MSG, NULL},
			{0}},
		['r'] = LIST{{"read %*: %E (%*)", MSG, "failure"}, {"read %E", MSG, "failure"}, {0}},
		['t'] = LIST{
			{"tls-crypt unwrap error: %E", MSG, "failure"},
			{"tls-crypt%*", MSG, NULL},
			{0}},
		['u'] = LIST{
			{"user '%U' authenticated", LOGIN, "allowed", "success"},
			{"user '%U' could not authenticate.", LOGIN, "denied", "failure"},
			{0}},
		['w'] = LIST{{"write %*: %E (%*)", MSG, "failure"}, {"write %E", MSG, "failure"}, {0}},
	},
};

/* How lines begin that say only how the server is. */
static bool of_the_server(struct str s)
{
	static const struct str begins[] = {
		STR_INIT("library versions:"), STR_INIT("Initialization Sequence Completed"), STR_INIT("IFCONFIG POOL"), STR_INIT("ifconfig_pool"),
		STR_INIT("net_"), STR_INIT("ROUTE"), STR_INIT("GID set to"), STR_INIT("Could not determine IPv4/IPv6"), STR_INIT("Closing "),
		STR_INIT("/sbin/"), STR_INIT("/usr/"), STR_INIT("/bin/"), STR_INIT("Diffie-Hellman"), STR_INIT("NOTE:"), STR_INIT("Note:"),
		STR_INIT("DEPRECATED"), STR_INIT("DCO "), STR_INIT("dco_"), STR_INIT("Outgoing Control Channel"), STR_INIT("Incoming Control Channel"),
		STR_INIT("MANAGEMENT:"), STR_INIT("Timers:"), STR_INIT("Protocol options:"), STR_INIT("event_wait"), STR_INIT("succeeded ->"),
		STR_INIT("Control Channel"), STR_INIT("Data Channel"), STR_INIT("Local Options"), STR_INIT("Expected Remote Options"),
		STR_INIT("Exiting due to fatal error"), STR_INIT("Re-using"), STR_INIT("LZO"),
		STR_INIT("LZ4"), STR_INIT("OPTIONS"), STR_INIT("do_ifconfig"), STR_INIT("Replay-window"), STR_INIT("Current Parameter Settings"),
		STR_INIT("Preserving"), STR_INIT("CRL"), STR_INIT("Cannot"), STR_INIT("Fatal"), STR_INIT("openvpn_"), STR_INIT("SSL"),
		STR_INIT("Certificate"), STR_INIT("++ Certificate"), STR_INIT("PLUGIN"), STR_INIT("AEAD"), STR_INIT("Using"), STR_INIT("Linux "),
		STR_INIT("client_connect"), STR_INIT("Need"), STR_INIT("Received"), STR_INIT("Key"), STR_INIT("Peer"), STR_INIT("Opened"),
		STR_INIT("setsockopt"), STR_INIT("auth_user_pass_verify"),
	};

	for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++)
		if (str_starts(s, begins[i]))
			return true;
	/* The settings, one a line, at verb 4: "proto = 0". */
	return str_find(s, STR(" = ")) > 0;
}

static bool is_action(struct record *r, const char *name)
{
	struct value v = rec_get(r, F_EVENT_ACTION);

	return v.type == V_STRING && str_eqz(value_str(&v), name);
}

/* "TCP connection ..", "UDPv4 link ..", "read UDPv4 ..": as far as the line says. */
static void put_transport(struct record *r, struct str s)
{
	(void)(scan_lit(&s, "read ") || scan_lit(&s, "write "));
	if (str_starts(s, STR("UDPv")))
		rec_str(r, F_NETWORK_TRANSPORT, STR("udp"));
	else if (str_starts(s, STR("TCPv")) || str_starts(s, STR("TCP connection")))
		rec_str(r, F_NETWORK_TRANSPORT, STR("tcp"));
}

/* The text behind the peer. `named`: the certificate's name stood in front, so the peer is let in. */
static bool take_text(struct record *r, struct str s, bool named)
{
	const struct message *m = message_find(r, &messages, s, places);

	if (!m) {
		if (!of_the_server(s))
			return false;
		rec_action(r, "daemon-message", "network", "info");
		return true;
	}
	put_transport(r, s);
	if (str_starts(s, STR("WARNING: ")))
		rec_str(r, F_LOG_LEVEL, STR("WARNING"));
	else if (str_starts(s, STR("ERROR: ")))
		rec_str(r, F_LOG_LEVEL, STR("ERROR"));
	/* put_push() knows better. */
	if (str_starts(s, STR("SENT CONTROL ["))) {
		struct str body = s, head, what;

		if (scan_until_str(&body, STR("]: '"), &head) && scan_until_last(&body, STR("' (status="), &what))
			put_push(r, what);
	}
	/* A bridge learns Ethernet addresses, a site's peer has a network behind: nothing is given. */
	if (is_action(r, "vpn-assign") && rec_get(r, F_CLIENT_IP).type == V_NONE)
		rec_action(r, "daemon-message", "network", "info");
	/* Keys are made anew every hour. */
	if (named && is_action(r, "vpn-connect"))
		rec_action(r, "daemon-message", "network", "info");
	if (m->outcome && strcmp(m->outcome, "failure") == 0 && rec_get(r, F_EVENT_REASON).type == V_NONE &&
	    rec_get(r, F_ERROR_MESSAGE).type == V_NONE && rec_get(r, F_USER_NAME).type == V_NONE)
		rec_str(r, F_EVENT_REASON, s);
	return true;
}

static void put_peer(struct record *r, const struct peer *p)
{
	put_name(r, p->name);
	rec_str(r, F_SOURCE_ADDRESS, p->ip);
	rec_ip(r, F_SOURCE_IP, p->ip);
	if (p->port.len)
		rec_num(r, F_SOURCE_PORT, p->port);
	if (p->transport.len)
		rec_str(r, F_NETWORK_TRANSPORT, p->transport);
}

/* Where a name holds "/192.0.2.1:5 " itself, the text that is known behind a later one tells. */
static bool take_peer(struct record *r, struct str s)
{
	struct record_mark mark = rec_mark(r);
	struct peer p, first;
	size_t from = 0;
	bool any = false;

	for (int tries = 0; tries < 4 && find_peer(s, from, &p); tries++) {
		if (!any)
			first = p;
		any = true;
		put_peer(r, &p);
		if (take_text(r, p.rest, p.name.len > 0))
			goto known;
		rec_reset(r, mark);
		from = p.name.len + 1;
	}
	if (!any)
		return false;
	p = first;
	put_peer(r, &p);
	rec_action(r, "daemon-message", "network", "info");
known:
	if (p.name.len && !str_eq(p.name, STR("UNDEF")) && rec_get(r, F_USER_NAME).type == V_NONE &&
	    (is_action(r, "vpn-assign") || is_action(r, "vpn-disconnect")))
		rec_user(r, F_USER_NAME, p.name);
	return true;
}

/* "alice-laptop/203.0.113.77:46739" of a line that has nothing in front. */
static void name_assigned(struct record *r, struct str s)
{
	ptrdiff_t at = str_find(s, STR(" -> "));
	struct str who = at >= 0 ? str_from(s, (size_t)at + 4) : STR("");
	struct peer p;
	ptrdiff_t slash = str_rchr(who, '/');

	if (slash <= 0 || peer_address(str_from(who, (size_t)slash + 1), &p) != who.len - (size_t)slash - 1)
		return;
	p.name = str_sub(who, 0, (size_t)slash);
	put_peer(r, &p);
	rec_user(r, F_USER_NAME, p.name);
}

/* The date of its own log file: "us=687322 " may follow. */
static bool take_stamp(struct str *s, struct syslog_stamp *stamp, struct str *text)
{
	struct str t = *s, us;
	bool iso;
	uint64_t n;

	if (syslog_take_date(&t, stamp, text, &iso) != SYSLOG_DATE_OK || !scan_ch(&t, ' '))
		return false;
	if (scan_lit(&t, "us=")) {
		if (!scan_digits(&t, 6, &us) || !str_u64(us, 999999, &n) || !scan_space(&t))
			return false;
		stamp->ns = (uint32_t)n * 1000;
	}
	*s = t;
	return true;
}

static bool is_dated(struct str s)
{
	if (s.len < 20)
		return false;
	if (ch_digit(s.p[0]))
		return s.p[4] == '-' && s.p[10] == ' ' && s.p[19] == ' ';
	/* Mon Nov 23 08:15:13 2026 */
	return s.len > 25 && s.p[3] == ' ' && s.p[7] == ' ' && s.p[10] == ' ' && s.p[19] == ' ' && ch_digit(s.p[20]) && s.p[24] == ' ';
}

static enum format_result openvpn_parse(struct record *r)
{
	struct str s = r->text, date;
	struct syslog_stamp stamp;

	if (is_dated(s) && take_stamp(&s, &stamp, &date)) {
		rec_stamp(r, &stamp, date);
		if (r->program.len == 0) {
			rec_str(r, F_EVENT_PROVIDER, STR("openvpn"));
			rec_str(r, F_PROCESS_NAME, STR("openvpn"));
		}
	}
	rec_str(r, F_VPN_PROTOCOL, STR("openvpn"));
	/* 2.6: what stands in front until the peer is known. */
	scan_lit(&s, "Connection Attempt ");
	if (take_peer(r, s))
		return FORMAT_MATCH;
	if (!take_text(r, s, false))
		return FORMAT_NO_MATCH;
	if (is_action(r, "vpn-assign"))
		name_assigned(r, s);
	return FORMAT_MATCH;
}

/* A line of its own log file: microseconds, a peer in front, or a beginning that is its own. */
static bool openvpn_shape(const struct record *r)
{
	static const struct str begins[] = {STR_INIT("OpenVPN 2."), STR_INIT("MULTI: "), STR_INIT("TLS: "), STR_INIT("TLS Error: "),
					    STR_INIT("VERIFY "), STR_INIT("Initialization Sequence Completed"), STR_INIT("TUN/TAP device "),
					    STR_INIT("UDPv4 link "), STR_INIT("UDPv6 link "), STR_INIT("TCP connection established with [AF_INET"),
					    STR_INIT("IFCONFIG POOL"), STR_INIT("library versions: OpenSSL"),
					    STR_INIT("Peer Connection Initiated with [AF_INET"), STR_INIT("Authenticate/Decrypt packet error: "),
					    STR_INIT("tls-crypt unwrap error: "), STR_INIT("Note: Kernel support for ovpn-dco "), STR_INIT("DCO version: "),
					    STR_INIT("SENT CONTROL ["), STR_INIT("Control Channel "), STR_INIT("Outgoing Control Channel "),
					    STR_INIT("Incoming Control Channel "), STR_INIT("MANAGEMENT: "), STR_INIT("OPTIONS IMPORT: "),
					    STR_INIT("Socket Buffers: R=["), STR_INIT("TCPv4_SERVER link "), STR_INIT("TCPv6_SERVER link "),
					    STR_INIT("Could not determine IPv4/IPv6 protocol"), STR_INIT("net_route_v4_best_gw "),
					    STR_INIT("ifconfig_pool_read(), in='")};
	struct str s = r->line, date;
	struct syslog_stamp stamp;
	struct peer p;

	if (!is_dated(s) || !take_stamp(&s, &stamp, &date))
		return false;
	if (stamp.ns || find_peer(s, 0, &p))
		return true;
	for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++)
		if (str_starts(s, begins[i]))
			return true;
	return false;
}

static const char *const programs[] = {"openvpn", "openvpn-*", "openvpn(*", "openvpn@*", "openvpn_*", "ovpn-*", "ovpn_*", NULL};

FORMAT(openvpn, .programs = programs, .service = STR_INIT("openvpn"), .dataset = STR_INIT("weir.vpn"), .doc = "OpenVPN's server", .versions = "OpenVPN 2.4 to 2.7",
       .shape = openvpn_shape, .parse = openvpn_parse)
