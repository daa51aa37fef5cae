/*
 * isc_dhcpd.c - ISC's DHCP server, and Infoblox, which is built on it.
 *
 *	DHCPACK on 10.20.0.100 to f6:80:5f:1d:d1:95 (alice-laptop) via eth0
 *	DHCPACK on 192.168.0.4 to 00:50:56:83:6c:a0 (DESKTOP-ABCD) via eth3 relay 192.168.0.3 lease-duration 1800 (RENEW) uid 01:00:50:56:83:6c:a0
 *
 * The name in parentheses is what the client claims and may hold anything that prints, so the last ") via " ends it; `via` an address is a relay.
 * The first server has no expiry and no lease time in its lines by default: on-event log() statements of the site may tell (take_event()).
 * The ACK of an INFORM says "to" instead of "on": the address was seen, not given.
 */
#include "parse/message.h"

struct verb {
	const char *name, *action, *type;
};

static const struct verb verbs[] = {
	{"DISCOVER", "dhcp-discover", "protocol"}, {"OFFER", "dhcp-offer", "protocol"}, {"REQUEST", "dhcp-request", "protocol"},
	{"ACK", "dhcp-ack", "protocol"}, {"NAK", "dhcp-nak", "denied"}, {"RELEASE", "dhcp-release", "protocol"},
	{"DECLINE", "dhcp-decline", "protocol"}, {"INFORM", "dhcp-inform", "protocol"}, {"EXPIRE", "dhcp-expire", "protocol"},
	/* DHCPv6 */
	{"SOLICIT", "dhcp-discover", "protocol"}, {"ADVERTISE", "dhcp-offer", "protocol"}, {"RENEW", "dhcp-request", "protocol"},
	{"REBIND", "dhcp-request", "protocol"}, {"CONFIRM", "dhcp-request", "protocol"}, {"REPLY", "dhcp-ack", "protocol"},
	{"INFORMATION-REQUEST", "dhcp-inform", "protocol"},
};

static const struct verb *find_verb(struct str name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (str_eqz(name, verbs[i].name))
			return &verbs[i];
	return NULL;
}

/* What the client calls itself. */
static void put_hostname(struct record *r, struct str s)
{
	if (str_eq(s, STR("Hostname Unsuitable for Printing")))
		return;
	rec_str(r, F_DHCP_HOSTNAME, s);
	if (str_is_name(s))
		rec_host(r, F_CLIENT_DOMAIN, s);
}

/* Hardware address; without one the client id, in hexadecimal octets; "<no identifier>". */
static void put_client(struct record *r, struct str s)
{
	if (rec_mac(r, F_CLIENT_MAC, s) || !s.len || !ch_xdigit(s.p[0]))
		return;
	for (size_t i = 0; i < s.len; i++)
		if (!ch_xdigit(s.p[i]) && s.p[i] != ':')
			return;
	rec_str(r, F_DHCP_CLIENT_ID, s);
}

static void put_via(struct record *r, struct str s)
{
	if (!str_is_ip(s) || !rec_ip(r, F_DHCP_GIADDR, s))
		rec_str(r, F_OBSERVER_INGRESS_INTERFACE_NAME, s);
}

/* A reason is why nothing came of it, but for a few. */
static void put_reason(struct record *r, struct str s)
{
	static const struct str neutral[] = {STR_INIT("abandoned"), STR_INIT("load balance"), STR_INIT("cancel load"), STR_INIT("not responding"),
					     STR_INIT("lease owned")};

	rec_str(r, F_DHCP_REASON, s);
	rec_str(r, F_EVENT_REASON, s);
	for (size_t i = 0; i < sizeof(neutral) / sizeof(*neutral); i++)
		if (str_starts(s, neutral[i]))
			return;
	rec_outcome(r, "failure");
}

