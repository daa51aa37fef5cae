/*
 * story_visit.c - who came, whose name was looked up, and what belongs to a chain (see story_int.h).
 */
#include "tool/story_int.h"

/* ---- visitors ---- */

/* "145.111.137.185.in-addr.arpa" and ip6.arpa: the address, where the name is a whole one. */
bool story_reverse_ip(struct str name, struct ip *out)
{
	static const struct str v4 = STR_INIT(".in-addr.arpa"), v6 = STR_INIT(".ip6.arpa");
	uint8_t b[16];
	struct str label;

	if (str_ends(name, v4)) {
		struct str rest = str_sub(name, 0, name.len - v4.len + 1);

		for (int i = 3; i >= 0; i--) {
			uint64_t v;

			if (!str_cut(&rest, '.', &label) || !str_u64(label, 255, &v))
				return false;
			b[i] = (uint8_t)v;
		}
		*out = ip_v4(b);
		return rest.len == 0;
	}
	if (!str_ends(name, v6) || name.len != 63 + v6.len)
		return false;
	for (int i = 0; i < 32; i++) {
		uint64_t v;

		if (!str_hex64(str_sub(name, (size_t)(62 - 2 * i), 1), &v))
			return false;
		b[i / 2] = (uint8_t)(i % 2 ? b[i / 2] | v : v << 4);
	}
	memcpy(out->b, b, 16);
	return true;
}

static struct str reverse_name(struct story *st, const struct ip *ip)
{
	static const char hex[] = "0123456789abcdef";
	char *p;

	if (ip_is_v4(ip))
		return arena_printf(&st->arena, "%u.%u.%u.%u.in-addr.arpa", ip->b[15], ip->b[14], ip->b[13], ip->b[12]);
	p = arena_bytes(&st->arena, 72);
	for (int i = 0; i < 32; i++) {
		p[2 * i] = hex[ip->b[15 - i / 2] >> (i % 2 ? 4 : 0) & 15];
		p[2 * i + 1] = '.';
	}
	memcpy(p + 64, "ip6.arpa", 8);
	return str_n(p, 72);
}

struct visitor *story_visitor(struct story *st, const struct ip *ip)
{
	char out[IP_TEXT];
	struct visitor *v;

	for (unsigned i = 0; i < st->nvisitors; i++)
		if (ip_eq(&st->visitor[i]->ip, ip))
			return st->visitor[i];
	if (st->nvisitors == STORY_ADDRESSES) {
		st->more_visitors++;
		return NULL;
	}
	v = st->visitor[st->nvisitors++] = arena_zalloc(&st->arena, sizeof(*v));
	v->ip = *ip;
	v->text = arena_dup(&st->arena, str_n(out, ip_format(ip, out)));
	v->reverse = reverse_name(st, ip);
	return v;
}

struct str story_who_is(struct story *st, const struct event *ev)
{
	struct str user = text(ev, F_SOURCE_USER_NAME), host = text(ev, F_SOURCE_DOMAIN);

	if (!event_get(ev, field_ref(F_WEIR_IDENTITY_KIND)))
		return (struct str){0};
	if (user.len && host.len)
		return arena_printf(&st->arena, "%.*s, %.*s", STR_ARG(user), STR_ARG(host));
	return keep(st, user.len ? user : host);
}

static struct str service_of(struct story *st, const struct event *ev)
{
	struct str type = text(ev, F_SERVICE_TYPE), provider = text(ev, F_EVENT_PROVIDER), host = text(ev, F_HOST_NAME);

	if (!provider.len)
		provider = type;
	if (type.len && !str_eq(type, provider) && !str_starts(provider, type))
		return arena_printf(&st->arena, "%.*s/%.*s on %.*s", STR_ARG(type), STR_ARG(provider), STR_ARG(host));
	return arena_printf(&st->arena, "%.*s on %.*s", STR_ARG(provider), STR_ARG(host));
}

/* A process of sshd: it serves one connection, whose opening it only tells of at LogLevel VERBOSE. */
struct served {
	struct served *next;
	struct str host, service;
	int64_t pid; /* -1: not said */
	bool opened; /* told of, and counted */
	/* sshd's own lines of logins ("Failed password for"), and what PAM and others say of the same attempts: that counts where sshd says nothing. */
	uint64_t failed, failed_beside, ok, ok_beside;
	struct str user_beside;
};

