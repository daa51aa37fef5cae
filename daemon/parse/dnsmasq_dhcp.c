/*
 * dnsmasq_dhcp.c - dnsmasq's DHCP half: DHCPv4, DHCPv6, router advertisements.
 *
 *	DHCPACK(eth0) 10.20.0.148 f6:80:5f:1d:d1:95 alice-laptop
 *	DHCPREPLY(eth0) fd00:20::54 00:01:00:01:2c:3d:4e:5f:f6:80:5f:1d:d1:95 alice-laptop
 *	129076586 sent size:  4 option: 51 lease-time  2m			log-dhcp: a line per option, with the transaction
 *
 * Behind the hardware address stands either the name that the client has got (ACK, BOOTP) or why it has got nothing.
 */
#include "parse/format.h"

static enum format_result done(struct record *r, const char *action, const char *type)
{
	rec_action(r, action, "network", type);
	return FORMAT_MATCH;
}

static void hostname(struct record *r, struct str s)
{
	rec_str(r, F_DHCP_HOSTNAME, s);
	/* The client may say anything. */
	if (str_is_name(s))
		rec_host(r, F_CLIENT_DOMAIN, s);
}

static void interface(struct record *r, struct str s)
{
	rec_str(r, F_OBSERVER_INGRESS_INTERFACE_NAME, s);
}

/* "2m", "1m45s", "12h", "1d", "10800", "infinite", which goes over the wire as 0xffffffff seconds (RFC 2131, 3.3). */
static bool duration(struct str s, int64_t *out)
{
	int64_t all = 0;
	uint64_t n;

	if (str_eq(s, STR("infinite"))) {
		*out = UINT32_MAX;
		return true;
	}
	if (s.len == 0)
		return false;
	if (str_u64(s, UINT32_MAX, &n)) {
		*out = (int64_t)n;
		return true;
	}
	while (s.len) {
		int64_t unit;

		if (!scan_num(&s, UINT32_MAX, &n) || s.len == 0)
			return false;
		unit = s.p[0] == 'd' ? 86400 : s.p[0] == 'h' ? 3600 : s.p[0] == 'm' ? 60 : s.p[0] == 's' ? 1 : 0;
		if (!unit)
			return false;
		all += unit * (int64_t)n;
		s = str_from(s, 1);
	}
	*out = all;
	return true;
}

/* ---- messages ---- */

enum holds {
	REQUESTED = 1, /* the address is what the client asks for */
	NAMED = 2,     /* the text behind the client is its name */
	LEASE = 4,     /* only with an address */
	REFUSAL = 8,
	REFUSABLE = 16, /* a text behind the client says that it was refused */
	V6 = 32,
};

static const struct message {
	struct str word;
	const char *action;
	unsigned holds;
} messages[] = {
	{STR_INIT("DHCPDISCOVER"), "dhcp-discover", REQUESTED},
	{STR_INIT("DHCPOFFER"), "dhcp-offer", NAMED},
	{STR_INIT("DHCPREQUEST"), "dhcp-request", 0},
	{STR_INIT("DHCPACK"), "dhcp-ack", NAMED},
	{STR_INIT("DHCPNAK"), "dhcp-nak", REFUSAL},
	{STR_INIT("DHCPRELEASE"), "dhcp-release", REFUSABLE},
	{STR_INIT("DHCPDECLINE"), "dhcp-decline", 0},
	{STR_INIT("DHCPINFORM"), "dhcp-inform", 0},
	{STR_INIT("BOOTP"), "dhcp-lease", NAMED | LEASE},
	{STR_INIT("DHCPSOLICIT"), "dhcp-discover", V6},
	{STR_INIT("DHCPADVERTISE"), "dhcp-offer", NAMED | V6},
	{STR_INIT("DHCPREPLY"), "dhcp-lease", NAMED | LEASE | V6},
	{STR_INIT("DHCPRENEW"), "dhcp-request", V6},
	{STR_INIT("DHCPREBIND"), "dhcp-request", V6},
	{STR_INIT("DHCPCONFIRM"), "dhcp-request", V6},
	{STR_INIT("DHCPINFORMATION-REQUEST"), "dhcp-inform", V6},
	{STR_INIT("DHCPLEASEQUERY"), "daemon-message", 0},
	{STR_INIT("PXE"), "daemon-message", 0},
};

