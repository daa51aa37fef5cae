/*
 * es_verdict.c - a scanner for bulk answers, without building anything.
 *
 *	{"took":6,"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}, ...]}
 *
 * With the filter_path that weir asks for, a good item is these 25 bytes, so a run of them is compared and not parsed. Any other form
 * (all fields, other order, blanks) takes the general way. Out threads; no memory of its own.
 */
#include "outputs/es_verdict.h"

enum { DEPTH_MAX = 64 };

struct scan {
	const char *p, *end;
};

static void blanks(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t'))
		s->p++;
}

static bool take(struct scan *s, char c)
{
	blanks(s);
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

/* On the backslash; moves to the escape's last byte. */
static bool escape(struct scan *s)
{
	if (s->end - s->p < 2 || !strchr("\"\\/bfnrtu", s->p[1]) || !s->p[1])
		return false;
	s->p++;
	if (*s->p != 'u')
		return true;
	for (int i = 0; i < 4; i++)
		if (s->end - s->p < 2 || !ch_xdigit(*++s->p))
			return false;
	return true;
}

/* Behind the opening quote. */
static bool string_rest(struct scan *s, struct str *out)
{
	const char *from = s->p;

	while (s->p < s->end) {
		if (*s->p == '"') {
			*out = str_n(from, (size_t)(s->p - from));
			s->p++;
			return true;
		}
		if ((unsigned char)*s->p < 0x20 || (*s->p == '\\' && !escape(s)))
			return false;
		s->p++;
	}
	return false;
}

static bool string(struct scan *s, struct str *out)
{
	return take(s, '"') && string_rest(s, out);
}

static bool literal(struct scan *s, struct str word)
{
	if ((size_t)(s->end - s->p) < word.len || memcmp(s->p, word.p, word.len) != 0)
		return false;
	s->p += word.len;
	return true;
}

static bool digits(struct scan *s)
{
	const char *from = s->p;

	while (s->p < s->end && ch_digit(*s->p))
		s->p++;
	return s->p > from;
}

static bool integer(struct scan *s)
{
	const char *from = s->p;

	return digits(s) && (*from != '0' || s->p - from == 1);
}

static bool number(struct scan *s)
{
	if (s->p < s->end && *s->p == '-')
		s->p++;
	if (!integer(s))
		return false;
	if (s->p < s->end && *s->p == '.') {
		s->p++;
		if (!digits(s))
			return false;
	}
	if (s->p < s->end && (*s->p | 32) == 'e') {
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		return digits(s);
	}
	return true;
}

static bool scalar(struct scan *s)
{
	struct str ignored;

	if (s->p == s->end)
		return false;
	switch (*s->p) {
	case '"':
		return string(s, &ignored);
	case 't':
		return literal(s, STR("true"));
	case 'f':
		return literal(s, STR("false"));
	case 'n':
		return literal(s, STR("null"));
	default:
		return number(s);
	}
}

/* Any value, passed over. Nesting is remembered in a bit a level: nothing calls itself. */
static bool skip(struct scan *s)
{
	uint64_t in_map = 0;
	unsigned depth = 0;
	struct str key;

	for (;;) {
		bool open = false;

		blanks(s);
		if (s->p < s->end && (*s->p == '{' || *s->p == '[')) {
			bool map = *s->p++ == '{';

			if (depth == DEPTH_MAX)
				return false;
			in_map = in_map << 1 | map;
			depth++;
			open = !take(s, map ? '}' : ']');
			if (!open) {
				depth--;
				in_map >>= 1;
			} else if (map && (!string(s, &key) || !take(s, ':'))) {
				return false;
			}
		} else if (!scalar(s)) {
			return false;
		}
		while (!open) {
			if (depth == 0)
				return true;
			if (take(s, ',')) {
				if (in_map & 1 && (!string(s, &key) || !take(s, ':')))
					return false;
				open = true;
			} else if (take(s, in_map & 1 ? '}' : ']')) {
				depth--;
				in_map >>= 1;
			} else {
				return false;
			}
		}
	}
}

/* "error": an object with type and reason, or a plain string. */
static bool error_object(struct scan *s, struct es_item *it)
{
	struct str key;

	blanks(s);
	if (s->p < s->end && *s->p == '"')
		return string(s, &it->reason);
	if (s->p == s->end || *s->p != '{')
		return skip(s);
	s->p++;
	if (take(s, '}'))
		return true;
	do {
		struct str *into = NULL;

		if (!string(s, &key) || !take(s, ':'))
			return false;
		if (str_eq(key, STR("type")))
			into = &it->type;
		else if (str_eq(key, STR("reason")))
			into = &it->reason;
		blanks(s);
		if (into && s->p < s->end && *s->p == '"' ? !string(s, into) : !skip(s))
			return false;
	} while (take(s, ','));
	return take(s, '}');
}

static bool status_number(struct scan *s, int *out)
{
	const char *from;
	uint64_t v;

	blanks(s);
	from = s->p;
	if (!integer(s) || !str_u64(str_n(from, (size_t)(s->p - from)), 999, &v))
		return false;
	*out = (int)v;
	return true;
}

/* What stands under the action's name. */
static bool item_object(struct scan *s, struct es_item *it)
{
	struct str key, text;

	if (!take(s, '{'))
		return false;
	if (take(s, '}'))
		return true;
	do {
		if (!string(s, &key) || !take(s, ':'))
			return false;
		blanks(s);
		if (str_eq(key, STR("status"))) {
			if (!status_number(s, &it->status))
				return false;
		} else if (str_eq(key, STR("error"))) {
			if (!error_object(s, it))
				return false;
		} else if (str_eq(key, STR("failure_store")) && s->p < s->end && *s->p == '"') {
			if (!string(s, &text))
				return false;
			it->failure_store = str_eq(text, STR("used"));
		} else if (!skip(s)) {
			return false;
		}
	} while (take(s, ','));
	return take(s, '}');
}

static bool one_item(struct scan *s, struct es_item *it)
{
	struct str action;

	if (!take(s, '{') || !string(s, &action) || !take(s, ':') || !item_object(s, it) || !take(s, '}'))
		return false;
	it->deleted = str_eq(action, STR("delete"));
	return it->status != 0;
}

/* How many of the shortest good items stand here in a row, each but the last followed by a comma. */
static uint32_t good_run(struct scan *s, uint32_t max)
{
	static const char create[] = "{\"create\":{\"status\":201}}", index[] = "{\"index\":{\"status\":201}}";
	uint32_t n = 0;

	while (n < max) {
		size_t left = (size_t)(s->end - s->p), len = sizeof(create) - 1;

		if (left <= len || memcmp(s->p, create, len) != 0) {
			len = sizeof(index) - 1;
			if (left <= len || memcmp(s->p, index, len) != 0)
				break;
		}
		/* The last one is left to the general way: it looks for the end. */
		if (s->p[len] != ',')
			break;
		s->p += len + 1;
		n++;
	}
	return n;
}

static bool items(struct scan *s, uint32_t expect, void (*each)(void *, uint32_t, const struct es_item *), void *arg)
{
	uint32_t i = 0;

	if (!take(s, '['))
		return false;
	if (take(s, ']'))
		return expect == 0;
	do {
		struct es_item it = {0};

		i += good_run(s, expect - i);
		if (i >= expect || !one_item(s, &it))
			return false;
		if ((it.status != 200 && it.status != 201) || it.failure_store || it.type.p || it.reason.p)
			each(arg, i, &it);
		i++;
	} while (take(s, ','));
	return take(s, ']') && i == expect;
}

bool es_answer_scan(struct str body, uint32_t expect, void (*each)(void *, uint32_t, const struct es_item *), void *arg)
{
	struct scan s = {body.p, body.p + body.len};
	bool errors = false, have_errors = false, have_items = false;
	struct str key;

	if (!take(&s, '{') || take(&s, '}'))
		return false;
	do {
		if (!string(&s, &key) || !take(&s, ':'))
			return false;
		blanks(&s);
		if (str_eq(key, STR("errors"))) {
			if (have_errors)
				return false;
			errors = literal(&s, STR("true"));
			if (!errors && !literal(&s, STR("false")))
				return false;
			have_errors = true;
		} else if (str_eq(key, STR("items"))) {
			if (have_items || !items(&s, expect, each, arg))
				return false;
			have_items = true;
		} else if (!skip(&s)) {
			return false;
		}
	} while (take(&s, ','));
	if (!take(&s, '}'))
		return false;
	blanks(&s);
	return s.p == s.end && have_errors && have_items;
}

/* ---- the table ---- */

static bool operator_can_fix(const struct es_item *it)
{
	/* "this action would add [2] shards, but this cluster currently has ... maximum shards open" */
	return str_eq(it->type, STR("validation_exception")) &&
	       (str_find(it->reason, STR("would add")) >= 0 || str_find(it->reason, STR("shards")) >= 0);
}

struct es_judgement es_judge(const struct es_item *it, unsigned flags, const struct es_policy *policy)
{
	const struct es_judgement retry = {VERDICT_RETRY, false, false}, hold = {VERDICT_HOLD, false, true};
	const struct es_judgement dead = {VERDICT_DEAD, false, false};

	if (it->status >= 200 && it->status < 300)
		return (struct es_judgement){VERDICT_DELIVERED, false, it->failure_store};
	for (size_t i = 0; i < policy->n_drop_types; i++)
		if (str_eq(it->type, policy->drop_types[i]))
			return (struct es_judgement){VERDICT_DROPPED, false, false};
	/* Its own id, or one that was sent before without an answer: it is there already. */
	if (it->status == 409)
		return flags & (ITEM_OWN_ID | ITEM_MAYBE_SENT) ? (struct es_judgement){VERDICT_DUPLICATE, false, false} : dead;
	for (size_t i = 0; i < policy->n_dead_codes; i++)
		if (it->status == policy->dead_codes[i])
			return dead;
	if (it->status == 429 || it->status == 408 || it->status >= 500)
		return (struct es_judgement){VERDICT_RETRY, false, str_eq(it->type, STR("cluster_block_exception"))};
	if (it->status == 403 && str_eq(it->type, STR("cluster_block_exception")))
		return (struct es_judgement){VERDICT_RETRY, false, true};
	if (it->status == 401 || it->status == 403)
		return hold;
	if (it->status == 400 && operator_can_fix(it))
		return hold;
	if (it->status == 404 && it->deleted)
		return (struct es_judgement){VERDICT_DELIVERED, false, false};
	if (it->status == 404)
		return flags & ITEM_TRIED_AGAIN ? dead : (struct es_judgement){VERDICT_RETRY, true, false};
	if (it->status >= 400)
		return dead;
	return retry;
}

enum send_result es_judge_status(long status)
{
	if (status >= 200 && status < 300)
		return SEND_JUDGED;
	switch (status) {
	case 400:
		return SEND_REFUSED;
	case 413:
		return SEND_TOO_BIG;
	case 401:
	case 403:
	case 404:
	case 405:
	case 406:
	case 407:
	case 415:
		return SEND_HOLD;
	default:
		return SEND_RETRY;
	}
}
