/*
 * identity.c - the filter `identity`: who had this address at that moment? Work thread.
 *
 *	lease and session lines (docs/events.md) -> enrichers/lease.h, by event time
 *	every event: source.ip, client.ip, destination.ip -> <side>.user.name, .mac, .domain, related.*, weir.identity.*
 *
 * An address is bound by an acknowledged lease, by a VPN's assignment and by the option `static`; offers, refusals and unanswered requests bind nothing.
 * Rows go to state.db as they change, keyed by address, so that they are there after a restart or a crash.
 */
#include "base/hash.h"
#include "base/metrics.h"
#include "enrichers/lease.h"
#include "enrichers/lease_parts.h"
#include "enrichers/session.h"
#include "enrichers/state_db.h"
#include "event/fields.h"
#include "event/objects.h"
#include "pipeline/plugin.h"

#include <stdlib.h>

enum { INFORM_NS_MAX = 30 /* seconds that an answer to an INFORM may take */ };

enum side { SIDE_SOURCE, SIDE_CLIENT, SIDE_DESTINATION, SIDES = EVENT_SIDES }; /* of event_sides */

static const struct {
	enum field_id ip, user, mac, domain;
} side_fields[SIDES] = {
	{F_SOURCE_IP, F_SOURCE_USER_NAME, F_SOURCE_MAC, F_SOURCE_DOMAIN},
	{F_CLIENT_IP, F_CLIENT_USER_NAME, F_CLIENT_MAC, F_CLIENT_DOMAIN},
	{F_DESTINATION_IP, F_DESTINATION_USER_NAME, F_DESTINATION_MAC, F_DESTINATION_DOMAIN},
};

struct identity {
	int64_t lease_time_ns, max_leases;
	const struct map *fixed; /* option static */

	struct leases leases;
	struct sessions sessions;
	struct lease_parts *parts;
	struct state_db *db;
	int table; /* of db */
	struct buf row;
	struct series *series;
	bool counted;

	struct asked {
		struct ip ip;
		enum side side;
		bool again; /* the same address as the one before */
	} asked[SIDES]; /* the addresses that the event holds */
	unsigned nasked;
	const struct event *read; /* of this one they are; NULL: to be read */
};

/* ---- opening ---- */

static void keep_row(struct identity *id, const struct lease_row *r)
{
	if (!id->db || !r)
		return;
	buf_clear(&id->row);
	lease_row_write(r, &id->row);
	state_db_put(id->db, id->table, str_n((const char *)r->ip.b, 16), buf_slice(&id->row));
}

/* The session that gave the address may end after the restart. */
static void restore_session(struct identity *id, const struct ip *ip)
{
	const struct lease_row *r = lease_find(&id->leases, ip);
	const struct lease_mark *m = r->n ? &r->mark[r->n - 1] : NULL;
	struct session *s;

	if (!m || m->kind != LEASE_GIVEN || !m->who.session.len)
		return;
	s = sessions_by_key(&id->sessions, m->who.session);
	if (!s)
		return;
	session_add(s, ip);
	if (m->who.user.len)
		session_user(s, m->who.user);
}

static void load_row(void *arg, struct str key, struct str value)
{
	struct identity *id = arg;
	struct ip ip;

	if (key.len == sizeof(ip.b)) {
		memcpy(ip.b, key.p, sizeof(ip.b));
		if (lease_row_read(&id->leases, &ip, value)) {
			/* The configuration may say otherwise now. */
			lease_forget_static(lease_find(&id->leases, &ip));
			restore_session(id, &ip);
		}
	}
}

static int open_state(struct identity *id, struct plugin_ctx *ctx, struct err *err)
{
	id->db = ctx->settings->state;
	if (!id->db)
		return 0;
	id->table = state_db_table(id->db, ctx->settings->pipeline_id, arena_printf(ctx->arena, IDENTITY_STEP "%.*s", STR_ARG(ctx->state_key)), err);
	if (id->table < 0)
		return -1;
	return state_db_load(id->db, id->table, load_row, id, err);
}

