/*
 * strongswan.c - charon, strongSwan's IKE daemon.
 *
 *	04[IKE] <rw|1> assigning virtual IP 10.3.0.1 to peer 'carol@corp.example'
 *
 * Thread, group, the connection's name and the IKE_SA's number (where ike_name is on, as in the journal), and the text; every line has at least those.
 * The peer is the source, we are the destination; a packet's are as the packet has them. An identity is a user's name once the peer has proven it (or
 * was refused under it), or as it answers to the request for its EAP identity, with which the login that follows is made; a distinguished name gives its
 * common name. What else the peer only claims is weir.raw.remote_id.
 *
 * In the journal charon-systemd writes the text alone, beside the line with its head where syslog is on too.
 *
 * charon logs what is of interest to auditors twice, to daemon and to authpriv.
 */
#include "parse/message.h"

/* CN of "C=CH, O=Lab, CN=carol"; empty where it is no distinguished name. */
static struct str common_name(struct str s)
{
	struct str part;

	if (str_chr(s, '=') < 0)
		return STR("");
	while (s.len) {
		if (!scan_until_str(&s, STR(", "), &part)) {
			part = s;
			s = STR("");
		}
		if (scan_lit(&part, "CN="))
			return part;
	}
	return STR("");
}

/* An identity that is proven or refused. An address is nobody's name, and is of interest where it is not the one in the line. */
static void put_user(struct record *r, struct str s)
{
	struct str cn = common_name(s);

	if (s.len == 0 || s.p[0] == '%')
		return;
	if (str_is_ip(s)) {
		struct value from = rec_get(r, F_SOURCE_ADDRESS);

		if (from.type != V_STRING || !str_eq(value_str(&from), s))
			rec_raw(r, "remote_id", s);
		return;
	}
	if (cn.len) {
		rec_str(r, F_VPN_CERTIFICATE, cn);
		rec_str(r, F_TLS_CLIENT_SUBJECT, s);
		s = cn;
	}
	rec_user(r, F_USER_NAME, s);
}

/* "203.0.113.77[4500]" */
static bool put_end(struct record *r, struct str s, enum field_id ip, enum field_id port)
{
	struct str head;

	if (!str_cut(&s, '[', &head))
		return rec_ip(r, ip, s);
	if (!s.len || s.p[s.len - 1] != ']' || !rec_ip(r, ip, head))
		return false;
	return rec_num(r, port, str_sub(s, 0, s.len - 1));
}

static void put_subject(struct record *r, struct str s)
{
	rec_str(r, F_TLS_CLIENT_SUBJECT, s);
	rec_str(r, F_VPN_CERTIFICATE, common_name(s));
}

/* IKE_AUTH: of version 2; ID_PROT, QUICK_MODE ..: of version 1; INFORMATIONAL is in both. */
static void put_exchange(struct record *r, struct str s)
{
	static const struct str second[] = {STR_INIT("IKE_SA_INIT"), STR_INIT("IKE_AUTH"), STR_INIT("CREATE_CHILD_SA"), STR_INIT("IKE_INTERMEDIATE")};
	static const struct str first[] = {STR_INIT("ID_PROT"), STR_INIT("AGGRESSIVE"), STR_INIT("QUICK_MODE"), STR_INIT("TRANSACTION"),
					   STR_INIT("INFORMATIONAL_V1")};

	rec_raw(r, "exchange", s);
	for (size_t i = 0; i < sizeof(second) / sizeof(*second); i++)
		if (str_eq(s, second[i]))
			rec_str(r, F_VPN_PROTOCOL, STR("ikev2"));
	for (size_t i = 0; i < sizeof(first) / sizeof(*first); i++)
		if (str_eq(s, first[i]))
			rec_str(r, F_VPN_PROTOCOL, STR("ikev1"));
}

static bool put_peer(struct record *r, struct str v)
{
	if (rec_ip(r, F_SOURCE_IP, v))
		rec_str(r, F_SOURCE_ADDRESS, v);
	return true;
}

static bool put_identity(struct record *r, struct str v)
{
	put_user(r, v);
	return true;
}

