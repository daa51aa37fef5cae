#include "parse/syslog_plan.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

enum { TRUSTED_AHEAD_S = 24 * 3600 };

/* ---- where fields go ---- */

/* One event being filled. fresh: it has no fields but those put here, so nothing needs to be looked for. */
struct fill {
	struct syslog_plan *p;
	struct event *ev;
	bool fresh;
	bool as_read; /* no PRI, no priority: Logstash's input gives a line without one 13 */
};

static inline void put(const struct fill *f, struct map *m, enum syslog_key k, struct value v)
{
	if (f->fresh)
		map_add(f->ev->arena, m, f->p->key[k], v);
	else
		map_set(f->ev->arena, m, f->p->key[k], v);
}

static inline void put_str(const struct fill *f, struct map *m, enum syslog_key k, struct str s)
{
	if (s.len)
		put(f, m, k, v_str(s));
}

/* The map under k; what a codec left there and is none gives way. */
static inline struct map *below(const struct fill *f, struct map *m, enum syslog_key k, uint32_t cap)
{
	struct value *have = f->fresh ? NULL : map_find(m, &f->p->key[k]);
	struct map *child;

	if (have && have->type == V_MAP)
		return have->map;
	child = map_new_block(f->ev->arena, (cap + 3) & ~3u);
	put(f, m, k, v_map(child));
	return child;
}

/* The same where this very decoder may have made it before. */
static struct map *again(const struct fill *f, struct map *m, enum syslog_key k)
{
	struct fill look = {.p = f->p, .ev = f->ev};

	return below(&look, m, k, 2);
}

/* ---- the sender ---- */

static bool same_peer(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET) {
		const struct sockaddr_in *x = (const void *)a, *y = (const void *)b;

		return x->sin_addr.s_addr == y->sin_addr.s_addr && x->sin_port == y->sin_port;
	}
	if (a->ss_family == AF_INET6) {
		const struct sockaddr_in6 *x = (const void *)a, *y = (const void *)b;

		return memcmp(&x->sin6_addr, &y->sin6_addr, sizeof(x->sin6_addr)) == 0 && x->sin6_port == y->sin6_port;
	}
	return true;
}

static void find_zone(struct syslog_plan *p)
{
	struct ip ip;

	p->peer_zone = NULL;
	if (p->nzones == 0 || !ip_parse(str_z(p->peer_text), &ip))
		return;
	for (uint32_t i = 0; i < p->nzones && !p->peer_zone; i++)
		if (ip_net_has(&p->zones[i].net, &ip))
			p->peer_zone = p->zones[i].zone;
}

/* Texts of the peer in the plan's cache; a sender's lines come in runs. */
static void know_peer(struct syslog_plan *p, const struct sockaddr_storage *peer)
{
	const struct sockaddr_in *v4 = (const void *)peer;
	const struct sockaddr_in6 *v6 = (const void *)peer;
	int n = 0;

	if (same_peer(&p->peer, peer))
		return;
	p->peer = *peer;
	p->peer_text[0] = 0;
	if (peer->ss_family == AF_INET) {
		inet_ntop(AF_INET, &v4->sin_addr, p->peer_text, sizeof(p->peer_text));
		n = snprintf(p->peer_port, sizeof(p->peer_port), "%s:%u", p->peer_text, ntohs(v4->sin_port));
	} else if (peer->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], p->peer_text, sizeof(p->peer_text));
		n = snprintf(p->peer_port, sizeof(p->peer_port), "%s:%u", p->peer_text, ntohs(v6->sin6_port));
	} else if (peer->ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &v6->sin6_addr, p->peer_text, sizeof(p->peer_text));
		n = snprintf(p->peer_port, sizeof(p->peer_port), "[%s]:%u", p->peer_text, ntohs(v6->sin6_port));
	}
	find_zone(p);
	p->peer_len = (uint8_t)strlen(p->peer_text);
	p->peer_port_len = (uint8_t)(n > 0 && (size_t)n < sizeof(p->peer_port) ? n : 0);
}

/* ---- time ---- */

/* Lines come in runs that bear one stamp. */
static bool time_of(struct syslog_plan *p, const struct syslog_msg *m, int64_t received_ns, struct ts *out)
{
	const struct zone *zone = p->peer_zone ? p->peer_zone : p->zone;
	int64_t second = received_ns / 1000000000;

	if (p->last.zone != zone || p->last.received_s != second || memcmp(&p->last.stamp, &m->stamp, sizeof(m->stamp)) != 0) {
		if (!syslog_time(&m->stamp, zone, &p->span, received_ns, &p->last.t))
			return false;
		p->last.stamp = m->stamp;
		p->last.zone = zone;
		p->last.received_s = second;
	}
	*out = p->last.t;
	return true;
}