/* { "10.20.0.5" => "printer" }: theirs since ever. */
static int open_fixed(struct identity *id, struct err *err)
{
	for (uint32_t i = 0; id->fixed && i < id->fixed->n; i++) {
		const struct entry *e = &id->fixed->e[i];
		struct holder who = {.kind = LEASE_STATIC};
		struct ip ip;

		if (!ip_parse(key_str(&e->key), &ip))
			return err_set(err, "static: '%.*s' is no address", (int)e->key.len, e->key.p);
		if (e->val.type != V_STRING)
			return err_set(err, "static: '%.*s' needs a name", (int)e->key.len, e->key.p);
		who.host = value_str(&e->val);
		keep_row(id, lease_given(&id->leases, &ip, INT64_MIN / 2, INT64_MAX, &who, STR("")));
	}
	return 0;
}

static int identity_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	const struct label label[] = {{"pipeline", ctx->settings->pipeline_id}, {"id", ctx->id}};
	struct identity *id = self;

	leases_init(&id->leases, (size_t)id->max_leases, id->lease_time_ns);
	sessions_init(&id->sessions, (size_t)id->max_leases);
	id->parts = xzalloc(sizeof(*id->parts));
	buf_init(&id->row, 0);
	if (open_state(id, ctx, err) || open_fixed(id, err)) {
		leases_release(&id->leases);
		sessions_release(&id->sessions);
		free(id->parts);
		return -1;
	}
	id->series = series_get(SCOPE_IDENTITY, label, 2);
	return 0;
}

static void identity_close(void *self)
{
	struct identity *id = self;

	leases_release(&id->leases);
	sessions_release(&id->sessions);
	free(id->parts);
	buf_release(&id->row);
	series_unref(id->series);
}

static void identity_adopt(void *self, void *former)
{
	struct identity *id = self, *old = former;

	leases_adopt(&id->leases, &old->leases);
	sessions_adopt(&id->sessions, &old->sessions);
	*id->parts = *old->parts;
}

/* ---- learning ---- */

/* A leaf right below an object at the root. */
static struct str text_in(const struct map *m, enum field_id f)
{
	const struct value *v = m ? map_find(m, &field_ref(f)->part[1].key) : NULL;

	return value_is(v, V_STRING) ? value_str(v) : (struct str){0};
}

static struct str text(const struct event *ev, enum field_id f)
{
	const struct value *v = event_get(ev, field_ref(f));

	return value_is(v, V_STRING) ? value_str(v) : (struct str){0};
}

/* The MAC that a DUID of the kinds LLT (1) and LL (3) over Ethernet ends in (RFC 8415, 11.2, 11.4): "00:01:00:01:" time MAC, "00:03:00:01:" MAC. */
static bool duid_mac(struct str duid, uint8_t mac[6])
{
	uint8_t b[32];
	size_t n = 0;
	int half = -1;

	for (size_t i = 0; i < duid.len; i++) {
		char c = duid.p[i];
		int v = ch_digit(c) ? c - '0' : ch_xdigit(c) ? (c | 32) - 'a' + 10 : -1;

		if (v < 0)
			continue;
		if (half < 0) {
			half = v;
		} else {
			if (n == sizeof(b))
				return false;
			b[n++] = (uint8_t)(half << 4 | v);
			half = -1;
		}
	}
	if (!((n == 14 && b[1] == 1) || (n == 10 && b[1] == 3)) || b[0] || b[2] || b[3] != 1)
		return false;
	memcpy(mac, b + n - 6, 6);
	return true;
}

static struct holder dhcp_holder(const struct event *ev)
{
	struct holder who = {.kind = LEASE_DHCP, .client_id = text(ev, F_DHCP_CLIENT_ID), .host = text(ev, F_DHCP_HOSTNAME)};

	who.has_mac = mac_parse(text(ev, F_CLIENT_MAC), who.mac) || duid_mac(who.client_id, who.mac);
	if (!who.host.len)
		who.host = text(ev, F_CLIENT_DOMAIN);
	return who;
}

/* Up to 0xffffffff, which means no end (RFC 2131, 3.3): as seconds that are 136 years, which an int64_t of ns holds, and a date of today with it. */
static int64_t lease_length(const struct event *ev)
{
	const struct value *v = event_get(ev, field_ref(F_DHCP_LEASE_DURATION));

	return value_is(v, V_INT) && v->i > 0 && v->i <= UINT32_MAX ? v->i * 1000000000 : 0;
}

static struct str event_id(const struct event *ev)
{
	struct str id = text(ev, F_EVENT_ID);

	return id.len ? id : str_n(ev->id, ev->id_len);
}