static bool put_certificate(struct record *r, struct str v)
{
	put_subject(r, v);
	return true;
}

static bool put_destination(struct record *r, struct str v)
{
	return put_end(r, v, F_DESTINATION_IP, F_DESTINATION_PORT);
}

static bool put_exchange_type(struct record *r, struct str v)
{
	put_exchange(r, v);
	return true;
}

static bool put_server(struct record *r, struct str v)
{
	rec_str(r, F_SERVER_ADDRESS, v);
	(void)rec_ip(r, F_SERVER_IP, v);
	return true;
}

/* An address of ours, which came or went. */
static bool put_local(struct record *r, struct str v)
{
	if (!str_is_ip(v))
		return false;
	rec_raw(r, "local_address", v);
	return true;
}

static bool put_source(struct record *r, struct str v)
{
	return put_end(r, v, F_SOURCE_IP, F_SOURCE_PORT);
}

/* What the letters in the patterns stand for. */
static const struct message_place places[] = {
	AS_IP('A', F_CLIENT_IP),
	AS_RAW('a', "requested_ip"),
	AS_NUM('B', F_NETWORK_BYTES),
	AS_RAW('b', "pool"),
	AS_RAW('C', "pool_base"),
	AS_CALL('c', put_certificate),
	AS_MAYBE_IP('D', F_DESTINATION_IP),
	AS_CALL('d', put_destination),
	AS_STR('E', F_ERROR_MESSAGE),
	AS_CALL('e', put_exchange_type),
	AS_RAW('F', "certificate"),
	AS_STR('f', F_FILE_PATH),
	AS_STR('G', F_VPN_GROUP),
	AS_CALL('g', put_server),
	AS_RAW('H', "state"),
	AS_RAW('h', "former_state"),
	AS_NUM('I', F_SOURCE_BYTES),
	AS_STR('i', F_OBSERVER_INGRESS_INTERFACE_NAME),
	AS_RAW('j', "former_spi_in"),
	AS_RAW('K', "former_child_id"),
	AS_RAW('k', "child_id"),
	AS_CALL('L', put_local),
	AS_RAW('l', "local_id"),
	AS_RAW('m', "auth_method"),
	AS_RAW('N', "retransmits"),
	AS_STR('n', F_VPN_CONNECTION_ID),
	AS_NUM('O', F_DESTINATION_BYTES),
	AS_RAW('o', "spi_out"),
	AS_RAW('P', "proposal"),
	AS_RAW('p', "spi_in"),
	AS_RAW('q', "message_id"),
	AS_STR('R', F_EVENT_REASON),
	AS_RAW('r', "remote_id"),
	AS_CALL('S', put_peer),
	AS_CALL('s', put_source),
	AS_STR('t', F_VPN_TUNNEL),
	AS_CALL('U', put_identity),
	AS_STR('V', F_SERVICE_VERSION),
	AS_RAW('u', "former_spi_out"),
	AS_RAW('w', "seconds"),
	AS_RAW('x', "local_ts"),
	AS_RAW('y', "remote_ts"),
	AS_RAW('z', "dh_group"),
	{0}};

#define MSG "daemon-message", "network", "info"
#define LOGIN "vpn-login", "authentication"
#define CONN "vpn-connect", "network"
#define GONE "vpn-disconnect", "network", "end"
#define TUNNEL "vpn-tunnel", "network"
#define LIST (const struct message[])