enum { SERVED_BUCKETS = 1024 };

struct visit {
	struct visitor *v;
	uint64_t screened; /* postscreen's connections */
	struct tallies screens;
	struct served *served[SERVED_BUCKETS]; /* by pid */
};

static struct served *served_by(struct story *st, struct visit *x, const struct event *ev)
{
	const struct value *p = event_get(ev, field_ref(F_PROCESS_PID));
	int64_t pid = value_is(p, V_INT) ? p->i : -1;
	struct served **at = &x->served[(uint64_t)pid % SERVED_BUCKETS], *s;
	struct str host = text(ev, F_HOST_NAME);

	for (s = *at; s; s = s->next)
		if (s->pid == pid && str_eq(s->host, host))
			return s;
	s = arena_alloc(&st->arena, sizeof(*s));
	*s = (struct served){.next = *at, .host = keep(st, host), .service = service_of(st, ev), .pid = pid};
	return *at = s;
}

static bool of_a_connection(struct str action)
{
	return str_eq(action, STR("ssh-login")) || str_eq(action, STR("ssh-invalid-user")) || str_eq(action, STR("ssh-disconnect"));
}

/* The connections that were only told of by what came of them. */
static void count_unopened(struct story *st, struct visit *x)
{
	for (unsigned i = 0; i < SERVED_BUCKETS; i++)
		for (const struct served *s = x->served[i]; s; s = s->next) {
			if (s->opened)
				continue;
			x->v->connections++;
			story_count(st, &x->v->services, s->service);
			story_count(st, &st->log_hosts, s->host);
		}
}

/* How many like it the line stands for: "message repeated 2 times". */
static uint64_t repeats(const struct event *ev)
{
	const struct value *n = event_get(ev, field_ref(F_WEIR_REPEAT_COUNT));

	return value_is(n, V_INT) && n->i > 0 && n->i < 10000 ? (uint64_t)n->i : 1;
}

/* One attempt is one line of smtpd's with the client's name. */
static void mail_failed(struct story *st, struct visitor *v, const struct event *ev)
{
	struct str method = text(ev, F_POSTFIX_SASL_METHOD), user = text(ev, F_USER_NAME);

	for (uint64_t n = repeats(ev); n; n--) {
		v->auth_failed++;
		story_count(st, &v->failures, method.len ? arena_printf(&st->arena, "SASL %.*s", STR_ARG(method)) : STR("SASL"));
		story_count(st, &v->users, user.len ? user : text(ev, F_POSTFIX_SASL_USER));
	}
}

static void ssh_failed(struct story *st, struct visitor *v, struct str user, uint64_t n)
{
	v->auth_failed += n;
	for (; n; n--) {
		story_count(st, &v->failures, STR("ssh"));
		story_count(st, &v->users, user);
	}
}

/* "Failed password for root": sshd's own word on one attempt, or with "message repeated 2 times" on more; 0: another line about it. */
static uint64_t attempts(const struct event *ev)
{
	const struct value *weir = event_top(ev, STR("weir")), *raw;

	raw = value_is(weir, V_MAP) ? map_find_str(weir->map, STR("raw")) : NULL;
	if (!value_is(raw, V_MAP) || !map_find_str(raw->map, STR("auth_method")))
		return 0;
	return repeats(ev);
}

static void ssh_login(struct story *st, struct visit *x, const struct event *ev, bool failed)
{
	struct served *s = served_by(st, x, ev);
	uint64_t n = attempts(ev);

	if (failed && n) {
		s->failed += n;
		ssh_failed(st, x->v, text(ev, F_USER_NAME), n);
	} else if (failed) {
		s->failed_beside++;
		if (!s->user_beside.len)
			s->user_beside = keep(st, text(ev, F_USER_NAME));
	} else if (n) {
		s->ok += n;
	} else {
		s->ok_beside++;
	}
}

/* What was told beside sshd's own lines, where there are none. */
static void count_beside(struct story *st, struct visit *x)
{
	for (unsigned i = 0; i < SERVED_BUCKETS; i++)
		for (const struct served *s = x->served[i]; s; s = s->next) {
			if (!s->failed)
				ssh_failed(st, x->v, s->user_beside, s->failed_beside);
			x->v->auth_ok += s->ok ? s->ok : s->ok_beside != 0;
		}
}