/* The lease time of an acknowledgement: its own, or that of a line of the same transaction. */
static int64_t given_for(struct identity *id, const struct event *ev, const struct ip *ip, int64_t t)
{
	int64_t told = lease_part_given(id->parts, text(ev, F_HOST_NAME), text(ev, F_DHCP_TRANSACTION_ID), ip, t), own = lease_length(ev);

	return own ? own : told;
}

/* A part of a message in a line of its own (dnsmasq's log-dhcp): of a lease its time is learnt. */
static void learn_option(struct identity *id, const struct event *ev, int64_t t)
{
	int64_t lease_ns = lease_length(ev), given;
	struct ip ip;

	if (lease_ns && lease_part_lasts(id->parts, text(ev, F_HOST_NAME), text(ev, F_DHCP_TRANSACTION_ID), t, lease_ns, &ip, &given))
		keep_row(id, lease_lasts(&id->leases, &ip, given, lease_ns));
}

static void learn_dhcp(struct identity *id, const struct event *ev, struct str what, const struct ip *ip, int64_t t)
{
	struct holder who = dhcp_holder(ev);
	struct str host = text(ev, F_HOST_NAME);
	struct lease_row *r = NULL;

	/* "DHCPDECLINE of .. : not found": what the server refused changes nothing; else anybody could take an address from its holder. */
	if (str_eq(text(ev, F_EVENT_OUTCOME), STR("failure")))
		return;
	if (str_eq(what, STR("inform"))) {
		sessions_inform(&id->sessions, host, ip, t);
	} else if (str_eq(what, STR("request"))) {
		sessions_inform_over(&id->sessions, host, ip);
	} else if (str_eq(what, STR("ack")) || str_eq(what, STR("lease")) || str_eq(what, STR("inform-ack"))) {
		/* The answer to an INFORM looks like any other in some servers' logs. */
		if (what.len > 5 || sessions_informed(&id->sessions, host, ip, t, INFORM_NS_MAX * 1000000000ll))
			r = lease_seen(&id->leases, ip, t, &who, event_id(ev));
		else
			r = lease_given(&id->leases, ip, t, given_for(id, ev, ip, t), &who, event_id(ev));
	} else if (str_eq(what, STR("release"))) {
		r = lease_ended(&id->leases, ip, t, &who);
	} else if (str_eq(what, STR("expire")) || str_eq(what, STR("decline")) || str_eq(what, STR("abandon"))) {
		/* Whoever had it: after a decline nobody may. */
		r = lease_ended(&id->leases, ip, t, NULL);
	}
	keep_row(id, r);
}

/* Who ended gives back every address of the session. */
static void end_session(struct identity *id, struct session *s, int64_t t)
{
	struct holder who = {.kind = LEASE_VPN, .session = session_key(s)};

	for (unsigned i = 0; i < s->ninner; i++)
		keep_row(id, lease_ended(&id->leases, &s->inner[i], t, &who));
	s->ninner = 0;
}

static void give_inner(struct identity *id, const struct event *ev, struct session *s, const struct ip *ip, int64_t t)
{
	struct holder who = {.kind = LEASE_VPN, .user = s->user, .session = session_key(s)};

	/* A certificate's name stands for its holder only where no user name was proven. */
	if (!who.user.len)
		who.user = text(ev, F_USER_NAME);
	if (!who.user.len)
		who.user = text(ev, F_VPN_CERTIFICATE);
	keep_row(id, lease_given(&id->leases, ip, t, 0, &who, event_id(ev)));
	session_add(s, ip);
}

static void learn_vpn(struct identity *id, const struct event *ev, struct str what, int64_t t)
{
	struct session *s = sessions_get(&id->sessions, text(ev, F_HOST_NAME), text(ev, F_SOURCE_IP), event_get(ev, field_ref(F_SOURCE_PORT)),
					 text(ev, F_VPN_SESSION_ID), text(ev, F_VPN_CONNECTION_ID));
	struct ip ip;
	bool inner = ip_parse(text(ev, F_CLIENT_IP), &ip);

	if (str_eq(what, STR("login"))) {
		if (s && !str_eq(text(ev, F_EVENT_OUTCOME), STR("failure")) && text(ev, F_USER_NAME).len)
			session_user(s, text(ev, F_USER_NAME));
	} else if (str_eq(what, STR("assign")) && inner) {
		if (s) {
			give_inner(id, ev, s, &ip, t);
		} else {
			struct holder who = {.kind = LEASE_VPN, .user = text(ev, F_USER_NAME)};

			keep_row(id, lease_given(&id->leases, &ip, t, 0, &who, event_id(ev)));
		}
	} else if (str_eq(what, STR("release")) && inner) {
		keep_row(id, lease_ended(&id->leases, &ip, t, NULL));
	} else if (str_eq(what, STR("disconnect")) && s) {
		/* IKE deletes an SA at each rekeying, too: there the address is given back by a line of its own. */
		if (str_eq(text(ev, F_NETWORK_PROTOCOL), STR("ike")))
			return;
		end_session(id, s, t);
		sessions_end(&id->sessions, s);
	}
}

