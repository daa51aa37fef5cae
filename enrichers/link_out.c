/*
 * link_out.c - link events: what was found out after the events themselves were emitted (see link_int.h).
 *
 * They are children of the event that made it known, and are found by the store as every event is.
 */
#include "link_int.h"

#include <math.h>
#include <stdio.h>

struct link_msg *link_tell(struct link_state *st, enum link_action action, const struct chain_id *chain, const struct link_about *about)
{
	struct link_msg *m;

	if (st->nmsgs == MESSAGES_MAX) {
		st->dropped_msgs++;
		return NULL;
	}
	m = &st->msg[st->nmsgs++];
	m->a = *about;
	m->a.action = action;
	m->a.chain = *chain;
	m->a.cut = chain->text[0] == 'Z';
	m->a.ncause = 0;
	m->nids = 0;
	return m;
}

static bool mentions(const struct link_msg *m, const char *id, uint8_t len)
{
	for (unsigned i = 0; i < m->nids; i++)
		if (m->ids[i].len == len && memcmp(m->ids[i].id, id, len) == 0)
			return true;
	return false;
}

/* One that says the same already, and behind which nothing is said of that event. */
static struct link_msg *to_add_to(struct link_state *st, enum link_action action, const struct chain_id *chain, const char *id, uint8_t len)
{
	for (unsigned i = st->nmsgs; i > 0; i--) {
		struct link_msg *m = &st->msg[i - 1];

		if (m->nids && mentions(m, id, len))
			return NULL;
		if (m->nids && m->nids < IDS_MAX && m->a.action == action && chain_id_eq(&m->a.chain, chain))
			return m;
	}
	return NULL;
}

void link_tell_event(struct link_state *st, enum link_action action, const struct chain_id *chain, const struct link_about *about, const char *id, uint8_t len)
{
	struct link_msg *m;

	if (len == 0)
		return;
	m = to_add_to(st, action, chain, id, len);
	if (!m)
		m = link_tell(st, action, chain, about);
	if (!m)
		return;
	if (about->first < m->a.first)
		m->a.first = about->first;
	if (about->last > m->a.last)
		m->a.last = about->last;
	m->ids[m->nids].len = len;
	memcpy(m->ids[m->nids++].id, id, len);
}

static const struct str words[] = {[LINK_LINK] = STR_INIT("link"), [LINK_UNLINK] = STR_INIT("unlink"), [LINK_SAME] = STR_INIT("same-chain"), [LINK_CLOCK] = STR_INIT("clock-skew")};

static void set(struct event *ev, enum field_id f, struct value v)
{
	(void)event_set(ev, field_ref(f), v); /* the event is new: nothing is in the way */
}

static struct value copied(struct event *ev, struct str s)
{
	return v_str(arena_dup(ev->arena, s));
}

static struct str message(struct event *ev, const struct link_msg *m)
{
	struct str chain = chain_id_str(&m->a.chain), cause = chain_id_str(&m->a.cause[0]), name = name_kept(&m->a.name);
	struct arena *a = ev->arena;
	const char *more = m->a.ncause > 1 ? " and others" : "";

	if (m->a.action == LINK_SAME)
		return arena_printf(a, "chain %.*s is the same as %.*s (%s)", STR_ARG(chain), STR_ARG(cause), rule_name(m->a.rule));
	if (m->nids)
		return arena_printf(a, "%u event%s about %.*s %s chain %.*s (%s, %u)", m->nids, m->nids == 1 ? "" : "s", STR_ARG(name),
				    m->a.action == LINK_LINK ? "belong to" : "do not belong to", STR_ARG(chain), rule_name(m->a.rule), m->a.confidence);
	if (m->a.action == LINK_LINK)
		return arena_printf(a, "chain %.*s (%.*s) was caused by %.*s%s (%s, %u)", STR_ARG(chain), STR_ARG(name), STR_ARG(cause), more,
				    rule_name(m->a.rule), m->a.confidence);
	return arena_printf(a, "chain %.*s has nothing to do with %.*s%s", STR_ARG(chain), STR_ARG(cause), more);
}

/* No chain is in it: two clocks, and what was measured. */
static void clock_event(struct link *l, const struct link_msg *m, struct event *ev)
{
	struct str host = l->st->host[m->a.host].name, other = l->st->host[m->a.other].name;
	double ahead = round((double)m->a.ahead_s * 100) / 100;

	set(ev, F_MESSAGE, v_str(arena_printf(ev->arena, "the clock of %.*s is %.2f s %s that of %.*s", STR_ARG(host), fabs(ahead),
					      ahead < 0 ? "behind" : "ahead of", STR_ARG(other))));
	set(ev, F_WEIR_CLOCK_OFFSET_S, v_float(ahead));
	set(ev, F_WEIR_CLOCK_REFERENCE, copied(ev, other));
}

void link_event(struct link *l, const struct link_msg *m, const struct event *parent, struct event *ev)
{
	struct arena *a = ev->arena;

	event_stamp(ev, ts_from_ns(m->a.t));
	if (m->a.action != LINK_CLOCK)
		set(ev, F_MESSAGE, v_str(message(ev, m)));
	set(ev, F_EVENT_KIND, v_lit("enrichment"));
	set(ev, F_EVENT_ACTION, v_str(words[m->a.action]));
	set(ev, F_EVENT_DATASET, v_lit("weir.link"));
	set(ev, F_EVENT_MODULE, v_lit("link"));
	/* Later ones take earlier ones back: their order counts, over restarts, too. */
	if (l->st->sequence < parent->received_ns)
		l->st->sequence = parent->received_ns;
	set(ev, F_EVENT_SEQUENCE, v_int(++l->st->sequence));
	set(ev, F_EVENT_START, v_time(ts_from_ns(m->a.first)));
	set(ev, F_EVENT_END, v_time(ts_from_ns(m->a.last)));
	set(ev, F_ECS_VERSION, v_lit("9.1.0"));
	set(ev, F_HOST_NAME, copied(ev, l->st->host[m->a.host].name));
	if (m->a.action == LINK_CLOCK) {
		clock_event(l, m, ev);
		return;
	}
	set(ev, F_WEIR_CHAIN_ID, copied(ev, chain_id_str(&m->a.chain)));
	set(ev, F_WEIR_CHAIN_KIND, m->a.cut ? v_lit("cut") : v_lit("connection"));
	if (m->a.class)
		set(ev, F_WEIR_DNS_CLASS, v_str(str_z(m->a.class)));
	if (m->a.rule) {
		set(ev, F_WEIR_CAUSE_RULE, v_str(str_z(rule_name(m->a.rule))));
		set(ev, F_WEIR_CAUSE_CONFIDENCE, v_int(m->a.confidence));
	}
	if (m->a.ncause) {
		struct list *list = list_new(a, m->a.ncause);

		for (unsigned i = 0; i < m->a.ncause; i++)
			list_push(a, list, copied(ev, chain_id_str(&m->a.cause[i])));
		set(ev, F_WEIR_CAUSE_CHAIN_ID, v_list(list));
	}
	if (m->nids) {
		struct list *list = list_new(a, m->nids);

		for (unsigned i = 0; i < m->nids; i++)
			list_push(a, list, copied(ev, str_n(m->ids[i].id, m->ids[i].len)));
		set(ev, F_WEIR_LINK_EVENT_ID, v_list(list));
	}
	if (m->a.has_ip) {
		struct list *list = list_new(a, 1);
		char text[IP_TEXT];
		size_t n = ip_format(&m->a.ip, text);

		list_push(a, list, copied(ev, str_n(text, n)));
		set(ev, F_RELATED_IP, v_list(list));
	}
}
