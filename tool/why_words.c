/*
 * why_words.c - the answer of `weir why` in words: one sentence, then the chain and its proofs.
 *
 * The words around tool/story.h. What happened is told in the order of cause and effect, in words that need no knowledge of resolvers.
 */
#include "tool/why.h"

#include "tool/show.h"

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void put_n(struct buf *b, uint64_t n, const char *what)
{
	buf_printf(b, "%llu %s%s", (unsigned long long)n, what, plural(n));
}

static void put_times(struct buf *b, uint64_t n)
{
	if (n == 1)
		buf_lit(b, "once");
	else if (n == 2)
		buf_lit(b, "twice");
	else
		buf_printf(b, "%llu times", (unsigned long long)n);
}

/* "a", "a and b", "a, b and c", "a, b and 3 more". */
static void put_list(struct buf *b, const struct str *s, size_t n, size_t most, uint64_t more)
{
	size_t shown = n > most ? most - 1 : n;

	more += n - shown;
	for (size_t i = 0; i < shown; i++) {
		if (i)
			buf_str(b, i + 1 == shown && !more ? STR(" and ") : STR(", "));
		show_text(b, s[i]);
	}
	if (more)
		buf_printf(b, " and %llu more", (unsigned long long)more);
}

static void put_tallies(struct buf *b, const struct tallies *t, size_t most)
{
	struct str s[STORY_WORDS];

	for (unsigned i = 0; i < t->n; i++)
		s[i] = t->t[i].text;
	put_list(b, s, t->n, most, t->more);
}

/* ns1..ns4.faraisp.ir as ns[1-4].faraisp.ir: names of one number each that follow each other. */
static bool numbered(const struct tally *t, unsigned n, struct str *front, struct str *tail, unsigned *from, unsigned *to)
{
	bool have[10] = {false};
	size_t at = 0;

	if (n < 2)
		return false;
	while (at < t[0].text.len && !ch_digit(t[0].text.p[at]))
		at++;
	if (at == t[0].text.len)
		return false;
	*front = str_sub(t[0].text, 0, at);
	*tail = str_from(t[0].text, at + 1);
	for (unsigned i = 0; i < n; i++) {
		struct str s = t[i].text;

		if (s.len != t[0].text.len || !str_starts(s, *front) || !str_eq(str_from(s, at + 1), *tail) || !ch_digit(s.p[at]))
			return false;
		have[s.p[at] - '0'] = true;
	}
	for (*from = 0; !have[*from]; ++*from)
		;
	for (*to = 9; !have[*to]; --*to)
		;
	for (unsigned i = *from; i <= *to; i++)
		if (!have[i])
			return false;
	return true;
}