static bool cut_front(struct str *s, struct str front)
{
	if (!str_starts(*s, front))
		return false;
	*s = str_from(*s, front.len);
	return true;
}

/* true: it was such a line. */
static bool learn(struct identity *id, struct event *ev, int64_t t)
{
	struct str action = text_in(event_object(ev, OBJECT_EVENT), F_EVENT_ACTION);
	const struct value *v;
	struct ip ip;

	if (action.len < 6 || (action.p[0] != 'd' && action.p[0] != 'v'))
		return false;
	v = event_get(ev, field_ref(F_WEIR_PARSE_DUPLICATE));
	if (value_is(v, V_BOOL) && v->b)
		return false;
	if (cut_front(&action, STR("vpn-")))
		learn_vpn(id, ev, action, t);
	else if (str_eq(action, STR("dhcp-option")))
		learn_option(id, ev, t);
	else if (cut_front(&action, STR("dhcp-")) && ip_parse(text(ev, F_CLIENT_IP), &ip))
		learn_dhcp(id, ev, action, &ip, t);
	else
		return false;
	return true;
}

static void count(struct identity *id)
{
	series_set(id->series, M_IDENTITY_ADDRESSES, id->leases.rows);
	series_add(id->series, M_IDENTITY_EVICTED, id->leases.evicted);
	series_add(id->series, M_IDENTITY_CUT, id->leases.cut);
	id->leases.evicted = id->leases.cut = 0;
	id->counted = true;
}

/* ---- telling ---- */

/* An IPv6 address that its host made of its MAC (RFC 4291, appendix A). */
static bool eui64_mac(const struct ip *ip, uint8_t mac[6])
{
	if (ip_is_v4(ip) || ip->b[11] != 0xff || ip->b[12] != 0xfe)
		return false;
	mac[0] = ip->b[8] ^ 2;
	mac[1] = ip->b[9];
	mac[2] = ip->b[10];
	memcpy(mac + 3, ip->b + 13, 3);
	return true;
}

static void put_absent(struct event *ev, enum field_id f, struct str s)
{
	if (s.len && !event_get(ev, field_ref(f)))
		(void)event_set(ev, field_ref(f), v_str(arena_dup(ev->arena, s)));
}

static void relate(struct event *ev, enum field_id f, struct str s)
{
	struct value *have = event_get(ev, field_ref(f));
	struct list *l;

	if (!s.len)
		return;
	if (!value_is(have, V_LIST)) {
		l = list_new(ev->arena, 2);
		if (value_is(have, V_STRING))
			list_push(ev->arena, l, *have);
		if (event_set(ev, field_ref(f), v_list(l)) != EVENT_OK)
			return;
	} else {
		l = have->list;
	}
	for (uint32_t i = 0; i < l->n; i++)
		if (l->v[i].type == V_STRING && str_ieq(value_str(&l->v[i]), s))
			return;
	list_push(ev->arena, l, v_str(arena_dup(ev->arena, s)));
}

static struct str lower(struct arena *a, struct str s)
{
	char *p = arena_bytes(a, s.len + 1);

	for (size_t i = 0; i < s.len; i++)
		p[i] = ch_lower(s.p[i]);
	return str_n(p, s.len);
}

static const char *const kind_names[] = {[LEASE_DHCP] = "dhcp", [LEASE_VPN] = "vpn", [LEASE_STATIC] = "static"};