/* What Infoblox adds, "(found)" and ": reason"; anything else is left. */
static void take_tail(struct record *r, struct str s)
{
	struct str word;

	while (s.len) {
		if (scan_lit(&s, ": ")) {
			struct str net, rest = s;

			/* network 10.50.0.0/20: no free leases */
			if (scan_lit(&rest, "network ") && scan_until_str(&rest, STR(": "), &net)) {
				rec_str(r, F_NETWORK_NAME, net);
				s = rest;
			}
			put_reason(r, s);
			return;
		}
		if (scan_lit(&s, " TransID ") && scan_word(&s, &word)) {
			if (word.p[word.len - 1] == ':') {
				word.len--;
				s = str_n(s.p - 1, s.len + 1);
			}
			rec_str(r, F_DHCP_TRANSACTION_ID, word);
		} else if (scan_lit(&s, " uid ") && scan_word(&s, &word)) {
			if (word.p[word.len - 1] == ':') {
				word.len--;
				s = str_n(s.p - 1, s.len + 1);
			}
			rec_str(r, F_DHCP_CLIENT_ID, word);
		} else if (scan_lit(&s, " relay ") && scan_word(&s, &word)) {
			(void)rec_ip(r, F_DHCP_GIADDR, word);
		} else if (scan_lit(&s, " lease-duration ") && scan_digits(&s, 10, &word)) {
			(void)rec_num(r, F_DHCP_LEASE_DURATION, word);
		} else if (scan_lit(&s, " offered-duration ") && scan_digits(&s, 10, &word)) {
			rec_raw(r, "offered_duration", word);
		} else if (scan_lit(&s, " (RENEW)")) {
			rec_raw(r, "renew", STR("RENEW"));
		} else if (scan_lit(&s, " (found)")) {
			rec_outcome(r, "success");
		} else if (scan_lit(&s, " (not found)")) {
			put_reason(r, STR("not found"));
		} else {
			return;
		}
	}
}

/* "f6:80:5f:1d:d1:95 (alice-laptop) via eth0: wrong network."; in EXPIRE there is the hardware address alone. */
static bool take_client(struct record *r, struct str s)
{
	struct str id, name, via;
	size_t n = 0;

	if (scan_lit(&s, "<no identifier>") || scan_lit(&s, "<no client hardware address>"))
		id = STR("");
	else if (!scan_word(&s, &id))
		return false;
	put_client(r, id);
	if (!s.len)
		return id.len > 0;
	if (scan_lit(&s, " (")) {
		if (!scan_until_last(&s, STR(") via "), &name))
			return false;
		put_hostname(r, name);
	} else if (!scan_lit(&s, " via ")) {
		return false;
	}
	while (n < s.len && s.p[n] != ' ' && !(s.p[n] == ':' && (n + 1 == s.len || s.p[n + 1] == ' ')))
		n++;
	via = str_sub(s, 0, n);
	if (!n)
		return false;
	put_via(r, via);
	take_tail(r, str_from(s, n));
	return true;
}

/* Behind "DHCP". */
static enum format_result dhcp_message(struct record *r, struct str s)
{
	const struct verb *v;
	struct str name, ip, server;
	bool is_request;