static void put_range(struct buf *b, const struct tally *t, unsigned n)
{
	struct str s[STORY_NAMES], front, tail;
	unsigned from, to;

	if (numbered(t, n, &front, &tail, &from, &to)) {
		show_text(b, front);
		buf_printf(b, "[%u-%u]", from, to);
		show_text(b, tail);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		s[i] = t[i].text;
	put_list(b, s, n, 4, 0);
}

static void put_names(struct buf *b, struct story *st)
{
	put_range(b, st->name, st->nnames);
}

/* The servers of the delegation, as it names them; else those that were asked for. */
static void put_servers(struct buf *b, struct story *st)
{
	if (st->servers.n)
		put_range(b, st->servers.t, st->servers.n);
	else if (st->nnames)
		put_names(b, st);
	else
		show_text(b, st->subject);
}

/* ---- the visitors ---- */

static void put_visitors(struct buf *b, const struct story *st, size_t most)
{
	struct str s[STORY_ADDRESSES];

	for (unsigned i = 0; i < st->nvisitors; i++)
		s[i] = st->visitor[i]->text;
	put_list(b, s, st->nvisitors, most, st->more_visitors);
}

/* Whoever guesses passwords, and then hands in mail, has guessed one. */
static void put_after_login(struct buf *b, uint64_t n, const struct tallies *logins)
{
	if (!n)
		return;
	buf_printf(b, " (%llu after a login as ", (unsigned long long)n);
	put_tallies(b, logins, 3);
	buf_ch(b, ')');
}

/* "failed 40 SASL LOGIN attempts", "delivered 2 messages": what the connections came to. */
static void put_outcome(struct buf *b, const struct sums *s)
{
	bool any = false;

	for (unsigned i = 0; i < s->failures.n; i++) {
		buf_str(b, any ? STR(", ") : STR(", with "));
		buf_printf(b, "%llu %.*s failure%s", (unsigned long long)s->failures.t[i].n, STR_ARG(s->failures.t[i].text), plural(s->failures.t[i].n));
		any = true;
	}
	if (s->rejected) {
		buf_str(b, any ? STR(", ") : STR(", with "));
		put_n(b, s->rejected, "refused command");
		any = true;
	}
	if (s->auth_ok) {
		buf_str(b, any ? STR(", ") : STR(", with "));
		put_n(b, s->auth_ok, "successful login");
		any = true;
	}
	if (s->messages) {
		buf_str(b, any ? STR(", ") : STR(", with "));
		put_n(b, s->messages, "message");
		buf_lit(b, " taken");
		put_after_login(b, s->after_login, &s->logins);
		any = true;
	}
	if (s->auth_failed && !s->auth_ok && !s->messages)
		buf_lit(b, ": somebody is guessing passwords");
}

static void put_connections(struct buf *b, const struct story *st, const struct sums *s)
{
	put_visitors(b, st, 3);
	buf_lit(b, " connected to ");
	put_tallies(b, &s->services, 3);
	buf_ch(b, ' ');
	put_times(b, s->connections);
	put_outcome(b, s);
}

/* ---- the one sentence ---- */

static struct str asker_text(struct story *st, const struct asker *a)
{
	const char *comma = a->who.len && a->resolver ? ", " : "", *what = a->resolver ? "a resolver" : "";

	if (!a->who.len && !a->resolver)
		return a->ip;
	return arena_printf(&st->arena, "%.*s (%.*s%s%s)", STR_ARG(a->ip), STR_ARG(a->who), comma, what);
}

static void put_askers(struct buf *b, struct story *st, bool caused)
{
	struct str s[STORY_ASKERS];
	size_t n = 0;

	for (unsigned i = 0; i < st->naskers; i++) {
		const struct asker *a = &st->asker[i];

		if (caused ? a->caused == 0 : a->n == a->caused)
			continue;
		s[n++] = asker_text(st, a);
	}
	put_list(b, s, n, 4, 0);
}

static void put_asked(struct buf *b, struct story *st, uint64_t n, bool caused)
{
	show_text(b, st->subject);
	buf_lit(b, " was asked for ");
	put_times(b, n);
	buf_lit(b, " by ");
	put_askers(b, st, caused);
}

/* The same questions, seen once more where a resolver asked another one for them. */
static void put_copies(struct buf *b, struct story *st)
{
	struct str s[STORY_ASKERS];
	uint64_t copies = 0;
	size_t n = 0;

	for (unsigned i = 0; i < st->naskers; i++)
		if (st->asker[i].copies) {
			copies += st->asker[i].copies;
			s[n++] = st->asker[i].ip;
		}
	if (!n)
		return;
	buf_lit(b, "; ");
	put_list(b, s, n, 3, 0);
	buf_lit(b, " passed it on ");
	put_times(b, copies);
}

/* Nobody but resolvers, which ask for others. */
static bool only_resolvers(const struct story *st)
{
	bool any = false;

	for (unsigned i = 0; i < st->naskers; i++) {
		any |= st->asker[i].n != 0;
		if (st->asker[i].n && !st->asker[i].resolver)
			return false;
	}
	return any;
}

/* Who wanted to know: "mail looked up who 185.137.111.145 is (145.111.137.185.in-addr.arpa)". */
static void put_lookups(struct buf *b, const struct story *st)
{
	struct str names[STORY_ADDRESSES];
	unsigned n = 0;

	if (st->lookup_hosts.n == 1 && st->log_hosts.n == 1 && !str_eq(st->log_hosts.t[0].text, st->lookup_hosts.t[0].text)) {
		/* One server, known by its log and by its address. */
		show_text(b, st->log_hosts.t[0].text);
		buf_printf(b, " (%.*s)", STR_ARG(st->lookup_hosts.t[0].text));
	} else if (st->lookup_hosts.n) {
		put_tallies(b, &st->lookup_hosts, 3);
	} else {
		buf_lit(b, "a server");
	}
	buf_lit(b, " looked up the name of ");
	put_visitors(b, st, 3);
	for (unsigned i = 0; i < st->nvisitors; i++)
		if (st->visitor[i]->lookups || st->nvisitors == 1)
			names[n++] = st->visitor[i]->reverse;
	buf_lit(b, " (");
	put_list(b, names, n, 2, 0);
	buf_ch(b, ')');
}

/* The servers of a delegation, which nobody but the resolver asks for. */
static void say_chase(struct buf *b, struct story *st, const struct sums *s)
{
	uint64_t asked = st->resolver_queries ? st->resolver_queries : st->hints;

	show_text(b, st->subject);
	buf_lit(b, " was asked for ");
	put_times(b, asked);
	buf_lit(b, " by the resolver itself");
	if (st->resolvers.n) {
		buf_lit(b, " (");
		put_tallies(b, &st->resolvers, 2);
		buf_ch(b, ')');
	}
	if (why_direct(st)) {
		buf_lit(b, " and ");
		put_times(b, why_direct(st));
		buf_lit(b, " by ");
		put_askers(b, st, false);
		buf_lit(b, " directly; the resolver did because ");
	} else {
		buf_lit(b, ", by no client, because ");
	}
	put_lookups(b, st);
	if (st->chains.n) {
		buf_lit(b, ", whose zone ");
		if (st->cut.len) {
			show_text(b, st->cut);
			buf_ch(b, ' ');
		}
		buf_lit(b, "is served by ");
		put_servers(b, st);
	}
	if (s->connections) {
		buf_lit(b, "; ");
		put_connections(b, st, s);
	} else {
		buf_lit(b, "; no connection of it is in the store");
	}
}

/* That the address connected is a fact, that this was the reason is none. */
static void put_unlinked(struct buf *b, const struct story *st, const struct sums *s)
{
	if (s->connections) {
		buf_lit(b, "; nothing in the store says what for, but ");
		put_connections(b, st, s);
	} else {
		buf_lit(b, "; no connection of it is in the store");
	}
}

/* "a block-list look-up of 185.137.111.145 in zen.spamhaus.org", as far as that is sure. */
static void put_list_question(struct buf *b, const struct story *st)
{
	bool allow = str_ends(st->list_zone, STR("dnswl.org")) || str_starts(st->list_zone, STR("wl."));
	char ip[IP_TEXT];
	size_t n = st->list_has_ip ? ip_format(&st->list_ip, ip) : 0;

	if (!st->list_has_ip) {
		buf_lit(b, "a look-up in a list of ");
		show_text(b, st->list_zone);
	} else if (!st->list_known) {
		buf_printf(b, "its name holds %.*s, as look-ups in block lists do, but nothing says that ", (int)n, ip);
		show_text(b, st->list_zone);
		buf_lit(b, " is one");
	} else if (st->list_test) {
		buf_printf(b, "a test whether the %s list ", allow ? "allow" : "block");
		show_text(b, st->list_zone);
		buf_printf(b, " works (%.*s is nobody who connected)", (int)n, ip);
	} else {
		buf_printf(b, "%s look-up of %.*s in ", allow ? "an allow-list" : "a block-list", (int)n, ip);
		show_text(b, st->list_zone);
	}
}

/* A reverse or forward look-up that a server made of somebody who connected. */
static void say_lookup(struct buf *b, struct story *st, const struct sums *s)
{
	uint64_t caused = 0;

	for (unsigned i = 0; i < st->naskers; i++)
		caused += st->asker[i].caused;
	put_asked(b, st, caused, true);
	if (st->listed) {
		buf_lit(b, " (");
		put_list_question(b, st);
		buf_ch(b, ')');
	}
	buf_lit(b, " because ");
	if (s->connections && st->met) {
		put_connections(b, st, s);
	} else {
		put_visitors(b, st, 3);
		buf_lit(b, " was looked up");
		put_unlinked(b, st, s);
	}
	if (why_direct(st)) {
		buf_lit(b, "; besides, ");
		put_askers(b, st, false);
		buf_lit(b, " asked for it ");
		put_times(b, why_direct(st));
	}
	put_copies(b, st);
}

static void say_direct(struct buf *b, struct story *st)
{
	put_asked(b, st, why_direct(st), false);
	buf_str(b, only_resolvers(st) ? STR(", and for whom is not in the store") : STR(", and nothing in the store says why"));
	put_copies(b, st);
}

/* The name of an address: whoever wanted it, no connection was the reason as far as the store goes. */
static void say_reverse(struct buf *b, struct story *st, const struct sums *s)
{
	put_asked(b, st, why_direct(st), false);
	buf_lit(b, ": the reverse look-up of ");
	put_visitors(b, st, 3);
	put_unlinked(b, st, s);
	put_copies(b, st);
}

static void say_list(struct buf *b, struct story *st, const struct sums *s)
{
	put_asked(b, st, why_direct(st), false);
	buf_lit(b, ": ");
	put_list_question(b, st);
	if (st->list_tellers.n) {
		buf_lit(b, "; ");
		put_tallies(b, &st->list_tellers, 3);
		buf_str(b, st->list_tellers.n == 1 ? STR(" says that it is listed there") : STR(" say that it is listed there"));
	}
	if (st->listed)
		put_unlinked(b, st, s);
	else if (!st->list_test)
		buf_lit(b, ", and nothing in the store says why");
	put_copies(b, st);
}

static void say_address(struct buf *b, struct story *st, const struct sums *s)
{
	const struct visitor *v = st->visitor[0];

	if (s->connections) {
		put_connections(b, st, s);
	} else {
		show_text(b, st->subject);
		if (v->who.len) {
			buf_lit(b, " (");
			show_text(b, v->who);
			buf_ch(b, ')');
		}
		buf_lit(b, " is in the store, but in no connection to a mail or ssh server");
	}
	if (v->lookups) {
		buf_lit(b, "; ");
		put_tallies(b, &st->lookup_hosts, 3);
		buf_lit(b, " looked up its name (");
		show_text(b, v->reverse);
		buf_lit(b, ") ");
		put_times(b, v->lookups);
	}
	if (st->chase_queries) {
		buf_printf(b, ", for which the resolver made %llu quer%s for ", (unsigned long long)st->chase_queries,
			   st->chase_queries == 1 ? "y" : "ies");
		put_names(b, st);
	}
}

static void say_no_cause(struct buf *b, struct story *st)
{
	uint64_t asked = st->resolver_queries + st->hints;

	show_text(b, st->subject);
	if (asked) {
		buf_lit(b, " was asked for ");
		put_times(b, asked);
		buf_lit(b, " by the resolver itself, and nothing in the store says why");
	} else {
		buf_lit(b, " is in the store, but in no question: who asked for it is not known");
	}
	put_copies(b, st);
}

/* In events that nothing is told from: leases, destinations, users, a client's queries for other names. */
static void say_elsewhere(struct buf *b, struct story *st)
{
	bool quotes = str_chr(st->search, '"') >= 0;

	show_text(b, st->subject);
	buf_lit(b, " is in the store (");
	put_n(b, st->elsewhere, "event");
	buf_str(b, quotes ? STR("), but in nothing that why follows; see: weir search '") : STR("), but in nothing that why follows; see: weir search "));
	show_text(b, st->search);
	if (quotes)
		buf_ch(b, '\'');
}

void why_sentence(struct buf *b, struct story *st, enum finding f)
{
	struct sums s = why_sums(st);

	switch (f) {
	case CHASE:
		say_chase(b, st, &s);
		break;
	case LOOKUP:
		say_lookup(b, st, &s);
		break;
	case DIRECT:
		say_direct(b, st);
		break;
	case ADDRESS:
		say_address(b, st, &s);
		break;
	case REVERSE:
		say_reverse(b, st, &s);
		break;
	case LIST:
		say_list(b, st, &s);
		break;
	case NO_CAUSE:
		say_no_cause(b, st);
		break;
	case ELSEWHERE:
		say_elsewhere(b, st);
		break;
	case NOTHING:
		show_text(b, st->subject);
		buf_str(b, st->other_times ? STR(" is in the store, but not in that period") : STR(" is in no event of the store"));
		break;
	}
	buf_ch(b, '.');
}

/* ---- what is missing (least first) ---- */

static void say_missing(struct story *st, enum finding f)
{
	bool queries = story_any(st, "event.action:dns-client-query"), upstream = story_any(st, "event.action:dns-resolver-query");

	if (only_resolvers(st) && (f == DIRECT || f == REVERSE || f == LIST))
		fputs("\nWhat would tell more:\n  - who asks that resolver: its own query log (README)\n", stdout);
	if (st->other_times || (f != NOTHING && f != NO_CAUSE && !(f == CHASE && !queries)))
		return;
	fputs("\nWhat would tell more:\n", stdout);
	if (!story_any(st, "event.action:smtp-connect") && !story_any(st, "event.action:ssh-connect") && !story_any(st, "event.action:ssh-login"))
		fputs("  - the log of your mail and ssh servers: point their rsyslog at weird (README)\n", stdout);
	if (!queries)
		fputs("  - who asks your resolver: BIND `querylog yes;` in options, Unbound `log-queries: yes` and `log-replies: yes`,\n"
		      "    dnsmasq `log-queries=extra`\n",
		      stdout);
	if (!upstream)
		fputs("  - what your resolver asks others, and what they answer (the only complete source): dnstap with\n"
		      "    BIND `dnstap { client; resolver; };` and `dnstap-output unix \"/run/weird/dnstap.sock\";`,\n"
		      "    Unbound `dnstap-log-resolver-query-messages: yes` and `dnstap-log-resolver-response-messages: yes`;\n"
		      "    weird: `input { dnstap { socket => \"/run/weird/dnstap.sock\" } }`\n",
		      stdout);
	if (queries && upstream && f != NOTHING)
		fputs("  - an earlier beginning: --since, or the cause was before the first event of the store\n", stdout);
}

/* ---- the chain ---- */

static void put_span(const struct ask *a, struct buf *b, int64_t first_ms, int64_t last_ms)
{
	struct zone_span span = {0};

	show_time(b, ts_from_ns(first_ms * 1000000), a->zone, &span);
	if (last_ms != first_ms) {
		buf_lit(b, " to ");
		show_time(b, ts_from_ns(last_ms * 1000000), a->zone, &span);
	}
}

static void put_confidence(struct buf *b, const struct story *st)
{
	if (st->confidence >= 0)
		buf_printf(b, "  [%lld %%, rule %.*s]", (long long)st->confidence, STR_ARG(st->rule));
}

static void chain_lines(const struct ask *a, struct story *st, enum finding f, struct buf *b)
{
	const char *indent = "  ";
	bool linked = f == CHASE || st->met;

	if (f == CHASE && !st->chains.n) {
		buf_printf(b, "%squeries of the resolver for ", indent);
		show_text(b, st->subject);
		put_confidence(b, st);
		buf_lit(b, "\n    made for\n");
	} else if (f == CHASE || (f == ADDRESS && st->chase_queries)) {
		buf_printf(b, "%s%llu queries of the resolver for ", indent, (unsigned long long)st->chase_queries);
		put_names(b, st);
		put_confidence(b, st);
		buf_lit(b, "\n    caused by\n");
		if (st->cut.len) {
			buf_printf(b, "%sthe delegation of ", indent);
			show_text(b, st->cut);
			buf_lit(b, "  (");
			put_tallies(b, &st->chains, 3);
			buf_lit(b, ")\n    met by\n");
		}
	} else if (f == LOOKUP) {
		buf_printf(b, "%squeries for ", indent);
		show_text(b, st->subject);
		put_confidence(b, st);
		buf_lit(b, "\n    made for\n");
	}
	for (unsigned i = 0; i < st->nvisitors && i < 20; i++) {
		const struct visitor *v = st->visitor[i];

		if (v->lookups || f == CHASE) {
			buf_printf(b, "%sPTR ", indent);
			show_text(b, v->reverse);
			buf_printf(b, ", %llu look-up%s\n    %s\n", (unsigned long long)v->lookups, plural(v->lookups),
				   linked ? "made because of" : "of the name of");
		}
		buf_printf(b, "%s%.*s", indent, STR_ARG(v->text));
		if (v->who.len)
			buf_printf(b, " (%.*s)", STR_ARG(v->who));
		if (v->connections) {
			buf_printf(b, ": %llu connection%s to ", (unsigned long long)v->connections, plural(v->connections));
			put_tallies(b, &v->services, 3);
			if (linked && v->lookups < v->connections && f != LIST)
				buf_printf(b, ", %llu of them with a look-up of their own (the others found the answer in a cache)",
					   (unsigned long long)v->lookups);
		} else {
			buf_lit(b, ": no connection in the store");
		}
		for (unsigned k = 0; k < v->failures.n; k++)
			buf_printf(b, ", %llu %.*s failure%s", (unsigned long long)v->failures.t[k].n, STR_ARG(v->failures.t[k].text),
				   plural(v->failures.t[k].n));
		if (v->users.n) {
			buf_lit(b, " as ");
			put_tallies(b, &v->users, 4);
		}
		if (v->rejected)
			buf_printf(b, ", %llu refused", (unsigned long long)v->rejected);
		if (v->messages)
			buf_printf(b, ", %llu message%s", (unsigned long long)v->messages, plural(v->messages));
		put_after_login(b, v->after_login, &v->logins);
		buf_ch(b, '\n');
		if (v->first_ms) {
			buf_lit(b, "      ");
			put_span(a, b, v->first_ms, v->last_ms);
			buf_ch(b, '\n');
		}
	}
	if (st->nvisitors > 20)
		buf_printf(b, "%sand %u more addresses\n", indent, st->nvisitors - 20);
	for (unsigned i = 0; i < st->naskers && i < 10 && f != ADDRESS; i++) {
		const struct asker *q = &st->asker[i];
		struct str who = asker_text(st, q);

		if (q->n)
			buf_printf(b, "%sasked by %.*s: %llu quer%s%s\n", indent, STR_ARG(who), (unsigned long long)q->n, q->n == 1 ? "y" : "ies",
				   q->caused == q->n ? "" : q->caused ? ", some without a known cause" : ", no known cause");
		if (q->copies)
			buf_printf(b, "%spassed on by %.*s: %llu quer%s\n", indent, STR_ARG(who), (unsigned long long)q->copies, q->copies == 1 ? "y" : "ies");
	}
}

void why_text(const struct ask *a, struct story *st, enum finding f)
{
	struct zone_span span = {0};
	struct buf b;

	buf_init(&b, 0);
	why_sentence(&b, st, f);
	buf_ch(&b, '\n');
	if (f > NO_CAUSE) {
		buf_ch(&b, '\n');
		put_span(a, &b, st->first_ms, st->last_ms);
		buf_ch(&b, '\n');
		chain_lines(a, st, f, &b);
	}
	fwrite(b.p, 1, b.len, stdout);
	buf_release(&b);
	if (st->nevidence) {
		puts("\nSome of the lines:");
		for (unsigned i = 0; i < st->nevidence; i++)
			show_line(stdout, &st->evidence[i].hit, a->zone, &span);
	}
	say_missing(st, f);
}