/* @timestamp of the line, or of its receipt where the line has none that can be believed. */
static struct ts event_time(const struct fill *f, const struct syslog_msg *m, int64_t received_ns, bool *bad, struct ts *claimed)
{
	struct ts now = ts_from_ns(received_ns), t;

	*bad = m->flags & SYSLOG_BAD_STAMP;
	claimed->s = 0;
	claimed->ns = UINT32_MAX;
	if (!(m->flags & SYSLOG_STAMP))
		return now;
	if (!time_of(f->p, m, received_ns, &t)) {
		*bad = true;
		return now;
	}
	if (!syslog_trusted(t, received_ns)) {
		*claimed = t;
		return now;
	}
	return t;
}

static void mark_time(const struct fill *f, bool bad, struct ts claimed)
{
	if (bad)
		event_tag(f->ev, STR("_dateparsefailure"));
	if (claimed.ns != UINT32_MAX) {
		put(f, again(f, again(f, &f->ev->root, K_WEIR), K_PARSE), K_CLAIMED_TIME, v_time(claimed));
		event_tag(f->ev, STR("_time_not_trusted"));
	}
}

/* ---- ecs_compatibility => disabled ---- */

/* What Logstash's input would not have read either is tagged, but not what weir reads beyond it. */
static bool understood(const struct syslog_msg *m)
{
	return m->shape != SYSLOG_RAW && m->shape != SYSLOG_BARE;
}

static void put_label(const struct fill *f, struct map *m, enum syslog_key k, const struct value *labels, unsigned i)
{
	if (f->p->labels && labels[i].type != V_NONE)
		put(f, m, k, labels[i]);
}

static void fill_legacy(const struct fill *f, const struct syslog_msg *m, unsigned pri)
{
	struct map *root = &f->ev->root;

	put(f, root, K_PRIORITY, v_int(pri));
	put_str(f, root, K_TIMESTAMP, m->stamp_text);
	if ((m->flags & SYSLOG_ISO) && m->shape != SYSLOG_5424)
		put_str(f, root, K_TIMESTAMP8601, m->stamp_text);
	put_str(f, root, K_LOGSOURCE, m->host);
	put_str(f, root, K_PROGRAM, m->tag);
	put_str(f, root, K_PID, m->pid);
	put(f, root, K_SEVERITY, v_int(pri & 7));
	put(f, root, K_FACILITY, v_int(pri >> 3));
	put_label(f, root, K_FACILITY_LABEL, f->p->facility, pri >> 3);
	put_label(f, root, K_SEVERITY_LABEL, f->p->severity, pri & 7);
	if (m->shape == SYSLOG_5424) {
		put(f, root, K_5424_VER, v_lit("1"));
		put_str(f, root, K_5424_MSGID, m->msgid);
		put_str(f, root, K_5424_SD, m->sd);
	}
}

/* ---- v1, v8 ---- */

static void add_param(struct arena *a, struct map *element, const struct syslog_param *param)
{
	struct key k = key_make(param->name);
	struct value *have = map_find(element, &k), v = v_str(param->value);
	struct list *l;

	if (param->escaped) {
		char *text = arena_bytes(a, param->value.len);

		v = v_str(str_n(text, syslog_unescape(param->value, text)));
	}
	if (!have) {
		map_push(a, element, k, v);
	} else if (have->type == V_LIST) {
		list_push(a, have->list, v);
	} else {
		l = list_new(a, 2);
		list_push(a, l, *have);
		list_push(a, l, v);
		*have = v_list(l);
	}
}

/* {"id": {"name": "value"}}; a name that repeats has a list. */
static struct value structured_data(struct arena *a, struct str sd)
{
	struct map *whole = map_new(a, 4), *element = NULL;
	struct syslog_sd it;
	struct syslog_param param;
	const char *id = NULL;

	syslog_sd_init(&it, sd);
	while (syslog_sd_next(&it, &param)) {
		if (param.id.p != id) {
			struct key k = key_make(param.id);
			struct value *have = map_find(whole, &k);

			element = have ? have->map : map_new(a, 4);
			if (!have)
				map_push(a, whole, k, v_map(element));
			id = param.id.p;
		}
		if (param.name.p)
			add_param(a, element, &param);
	}
	return v_map(whole);
}