	if (!scan_word(&s, &name) || !(v = find_verb(name)) || !scan_ch(&s, ' '))
		return FORMAT_NO_MATCH;
	rec_action(r, v->action, "network", v->type);
	rec_str(r, F_DHCP_MESSAGE_TYPE, name);
	rec_str(r, F_NETWORK_TYPE, STR("ipv4"));
	is_request = str_eq(name, STR("REQUEST"));
	if (str_eq(name, STR("NAK")))
		rec_outcome(r, "failure");
	else if (str_eq(name, STR("ACK")))
		rec_outcome(r, "success");
	if (str_eq(name, STR("DISCOVER")))
		return scan_lit(&s, "from ") && take_client(r, s) ? FORMAT_MATCH : FORMAT_NO_MATCH;
	if (str_eq(name, STR("INFORM"))) {
		struct str via;

		/* DHCPINFORM from 10.20.0.5 via eth0: not authoritative for subnet 10.20.0.0 */
		if (!scan_lit(&s, "from ") || !scan_ip(&s, &ip) || !rec_ip(r, F_CLIENT_IP, ip) || !scan_lit(&s, " via ") ||
		    !scan_word(&s, &via))
			return FORMAT_NO_MATCH;
		if (via.p[via.len - 1] == ':') {
			via.len--;
			s = str_n(s.p - 1, s.len + 1);
		}
		rec_ip(r, F_SOURCE_IP, ip);
		put_via(r, via);
		take_tail(r, s);
		return FORMAT_MATCH;
	}
	if (!scan_lit(&s, "on ") && !scan_lit(&s, "for ") && !scan_lit(&s, "of ")) {
		struct str mac;

		/*
		 * DHCPACK to 10.20.0.5 (f6:80:5f:1d:d1:95) via eth0; DHCPRELEASE from f6:.. via eth0: unknown network segment;
		 * DHCPRELEASE from f6:.. specified requested-address.
		 */
		if (str_starts(s, STR("from ")) && str_find(s, STR(" via ")) > 0)
			return take_client(r, str_from(s, 5)) ? FORMAT_MATCH : FORMAT_NO_MATCH;
		if (str_eq(name, STR("RELEASE")) && scan_lit(&s, "from ") && scan_word(&s, &mac)) {
			put_client(r, mac);
			rec_action(r, "daemon-message", "network", "info");
			return FORMAT_MATCH;
		}
		if (!scan_lit(&s, "to ") || !scan_ip(&s, &ip) || !rec_ip(r, F_CLIENT_IP, ip))
			return FORMAT_NO_MATCH;
		rec_action(r, "dhcp-inform-ack", "network", "protocol");
		if (!s.len)
			return FORMAT_MATCH;
		if (!scan_lit(&s, " (") || !scan_until(&s, ')', &mac))
			return FORMAT_NO_MATCH;
		put_client(r, mac);
		if (scan_lit(&s, " via ") && scan_word(&s, &mac)) {
			put_via(r, mac);
			take_tail(r, s);
		}
		return FORMAT_MATCH;
	}
	if (!scan_ip(&s, &ip) || !rec_ip(r, F_CLIENT_IP, ip))
		return FORMAT_NO_MATCH;
	if (is_request) {
		rec_ip(r, F_DHCP_REQUESTED_ADDRESS, ip);
		if (scan_lit(&s, " (") && (!scan_until(&s, ')', &server) || !rec_ip(r, F_SERVER_IP, server)))
			return FORMAT_NO_MATCH;
	}
	if (!scan_lit(&s, " to ") && !scan_lit(&s, " from "))
		return FORMAT_NO_MATCH;
	return take_client(r, s) ? FORMAT_MATCH : FORMAT_NO_MATCH;
}

/* BOOTREQUEST from 00:11:22:33:44:55 via eth0; BOOTREPLY for 10.20.0.9 to printer (00:11:22:33:44:55) via eth0 */
static enum format_result bootp_message(struct record *r, struct str s)
{
	struct str ip, name, mac;

	rec_str(r, F_NETWORK_TYPE, STR("ipv4"));
	if (scan_lit(&s, "REQUEST from ")) {
		rec_str(r, F_DHCP_MESSAGE_TYPE, STR("BOOTREQUEST"));
		rec_action(r, "dhcp-request", "network", "protocol");
		return take_client(r, s) ? FORMAT_MATCH : FORMAT_NO_MATCH;
	}
	if (!scan_lit(&s, "REPLY "))
		return FORMAT_NO_MATCH;
	rec_str(r, F_DHCP_MESSAGE_TYPE, STR("BOOTREPLY"));
	rec_action(r, "dhcp-lease", "network", "protocol");
	if (scan_lit(&s, "on ")) {
		if (!scan_ip(&s, &ip) || !rec_ip(r, F_CLIENT_IP, ip) || !scan_lit(&s, " to "))
			return FORMAT_NO_MATCH;
		return take_client(r, s) ? FORMAT_MATCH : FORMAT_NO_MATCH;
	}
	if (!scan_lit(&s, "for ") || !scan_ip(&s, &ip) || !rec_ip(r, F_CLIENT_IP, ip) || !scan_lit(&s, " to ") ||
	    !scan_until_str(&s, STR(" ("), &name) || !scan_until(&s, ')', &mac) || !scan_lit(&s, " via "))
		return FORMAT_NO_MATCH;
	rec_host(r, F_CLIENT_DOMAIN, name);
	put_client(r, mac);
	put_via(r, s);
	return FORMAT_MATCH;
}

/*
 * What the site's own log() statements say, where it is key=value:
 *	commit ip=10.20.0.100 mac=f6:80:5f:1d:d1:95 host=alice-laptop
 * binary-to-ascii leaves out leading zeros of an octet: ce:60:3:66:34:97.
 */