/* A DUID, or a client's hardware address of another kind ("20-00:11:.."): pairs of digits between colons. */
static bool is_octets(struct str s)
{
	size_t digits = 0, octets = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (ch_xdigit(s.p[i])) {
			if (++digits > 2)
				return false;
		} else if ((s.p[i] == ':' || (s.p[i] == '-' && octets == 0)) && digits) {
			digits = 0;
			octets++;
		} else {
			return false;
		}
	}
	return digits && octets;
}

/* The client: a MAC address, or else what identifies it. */
static bool take_client(struct record *r, struct str *s)
{
	struct str t = *s, word;

	if (!scan_word(&t, &word))
		return false;
	if (word.len == 17 && is_octets(word)) {
		if (!rec_mac(r, F_CLIENT_MAC, word))
			return false;
	} else if (is_octets(word)) {
		rec_str(r, F_DHCP_CLIENT_ID, word);
	} else {
		return false;
	}
	*s = t;
	return true;
}

/* DHCPACK(eth0) 10.20.0.148 f6:80:5f:1d:d1:95 alice-laptop; s: behind the interface. */
static enum format_result message(struct record *r, const struct message *m, struct str s)
{
	struct str word, t, kind = m->word;
	bool address = false, six;
	const char *action = m->action;

	if (!scan_space(&s))
		return FORMAT_NO_MATCH;
	t = s;
	if (scan_word(&t, &word) && str_is_ip(word)) {
		rec_ip(r, m->holds & REQUESTED ? F_DHCP_REQUESTED_ADDRESS : F_CLIENT_IP, word);
		if (str_ends(kind, STR("REQUEST")))
			rec_value(r, F_DHCP_REQUESTED_ADDRESS, rec_get(r, F_CLIENT_IP));
		address = true;
		s = t;
		scan_blanks(&s);
	}
	if (!take_client(r, &s) && !address)
		return FORMAT_NO_MATCH;
	/* REQUEST, RELEASE and DECLINE are words of both. */
	six = m->holds & V6 || (address ? str_chr(word, ':') >= 0 : rec_get(r, F_CLIENT_MAC).type == V_NONE);
	rec_str(r, F_NETWORK_TYPE, six ? STR("ipv6") : STR("ipv4"));
	scan_blanks(&s);
	scan_lit(&kind, "DHCP");
	rec_str(r, F_DHCP_MESSAGE_TYPE, kind);
	if (m->holds & LEASE && !address)
		/* What answers an INFORMATION-REQUEST or a CONFIRM. */
		action = "dhcp-inform-ack";
	if (address && (strcmp(action, "dhcp-ack") == 0 || strcmp(action, "dhcp-lease") == 0))
		rec_outcome(r, "success");
	if (m->holds & NAMED && address && str_is_name(s)) {
		hostname(r, s);
	} else if (s.len) {
		rec_str(r, F_DHCP_REASON, s);
		rec_str(r, F_EVENT_REASON, s);
		if (m->holds & (REFUSAL | REQUESTED | REFUSABLE) || (m->holds & NAMED && !address))
			rec_outcome(r, "failure");
	} else if (m->holds & REFUSAL) {
		rec_outcome(r, "failure");
	}
	return done(r, action, m->holds & REFUSAL ? "denied" : "protocol");
}

/* SLAAC-CONFIRM(eth0) fd00:20::f480:5fff:fe1d:d195 alice-laptop; RTR-SOLICIT(eth0) f6:80:5f:1d:d1:95; RTR-ADVERT(eth0) fd00:20:: */
static enum format_result router(struct record *r, struct str word, struct str s)
{
	struct str ip;