static void put_code(const struct fill *f, struct map *m, enum syslog_key k, const struct value *labels, unsigned i)
{
	struct map *level = below(f, m, k, 2);

	put(f, level, K_CODE, v_int(i));
	put_label(f, level, K_NAME, labels, i);
}

/* A name that says which host it was: "localhost" and "-" do not. */
static bool telling(struct str host)
{
	return host.len && !str_ieq(host, STR("localhost")) && !str_eq(host, STR("localhost.localdomain")) &&
	       !str_eq(host, STR("127.0.0.1")) && !str_eq(host, STR("::1")) && !str_eq(host, STR("-"));
}

static void fill_host(const struct fill *f, const struct syslog_msg *m)
{
	struct arena *a = f->ev->arena;
	struct syslog_plan *p = f->p;
	struct map *host = below(f, &f->ev->root, K_HOST, 3);
	struct str address = {0}, name = m->host;
	const struct value *have;

	put_str(f, host, K_HOSTNAME, name);
	if (!f->fresh && !name.len) {
		/* A grok_pattern may have found it. */
		have = map_find(host, &p->key[K_HOSTNAME]);
		if (value_is(have, V_STRING))
			name = value_str(have);
	}
	if (p->peer_len) {
		address = arena_dup(a, str_n(p->peer_text, p->peer_len));
		put_str(f, host, K_IP, address);
	}
	if (telling(name))
		put_str(f, host, K_NAME, name);
	else if (f->fresh || !value_is(map_find(host, &p->key[K_NAME]), V_STRING))
		put_str(f, host, K_NAME, address.len ? address : p->local_name);
}

static void fill_log(const struct fill *f, const struct syslog_msg *m, unsigned pri)
{
	struct syslog_plan *p = f->p;
	struct map *log, *syslog;
	struct str address = str_n(p->peer_port, p->peer_port_len);

	if (f->as_read && m->pri < 0 && m->shape != SYSLOG_5424)
		return;
	if (f->fresh && m->shape != SYSLOG_5424 && pri < SYSLOG_PRIS) {
		put(f, &f->ev->root, K_LOG, v_map(syslog_log_object(p, f->ev->arena, pri, arena_dup(f->ev->arena, address))));
		return;
	}
	log = below(f, &f->ev->root, K_LOG, 2);
	syslog = below(f, log, K_SYSLOG, m->shape == SYSLOG_5424 ? 8 : 4);

	if (m->pri >= 0 || !f->as_read) {
		put(f, syslog, K_PRIORITY, v_int(pri));
		put_code(f, syslog, K_SEVERITY, p->severity, pri & 7);
		put_code(f, syslog, K_FACILITY, p->facility, pri >> 3);
	}
	if (m->shape == SYSLOG_5424) {
		put(f, syslog, K_VERSION, v_lit("1"));
		put_str(f, syslog, K_HOSTNAME, m->host);
		put_str(f, syslog, K_APPNAME, m->tag);
		put_str(f, syslog, K_PROCID, m->pid);
		put_str(f, syslog, K_MSGID, m->msgid);
		if (m->sd.len)
			put(f, syslog, K_STRUCTURED_DATA, structured_data(f->ev->arena, m->sd));
	}
	if (address.len)
		put_str(f, below(f, log, K_SOURCE, 1), K_ADDRESS, arena_dup(f->ev->arena, address));
}

static void fill_ecs(const struct fill *f, const struct syslog_msg *m, unsigned pri)
{
	struct map *root = &f->ev->root, *process;
	uint64_t n;

	put(f, below(f, root, K_SERVICE, 1), K_TYPE, v_lit("system"));
	fill_log(f, m, pri);
	fill_host(f, m);
	if (m->tag.len || m->pid.len) {
		process = below(f, root, K_PROCESS, 2);
		put_str(f, process, K_NAME, m->tag);
		if (str_u64(m->pid, INT64_MAX, &n))
			put(f, process, K_PID, v_int((int64_t)n));
		else if (m->shape != SYSLOG_5424)
			put_str(f, again(f, again(f, root, K_LOG), K_SYSLOG), K_PROCID, m->pid);
	}
	if (m->repeated)
		put(f, again(f, again(f, root, K_WEIR), K_REPEAT), K_COUNT, v_int(m->repeated));
	if (m->seq.len && str_u64(m->seq, INT64_MAX, &n))
		put(f, again(f, root, K_EVENT), K_SEQUENCE, v_int((int64_t)n));
}