static enum format_result take_event(struct record *r, struct str s)
{
	static const struct verb events[] = {{"commit", "dhcp-lease", "protocol"}, {"release", "dhcp-release", "protocol"}, {"expiry", "dhcp-expire", "protocol"}};
	const struct verb *v = NULL;
	struct str word, key, value;
	bool ip = false;

	if (!scan_word(&s, &word))
		return FORMAT_NO_MATCH;
	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
		if (str_ieq(word, str_z(events[i].name)))
			v = &events[i];
	if (!v)
		return FORMAT_NO_MATCH;
	while (scan_space(&s) && scan_pair(&s, &key, &value)) {
		if (str_ieq(key, STR("ip")))
			ip = rec_ip(r, F_CLIENT_IP, value);
		else if (str_ieq(key, STR("mac")))
			put_client(r, value);
		else if (str_ieq(key, STR("host")) || str_ieq(key, STR("hostname")) || str_ieq(key, STR("name")))
			put_hostname(r, value);
	}
	if (!ip || s.len)
		return FORMAT_NO_MATCH;
	rec_action(r, v->action, "network", v->type);
	return FORMAT_MATCH;
}

/* Solicit: SOLICIT */
static bool put_type(struct record *r, struct str s)
{
	char *up;

	for (size_t i = 0; i < s.len; i++)
		if (!ch_alpha(s.p[i]) && s.p[i] != '-')
			return false;
	up = arena_bytes(r->arena, s.len + 1);
	for (size_t i = 0; i < s.len; i++)
		up[i] = (unsigned char)(s.p[i] - 'a') < 26 ? (char)(s.p[i] - 32) : s.p[i];
	rec_str(r, F_DHCP_MESSAGE_TYPE, str_n(up, s.len));
	rec_str(r, F_NETWORK_TYPE, STR("ipv6"));
	return true;
}

static bool put_address(struct record *r, struct str s)
{
	struct str rest = s, ip;

	if (rec_ip(r, F_CLIENT_IP, s))
		return true;
	if (!scan_ip(&rest, &ip) || !scan_ch(&rest, '/'))
		return false;
	rec_raw(r, "prefix", s);
	return true;
}

static bool put_hardware(struct record *r, struct str v)
{
	put_client(r, v);
	return true;
}

static bool put_why(struct record *r, struct str v)
{
	put_reason(r, str_trim(v));
	return true;
}

static bool put_source(struct record *r, struct str v)
{
	rec_str(r, F_SOURCE_ADDRESS, v);
	return rec_ip(r, F_SOURCE_IP, v);
}

static bool put_destination(struct record *r, struct str v)
{
	rec_str(r, F_DESTINATION_ADDRESS, v);
	return rec_ip(r, F_DESTINATION_IP, v);
}

/* What the letters in the patterns stand for. */
static const struct message_place places[] = {
	AS_CALL('A', put_address),
	AS_CALL('a', put_destination),
	AS_RAW('b', "replaced_by"),
	AS_CALL('C', put_hardware),
	AS_STR('D', F_DHCP_CLIENT_ID),
	AS_NUM('d', F_DESTINATION_PORT),
	AS_STR('E', F_ERROR_MESSAGE),
	AS_RAW('e', "lease_age"),
	AS_STR('F', F_FILE_PATH),
	AS_RAW('f', "pool_free"),
	AS_IP('G', F_DHCP_GIADDR),
	AS_HOST('H', F_CLIENT_DOMAIN),
	AS_STR('h', F_DHCP_HOSTNAME),
	AS_STR('I', F_DHCP_IAID),
	AS_STR('i', F_OBSERVER_INGRESS_INTERFACE_NAME),
	AS_NUM('L', F_DHCP_LEASE_DURATION),
	AS_RAW('l', "leases"),
	AS_MAC('M', F_OBSERVER_MAC),
	AS_STR('N', F_NETWORK_NAME),
	AS_IP('n', F_SERVER_IP),
	AS_RAW('o', "state"),
	AS_RAW('P', "failover_peer"),
	AS_RAW('p', "pool_backup"),
	AS_HOST('Q', F_DNS_QUESTION_NAME),
	AS_STR('R', F_EVENT_REASON),
	AS_CALL('r', put_why),
	AS_CALL('S', put_source),
	AS_NUM('s', F_SOURCE_PORT),
	AS_CALL('T', put_type),
	AS_RAW('t', "pool_total"),
	AS_RAW('u', "pool_active"),
	AS_STR('V', F_SERVICE_VERSION),
	AS_RAW('w', "former_state"),
	AS_STR('X', F_DHCP_TRANSACTION_ID),
	AS_RAW('x', "pool_abandoned"),
	AS_RAW('y', "pool_lts"),
	{0}};