	scan_blanks(&s);
	rec_str(r, F_NETWORK_PROTOCOL, STR("ipv6-icmp"));
	rec_raw(r, "message", word);
	if (str_eq(word, STR("SLAAC-CONFIRM"))) {
		if (!scan_word(&s, &ip) || !rec_ip(r, F_CLIENT_IP, ip))
			return FORMAT_NO_MATCH;
		scan_blanks(&s);
		if (str_is_name(s))
			hostname(r, s);
		return done(r, "dhcp-lease", "protocol");
	}
	if (str_eq(word, STR("RTR-SOLICIT"))) {
		(void)take_client(r, &s);
		return done(r, "daemon-message", "info");
	}
	if (!str_eq(word, STR("RTR-ADVERT")))
		return FORMAT_NO_MATCH;
	if (scan_word(&s, &ip))
		rec_raw(r, "prefix", ip);
	return done(r, "daemon-message", "info");
}

/* "WORD(INTERFACE) ...": false where it is not of that form. */
static bool take_head(struct str *s, struct str *word, struct str *name)
{
	struct str t = *s;
	size_t n = 0;

	while (n < t.len && n < 24 && ((t.p[n] >= 'A' && t.p[n] <= 'Z') || t.p[n] == '-'))
		n++;
	if (n < 3 || n == t.len || t.p[n] != '(')
		return false;
	*word = str_sub(t, 0, n);
	t = str_from(t, n + 1);
	if (!scan_until(&t, ')', name) || name->len == 0 || str_chr(*name, ' ') >= 0)
		return false;
	*s = t;
	return true;
}

/* ---- log-dhcp: the parts of a message ---- */

static void message_number(struct record *r, struct str s)
{
	static const char *const words[] = {"DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM"};
	uint64_t n;

	if (str_u64(s, 8, &n) && n)
		rec_str(r, F_DHCP_MESSAGE_TYPE, str_z(words[n - 1]));
}

static void option_v4(struct record *r, uint64_t code, struct str value)
{
	int64_t seconds;

	switch (code) {
	case 12:
		hostname(r, value);
		break;
	case 50:
		rec_ip(r, F_DHCP_REQUESTED_ADDRESS, value);
		break;
	case 51:
		if (duration(value, &seconds))
			rec_int(r, F_DHCP_LEASE_DURATION, seconds);
		break;
	case 53:
		message_number(r, value);
		break;
	case 54:
		rec_ip(r, F_OBSERVER_IP, value);
		break;
	case 61:
		rec_str(r, F_DHCP_CLIENT_ID, value);
		break;
	default:
		break;
	}
}

/* "IAID=488213 T1=1800 T2=3150", "fd00:20::54 PL=3600 VL=3600" */
static void option_v6(struct record *r, struct str name, struct str value)
{
	struct str word;

	if (str_eq(name, STR("ia-na")) || str_eq(name, STR("ia-ta"))) {
		if (scan_lit(&value, "IAID=") && scan_digits(&value, 10, &word))
			rec_str(r, F_DHCP_IAID, word);
	} else if (str_eq(name, STR("iaaddr"))) {
		struct str head;

		if (scan_word(&value, &word))
			rec_ip(r, F_CLIENT_IP, word);
		if (scan_until_str(&value, STR("VL="), &head) && scan_digits(&value, 10, &word))
			rec_num(r, F_DHCP_LEASE_DURATION, word);
	} else if (str_eq(name, STR("client-id"))) {
		rec_str(r, F_DHCP_CLIENT_ID, value);
	}
}