static const struct messages messages = {
	.by = {
		['C'] = LIST{
			{"CHILD_SA %t{%k} established with SPIs %p_i %o_o and TS %x === %y", TUNNEL, "start", "success"},
			{"CHILD_SA %t{%k} state change: %h => %H", MSG, NULL},
			{"CHILD_SA closed", TUNNEL, "end", NULL},
			{"CHILD_SA rekeying failed, %R", TUNNEL, "error", "failure"},
			{0}},
		['D'] = LIST{{"DPD check timed out, %R", MSG, NULL}, {"DH group %z unacceptable, requesting %*", MSG, NULL}, {"DH group %*", MSG, NULL}, {0}},
		['E'] = LIST{
			{"EAP method %m failed for peer %U", LOGIN, "denied", "failure"},
			{"EAP-MS-CHAPv2 username: '%r'", MSG, NULL},
			{"EAP-MS-CHAPv2 verification failed, %*", LOGIN, "denied", "failure"},
			{"EAP method %m succeeded, %*MSK established", LOGIN, "allowed", "success"},
			{"EAP vendor specific method %m failed for peer %U", LOGIN, "denied", "failure"},
			{0}},
		['I'] = LIST{
			{"IKE_SA %G[%n] established between %D[%l]...%S[%U]", CONN, "start", "success"},
			{"IKE_SA %G[%n] rekeyed between %D[%l]...%S[%U]", MSG, "success"},
			{"IKE_SA %G[%n] state change: %h => %H", MSG, NULL},
			{"IKE_SA deleted", MSG, NULL},
			{"IKE_SA (unnamed)[%n] successfully checked out", MSG, NULL},
			{"IKE_SA %G[%n] successfully checked out", MSG, NULL},
			{"IDir '%r' does not match to '%*'", LOGIN, "denied", "failure"},
			{0}},
		['M'] = LIST{{"Main Mode authorization hook forbids IKE_SA, canceling", LOGIN, "denied", "failure"}, {0}},
		['P'] = LIST{
			{"PAM authentication of '%U' successful", LOGIN, "allowed", "success"},
			{"PAM authentication of '%U' failed: %R", LOGIN, "denied", "failure"},
			{0}},
		['R'] = LIST{
			{"RADIUS authentication of '%U' successful", LOGIN, "allowed", "success"},
			{"RADIUS authentication of '%U' failed", LOGIN, "denied", "failure"},
			{0}},
		['S'] = LIST{
			{"Starting IKE charon daemon (strongSwan %V, %*)", MSG, NULL},
			{"Starting charon-systemd IKE daemon (strongSwan %V, %*)", MSG, NULL},
			{"Starting strongSwan %V IPsec [starter]%*", MSG, NULL},
			{0}},
		['X'] = LIST{
			{"XAuth authentication of '%l' (myself) %*", MSG, NULL},
			{"XAuth authentication of '%U' successful", LOGIN, "allowed", "success"},
			{"XAuth authentication of '%U' failed", LOGIN, "denied", "failure"},
			{"XAuth authorization hook forbids IKE_SA, canceling", LOGIN, "denied", "failure"},
			{0}},
		['a'] = LIST{
			{"assigning virtual IP %A to peer '%U'", "vpn-assign", "network", "start", "success"},
			{"assigning new lease to '%U'", MSG, NULL},
			{"acquired new lease for address %A in pool '%*'", MSG, NULL},
			{"acquired existing lease for address %A in pool '%*'", MSG, NULL},
			{"authentication of '%l' (myself) with %m", MSG, NULL},
			{"authentication of '%l' (myself) %*", MSG, NULL},
			{"authentication of '%U' with %m successful", LOGIN, "allowed", "success"},
			{"authentication of '%U' with %m failed", LOGIN, "denied", "failure"},
			{"authorization forbids IKE_SA, canceling", LOGIN, "denied", "failure"},
			{"adding virtual IP address pool %*", MSG, NULL},
			{"added configuration '%G'", MSG, NULL},
			{"added vici connection: %G", MSG, NULL},
			{"added vici pool %b: %C, %* entries", MSG, NULL},
			{0}},
		['c'] = LIST{
			{"closing CHILD_SA %t{%k} with SPIs %p_i (%I bytes) %o_o (%O bytes) and TS %x === %y", TUNNEL, "end", NULL},
			{"closing expired CHILD_SA %t{%k} with SPIs %p_i %o_o and TS %x === %y", TUNNEL, "end", NULL},
			{"certificate was revoked on %*, reason: %R", LOGIN, "denied", "failure"},
			{"certificate was revoked on %*", LOGIN, "denied", "failure"},
			{"certificate \"%c\" has expired", LOGIN, "denied", "failure"},
			{"certificate status is %R", MSG, NULL},
			{"constraint check failed: %R", LOGIN, "denied", "failure"},
			{"configured proposals: %P", MSG, NULL},
			{"could not decrypt payloads", MSG, "failure"},
			{"creating acquire job for policy %x === %y with %*", MSG, NULL},
			{"checking certificate status of \"%c\"", MSG, NULL},
			{"canceling IKE_SA setup due to uniqueness policy", CONN, "denied", "failure"},
			{"checkin and destroy IKE_SA (unnamed)[%n]", MSG, NULL},
			{"checkin and destroy IKE_SA %G[%n]", MSG, NULL},
			{"creating rekey job for CHILD_SA %*/0x%p/%*", MSG, NULL},
			{"creating delete job for CHILD_SA %*/0x%p/%*", MSG, NULL},
			{"checkin IKE_SA (unnamed)[%n]", MSG, NULL},
			{"checkin IKE_SA %G[%n]", MSG, NULL},
			{0}},
		['d'] = LIST{
			{"deleting IKE_SA %G[%n] between %D[%l]...%S[%U]", GONE, NULL},
			{"deleting half open IKE_SA with %S after timeout", GONE, NULL},
			{"deleting half open IKE_SA after timeout", GONE, NULL},
			{"deleting duplicate IKE_SA for peer '%U' due to %R", GONE, NULL},
			{"destroying duplicate IKE_SA for peer '%U', %R", GONE, NULL},
			{"deleting CHILD_SA after %* seconds of inactivity", TUNNEL, "end", NULL},
			{"deleting policy %x === %y %*", MSG, NULL},
			{"deleted SAD entry with SPI %p", MSG, NULL},
			{"deleted connection '%G'", MSG, NULL},
			{"detected reauth of existing IKE_SA, %*", MSG, NULL},
			{"detected rekeying of CHILD_SA %t{%k}", MSG, NULL},
			{"destroying IKE_SA in state %* without notification", GONE, NULL},
			{"destroying IKE_SA after failed XAuth authentication", LOGIN, "denied", "failure"},
			{0}},
		['e'] = LIST{
			{"establishing IKE_SA failed, %R", CONN, "error", "failure"},
			{"establishing CHILD_SA %t{%k} reqid %*", MSG, NULL},
			{"establishing CHILD_SA %t{%k}", MSG, NULL},
			{"error writing to socket: %E", MSG, "failure"},
			{0}},
		['f'] = LIST{
			{"failed to establish CHILD_SA, %R", TUNNEL, "error", "failure"},
			{"final authorization hook forbids IKE_SA, canceling", LOGIN, "denied", "failure"},
			{0}},
		['g'] = LIST{
			{"generating %e request %q [%*", MSG, NULL},
			{"generating %e response %q [%*", MSG, NULL},
			{"giving up after %N retransmits", CONN, "error", "failure"},
			{0}},
		['i'] = LIST{
			{"initiating IKE_SA %G[%n] to %d", MSG, NULL},
			{"initiating Main Mode IKE_SA %G[%n] to %d", MSG, NULL},
			{"initiating Aggressive Mode IKE_SA %G[%n] to %d", MSG, NULL},
			{"initiating %m method (id %*", MSG, NULL},
			{"inbound CHILD_SA %t{%k} established with SPIs %p_i %o_o and TS %x === %y", TUNNEL, "start", "success"},
			{"ignoring IKE_SA setup from %S, %R", CONN, "denied", "failure"},
			{"installing new virtual IP %A", MSG, NULL},
			{"interface %i %*", MSG, NULL},
			{"issuer is \"%*\"", MSG, NULL},
			{"integrity check failed", MSG, "failure"},
			{0}},
		['l'] = LIST{
			{"lease %A by '%U' went offline", "vpn-release", "network", "end", NULL},
			{"looking for peer configs matching %D[%l]...%S[%r]", MSG, NULL},
			{"looking for pre-shared key peer configs matching %D...%S[%r]", MSG, NULL},
			{"looking for %m peer configs matching %D...%S[%r]", MSG, NULL},
			{"looking for an %* config for %D...%S", MSG, NULL},
			{"local endpoint changed from %* to %d", MSG, NULL},
			/* Whose secrets there are, and certificates, our own among them. */
			{"loaded certificate '%F'", MSG, NULL},
			{"loaded certificate \"%F\" from '%f'", MSG, NULL},
			{"loaded ca certificate \"%*\" from '%f'", MSG, NULL},
			{"loaded %* shared key with id '%*' for: '%r'", MSG, NULL},
			{"loaded %* shared key for: '%r'", MSG, NULL},
			{"loaded %* secret for %r", MSG, NULL},
			{"loaded %*", MSG, NULL},
			{"looking for a child config for %x === %y", MSG, NULL},
			{0}},
		['m'] = LIST{{"maximum IKE_SA lifetime %ws", MSG, NULL}, {"message parsing failed", MSG, "failure"}, {0}},
		['n'] = LIST{
			{"no IKE config found for %D...%S, sending %R", CONN, "denied", "failure"},
			{"no matching peer config found", CONN, "denied", "failure"},
			{"no peer config found", CONN, "denied", "failure"},
			{"no shared key found for '%l' - '%U'", LOGIN, "denied", "failure"},
			{"no shared key found for '%l'[%D] - '%U'[%S]", LOGIN, "denied", "failure"},
			{"no shared key found for %D - %S", LOGIN, "denied", "failure"},
			{"no EAP key found for hosts '%l' - '%U'", LOGIN, "denied", "failure"},
			{"no trusted %* public key found for '%U'", LOGIN, "denied", "failure"},
			{"no issuer certificate found for \"%c\"", MSG, "failure"},
			{"no virtual IP found for %* requested by '%U'", MSG, "failure"},
			{"no virtual IP found, sending %R", MSG, "failure"},
			{"no matching CHILD_SA config found for %x === %y", TUNNEL, "denied", "failure"},
			{"no matching proposal found, sending %R", TUNNEL, "denied", "failure"},
			{"no private key found for '%l'", MSG, "failure"},
			{"no proposal found", CONN, "denied", "failure"},
			{0}},
		['o'] = LIST{{"outbound CHILD_SA %t{%k} established with SPIs %p_i %o_o and TS %x === %y", TUNNEL, "start", "success"}, {0}},
		['p'] = LIST{
			{"parsed %e request %q [%*", MSG, NULL},
			{"parsed %e response %q [%*", MSG, NULL},
			{"peer requested virtual IP %a", MSG, NULL},
			{"peer didn't accept any proposal", CONN, "denied", "failure"},
			{"peer didn't accept %*", MSG, "failure"},
			{"peer certificate invalid %*", LOGIN, "denied", "failure"},
			{"pool '%*' is full, unable to assign address", MSG, "failure"},
			{"peer not responding, trying again (%*)", MSG, "failure"},
			{0}},
		['r'] = LIST{
			{"received packet: from %s to %d (%B bytes)", MSG, NULL},
			{"received packet from %s to %d on ignored interface", MSG, NULL},
			{"received unencrypted informational: from %s to %d", MSG, "failure"},
			{"received EAP identity '%U'", MSG, NULL},
			{"received end entity cert \"%c\"", MSG, NULL},
			{"received issuer cert \"%*\"", MSG, NULL},
			{"received cert request for %*", MSG, NULL},
			{"received DELETE for IKE_SA %G[%n]", MSG, NULL},
			{"received DELETE for %* CHILD_SA with SPI %o", MSG, NULL},
			{"received AUTHENTICATION_FAILED %*", LOGIN, "denied", "failure"},
			{"received %R notify error", MSG, "failure"},
			{"received %R error notify", MSG, "failure"},
			{"received %R notify, no CHILD_SA built", TUNNEL, "error", "failure"},
			{"received %R, EAP authentication failed", LOGIN, "denied", "failure"},
			{"received proposals: %P", MSG, NULL},
			{"received proposals unacceptable", CONN, "denied", "failure"},
			{"received proposals inacceptable", CONN, "denied", "failure"},
			{"received %* vendor ID", MSG, NULL},
			{"received retransmit of %*", MSG, NULL},
			{"received group membership '%*' from RADIUS", MSG, NULL},
			{"received invalid IKE header from %S - ignored", MSG, "failure"},
			{"received unsupported IKE version %* from %S, sending %R", CONN, "denied", "failure"},
			{"received netlink error: %E", MSG, "failure"},
			{"received RADIUS Access-Reject from server '%g'", MSG, "failure"},
			{"received RADIUS %* from server '%g'", MSG, NULL},
			{"received RADIUS DAE %* for %U from %*", MSG, NULL},
			{"reassigning offline lease to '%U'", MSG, NULL},
			{"reassigning online lease to '%U'", MSG, NULL},
			{"reassigning existing offline lease by '%*' to '%U'", MSG, NULL},
			{"reauthenticating IKE_SA %G[%n]%*", MSG, NULL},
			{"rekeying IKE_SA failed, %R", CONN, "error", "failure"},
			{"rekeying IKE_SA %G[%n]", MSG, NULL},
			{"restarting CHILD_SA %t", MSG, NULL},
			{"remote endpoint changed from %* to %s", MSG, NULL},
			{"requested DH group %z not supported", MSG, "failure"},
			{"retransmit %N of request with message ID %q", MSG, NULL},
			{"received packet: from %s to %d", MSG, NULL},
			{"received stroke: add connection '%G'", MSG, NULL},
			{"received stroke: delete connection '%G'", MSG, NULL},
			{"received stroke: initiate '%G'", MSG, NULL},
			{"received stroke: terminate '%G'", MSG, NULL},
			{"removed vici connection: %G", MSG, NULL},
			{"received DHCP OFFER %A from %g", MSG, NULL},
			{"received DHCP ACK for %A", MSG, NULL},
			{"rekeyed CHILD_SA %t{%K} with SPIs %j_i %u_o with %*{%k} with SPIs %p_i %o_o", MSG, "success"},
			{0}},
		['s'] = LIST{
			{"sending packet: from %s to %d (%B bytes)", MSG, NULL},
			{"sending keep alive to %d", MSG, NULL},
			{"sending retransmit %* of %* message ID %q, seq %*", MSG, NULL},
			{"sending DELETE for IKE_SA %G[%n]", MSG, NULL},
			{"sending DELETE for %* CHILD_SA with SPI %p", MSG, NULL},
			{"sending cert request for %*", MSG, NULL},
			{"sending end entity cert \"%*\"", MSG, NULL},
			{"selected peer config '%G' unacceptable: %R", CONN, "denied", "failure"},
			{"selected peer config '%G' inacceptable: %R", CONN, "denied", "failure"},
			{"selected peer config '%G'", MSG, NULL},
			{"selected peer config \"%G\"", MSG, NULL},
			{"selected proposal: %P", MSG, NULL},
			{"switching to peer config '%G'", MSG, NULL},
			{"schedule delete of duplicate IKE_SA for peer '%U' due to %R", MSG, NULL},
			{"signature validation failed, %R", MSG, "failure"},
			{"subject certificate invalid (%*", LOGIN, "denied", "failure"},
			{"sending RADIUS %* to server '%g'", MSG, NULL},
			{"sending DHCP DISCOVER to %g", MSG, NULL},
			{"sending DHCP REQUEST for %A to %g", MSG, NULL},
			{"sending DHCP RELEASE for %A to %g", MSG, NULL},
			{"scheduling rekeying in %ws", MSG, NULL},
			{"scheduling reauthentication in %ws", MSG, NULL},
			{"sending packet: from %s to %d", MSG, NULL},
			{0}},
		['t'] = LIST{
			{"tried %* shared key%* for '%l' - '%U', but %R", LOGIN, "denied", "failure"},
			{"traffic selectors %x === %y unacceptable", TUNNEL, "denied", "failure"},
			{"traffic selectors %x === %y inacceptable", TUNNEL, "denied", "failure"},
			{0}},
		['u'] = LIST{
			{"updated vici connection: %G", MSG, NULL},
			{"unable to add SAD entry with SPI %p: %R", MSG, "failure"},
			{"unable to add SAD entry with SPI %p (%R)", MSG, "failure"},
			{"unable to %*", MSG, "failure"},
			{"using certificate \"%c\"", MSG, NULL},
			{"using trusted certificate \"%c\"", MSG, NULL},
			{0}},
		['v'] = LIST{
			{"verification of AUTH payload %R", LOGIN, "denied", "failure"},
			{"vici initiate CHILD_SA '%t'", MSG, NULL},
			{"vici initiate IKE_SA '%G'", MSG, NULL},
			{"vici initiate '%t'", MSG, NULL},
			{"vici terminate CHILD_SA '%t'", MSG, NULL},
			{"vici terminate IKE_SA '%G'", MSG, NULL},
			{0}},
	},
	.any = LIST{
		{"%S is initiating a Main Mode IKE_SA", CONN, "start", NULL},
		{"%S is initiating a Aggressive Mode IKE_SA", CONN, "start", NULL},
		{"%S is initiating an IKE_SA", CONN, "start", NULL},
		{"%m phase2 authentication of '%U' with %* successful", LOGIN, "allowed", "success"},
		{"%L appeared on %i", MSG, NULL},
		{"%L disappeared from %i", MSG, NULL},
		{0}},
};