#define MSG "daemon-message", "network", "info"
#define DNS "dns-update", "network", "info"
#define LIST (const struct message[])

static const struct messages messages = {
	.by = {
		['*'] = LIST{{"** Ignoring requests on %i.  If this is not what", MSG, NULL}, {0}},
		['/'] = LIST{{"%F line %*: %E", MSG, "failure"}, {0}},
		['A'] = LIST{
			{"Abandoning IP address %A: %R", "dhcp-abandon", "network", "info", NULL},
			{"Added new forward map from %H to %A", DNS, "success"},
			{"Added reverse map from %Q to %H", DNS, "success"},
			{"All rights reserved.%*", MSG, NULL},
			{"Advertise %* address %A to client with duid %D iaid = %I static", "dhcp-offer", "network", "protocol", NULL},
			{"Advertise %* address %A to client with duid %D iaid = %I valid for %L seconds", "dhcp-offer", "network", "protocol", NULL},
			{0}},
		['B'] = LIST{
			{"Best match for DUID %D is an abandoned address, %R", MSG, NULL},
			{"Both servers %*", MSG, NULL},
			{"Bound to %*", MSG, NULL},
			{0}},
		['C'] = LIST{
			{"Can't remove reverse map on %Q: %E", DNS, "failure"},
			{"Can't %*", MSG, "failure"},
			{"Cannot reuse: %R", MSG, NULL},
			{"Client %D releases address %A, which is not leased to it.", "dhcp-release", "network", "protocol", "failure"},
			{"Client %D releases address %A", "dhcp-release", "network", "protocol", "success"},
			{"Client %D releases prefix %A, which is not leased to it.", "dhcp-release", "network", "protocol", "failure"},
			{"Client %D releases prefix %A", "dhcp-release", "network", "protocol", "success"},
			{"Client %D declines address %A, which is not offered to it.", "dhcp-decline", "network", "protocol", "failure"},
			{"Client %D declines address %A", "dhcp-decline", "network", "protocol", NULL},
			{"Client %D reports address %A is already in use by another host!", "dhcp-decline", "network", "protocol", NULL},
			{"Config file: %F", MSG, NULL},
			{"Configuration file errors encountered%*", MSG, "failure"},
			{"Copyright %*", MSG, NULL},
			{0}},
		['D'] = LIST{
			{"DHCPLEASEQUERY from %S for %* %*: %R", MSG, NULL},
			{"DHCPLEASEQUERY from %S for IP %A", MSG, NULL},
			{"DHCPLEASEQUERY from %S for %*", MSG, NULL},
			{"DHCPLEASEQUERY from %S: %R", MSG, "failure"},
			{"DHCPLEASEQUERY from %S", MSG, NULL},
			{"DDNS: %R", MSG, NULL},
			{"Database file: %F", MSG, NULL},
			{"Discarding %T from %S; %R", MSG, "failure"},
			{"Discarding %T from %S: %R", MSG, "failure"},
			{"Discarding unknown DHCPv6 message type %* from %S", MSG, "failure"},
			{"Dynamic and static leases present for %A.", MSG, NULL},
			{0}},
		['E'] = LIST{
			{"Encapsulated %T message from %S port %s from client DUID %D, transaction ID %X", "", "network", "protocol", NULL},
			{"Encapsulated %T message from %S port %s, transaction ID %X", "", "network", "protocol", NULL},
			{"Encapsulating %T message to send to %a port %d", "", "network", "protocol", NULL},
			{"Error %*", MSG, "failure"},
			{0}},
		['F'] = LIST{
			{"Forward map from %H to %A FAILED: %E", DNS, "failure"},
			{"For info, please visit %*", MSG, NULL},
			{0}},
		['H'] = LIST{
			{"Hash table overflow %*", MSG, "failure"},
			{"Hostname %h replaced by %b", MSG, NULL},
			{0}},
		['I'] = LIST{
			{"ICMP Echo Reply for %A late or spurious.", MSG, NULL},
			{"ICMP Echo reply while lease %A valid.", MSG, NULL},
			{"If %*", MSG, NULL},
			{"Ignoring %R", MSG, NULL},
			{"Internet Systems Consortium DHCP Server V%V", MSG, NULL},
			{"Internet Systems Consortium DHCP Server %V", MSG, NULL},
			{0}},
		['L'] = LIST{
			{"Launching %*", MSG, NULL},
			{"Lease conflict at %A", MSG, NULL},
			{"Listening on LPF/%i/%M/%N", MSG, NULL},
			{"Listening on LPF/%i/%M", MSG, NULL},
			{"Listening on %*", MSG, NULL},
			{0}},
		['M'] = LIST{{"Multiple interfaces match the %*", MSG, NULL}, {0}},
		['N'] = LIST{
			{"No subnet declaration for %i (%n).", MSG, "failure"},
			{"No subnet declaration for %i (%*", MSG, "failure"},
			{"No %*", MSG, "failure"},
			{"Not configured to listen on any interfaces!", MSG, "failure"},
			{0}},
		['O'] = LIST{{"Open a socket for %*", MSG, NULL}, {0}},
		['P'] = LIST{
			{"PID file: %F", MSG, NULL},
			{"Packet from unknown subnet: %G", MSG, "failure"},
			{"Peer %P: %R", MSG, NULL},
			{"Picking pool address %A", MSG, NULL},
			{"Picking pool prefix %A", MSG, NULL},
			{"Pool threshold exceeded - shared subnet: %N; address: %A; %R", MSG, NULL},
			{"Pool threshold reset - shared subnet: %N; address: %A; %R", MSG, NULL},
			{0}},
		['R'] = LIST{
			{"Reply %* address %A to client with duid %D iaid = %I static", "dhcp-lease", "network", "protocol", "success"},
			{"Reply %* address %A to client with duid %D iaid = %I valid for %L seconds", "dhcp-lease", "network", "protocol", "success"},
			{"Received signal %*, initiating shutdown.", MSG, NULL},
			{"Reclaiming REQUESTed abandoned IP address %A.", MSG, NULL},
			{"Reclaiming abandoned lease %A.", MSG, NULL},
			{"Reclaiming previously abandoned address %A", MSG, NULL},
			{"Reusing lease for: %A, age %e secs < %* sending shortened lifetimes - preferred: %*, valid %L", MSG, NULL},
			{"Relay-forward from %S with link address=%G and peer address=%A missing Relay Message option.", MSG, "failure"},
			{"Remove host declaration %* or remove %A", MSG, NULL},
			{"Removed forward map from %H to %A", DNS, "success"},
			{"Removed reverse map on %Q", DNS, "success"},
			{0}},
		['S'] = LIST{
			{"Sending %T message to %a port %d", "", "network", "protocol", NULL},
			{"Sending %T to %a port %d", "", "network", "protocol", NULL},
			{"Sending on   LPF/%i/%M/%N", MSG, NULL},
			{"Sending on   LPF/%i/%M", MSG, NULL},
			{"Sending on   %*", MSG, NULL},
			{"Sending updates to %P.", MSG, NULL},
			{"Server starting service.", MSG, NULL},
			{"Starting ISC DHCPv%* server: %*", MSG, NULL},
			{"Stopping ISC DHCPv%* server: %*", MSG, NULL},
			{0}},
		['T'] = LIST{{"There's already a DHCP server running.", MSG, "failure"}, {0}},
		['U'] = LIST{
			{"Unable to add forward map from %H to %A: %E", DNS, "failure"},
			{"Unable to add reverse map from %Q to %H: %E", DNS, "failure"},
			{"Unable to pick client %*: %r - shared network %N: %t total, %u active,  %x abandoned", MSG, "failure"},
			{"Unable to pick client %*: %r - shared network %N: %t total, %u active, %x abandoned", MSG, "failure"},
			{"Unable to pick client %*- shared network %N: %R", MSG, "failure"},
			{"Unable to %*", MSG, "failure"},
			{0}},
		['W'] = LIST{
			{"WARNING: %R", MSG, NULL},
			{"Warning, %R", MSG, NULL},
			{"Wrote %l leases to leases file.", MSG, NULL},
			{"Wrote %* to leases file.", MSG, NULL},
			{"Wrote %* to lease file.", MSG, NULL},
			{0}},
		['a'] = LIST{{"added reverse map from %Q to %H", DNS, "success"}, {0}},
		['b'] = LIST{
			{"balanced pool %* %N  total %t  free %f  backup %p  lts %y  max-%*", MSG, NULL},
			{"balanced pool %* %N  total %*", MSG, NULL},
			{"balancing pool %* %N  total %t  free %f  backup %p  lts %y  max-%*", MSG, NULL},
			{"balancing pool %* %N  total %*", MSG, NULL},
			{"bind update on %A from %P rejected: %R", MSG, "failure"},
			{"bind update on %A got ack from %P: %R", MSG, "failure"},
			{"before submitting a bug.%*", MSG, NULL},
			{"bugs on either our web page %*", MSG, NULL},
			{"bad %*", MSG, "failure"},
			{0}},
		['c'] = LIST{{"client %C has duplicate%* on %N", MSG, NULL}, {"commit_leases: %E", MSG, "failure"}, {0}},
		['d'] = LIST{{"data: %R", MSG, NULL}, {"dhcp_failover_%R", MSG, NULL}, {"dhcp.c:%*: %E", MSG, "failure"},
			   {"dhcpv6.c:%*: %E", MSG, "failure"}, {0}},
		['e'] = LIST{{"execute_statement argv[%*", MSG, NULL}, {"execute: %R", MSG, NULL}, {"exiting.", MSG, NULL}, {0}},
		['f'] = LIST{
			{"failover peer %P: I move from %w to %o", MSG, NULL},
			{"failover peer %P: peer moves from %w to %o", MSG, NULL},
			{"failover peer %P: %R", MSG, NULL},
			{"failover: %R", MSG, NULL},
			{"from the dynamic address pool for %N", MSG, NULL},
			{0}},
		['i'] = LIST{
			/* Up to 4.2, where the name is already another's. */
			{"if %H IN %* rrset doesn't exist %*: success.", DNS, "success"},
			{"if %H IN %* rrset doesn't exist %*: %E", DNS, "failure"},
			{"icmp_echorequest %A: %E", MSG, "failure"},
			{"icmp_echorequest: %E", MSG, "failure"},
			{"icmp_%*", MSG, "failure"},
			{"in your dhcpd.conf file for the network segment", MSG, NULL},
			{0}},
		['l'] = LIST{
			{"lease %A state changed from %w to %o", MSG, NULL},
			{"lease %A: %R", MSG, "failure"},
			{"lease %A is declared twice!", MSG, "failure"},
			{0}},
		['o'] = LIST{{"of the dhcpd.conf file.", MSG, NULL}, {0}},
		['p'] = LIST{
			{"peer %P: %R", MSG, NULL},
			{"please write an `authoritative;' directive either in the", MSG, NULL},
			{"pool response: %l leases", MSG, NULL},
			{"parse_%*", MSG, "failure"},
			{"process and the information we find helpful for debugging.", MSG, NULL},
			{0}},
		['r'] = LIST{
			{"receive_packet failed on %i: %E", MSG, "failure"},
			{"removed forward map from %H to %A", DNS, "success"},
			{"removed reverse map on %Q", DNS, "success"},
			{"reuse_lease: lease age %e (secs) under %* threshold, reply with unaltered, existing lease for %A", MSG, NULL},
			{0}},
		['s'] = LIST{
			{"send_packet: %E", MSG, "failure"},
			{"send_packet%*: %E", MSG, "failure"},
			{"subnet declaration %*", MSG, NULL},
			{0}},
		['t'] = LIST{
			{"timeout waiting for failover peer %P", MSG, "failure"},
			{"to which interface %i is attached. **", MSG, NULL},
			{"than a configuration issue please read %*", MSG, NULL},
			{0}},
		['u'] = LIST{
			{"uid lease %A for client %C is duplicate on %N", MSG, NULL},
			{"unexpected ICMP Echo Reply from %S", MSG, NULL},
			{"unable %*", MSG, "failure"},
			{0}},
		['y'] = LIST{{"you want, please write a subnet declaration", MSG, NULL}, {0}},
	},
	/* Solicit message from fe80::a00:27ff:fe25:d3f4 port 546, transaction ID 0xB36D9100 */
	.any = LIST{
		{"%T message from %S port %s, link address %G, peer address %A, transaction ID %X", "", "network", "protocol", NULL},
		{"%T message from %S port %s, link address %G, peer address %A", "", "network", "protocol", NULL},
		{"%T message from %S port %s, transaction ID %X", "", "network", "protocol", NULL},
		{"%T message from %S port %s", "", "network", "protocol", NULL},
		{"%Q: host unknown.", MSG, "failure"},
		{0}},
};