/* sent size:  4 option: 51 lease-time  2m; nest size: 24 option:  5 iaaddr  fd00:20::54 PL=3600 VL=3600 */
static bool option(struct record *r, struct str s)
{
	struct str size, number, name = STR(""), start = s;
	uint64_t code;

	if (!scan_lit(&s, "sent size:") && !scan_lit(&s, "nest size:"))
		return false;
	scan_blanks(&s);
	if (!scan_digits(&s, 5, &size) || !scan_lit(&s, " option:"))
		return false;
	scan_blanks(&s);
	if (!scan_digits(&s, 5, &number) || !str_u64(number, 65535, &code))
		return false;
	/* Name and value with two blanks between; an option unknown to dnsmasq has no name. */
	if (scan_ch(&s, ' ') && s.len && s.p[0] != ' ' && scan_word(&s, &name))
		rec_raw(r, "option_name", name);
	scan_blanks(&s);
	rec_raw(r, "option", number);
	rec_raw(r, "option_value", s);
	if (start.p[0] == 's' && (code != 1 || str_eq(name, STR("netmask"))) && code != 3 && !str_eq(name, STR("client-id")))
		option_v4(r, code, s);
	option_v6(r, name, s);
	return true;
}

/* "1:netmask, 28:broadcast, 2:time-offset, 3:router, ": the numbers. A list goes over several lines, so none is a fingerprint. */
static void requested_options(struct record *r, struct str s)
{
	char *out = arena_bytes(r->arena, s.len + 1);
	struct str one, number;
	size_t n = 0;

	while (s.len) {
		if (!str_cut(&s, ',', &one)) {
			one = s;
			s.len = 0;
		}
		scan_blanks(&s);
		if (!scan_digits(&one, 5, &number))
			continue;
		if (n)
			out[n++] = ',';
		memcpy(out + n, number.p, number.len);
		n += number.len;
	}
	rec_raw(r, "requested_options", str_n(out, n));
}

static bool detail(struct record *r, struct str s)
{
	struct str t = s;

	if (option(r, s))
		return true;
	if (scan_lit(&t, "client provides name: "))
		hostname(r, t);
	else if (scan_lit(&t, "vendor class: "))
		rec_str(r, F_DHCP_VENDOR_CLASS, t);
	else if (scan_lit(&t, "user class: "))
		rec_raw(r, "user_class", t);
	else if (scan_lit(&t, "tags: "))
		rec_raw(r, "tags", t);
	else if (scan_lit(&t, "requested options: "))
		requested_options(r, t);
	else if (scan_lit(&t, "available DHCP range: ") || scan_lit(&t, "available DHCPv6 range: "))
		rec_raw(r, "range", t);
	else if (scan_lit(&t, "available DHCP subnet: ") || scan_lit(&t, "available DHCPv6 subnet: "))
		rec_raw(r, "subnet", t);
	else if (scan_lit(&t, "next server: "))
		rec_raw(r, "next_server", t);
	else if (scan_lit(&t, "server name: "))
		rec_raw(r, "server_name", t);
	else if (scan_lit(&t, "bootfile name: "))
		rec_raw(r, "bootfile", t);
	else if (scan_lit(&t, "reply delay: "))
		rec_raw(r, "delay", t);
	else if (scan_lit(&t, "client MAC address: "))
		(void)take_client(r, &t);
	else if (scan_lit(&t, "PXE "))
		rec_raw(r, "pxe", t);
	else
		return str_eq(s, STR("broadcast response")) || str_eq(s, STR("cannot determine client MAC address"));
	return true;
}

/* ---- what is said of a lease or of the server ---- */

