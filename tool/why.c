/*
 * why.c - `weir why NAME|IP|ID`: why was this asked for, and what came of it? What kind of finding the story is, and the answer for programs.
 */
#include "tool/why.h"

#include "base/clock.h"
#include "event/json.h"
#include "tool/tool.h"

#include <stdlib.h>

static const char usage[] =
	"usage: weir why [OPTION...] NAME|IP|ID      a domain name, an address, a chain (weir.chain.id) or an event (_id)\n\n"
	"  --since TIME     look at what happened from then on: 2026-11-24, 2026-11-24T03:12, 15m, 2h, 3d (ago)\n"
	"  --until TIME     up to then\n"
	"  --json           one object, times in UTC\n"
	"  --path.data DIR  weird's data folder ($WEIR_DATA, else the daemon's own default)\n";

/* ---- what was found ---- */

static int by_count(const void *a, const void *b)
{
	const struct tally *x = a, *y = b;

	return x->n != y->n ? x->n < y->n ? 1 : -1 : str_cmp(x->text, y->text);
}

static void merge(struct tallies *to, const struct tallies *from)
{
	for (unsigned i = 0; i < from->n; i++) {
		unsigned k = 0;

		while (k < to->n && !str_eq(to->t[k].text, from->t[i].text))
			k++;
		if (k < to->n)
			to->t[k].n += from->t[i].n;
		else if (to->n < STORY_WORDS)
			to->t[to->n++] = from->t[i];
	}
}

struct sums why_sums(const struct story *st)
{
	struct sums s = {0};

	for (unsigned i = 0; i < st->nvisitors; i++) {
		const struct visitor *v = st->visitor[i];

		s.connections += v->connections;
		s.lookups += v->lookups;
		s.auth_failed += v->auth_failed;
		s.auth_ok += v->auth_ok;
		s.rejected += v->rejected;
		s.messages += v->messages;
		s.after_login += v->after_login;
		merge(&s.services, &v->services);
		merge(&s.failures, &v->failures);
		merge(&s.logins, &v->logins);
	}
	qsort(s.services.t, s.services.n, sizeof(s.services.t[0]), by_count);
	qsort(s.failures.t, s.failures.n, sizeof(s.failures.t[0]), by_count);
	qsort(s.logins.t, s.logins.n, sizeof(s.logins.t[0]), by_count);
	return s;
}

uint64_t why_direct(const struct story *st)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < st->naskers; i++)
		n += st->asker[i].n - st->asker[i].caused;
	return n;
}

static enum finding judge(const struct story *st)
{
	if (!st->found)
		return st->search.len && !st->other_times ? ELSEWHERE : NOTHING;
	if (st->kind == STORY_ADDRESS)
		return ADDRESS;
	/* A delegation's servers, or a zone on the way to the name of an address. */
	if (st->nvisitors && (st->chains.n || (st->naskers == 0 && st->resolver_queries && st->confidence >= 0)))
		return CHASE;
	for (unsigned i = 0; i < st->naskers; i++)
		if (st->asker[i].caused && st->nvisitors)
			return LOOKUP;
	if (!why_direct(st))
		return NO_CAUSE;
	return st->list_zone.len ? LIST : story_is_reverse(st) ? REVERSE : DIRECT;
}

/* ---- in which order ---- */

static int by_text(const void *a, const void *b)
{
	return str_cmp(((const struct tally *)a)->text, ((const struct tally *)b)->text);
}

static int by_lookups(const void *a, const void *b)
{
	const struct visitor *x = *(struct visitor *const *)a, *y = *(struct visitor *const *)b;
	uint64_t m = x->connections + x->lookups, n = y->connections + y->lookups;

	return m != n ? m < n ? 1 : -1 : ip_cmp(&x->ip, &y->ip);
}

static int by_step(const void *a, const void *b)
{
	const struct evidence *x = a, *y = b;

	if (x->hit.time_ms != y->hit.time_ms)
		return x->hit.time_ms < y->hit.time_ms ? -1 : 1;
	return x->step != y->step ? x->step > y->step ? -1 : 1 : 0;
}

/* The order in which all of it is told. */
static void arrange(struct story *st)
{
	qsort(st->visitor, st->nvisitors, sizeof(st->visitor[0]), by_lookups);
	qsort(st->name, st->nnames, sizeof(st->name[0]), by_text);
	qsort(st->servers.t, st->servers.n, sizeof(st->servers.t[0]), by_text);
	qsort(st->evidence, st->nevidence, sizeof(st->evidence[0]), by_step);
}

/* ---- for programs ---- */

static void json_text(struct buf *b, const char *key, struct str s)
{
	buf_printf(b, ",\"%s\":", key);
	json_write_string(b, s);
}

static void json_time(struct buf *b, const char *key, int64_t ms)
{
	char t[TS_TEXT_MAX];

	json_text(b, key, str_n(t, ts_format(ts_from_ns(ms * 1000000), t)));
}

static void json_tallies(struct buf *b, const char *key, const struct tally *t, unsigned n)
{
	buf_printf(b, ",\"%s\":{", key);
	for (unsigned i = 0; i < n; i++) {
		if (i)
			buf_ch(b, ',');
		json_write_string(b, t[i].text);
		buf_printf(b, ":%llu", (unsigned long long)t[i].n);
	}
	buf_ch(b, '}');
}