/* "<rw|1> ", "<7> ": the connection's name, the IKE_SA's number. */
static void take_connection(struct record *r, struct str *s)
{
	struct str rest = *s, conn;
	ptrdiff_t bar;

	if (!scan_ch(&rest, '<') || !str_cut(&rest, '>', &conn))
		return;
	bar = str_rchr(conn, '|');
	if (bar >= 0)
		rec_str(r, F_VPN_GROUP, str_sub(conn, 0, (size_t)bar));
	rec_str(r, F_VPN_CONNECTION_ID, str_from(conn, (size_t)(bar + 1)));
	(void)scan_blanks(&rest);
	*s = rest;
}

/* "04[IKE] <rw|1> ", "04[IKE] ", "12[NET1] <7> ": *s moves behind it. */
static bool take_head(struct record *r, struct str *s)
{
	struct str t = *s, thread, group = {0};
	size_t n = 0;

	if (!scan_digits(&t, 4, &thread) || thread.len < 2 || !scan_ch(&t, '['))
		return false;
	while (n < t.len && n < 4 && (unsigned char)(t.p[n] - 'A') < 26)
		n++;
	group = str_sub(t, 0, n);
	t = str_from(t, n);
	if (t.len && ch_digit(t.p[0]))
		t = str_from(t, 1);
	if (n < 3 || !scan_ch(&t, ']') || !scan_blanks(&t))
		return false;
	rec_num(r, F_PROCESS_THREAD_ID, thread);
	rec_str(r, F_LOG_LOGGER, group);
	take_connection(r, &t);
	*s = t;
	return true;
}