/* "DHCP, IP range 10.20.0.140 -- 10.20.0.150, lease time 2m"; "DHCPv6, ..."; "router advertisement on eth0" */
static void range_line(struct record *r, struct str s)
{
	struct str t = s, head;
	int64_t seconds;

	if (scan_until_str(&t, STR("lease time "), &head) && duration(t, &seconds))
		rec_int(r, F_DHCP_LEASE_DURATION, seconds);
	t = s;
	if (scan_until_str(&t, STR("IP range "), &head)) {
		ptrdiff_t at = str_chr(t, ',');

		rec_raw(r, "range", at < 0 ? t : str_sub(t, 0, (size_t)at));
	} else if (scan_until_str(&t, STR("to interface "), &head)) {
		interface(r, t);
	} else if (scan_lit(&t, "DHCPv6 stateless on ") || scan_lit(&t, "DHCPv4-derived IPv6 names on ") || scan_lit(&t, "router advertisement on ")) {
		if (scan_word(&t, &head)) {
			if (head.p[head.len - 1] == ',')
				head.len--;
			rec_raw(r, "prefix", head);
		}
	} else if (scan_lit(&t, "read ")) {
		if (scan_until_last(&t, STR(" - "), &head)) {
			rec_str(r, F_FILE_PATH, head);
			if (scan_word(&t, &head))
				rec_raw(r, "count", head);
		} else {
			rec_str(r, F_FILE_PATH, t);
		}
	}
}

/* abandoning lease to f6:80:5f:1d:d1:95 of 10.20.0.148 */
static enum format_result abandoned(struct record *r, struct str s)
{
	struct str ip;

	if (!take_client(r, &s) || !scan_lit(&s, " of ") || !scan_word(&s, &ip) || !rec_ip(r, F_CLIENT_IP, ip))
		return FORMAT_NO_MATCH;
	return done(r, "dhcp-abandon", "info");
}

/* not using configured address 10.20.0.5 because it is leased to f6:80:5f:1d:d1:95; disabling DHCP static address 10.20.0.5 for 10m */
static enum format_result configured(struct record *r, struct str s, struct str whole)
{
	struct str ip, head;

	if (!scan_word(&s, &ip) || !rec_ip(r, F_CLIENT_IP, ip))
		return FORMAT_NO_MATCH;
	if (scan_until_str(&s, STR("leased to "), &head))
		(void)take_client(r, &s);
	rec_str(r, F_EVENT_REASON, whole);
	return done(r, "daemon-message", "info");
}

/* The word behind "via " or "on ", where it ends the line: an interface. */
static void via(struct record *r, struct str s)
{
	struct str head;

	if (scan_until_last(&s, STR(" via "), &head) && str_chr(s, ' ') < 0 && !str_is_ip(s))
		interface(r, s);
}

static const struct str starts[] = {
	STR_INIT("DHCP, "), STR_INIT("DHCPv6, "), STR_INIT("DHCPv6 stateless on "), STR_INIT("DHCPv4-derived IPv6 names on "), STR_INIT("DHCP relay "),
	STR_INIT("DHCP stateless"), STR_INIT("DHCP packet received on "), STR_INIT("DHCP range "), STR_INIT("router advertisement on "),
	STR_INIT("IPv6 router advertisement enabled"), STR_INIT("no address range available for "), STR_INIT("no free leases"), STR_INIT("read "), STR_INIT("too many stored leases"),
	STR_INIT("Ignoring domain "), STR_INIT("Ignoring duplicate dhcp-option "), STR_INIT("ignoring "), STR_INIT("duplicate "), STR_INIT("failed to "),
	STR_INIT("cannot "), STR_INIT("Cannot "), STR_INIT("Error sending DHCP packet to "), STR_INIT("error "), STR_INIT("bad "), STR_INIT("unknown interface "),
	STR_INIT("broadcast via "), STR_INIT("multicast via "), STR_INIT("PXE "), STR_INIT("ARP-cache injection failed"), STR_INIT("script process "), STR_INIT("leasequery from "),
	STR_INIT("not giving name "), STR_INIT("Working around kernel bug"), STR_INIT("lease-init script "), STR_INIT("interface "), STR_INIT("inotify"),
};

static enum format_result self_line(struct record *r, struct str s)
{
	struct str t = s, name, ip;
	bool known = false;

