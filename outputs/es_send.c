/*
 * es_send.c - one bulk request and what became of each document. Out threads.
 */
#include "outputs/es_client.h"

#include "base/log.h"
#include "event/json.h"

#include <inttypes.h>

struct judging {
	struct es_conf *conf;
	struct es_link *link;
	struct pack *p;
	uint32_t from;
	uint32_t quarantined, retries;
	int retry_status;
	bool template_missing, alarm;
	struct str retry_type; /* in the answer */
	struct buf why;
};

/* A text out of the answer's JSON, without its escapes. */
static void add_unescaped(struct judging *j, struct str raw)
{
	struct value v;
	struct str quoted = arena_printf(&j->link->scratch, "\"%.*s\"", (int)(raw.len < 4096 ? raw.len : 4096), raw.p);
	struct err err;

	if (raw.len <= 4096 && json_read(&j->link->scratch, &quoted, NULL, &v, &err) == 0 && v.type == V_STRING)
		buf_str(&j->why, value_str(&v));
	else
		buf_str(&j->why, str_sub(raw, 0, 4096));
}

static struct str reason_of(struct judging *j, const struct es_item *it)
{
	buf_clear(&j->why);
	buf_str(&j->why, it->type);
	if (it->type.len && it->reason.len)
		buf_lit(&j->why, ": ");
	if (it->reason.len)
		add_unescaped(j, it->reason);
	return buf_slice(&j->why);
}

static void judge(void *arg, uint32_t i, const struct es_item *it)
{
	struct judging *j = arg;
	uint32_t n = j->from + i;
	struct pack_item *item = &j->p->item[n];
	struct es_judgement v = es_judge(it, item->flags, &j->conf->policy);

	item->verdict = (uint8_t)v.verdict;
	j->alarm |= v.alarm;
	if (v.verdict == VERDICT_DEAD)
		pack_note(j->p, n, VERDICT_DEAD, it->status, 0, reason_of(j, it));
	else if (v.verdict == VERDICT_DROPPED)
		pack_note(j->p, n, VERDICT_DROPPED, it->status, DROP_IGNORED, it->type);
	else if (v.verdict == VERDICT_DELIVERED && it->failure_store)
		j->quarantined++;
	if (v.template_missing) {
		item->flags |= ITEM_TRIED_AGAIN;
		j->template_missing = true;
	}
	if (v.verdict == VERDICT_RETRY || v.verdict == VERDICT_HOLD) {
		j->retries++;
		j->retry_status = it->status;
		j->retry_type = it->type;
	}
}

static enum send_result whole_failure(struct es_link *l, const struct es_reply *r, struct send_ctx *ctx)
{
	enum send_result result = es_judge_status(r->status);
	struct str why = str_sub(es_error_text(l, r->body), 0, 300);

	err_set(&ctx->err, "'%s' answered %ld%s%.*s", r->host, r->status, why.len ? " " : "", STR_ARG(why));
	return result;
}

static enum send_result judge_answer(struct es_link *l, const struct es_reply *r, struct pack *p, uint32_t from, uint32_t to,
				     struct send_ctx *ctx)
{
	struct judging j = {.conf = l->conf, .link = l, .p = p, .from = from};
	bool ok;

	buf_init(&j.why, 8192);
	for (uint32_t i = from; i < to; i++)
		p->item[i].verdict = VERDICT_DELIVERED;
	ok = es_answer_scan(r->body, to - from, judge, &j);
	buf_release(&j.why);
	if (!ok) {
		for (uint32_t i = from; i < to; i++)
			p->item[i].verdict = VERDICT_NONE;
		/* Documents may well have arrived: their ids tell at the next try. */
		ctx->maybe_sent = true;
		err_set(&ctx->err, "'%s' answered %ld with something that is no bulk answer", r->host, r->status);
		return SEND_RETRY;
	}
	ctx->quarantined += j.quarantined;
	if (j.quarantined)
		log_warn("output", "'%s': %u documents were put into the failure store", r->host, j.quarantined);
	if (j.template_missing)
		es_template_forget(l->conf);
	if (j.retries) {
		err_set(&ctx->err, "'%s' wants %u documents again later: %d %.*s", r->host, j.retries, j.retry_status,
			STR_ARG(str_sub(j.retry_type, 0, 100)));
		if (j.alarm)
			log_error("output", "%s", ctx->err.text);
	}
	return SEND_JUDGED;
}

/* The index of the first document that goes into a stream of weir's own; none: .len 0. */
static struct str weir_stream(const struct pack *p, uint32_t from, uint32_t to)
{
	struct str index = STR(""), id;

	for (; from < to; from++) {
		if (!(p->item[from].flags & ITEM_WEIR_STREAM))
			continue;
		es_describe(p, &p->item[from], &index, &id);
		break;
	}
	return index;
}

/* Before the first event. */
enum send_result es_begin(void *conn, void *link, struct send_ctx *ctx)
{
	struct es_link *l = link;
	struct str alias;
	enum send_result result = es_setup_ensure(conn, l, ctx, &alias);

	arena_clear(&l->scratch);
	return result;
}

enum send_result es_send(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx)
{
	struct es_conf *c = conn;
	struct es_link *l = link;
	struct es_reply reply = {0};
	struct str stream = weir_stream(p, from, to), bytes = pack_range(p, from, to), alias;
	enum send_result result;
	struct buf readdressed;

	ctx->err.text[0] = 0;
	buf_init(&readdressed, 0);
	result = es_setup_ensure(c, l, ctx, &alias);
	if (result == SEND_JUDGED && stream.len && c->manage_template)
		result = es_template_ensure(c, l, stream, ctx);
	if (result == SEND_JUDGED && alias.len) {
		es_readdress(&readdressed, p, from, to, alias);
		bytes = buf_slice(&readdressed);
	}
	if (result == SEND_JUDGED) {
		if (es_request(l, "POST", c->bulk_path, bytes, true, ctx, &reply, &ctx->err) == -1)
			result = SEND_RETRY;
		else if (es_judge_status(reply.status) == SEND_JUDGED)
			result = judge_answer(l, &reply, p, from, to, ctx);
		else
			result = whole_failure(l, &reply, ctx);
		ctx->maybe_sent |= reply.maybe_sent;
	}
	buf_release(&readdressed);
	arena_clear(&l->scratch);
	return result;
}
