/*
 * query_plan.c - which index keys hold every event that can match a query.
 *
 * A part of the query that no index knows (NOT, a field without one) stands for "every event": within an AND it is left out, within an
 * OR nothing can be said any more. Pure; the plan lives in the arena given.
 */
#include "query/query.h"

static struct key_plan *new_plan(struct arena *a, enum plan_op op)
{
	struct key_plan *p = arena_zalloc(a, sizeof(*p));

	p->op = op;
	return p;
}

/* The first key behind all those that begin with prefix (which is not empty: the kind). */
static struct str behind(struct arena *a, struct str prefix)
{
	char *q = arena_bytes(a, prefix.len);

	memcpy(q, prefix.p, prefix.len);
	while (prefix.len && (unsigned char)q[prefix.len - 1] == 0xff)
		prefix.len--;
	q[prefix.len - 1]++;
	return str_n(q, prefix.len);
}

static struct str with_kind(struct arena *a, enum key_kind kind, struct str bytes)
{
	char *q = arena_bytes(a, bytes.len + 1);

	q[0] = (char)kind;
	if (bytes.len)
		memcpy(q + 1, bytes.p, bytes.len);
	return str_n(q, bytes.len + 1);
}

static struct key_plan *plan_exact(struct arena *a, enum key_kind kind, struct str form)
{
	struct key_plan *p = new_plan(a, PLAN_RANGE);

	p->low = with_kind(a, kind, form);
	return p;
}

static struct key_plan *plan_prefix(struct arena *a, enum key_kind kind, struct str form)
{
	struct key_plan *p = plan_exact(a, kind, form);

	p->high = behind(a, p->low);
	return p;
}

/* ---- joining ---- */

static struct key_plan *join(struct arena *a, enum plan_op op, struct key_plan **sub, uint32_t n)
{
	struct key_plan *p;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (sub[i]->op != PLAN_ALL)
			sub[kept++] = sub[i];
		else if (op == PLAN_OR)
			return sub[i];
	}
	if (kept == 0)
		return new_plan(a, PLAN_ALL);
	if (kept == 1)
		return sub[0];
	p = new_plan(a, op);
	p->sub = sub;
	p->n = kept;
	return p;
}

/* ---- leaves ---- */

static size_t literal_part(struct str pattern)
{
	size_t n = 0;

	while (n < pattern.len && pattern.p[n] != '*' && pattern.p[n] != '?')
		n++;
	return n;
}

static struct key_plan *plan_word(struct arena *a, struct str word)
{
	size_t n = literal_part(word);

	if (n == word.len)
		return plan_exact(a, KEY_WORD, word);
	/* A pattern that begins with its star, or with one letter, says too little. */
	return n < 2 ? new_plan(a, PLAN_ALL) : plan_prefix(a, KEY_WORD, str_sub(word, 0, n));
}

static struct key_plan *plan_text(struct arena *a, const struct query *q)
{
	struct key_plan **sub, **either, *words;

	if (q->field.len && !str_eq(q->field, STR("message")))
		return new_plan(a, PLAN_ALL);
	sub = arena_alloc(a, q->n * sizeof(struct key_plan *));
	for (uint32_t i = 0; i < q->n; i++)
		sub[i] = plan_word(a, q->word[i]);
	words = join(a, PLAN_AND, sub, q->n);
	if (words->op == PLAN_ALL)
		return words;
	/* The key of events with more words than are indexed. */
	either = arena_alloc(a, 2 * sizeof(struct key_plan *));
	either[0] = words;
	either[1] = plan_exact(a, KEY_WORD, STR(""));
	return join(a, PLAN_OR, either, 2);
}

static struct key_plan *plan_wild(struct arena *a, enum key_kind kind, struct str pattern)
{
	char form[KEY_MAX];
	size_t n = literal_part(pattern);
	struct str fixed = str_sub(pattern, 0, n);

	if (kind == KEY_NAME) {
		/* What stands behind the last star; a final dot that was written is not in the index. */
		n = pattern.len;
		while (n && pattern.p[n - 1] != '*' && pattern.p[n - 1] != '?')
			n--;
		fixed = str_from(pattern, n);
	}
	n = kind == KEY_IP ? 0 : key_form(kind, fixed, form, a);
	return n ? plan_prefix(a, kind, str_n(form, n)) : new_plan(a, PLAN_ALL);
}