static bool take_visit(struct story *st, const struct store_hit *hit, void *arg)
{
	const struct event *ev = &hit->ev;
	struct visit *x = arg;
	struct visitor *v = x->v;
	struct str action = text(ev, F_EVENT_ACTION), source = text(ev, F_SOURCE_IP);
	/* A login that is neither goes on: "Postponed publickey". */
	bool failure = is(ev, F_EVENT_OUTCOME, "failure"), success = is(ev, F_EVENT_OUTCOME, "success"), mark = true;
	struct ip ip;

	/* Its address may stand in the event in another role. */
	if (!ip_parse(source, &ip) || !ip_eq(&ip, &v->ip))
		return true;
	if (!v->who.len)
		v->who = story_who_is(st, ev);
	if (st->list_zone.len && str_ieq(text(ev, F_RULE_RULESET), st->list_zone))
		story_count(st, &st->list_tellers, service_of(st, ev));
	if (str_eq(action, STR("smtp-connect")) && is(ev, F_EVENT_PROVIDER, "postscreen")) {
		x->screened++;
		story_count(st, &x->screens, service_of(st, ev));
	} else if (str_eq(action, STR("smtp-connect")) || str_eq(action, STR("ssh-connect"))) {
		if (str_starts(action, STR("ssh-")))
			served_by(st, x, ev)->opened = true;
		v->connections++;
		story_count(st, &v->services, service_of(st, ev));
		story_count(st, &st->log_hosts, text(ev, F_HOST_NAME));
	} else if (str_eq(action, STR("smtp-auth")) && failure) {
		mail_failed(st, v, ev);
	} else if (str_eq(action, STR("smtp-auth")) && success) {
		v->auth_ok++;
	} else if (str_eq(action, STR("ssh-login")) && (success || failure)) {
		ssh_login(st, x, ev, failure);
	} else if (str_eq(action, STR("smtp-reject"))) {
		v->rejected++;
	} else if (str_eq(action, STR("mail-accepted"))) {
		v->messages++;
		if (text(ev, F_POSTFIX_SASL_USER).len) {
			v->after_login++;
			story_count(st, &v->logins, text(ev, F_POSTFIX_SASL_USER));
		}
	} else {
		mark = false;
	}
	if (of_a_connection(action) && !served_by(st, x, ev)->opened)
		mark = true;
	if (!mark)
		return true;
	if (!v->first_ms || hit->time_ms < v->first_ms)
		v->first_ms = hit->time_ms;
	if (hit->time_ms > v->last_ms)
		v->last_ms = hit->time_ms;
	story_note_time(st, hit);
	story_prove(st, hit, 2);
	return true;
}

void story_visit(struct story *st, struct visitor *v)
{
	struct visit x = {.v = v};

	story_each(st, KEY_IP, v->text, take_visit, &x);
	/* What postscreen lets pass connects to smtpd, too. */
	if (v->connections == 0 && x.screened) {
		v->connections = x.screened;
		v->services = x.screens;
	}
	count_unopened(st, &x);
	count_beside(st, &x);
}

/* ---- look-ups ---- */

static struct str asking_host(struct story *st, const struct event *ev)
{
	struct str host = text(ev, F_SOURCE_DOMAIN);

	return host.len ? host : keep(st, text(ev, F_SOURCE_IP));
}

/* A PTR query of a client for a whole reverse name, what it was answered, and its being handed on. */
bool story_take_lookup(struct story *st, const struct store_hit *hit, void *arg)
{
	const struct event *ev = &hit->ev;
	struct visitor *v;
	struct lookup *l;
	struct ip ip;
	bool is_new;

	(void)arg;
	/* dnsmasq does not say the type of what it hands on. */
	if (is(ev, F_EVENT_MODULE, "link") || !story_reverse_ip(text(ev, F_DNS_QUESTION_NAME), &ip) ||
	    (text(ev, F_DNS_QUESTION_TYPE).len && !is(ev, F_DNS_QUESTION_TYPE, "PTR")))
		return true;
	v = story_visitor(st, &ip);
	if (!v)
		return true;
	l = story_lookup(st, &v->looked_up, hit, &is_new);
	if (!is_new)
		return true;
	l->host = asking_host(st, ev);
	story_note_time(st, hit);
	story_prove(st, hit, 1);
	return true;
}