	if (scan_lit(&t, "abandoning lease to "))
		return abandoned(r, t);
	if (scan_lit(&t, "not using configured address ") || scan_lit(&t, "disabling DHCP static address "))
		return configured(r, t, s);
	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts) && !known; i++)
		known = s.p[0] == starts[i].p[0] && str_starts(s, starts[i]);
	if (!known)
		return FORMAT_NO_MATCH;
	if (scan_lit(&t, "not giving name ") && scan_word(&t, &name) && scan_lit(&t, " to the DHCP lease of ") && scan_word(&t, &ip)) {
		rec_ip(r, F_CLIENT_IP, ip);
		rec_str(r, F_DHCP_HOSTNAME, name);
		rec_str(r, F_EVENT_REASON, s);
	} else if (str_starts(s, STR("no address range available for ")) || str_starts(s, STR("no free leases"))) {
		rec_str(r, F_DHCP_REASON, s);
		rec_str(r, F_EVENT_REASON, s);
		rec_outcome(r, "failure");
		via(r, s);
	} else if (scan_lit(&t, "DHCP packet received on ") && scan_word(&t, &name)) {
		interface(r, name);
		rec_str(r, F_EVENT_REASON, s);
	} else if (str_starts(s, STR("DHCP relay "))) {
		via(r, s);
	} else if (scan_lit(&t, "Error sending DHCP packet to ") || str_starts(s, STR("failed to ")) || str_starts(s, STR("cannot "))) {
		rec_str(r, F_ERROR_MESSAGE, s);
		if (str_starts(s, STR("Error ")) && scan_ip(&t, &ip))
			rec_ip(r, F_CLIENT_IP, ip);
	} else {
		range_line(r, s);
	}
	rec_action(r, "daemon-message", "process", "info");
	return FORMAT_MATCH;
}

static enum format_result dnsmasq_dhcp_parse(struct record *r)
{
	struct str s = r->text, xid, word, name, t;
	bool numbered = false;

	/* Of a container. */
	if (r->program.len == 0 && scan_tag(&s, STR("dnsmasq-dhcp"), &t)) {
		rec_str(r, F_EVENT_PROVIDER, STR("dnsmasq-dhcp"));
		rec_str(r, F_PROCESS_NAME, STR("dnsmasq-dhcp"));
		if (t.len)
			rec_num(r, F_PROCESS_PID, t);
	}
	if (s.len == 0)
		return FORMAT_NO_MATCH;
	rec_str(r, F_NETWORK_PROTOCOL, STR("dhcp"));
	t = s;
	if (scan_digits(&t, 10, &xid) && scan_ch(&t, ' ')) {
		rec_str(r, F_DHCP_TRANSACTION_ID, xid);
		numbered = true;
		s = t;
	}
	if (s.len == 0)
		return FORMAT_NO_MATCH;
	t = s;
	if (take_head(&t, &word, &name)) {
		interface(r, name);
		for (size_t i = 0; i < sizeof(messages) / sizeof(*messages); i++)
			if (str_eq(word, messages[i].word))
				return message(r, &messages[i], t);
		return router(r, word, t);
	}
	if (numbered)
		return detail(r, s) ? done(r, "dhcp-option", "info") : FORMAT_NO_MATCH;
	return self_line(r, s);
}

/* "DHCPACK(br0) 192.168.1.20 ..": nobody else puts the interface there. */
static bool dnsmasq_dhcp_shape(const struct record *r)
{
	ptrdiff_t open = str_chr(r->text, '(');
	struct str s = r->text, pid;

	if (r->program.len == 0 && scan_tag(&s, STR("dnsmasq-dhcp"), &pid))
		return true;
	return str_starts(r->text, STR("DHCP")) && open > 0 && open < 16 && str_chr(str_sub(r->text, 0, (size_t)open), ' ') < 0;
}

static const char *const programs[] = {"dnsmasq-dhcp", "dnsmasq", NULL};

FORMAT(dnsmasq_dhcp, .programs = programs, .service = STR_INIT("dnsmasq"), .dataset = STR_INIT("weir.dhcp"), .doc = "dnsmasq's DHCP half", .versions = "dnsmasq 2.80 to 2.91",
       .shape = dnsmasq_dhcp_shape, .parse = dnsmasq_dhcp_parse)
