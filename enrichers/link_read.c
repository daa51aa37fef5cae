/*
 * link_read.c - an event as the rules see it, and what they found into the event (see link_int.h).
 */
#include "event/objects.h"
#include "link_int.h"

#define YEARS_S INT64_C(4000000000) /* 1843 to 2096: differences fit into nanoseconds, and nobody's log lies outside */

static const struct {
	struct str action;
	uint8_t kind;
	bool failed, accepted;
} actions[] = {
	{STR_INIT("dns-client-query"), SEEN_CQ, false, false},
	{STR_INIT("dns-client-response"), SEEN_CR, false, false},
	{STR_INIT("dns-resolver-query"), SEEN_RQ, false, false},
	{STR_INIT("dns-resolver-response"), SEEN_RR, false, false},
	{STR_INIT("dns-resolver-fetch"), SEEN_HINT, false, false},
	{STR_INIT("dns-forwarder-query"), SEEN_FORWARD, false, false},
	{STR_INIT("dns-query-failed"), SEEN_FAILED, false, false},
	{STR_INIT("smtp-connect"), SEEN_CONNECT, false, false},
	{STR_INIT("smtp-auth"), SEEN_LINE, true, false},
	{STR_INIT("smtp-disconnect"), SEEN_CLOSE, false, false},
	{STR_INIT("smtp-lost-connection"), SEEN_LINE, false, false},
	{STR_INIT("smtp-timeout"), SEEN_LINE, false, false},
	{STR_INIT("smtp-reject"), SEEN_LINE, false, false},
	{STR_INIT("smtp-hostname-mismatch"), SEEN_MISMATCH, false, false},
	{STR_INIT("smtp-tls"), SEEN_LINE, false, false},
	{STR_INIT("smtp-warning"), SEEN_LINE, false, false},
	{STR_INIT("mail-accepted"), SEEN_LINE, false, true},
	{STR_INIT("mail-auth"), SEEN_AUTH, true, false},
	{STR_INIT("postscreen-pass"), SEEN_LINE, false, false},
	{STR_INIT("postscreen-test"), SEEN_LINE, false, false},
	{STR_INIT("dnsbl-rank"), SEEN_LINE, false, false},
	{STR_INIT("ssh-connect"), SEEN_CONNECT, false, false},
	{STR_INIT("ssh-login"), SEEN_LINE, true, false},
	{STR_INIT("ssh-invalid-user"), SEEN_LINE, true, false},
	{STR_INIT("ssh-disconnect"), SEEN_CLOSE, false, false},
	{STR_INIT("ssh-session"), SEEN_LINE, false, false},
};

static inline uint64_t last_eight(const char *p, size_t len)
{
	uint64_t n;

	memcpy(&n, p + len - 8, 8);
	return n;
}

/* By length and text: most events are not ours, and leave here. */
static int action_of(struct str a)
{
	uint64_t last;

	if (a.len < 8 || (a.p[0] != 'd' && a.p[0] != 's' && a.p[0] != 'm' && a.p[0] != 'p'))
		return -1;
	last = last_eight(a.p, a.len);
	for (unsigned i = 0; i < sizeof(actions) / sizeof(*actions); i++)
		if (actions[i].action.len == a.len && last_eight(actions[i].action.p, a.len) == last && str_eq(actions[i].action, a))
			return (int)i;
	return -1;
}

/* The object below m, which stands at the root, that the field lies in: several of its leaves are read. */
static const struct map *object(const struct map *m, enum field_id f)
{
	const struct value *v = m ? map_find(m, &field_ref(f)->part[1].key) : NULL;

	return value_is(v, V_MAP) ? v->map : NULL;
}

static const struct value *leaf(const struct map *m, enum field_id f)
{
	const struct ref *r = field_ref(f);

	return m ? map_find(m, &r->part[r->n - 1].key) : NULL;
}

static struct str text(const struct value *v)
{
	return value_is(v, V_STRING) ? value_str(v) : (struct str){0};
}

static bool number(const struct value *v, int64_t *out)
{
	if (value_is(v, V_STRING))
		return str_i64(value_str(v), out);
	if (!value_is(v, V_INT))
		return false;
	*out = v->i;
	return true;
}

static bool ns_of(struct ts t, int64_t *out)
{
	if (t.s < -YEARS_S || t.s > YEARS_S)
		return false;
	*out = t.s * SEC + t.ns;
	return true;
}

/* Stamps of whole seconds have a second, those of milliseconds a tick of BIND's clock. */
static int64_t grain_of(uint32_t ns)
{
	return ns == 0 ? SEC : ns % 1000000 == 0 ? 8 * MS : 0;
}

static uint8_t type_of(struct str s)
{
	static const struct str types[] = {[QT_PTR] = STR_INIT("PTR"), [QT_A] = STR_INIT("A"), [QT_AAAA] = STR_INIT("AAAA"), [QT_NS] = STR_INIT("NS"), [QT_SOA] = STR_INIT("SOA")};

	if (s.len == 0)
		return QT_UNSAID;
	for (uint8_t i = 1; i < sizeof(types) / sizeof(*types); i++)
		if (str_eq(types[i], s))
			return i;
	return QT_OTHER;
}