/* ---- an event ---- */

/* Everything but message and event.original. m's texts live as long as the event. */
static int fill_header(const struct fill *f, const struct syslog_msg *m, int64_t received_ns)
{
	struct syslog_plan *p = f->p;
	struct ts claimed;
	bool bad_time;
	struct ts t = event_time(f, m, received_ns, &bad_time, &claimed);
	unsigned pri = m->pri >= 0 ? (unsigned)m->pri : understood(m) ? 13 : 0;

	put(f, &f->ev->root, K_TIMESTAMP_AT, v_time(t));
	if (f->fresh)
		put(f, &f->ev->root, K_VERSION_AT, v_lit("1"));
	if (p->ecs) {
		fill_ecs(f, m, pri);
	} else {
		if (p->peer_len)
			put_str(f, &f->ev->root, K_HOST, arena_dup(f->ev->arena, str_n(p->peer_text, p->peer_len)));
		fill_legacy(f, m, pri);
	}
	mark_time(f, bad_time, claimed);
	if (understood(m)) {
		if (m->flags & SYSLOG_SD_LIMIT)
			event_tag(f->ev, STR("_structured_data_cut"));
		return 0;
	}
	event_tag(f->ev, STR("_grokparsefailure_sysloginput"));
	return 1;
}

/* Under ECS event.original has the whole line, so that a bare text need not show its PRI; Logstash's message does. */
static struct str shown_text(const struct syslog_plan *p, struct str line, const struct syslog_msg *m)
{
	if (m->shape == SYSLOG_BARE && !p->ecs)
		return str_n(line.p, (size_t)(m->msg.p - line.p) + m->msg.len);
	return m->msg;
}

int syslog_decode(const struct syslog_options *o, struct event *ev, struct str line, const struct sockaddr_storage *peer,
		  int64_t received_ns)
{
	static const struct sockaddr_storage none;
	struct syslog_plan *p = o->plan;
	struct fill f = {.p = p, .ev = ev, .fresh = true};
	struct syslog_msg m;

	if (p->grok || !p->field_is_message) {
		event_stamp(ev, ts_from_ns(received_ns));
		event_set_top(ev, p->key[K_MESSAGE], v_str(line));
		if (p->ecs) {
			f.fresh = false;
			put_str(&f, below(&f, &ev->root, K_EVENT, 2), K_ORIGINAL, line);
		}
		return syslog_decode_event(o, ev, peer, received_ns);
	}
	know_peer(p, peer ? peer : &none);
	syslog_parse(line, &m);
	map_init(ev->arena, &ev->root, 16);
	put(&f, &ev->root, K_MESSAGE, v_str(shown_text(p, line, &m)));
	if (p->ecs)
		put(&f, below(&f, &ev->root, K_EVENT, 12), K_ORIGINAL, v_str(line));
	return fill_header(&f, &m, received_ns);
}

int syslog_decode_event(const struct syslog_options *o, struct event *ev, const struct sockaddr_storage *peer,
			int64_t received_ns)
{
	static const struct sockaddr_storage none;
	struct syslog_plan *p = o->plan;
	struct fill f = {.p = p, .ev = ev};
	struct syslog_msg m = {.shape = SYSLOG_RAW, .pri = -1};
	const struct value *v;

	know_peer(p, peer ? peer : &none);
	v = event_get(ev, p->field);
	if (p->grok) {
		syslog_grok_run(p, ev, &m);
	} else if (value_is(v, V_STRING)) {
		syslog_parse(value_str(v), &m);
		if (understood(&m) || (m.shape == SYSLOG_BARE && p->ecs))
			(void)event_set(ev, p->field, v_str(m.msg)); /* it was there, so it can be set */
	}
	return fill_header(&f, &m, received_ns);
}

void syslog_decode_header(const struct syslog_options *o, struct event *ev, const struct syslog_msg *m, int64_t received_ns)
{
	static const struct sockaddr_storage none;
	struct syslog_plan *p = o->plan;
	struct fill f = {.p = p, .ev = ev, .as_read = true};

	know_peer(p, &none);
	(void)fill_header(&f, m, received_ns);
}

bool syslog_trusted(struct ts claimed, int64_t received_ns)
{
	return claimed.s - ts_from_ns(received_ns).s <= TRUSTED_AHEAD_S;
}