static struct key_plan *plan_net(struct arena *a, const struct ip_net *net)
{
	struct {
		struct ip ip;
		uint8_t more;
	} last = {net->ip, 0};
	struct key_plan *p = plan_exact(a, KEY_IP, str_n((const char *)net->ip.b, sizeof(net->ip.b)));

	for (unsigned bit = net->bits; bit < 128; bit++)
		last.ip.b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	/* A key is never longer than an address: the one with a byte more comes directly behind the last. */
	p->high = with_kind(a, KEY_IP, str_n((const char *)&last, sizeof(last)));
	return p;
}

static struct key_plan *plan_match(struct arena *a, const struct query *q)
{
	char form[KEY_MAX];
	size_t n;

	switch (q->match.op) {
	case MATCH_EQUAL:
		n = key_form(q->kind, q->match.value.text, form, a);
		return n ? plan_exact(a, q->kind, str_n(form, n)) : new_plan(a, PLAN_ALL);
	case MATCH_WILD:
		return plan_wild(a, q->kind, q->match.value.text);
	case MATCH_NET:
		return q->kind == KEY_IP ? plan_net(a, &q->match.net) : new_plan(a, PLAN_ALL);
	case MATCH_RANGE:
	case MATCH_EXISTS:
		break;
	}
	return new_plan(a, PLAN_ALL);
}

static struct key_plan *plan_keys(struct arena *a, const struct query *q)
{
	struct key_plan **sub;

	switch (q->op) {
	case QUERY_AND:
	case QUERY_OR:
		sub = arena_alloc(a, q->n * sizeof(struct key_plan *));
		for (uint32_t i = 0; i < q->n; i++)
			sub[i] = plan_keys(a, q->sub[i]);
		return join(a, q->op == QUERY_AND ? PLAN_AND : PLAN_OR, sub, q->n);
	case QUERY_TEXT:
		return plan_text(a, q);
	case QUERY_FIELD:
	case QUERY_KEY:
		if (q->kind != KEY_NONE)
			return plan_match(a, q);
		break;
	case QUERY_ALL:
	case QUERY_NOT:
		break;
	}
	return new_plan(a, PLAN_ALL);
}

/* ---- times ---- */

static int64_t ms_of(struct ts t)
{
	if (t.s > INT64_MAX / 1000 - 1 || t.s < INT64_MIN / 1000 + 1)
		return t.s < 0 ? INT64_MIN : INT64_MAX;
	return t.s * 1000 + t.ns / 1000000;
}

static void raise_since(struct query_plan *out, int64_t ms)
{
	if (ms > out->since_ms)
		out->since_ms = ms;
}

static void lower_until(struct query_plan *out, int64_t ms)
{
	/* The end may lie within the millisecond: that one is still looked at. */
	if (ms < INT64_MAX && ms + 1 < out->until_ms)
		out->until_ms = ms + 1;
}

static void times(const struct query *q, struct query_plan *out)
{
	if (q->op == QUERY_AND)
		for (uint32_t i = 0; i < q->n; i++)
			times(q->sub[i], out);
	if (q->op != QUERY_FIELD || !str_eq(q->field, STR("@timestamp")))
		return;
	if (q->match.op == MATCH_EQUAL && q->match.value.has_time) {
		raise_since(out, ms_of(q->match.value.time));
		lower_until(out, ms_of(q->match.value.time_end));
	} else if (q->match.op == MATCH_RANGE) {
		if (q->match.low.text.p && q->match.low.has_time)
			raise_since(out, ms_of(q->match.low.time));
		if (q->match.high.text.p && q->match.high.has_time)
			lower_until(out, ms_of(q->match.high.time_end));
	}
}

void query_plan(struct arena *a, const struct query *q, struct query_plan *out)
{
	*out = (struct query_plan){.since_ms = INT64_MIN, .until_ms = INT64_MAX};
	out->keys = q ? plan_keys(a, q) : new_plan(a, PLAN_ALL);
	if (q)
		times(q, out);
}