/* false: none of ours. */
static bool take_known(struct record *r, struct str s)
{
	const struct message *m = message_find(r, &messages, s, places);

	if (!m)
		return false;
	if (str_starts(s, STR("XAuth ")) || str_find(s, STR(" Mode IKE_SA")) > 0)
		rec_str(r, F_VPN_PROTOCOL, STR("ikev1"));
	/* "XAuth authentication of 'erin' failed" gives no reason. */
	if (m->outcome && strcmp(m->outcome, "failure") == 0 && rec_get(r, F_EVENT_REASON).type == V_NONE &&
	    rec_get(r, F_ERROR_MESSAGE).type == V_NONE && rec_get(r, F_USER_NAME).type == V_NONE)
		rec_str(r, F_EVENT_REASON, s);
	if (strcmp(m->action, "vpn-disconnect") == 0 && rec_get(r, F_EVENT_REASON).type != V_NONE)
		rec_value(r, F_VPN_SESSION_REASON, rec_get(r, F_EVENT_REASON));
	return true;
}

/* Behind a head every text is charon's. */
static void take_text(struct record *r, struct str s)
{
	if (!take_known(r, s))
		rec_action(r, "daemon-message", "network", "info");
}

/*
 * charon-systemd[744]: received packet: from 192.0.2.7[500] to 198.51.100.1[500] (604 bytes)
 * The journal has thread, group and connection in fields of its own. Only charon logs under that name, so a text unknown here is its own, too.
 */