static bool listed_resolver(const struct link *l, const struct ip *ip, uint16_t *host)
{
	for (uint32_t i = 0; i < l->nresolvers; i++) {
		if (ip_eq(&l->resolver_ip[i], ip)) {
			*host = l->resolver_host[i];
			return true;
		}
	}
	return false;
}

/* Where the same resolver goes by several names and addresses, the configuration says so. */
static void name_resolver(struct link *l, struct seen *s, struct str host)
{
	const struct value *v = event_get(s->ev, field_ref(F_DESTINATION_IP));
	uint16_t asked = 0, asker;
	struct ip ip;

	for (uint32_t i = 0; i < l->naliases; i++)
		if (str_eq(l->alias[i], host))
			s->host = l->alias_host[i];
	if (ip_parse(text(v), &ip))
		(void)listed_resolver(l, &ip, &asked);
	if (s->kind != SEEN_CQ && s->kind != SEEN_CR)
		return;
	/* A sensor that knows no roles: what a resolver asks others is not a client's question. */
	if (!asked && s->has_ip && listed_resolver(l, &s->ip, &asker)) {
		s->kind = s->kind == SEEN_CQ ? SEEN_RQ : SEEN_RR;
		s->host = asker;
	} else if (asked) {
		s->host = asked;
	}
}

/* The message's id, or the serial that a server counts its questions by, which no id equals; -1. */
static int32_t question_id(const struct link *l, const struct event *ev, const struct map *dns)
{
	const struct value *v = leaf(dns, F_DNS_ID);
	int64_t n;

	if (v && number(v, &n))
		return n >= 0 && n <= 65535 ? (int32_t)n : -1;
	v = event_get(ev, l->serial);
	if (!v || !number(v, &n) || n < 0)
		return -1;
	return (int32_t)(n % (1 << 30)) | 1 << 30;
}

/* "51404.02": the part before the dot (Knot Resolver); -1. */
static int32_t request_id(const struct link *l, const struct event *ev)
{
	struct str uid = text(event_get(ev, l->uid)), id;
	int64_t n;

	return str_cut(&uid, '.', &id) && str_i64(id, &n) && n >= 0 && n <= 65535 ? (int32_t)n : -1;
}

static bool read_dns(struct link *l, struct seen *s, const struct map *event, struct str host)
{
	const struct map *dns = event_object(s->ev, OBJECT_DNS), *question = object(dns, F_DNS_QUESTION_NAME);
	const struct value *v;

	s->name = text(leaf(question, F_DNS_QUESTION_NAME));
	if (s->name.len && s->name.p[s->name.len - 1] == '.')
		s->name.len--;
	/* "reply error is SERVFAIL" (dnsmasq): the asker's port says which question it answers. */
	if (s->name.len == 0 && !(s->kind == SEEN_CR && s->has_ip && s->port >= 0))
		return false;
	s->qtype = type_of(text(leaf(question, F_DNS_QUESTION_TYPE)));
	s->id = question_id(l, s->ev, dns);
	if (s->kind == SEEN_RQ || s->kind == SEEN_RR || s->kind == SEEN_HINT)
		s->request = request_id(l, s->ev);
	if (s->kind == SEEN_CR || s->kind == SEEN_RR)
		s->rcode = text(leaf(dns, F_DNS_RESPONSE_CODE));
	v = s->kind == SEEN_RR ? leaf(event, F_EVENT_START) : NULL;
	if (value_is(v, V_TIME) && !ns_of(value_ts(v), &s->query_t))
		s->query_t = NEVER;
	if (l->nresolvers || l->naliases)
		name_resolver(l, s, host);
	return s->kind == SEEN_RQ || s->kind == SEEN_RR || s->kind == SEEN_HINT || s->has_ip;
}

void link_read_peer(struct seen *s)
{
	s->name = text(leaf(event_object(s->ev, OBJECT_SOURCE), F_SOURCE_DOMAIN));
}

static bool read_conn(struct seen *s, const struct map *event, struct str action)
{
	const struct value *pid = leaf(event_object(s->ev, OBJECT_PROCESS), F_PROCESS_PID);
	int64_t n;

	s->pid = pid && number(pid, &n) ? n : -1;
	if (s->kind == SEEN_AUTH)
		s->service = SV_AUTH;
	else if (action.p[0] == 's' && action.p[1] == 's')
		s->service = SV_SSHD;
	else
		s->service = str_eq(text(leaf(event, F_EVENT_PROVIDER)), STR("postscreen")) ? SV_POSTSCREEN : SV_SMTPD;
	/* A login that succeeds is no guess; and neither is every line of sshd about a login. */
	if (s->failed && str_eq(text(leaf(event, F_EVENT_OUTCOME)), STR("success")))
		s->failed = false;
	return s->has_ip && (s->pid >= 0 || s->service == SV_AUTH);
}