void story_count_lookups(struct story *st)
{
	for (unsigned i = 0; i < st->nvisitors; i++) {
		struct visitor *v = st->visitor[i];

		story_settle_lookups(&v->looked_up);
		for (const struct lookup *l = v->looked_up.asked; l; l = l->next) {
			if (l->copy)
				continue;
			v->lookups++;
			story_count(st, &st->lookup_hosts, l->host);
		}
	}
}

static bool rr_text(const struct value *rr, const char *key, struct str *out)
{
	const struct value *v = rr->type == V_MAP ? map_find_str(rr->map, str_z(key)) : NULL;

	if (!value_is(v, V_STRING))
		return false;
	*out = value_str(v);
	return true;
}

/* A delegation of a reverse zone to this server, and to whom else. */
static void read_delegation(struct story *st, const struct event *ev, struct str server)
{
	const struct value *list = event_get(ev, field_ref(F_WEIR_DNS_AUTHORITIES));
	struct str name, type, data;

	for (uint32_t i = 0; value_is(list, V_LIST) && i < list->list->n && !st->cut.len; i++) {
		const struct value *rr = &list->list->v[i];

		if (rr_text(rr, "name", &name) && rr_text(rr, "type", &type) && rr_text(rr, "data", &data) && str_eq(type, STR("NS")) &&
		    str_ieq(data, server) && str_ends(name, STR(".arpa")))
			st->cut = keep(st, name);
	}
	for (uint32_t i = 0; st->cut.len && i < list->list->n; i++) {
		const struct value *rr = &list->list->v[i];

		if (rr_text(rr, "name", &name) && rr_text(rr, "type", &type) && rr_text(rr, "data", &data) && str_eq(type, STR("NS")) &&
		    str_eq(name, st->cut))
			story_count(st, &st->servers, data);
	}
}

static void note_name(struct story *st, struct str name)
{
	for (unsigned i = 0; i < st->nnames; i++)
		if (str_eq(st->name[i].text, name)) {
			st->name[i].n++;
			return;
		}
	if (st->nnames < STORY_NAMES)
		st->name[st->nnames++] = (struct tally){keep(st, name), 1};
}

bool story_of_a_service(const struct event *ev)
{
	struct str action = text(ev, F_EVENT_ACTION);

	return !is(ev, F_EVENT_MODULE, "link") && (str_starts(action, STR("smtp-")) || str_starts(action, STR("ssh-")));
}

bool story_take_member(struct story *st, const struct store_hit *hit, void *arg)
{
	const struct event *ev = &hit->ev;
	const struct members *x = arg;
	struct chain *c = x->chain;
	struct str name = text(ev, F_DNS_QUESTION_NAME);
	const struct move *move;
	struct ip ip;

	if (is(ev, F_EVENT_MODULE, "link") || str_eq(text(ev, F_WEIR_CHAIN_ID), c->id) == x->moved)
		return true;
	move = move_find(&x->moves, ev);
	if (move ? !move->on : x->moved)
		return true;
	if (c->cut) {
		if (is(ev, F_EVENT_ACTION, "dns-resolver-query") || is(ev, F_EVENT_ACTION, "dns-resolver-fetch")) {
			st->chase_queries++;
			note_name(st, name);
			story_note_time(st, hit);
			story_prove(st, hit, 0);
		}
		return true;
	}
	for (unsigned i = 0; !st->cut.len && i < st->nnames; i++)
		read_delegation(st, ev, st->name[i].text);
	if (!st->cut.len && st->kind == STORY_NAME)
		read_delegation(st, ev, st->subject);
	if (is(ev, F_DNS_QUESTION_TYPE, "PTR") && story_reverse_ip(name, &ip)) {
		(void)story_visitor(st, &ip);
	} else if (story_of_a_service(ev)) {
		c->met = true;
		if (ip_parse(text(ev, F_SOURCE_IP), &ip))
			(void)story_visitor(st, &ip);
	}
	return true;
}