/* DHCPv6: what happened is what the message is called; of the addresses, a relayed client's is its own link's. */
static void act(struct record *r)
{
	struct value type = rec_get(r, F_DHCP_MESSAGE_TYPE);
	const struct verb *v = type.type == V_STRING ? find_verb(value_str(&type)) : NULL;

	if (v)
		rec_action(r, v->action, "network", v->type);
	else
		rec_action(r, "daemon-message", "network", "info");
}

static enum format_result isc_dhcpd_parse(struct record *r)
{
	struct str s = r->text;
	const struct message *m;

	rec_str(r, F_NETWORK_PROTOCOL, STR("dhcp"));
	if (scan_lit(&s, "DHCP")) {
		struct record_mark mark = rec_mark(r);

		if (dhcp_message(r, s) == FORMAT_MATCH)
			return FORMAT_MATCH;
		rec_reset(r, mark);
	} else if (scan_lit(&s, "BOOT")) {
		return bootp_message(r, s);
	} else if (take_event(r, s) == FORMAT_MATCH) {
		return FORMAT_MATCH;
	}
	m = message_find(r, &messages, r->text, places);
	if (!m)
		return FORMAT_NO_MATCH;
	if (!*m->action)
		act(r);
	if (rec_get(r, F_DHCP_IAID).type == V_STRING) {
		struct str rest = r->text, word;

		/* "Reply NA: address .." */
		if (scan_word(&rest, &word))
			(void)put_type(r, word);
	}
	/* "Can't create PID file /run/dhcpd.pid: Permission denied.": all of it is the error. */
	if (m->outcome && strcmp(m->outcome, "failure") == 0 && strcmp(m->action, "daemon-message") == 0 &&
	    rec_get(r, F_EVENT_REASON).type == V_NONE && rec_get(r, F_ERROR_MESSAGE).type == V_NONE)
		rec_str(r, F_ERROR_MESSAGE, r->text);
	if (strcmp(m->action, "dhcp-abandon") == 0)
		rec_value(r, F_DHCP_REASON, rec_get(r, F_EVENT_REASON));
	else if (strcmp(m->action, "dns-update") == 0 && rec_get(r, F_ERROR_MESSAGE).type != V_NONE)
		rec_value(r, F_EVENT_REASON, rec_get(r, F_ERROR_MESSAGE));
	return FORMAT_MATCH;
}

/* "DHCPACK on 10.20.0.100 to ..", as the daemon prints it with -d: the word, a blank, a direction. */
static bool isc_dhcpd_shape(const struct record *r)
{
	struct str s = r->text, word;

	return str_starts(s, STR("DHCP")) && str_cut(&s, ' ', &word) && str_chr(word, '(') < 0 &&
	       (str_starts(s, STR("on ")) || str_starts(s, STR("from ")) || str_starts(s, STR("for ")) || str_starts(s, STR("of ")));
}

static const char *const programs[] = {"dhcpd", "dhcpdv6", "dhcpd6", "isc-dhcp-server", "dhcpd-*", NULL};

FORMAT(isc_dhcpd, .programs = programs, .service = STR_INIT("dhcpd"), .dataset = STR_INIT("weir.dhcp"), .doc = "ISC's DHCP server, DHCPv4 and DHCPv6; Infoblox",
       .versions = "ISC DHCP 4.1 to 4.4; Infoblox NIOS 8", .shape = isc_dhcpd_shape, .parse = isc_dhcpd_parse)