bool link_read(struct link *l, struct event *ev, struct seen *s)
{
	const struct map *event = event_object(ev, OBJECT_EVENT), *source, *parse;
	struct str action = text(leaf(event, F_EVENT_ACTION)), host;
	const struct value *v;
	int64_t n;
	struct ts t;
	int at = action_of(action);

	if (at < 0 || !event_timestamp(ev, &t))
		return false;
	*s = (struct seen){.ev = ev, .kind = actions[at].kind, .failed = actions[at].failed, .accepted = actions[at].accepted,
			   .now = ev->received_ns, .id = -1, .request = -1, .port = -1, .query_t = NEVER, .grain = grain_of(t.ns)};
	if (!ns_of(t, &s->t))
		return false;
	parse = object(event_object(ev, OBJECT_WEIR), F_WEIR_PARSE_DUPLICATE);
	v = leaf(parse, F_WEIR_PARSE_DUPLICATE);
	if (value_is(v, V_BOOL) && v->b)
		return false;
	source = event_object(ev, OBJECT_SOURCE);
	s->has_ip = event_ip(s->ev, text(leaf(source, F_SOURCE_IP)), &s->ip);
	v = leaf(source, F_SOURCE_PORT);
	if (v && number(v, &n) && n >= 0 && n <= 65535)
		s->port = (int32_t)n;
	host = text(leaf(event_object(ev, OBJECT_HOST), F_HOST_NAME));
	s->host = state_host(l->st, host);
	return action.p[0] == 'd' && action.p[2] == 's' && action.p[3] == '-' ? read_dns(l, s, event, host) : read_conn(s, event, action);
}

/* ---- the way back ---- */

const char *rule_name(uint8_t rule)
{
	static const char *const names[] = {[RULE_NONE] = "", [RULE_L0] = "L0", [RULE_L1] = "L1", [RULE_L2] = "L2", [RULE_L6] = "L6",
					    [RULE_L8] = "L8", [RULE_L10] = "L10", [RULE_HOP] = "hop"};

	return names[rule];
}

/* Where fields are written to: a map that is filled, or one that was there and may have them. */
struct into {
	struct event *ev;
	struct map *map; /* NULL: a scalar in its way is the user's own, it stays */
	bool fresh;
};

/* Made where it is missing. */
static struct into below(struct event *ev, struct map *m, const struct key *k, uint32_t cap)
{
	struct value *v = m ? map_find(m, k) : NULL;
	struct map *made;

	if (!m || (v && v->type != V_NULL))
		return (struct into){ev, value_is(v, V_MAP) ? v->map : NULL, false};
	made = map_new_block(ev->arena, cap);
	if (v)
		*v = v_map(made);
	else
		map_add(ev->arena, m, *k, v_map(made));
	return (struct into){ev, made, true};
}

/* The object of weir that the field lies in. */
static struct into object_made(struct event *ev, enum field_id f, uint32_t cap)
{
	const struct ref *r = field_ref(f);
	struct map *weir = event_object(ev, OBJECT_WEIR);

	if (!weir)
		weir = below(ev, &ev->root, &r->part[0].key, 4).map;
	return below(ev, weir, &r->part[1].key, cap);
}

static void set(const struct into *to, enum field_id f, struct value v)
{
	const struct ref *r = field_ref(f);

	if (to->fresh)
		map_add(to->ev->arena, to->map, r->part[r->n - 1].key, v);
	else if (to->map)
		map_set(to->ev->arena, to->map, r->part[r->n - 1].key, v);
}

void link_write(struct event *ev, const struct verdict *v)
{
	struct into to;

	if (v->class) {
		to = object_made(ev, F_WEIR_DNS_CLASS, 4);
		set(&to, F_WEIR_DNS_CLASS, v_str(str_z(v->class)));
	}
	if (!v->chain.len)
		return;
	to = object_made(ev, F_WEIR_CHAIN_ID, 4);
	set(&to, F_WEIR_CHAIN_ID, v_str(v->chain));
	set(&to, F_WEIR_CHAIN_KIND, v->cut ? v_lit("cut") : v_lit("connection"));
	if (v->root)
		set(&to, F_WEIR_CHAIN_ROOT, v_str(str_z(v->root)));
	if (!v->ncause && !v->rule)
		return;
	to = object_made(ev, F_WEIR_CAUSE_RULE, 8);
	if (v->ncause) {
		struct list *l = list_new(ev->arena, v->ncause);

		for (unsigned i = 0; i < v->ncause; i++)
			list_push(ev->arena, l, v_str(arena_dup(ev->arena, chain_id_str(&v->cause[i]))));
		set(&to, F_WEIR_CAUSE_CHAIN_ID, v_list(l));
	}
	if (!v->rule)
		return;
	set(&to, F_WEIR_CAUSE_RULE, v_str(str_z(rule_name(v->rule))));
	set(&to, F_WEIR_CAUSE_CONFIDENCE, v_int(v->confidence));
	if (v->class)
		set(&to, F_WEIR_CAUSE_KIND, v_str(str_z(v->class)));
	if (v->cause_event.len)
		set(&to, F_WEIR_CAUSE_EVENT_ID, v_str(arena_dup(ev->arena, v->cause_event)));
	if (v->lag != NEVER)
		set(&to, F_WEIR_CAUSE_LAG_MS, v_int(v->lag / MS));
}