/* weir.identity.*: of the first side that somebody had. */
static void tell_lease(struct event *ev, const struct lease_answer *a)
{
	if (event_get(ev, field_ref(F_WEIR_IDENTITY_KIND)))
		return;
	(void)event_set(ev, field_ref(F_WEIR_IDENTITY_KIND), v_str(str_z(kind_names[a->mark->who.kind])));
	(void)event_set(ev, field_ref(F_WEIR_IDENTITY_CONFIDENCE), v_int(a->confidence));
	if (a->mark->who.kind == LEASE_STATIC)
		return;
	(void)event_set(ev, field_ref(F_WEIR_IDENTITY_SINCE), v_time(ts_from_ns(a->since)));
	(void)event_set(ev, field_ref(F_WEIR_IDENTITY_UNTIL), v_time(ts_from_ns(a->until)));
	if (a->assumed)
		(void)event_set(ev, field_ref(F_WEIR_IDENTITY_ASSUMED), v_bool(true));
	if (a->mark->event_id[0])
		put_absent(ev, F_WEIR_IDENTITY_EVENT_ID, str_z(a->mark->event_id));
}

static void tell_side(struct event *ev, enum side side, const struct lease_answer *a)
{
	const struct holder *who = &a->mark->who;
	struct str host = who->host.len ? lower(ev->arena, who->host) : (struct str){0};
	char mac[18];

	put_absent(ev, side_fields[side].user, who->user);
	if (who->has_mac)
		put_absent(ev, side_fields[side].mac, str_n(mac, mac_format(who->mac, mac)));
	put_absent(ev, side_fields[side].domain, host);
	relate(ev, F_RELATED_USER, who->user);
	relate(ev, F_RELATED_HOSTS, host);
	tell_lease(ev, a);
}

static bool ask(struct identity *id, const struct ip *ip, int64_t t, struct lease_answer *a)
{
	uint8_t mac[6];

	if (lease_at(&id->leases, ip, t, a))
		return true;
	if (!eui64_mac(ip, mac) || !lease_by_mac(&id->leases, mac, t, a))
		return false;
	a->confidence = a->confidence < 80 ? a->confidence : 80;
	return true;
}

/* The addresses that are asked about. What is known of them lies far away: it begins to come. */
static void identity_ahead(void *self, struct event *ev)
{
	struct identity *id = self;
	struct str before = {0};
	unsigned n = 0;

	if (id->read == ev)
		return;
	for (int side = 0; side < SIDES; side++) {
		struct asked *a = &id->asked[n];
		struct str s = text_in(event_object(ev, event_sides[side]), side_fields[side].ip);

		if (!s.len || !event_ip(ev, s, &a->ip))
			continue;
		a->side = (enum side)side;
		/* The client of a query is its source. */
		a->again = str_eq(s, before);
		before = s;
		if (!a->again)
			lease_hint(&id->leases, &a->ip);
		n++;
	}
	id->nasked = n;
	id->read = ev;
}

static bool identity_adds(const void *self)
{
	return true;
}

static enum step identity_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	struct identity *id = self;
	struct lease_answer a;
	bool found = false;
	struct ts ts;
	int64_t t;

	(void)ctx;
	identity_ahead(id, ev);
	id->read = NULL;
	t = event_timestamp(ev, &ts) ? lease_time(ts) : ev->received_ns;
	/* With the first event: what came out of state.db and the configuration. */
	if (learn(id, ev, t) || !id->counted)
		count(id);
	if (id->leases.rows == 0)
		return STEP_OK;
	for (unsigned i = 0; i < id->nasked; i++) {
		const struct asked *of = &id->asked[i];

		if ((!found && of->again) || !ask(id, &of->ip, t, &a))
			continue;
		found = true;
		tell_side(ev, of->side, &a);
	}
	return STEP_OK;
}

static const struct option options[] = {
	{"lease_time", OPT_DURATION, offsetof(struct identity, lease_time_ns), .flags = OPT_WEIR, .def = "\"24h\"", .doc = "how long an address is somebody's where no line says it, and no renewal has been seen"},
	{"max_leases", OPT_INT, offsetof(struct identity, max_leases), .flags = OPT_WEIR, .def = "65536", .min = 16, .max = 16777216, .doc = "addresses remembered; beyond that the one not heard of for longest is forgotten, counted"},
	{"static", OPT_HASH, offsetof(struct identity, fixed), .flags = OPT_WEIR, .doc = "addresses that never change hands: { \"10.20.0.5\" => \"printer\" }"},
	{0},
};

FILTER(identity, .size = sizeof(struct identity), .options = options, .doc = "who had the address at that moment, from DHCP and VPN lines", .stateful = true,
       .open = identity_open, .close = identity_close, .filter = {.run = identity_run, .ahead = identity_ahead, .adds = identity_adds, .adopt = identity_adopt})