static bool journal(struct record *r, struct str s)
{
	if (!str_eqz(r->program, "charon-systemd"))
		return false;
	take_connection(r, &s);
	take_text(r, s);
	return true;
}

/* The starter's own: charon (711) started after 40 ms. */
static bool starter(struct record *r, struct str s)
{
	static const struct str begins[] = {STR_INIT("charon "), STR_INIT("Starting "), STR_INIT("ipsec "), STR_INIT("no "), STR_INIT("starter ")};

	for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++)
		if (str_starts(s, begins[i])) {
			take_text(r, s);
			return true;
		}
	return false;
}

/*
 * A log file of its own may have a date in front, of a form that is configured. "%a, %Y-%m-%d, %H:%M:%S" is what strongSwan's own examples have:
 *	Mon, 2021-05-10, 16:19:17 06[IKE] <rw|1> ...
 */
static bool take_stamp(struct str *s, struct syslog_stamp *stamp, struct str *date)
{
	bool iso;

	if (s->len > 26 && s->p[3] == ',' && s->p[4] == ' ' && s->p[15] == ',' && s->p[16] == ' ' && s->p[25] == ' ') {
		char text[20];
		struct str t = str_n(text, 19);

		memcpy(text, s->p + 5, 10);
		text[10] = ' ';
		memcpy(text + 11, s->p + 17, 8);
		if (syslog_take_date(&t, stamp, date, &iso) != SYSLOG_DATE_OK || t.len)
			return false;
		*date = str_sub(*s, 0, 25);
		*s = str_from(*s, 26);
		return true;
	}
	return syslog_take_date(s, stamp, date, &iso) == SYSLOG_DATE_OK && scan_space(s);
}