static void json_visitor(struct buf *b, const struct visitor *v)
{
	buf_lit(b, "{\"ip\":");
	json_write_string(b, v->text);
	json_text(b, "reverse", v->reverse);
	buf_printf(b, ",\"lookups\":%llu,\"connections\":%llu,\"auth_failures\":%llu,\"auth_successes\":%llu,\"rejected\":%llu,\"messages\":%llu,\"messages_after_login\":%llu",
		   (unsigned long long)v->lookups, (unsigned long long)v->connections, (unsigned long long)v->auth_failed,
		   (unsigned long long)v->auth_ok, (unsigned long long)v->rejected, (unsigned long long)v->messages, (unsigned long long)v->after_login);
	if (v->who.len)
		json_text(b, "who", v->who);
	json_tallies(b, "services", v->services.t, v->services.n);
	json_tallies(b, "failures", v->failures.t, v->failures.n);
	json_tallies(b, "users", v->users.t, v->users.n);
	json_tallies(b, "logins", v->logins.t, v->logins.n);
	if (v->first_ms) {
		json_time(b, "first", v->first_ms);
		json_time(b, "last", v->last_ms);
	}
	buf_ch(b, '}');
}

static void print_json(struct story *st, enum finding f)
{
	static const char *const words[] = {"nothing", "elsewhere", "no-cause", "chase", "look-up", "direct", "address", "reverse", "list"};
	struct buf b, sentence;

	buf_init(&b, 0);
	buf_init(&sentence, 0);
	why_sentence(&sentence, st, f);
	buf_lit(&b, "{\"subject\":");
	json_write_string(&b, st->subject);
	json_text(&b, "finding", str_z(words[f]));
	json_text(&b, "sentence", buf_slice(&sentence));
	if (st->found) {
		json_time(&b, "first", st->first_ms);
		json_time(&b, "last", st->last_ms);
	}
	buf_printf(&b, ",\"resolver_queries\":%llu,\"hints\":%llu,\"client_queries\":%llu,\"chase_queries\":%llu",
		   (unsigned long long)st->resolver_queries, (unsigned long long)st->hints, (unsigned long long)why_direct(st),
		   (unsigned long long)st->chase_queries);
	if (st->confidence >= 0) {
		buf_printf(&b, ",\"confidence\":%lld", (long long)st->confidence);
		json_text(&b, "rule", st->rule);
	}
	if (st->cut.len)
		json_text(&b, "cut", st->cut);
	if (st->list_zone.len)
		json_text(&b, "list", st->list_zone);
	json_tallies(&b, "chains", st->chains.t, st->chains.n);
	json_tallies(&b, "names", st->name, st->nnames);
	json_tallies(&b, "resolvers", st->resolvers.t, st->resolvers.n);
	json_tallies(&b, "lookups_by", st->lookup_hosts.t, st->lookup_hosts.n);
	buf_lit(&b, ",\"askers\":[");
	for (unsigned i = 0; i < st->naskers; i++) {
		buf_str(&b, i ? STR(",{\"ip\":") : STR("{\"ip\":"));
		json_write_string(&b, st->asker[i].ip);
		if (st->asker[i].who.len)
			json_text(&b, "who", st->asker[i].who);
		buf_printf(&b, ",\"queries\":%llu,\"caused\":%llu,\"copies\":%llu,\"resolver\":%s}", (unsigned long long)st->asker[i].n,
			   (unsigned long long)st->asker[i].caused, (unsigned long long)st->asker[i].copies, st->asker[i].resolver ? "true" : "false");
	}
	buf_lit(&b, "],\"addresses\":[");
	for (unsigned i = 0; i < st->nvisitors; i++) {
		if (i)
			buf_ch(&b, ',');
		json_visitor(&b, st->visitor[i]);
	}
	buf_lit(&b, "],\"evidence\":[");
	for (unsigned i = 0; i < st->nevidence; i++) {
		if (i)
			buf_ch(&b, ',');
		buf_str(&b, st->evidence[i].hit.json);
	}
	buf_lit(&b, "]}\n");
	fwrite(b.p, 1, b.len, stdout);
	buf_release(&sentence);
	buf_release(&b);
}

static bool is_network(struct str s)
{
	struct str address;
	struct ip ip;

	return str_cut(&s, '/', &address) && ip_parse(address, &ip);
}

int tool_why(int argc, char **argv)
{
	struct store *s = NULL;
	struct story *st = NULL;
	struct ask a;
	struct err err;
	int rc = 2;

	if (ask_parse(&a, argc, argv, usage, 0) == 0) {
		if (a.help) {
			rc = 0;
		} else if (a.text.len == 0) {
			fputs(usage, stderr);
		} else if (is_network(a.text)) {
			fprintf(stderr, "weir why: one address, not a network; its events: weir search ip:%.*s\n", STR_ARG(a.text));
		} else if (a.words > 1) {
			fprintf(stderr, "weir why: one NAME|IP|ID, not %d words\n", a.words);
		} else {
			s = ask_store(&a);
			st = s ? story_new(s, a.text, a.since_ms, a.until_ms, &err) : NULL;
			rc = 1;
			if (s && !st)
				fprintf(stderr, "weir why: %s\n", err.text);
		}
	}
	if (st) {
		enum finding f = judge(st);

		arrange(st);
		if (a.json)
			print_json(st, f);
		else
			why_text(&a, st, f);
		rc = ask_complaints(&a, s) || f == NOTHING;
	}
	story_free(st);
	store_close(&s);
	ask_release(&a);
	return rc;
}