static enum format_result strongswan_parse(struct record *r)
{
	struct str s = r->text, date;
	struct syslog_stamp stamp;

	rec_str(r, F_NETWORK_PROTOCOL, STR("ike"));
	if (take_head(r, &s)) {
		take_text(r, s);
	} else if (take_stamp(&s, &stamp, &date) && take_head(r, &s)) {
		rec_stamp(r, &stamp, date);
		take_text(r, s);
	} else if (!r->program.len || (!journal(r, r->text) && !starter(r, r->text))) {
		return FORMAT_NO_MATCH;
	}
	if (!r->program.len) {
		rec_str(r, F_EVENT_PROVIDER, STR("charon"));
		rec_str(r, F_PROCESS_NAME, STR("charon"));
	}
	return FORMAT_MATCH;
}

static bool is_head(struct str s)
{
	static const struct str groups[] = {STR_INIT("DMN"), STR_INIT("MGR"), STR_INIT("IKE"), STR_INIT("CHD"), STR_INIT("JOB"), STR_INIT("CFG"),
					    STR_INIT("KNL"), STR_INIT("NET"), STR_INIT("ASN"), STR_INIT("ENC"), STR_INIT("LIB"), STR_INIT("ESP"),
					    STR_INIT("TLS"), STR_INIT("TNC"), STR_INIT("IMC"), STR_INIT("IMV"), STR_INIT("PTS"), STR_INIT("APP")};

	if (s.len < 7 || !ch_digit(s.p[0]) || !ch_digit(s.p[1]) || s.p[2] != '[')
		return false;
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		if (str_starts(str_from(s, 3), groups[i]))
			return true;
	return false;
}

static bool strongswan_shape(const struct record *r)
{
	struct str s = r->line, date;
	struct syslog_stamp stamp;

	return is_head(s) || (take_stamp(&s, &stamp, &date) && is_head(s));
}

static const char *const programs[] = {"charon", "charon-systemd", "charon-cmd", "charon-nm", "ipsec", "ipsec_starter", "strongswan", NULL};

FORMAT(strongswan, .programs = programs, .service = STR_INIT("strongswan"), .dataset = STR_INIT("weir.vpn"), .doc = "strongSwan's charon", .versions = "strongSwan 5.9 to 6.0",
       .shape = strongswan_shape, .doubles = true, .parse = strongswan_parse)
