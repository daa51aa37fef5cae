/*
 * running_stats.c - the numbers of a pipeline that runs: copied to /metrics when somebody looks, and the laws of
 * conservation at the end. Main thread; the copying runs on whichever thread renders the page, under the metrics' lock.
 */
#include "running_int.h"
#include "base/count.h"
#include "base/log.h"

#include <inttypes.h>

static struct series *get_series(struct running *r, enum metric_scope scope, const char *plugin, struct str id)
{
	struct label l[3] = {{"pipeline", str_z(r->id)}, {"plugin", str_z(plugin)}, {"id", id}};

	return series_get(scope, l, 3);
}

void stats_open_input(struct running *r, struct run_input *ri)
{
	struct str id = str_z(ri->in->name);

	if (ri->in->ops->datagrams) {
		struct label l[3] = {{"pipeline", str_z(r->id)}, {"id", id}, {"socket", STR("udp")}};

		ri->udp = series_get(SCOPE_UDP, l, 3);
	}
	/* The two halves of one input (syslog) share a series. */
	if (!ri->in->partner)
		ri->series = get_series(r, SCOPE_INPUT, ri->in->plugin->name, id);
}

void stats_open_output(struct running *r, struct run_output *ro, struct str id)
{
	ro->series = get_series(r, SCOPE_OUTPUT, ro->name, id);
	if (ro->sender)
		sender_set_series(ro->sender, ro->series);
}

static void copy_pipeline(struct running *r)
{
	const struct exec_counters *c = pipeline_counters(r->pipeline);
	struct series *s = r->series;
	uint64_t came = count_read(&c->lines) + count_read(&c->created_decode) + count_read(&c->created_filter);
	uint64_t gone = count_read(&c->merged) + count_read(&c->ended_drop) + count_read(&c->ended_decode) +
			count_read(&c->ended_condition) + count_read(&c->ended_lost) + count_read(&c->ended_replaced) +
			count_read(&c->unrouted) + count_read(&c->routed);

	series_set(s, M_LINES, count_read(&c->lines));
	series_set(s, M_CREATED_DECODE, count_read(&c->created_decode));
	series_set(s, M_CREATED_FILTER, count_read(&c->created_filter));
	series_set(s, M_MERGED, count_read(&c->merged));
	series_set(s, M_ENDED_DROP, count_read(&c->ended_drop));
	series_set(s, M_ENDED_DECODE, count_read(&c->ended_decode));
	series_set(s, M_ENDED_CONDITION, count_read(&c->ended_condition));
	series_set(s, M_ENDED_LOST, count_read(&c->ended_lost));
	series_set(s, M_ENDED_REPLACED, count_read(&c->ended_replaced));
	series_set(s, M_UNROUTED, count_read(&c->unrouted));
	series_set(s, M_ROUTED, count_read(&c->routed));
	series_set(s, M_IN_FLIGHT, came > gone ? came - gone : 0);
	series_set(s, M_FILTER_ERRORS, count_read(&c->filter_errors));
	series_set(s, M_BUSY, pipeline_busy_ns(r->pipeline));
	series_set(s, M_QUEUE, bqueue_count(pipeline_queue(r->pipeline)));
}

/* Either half. */
static bool is_paused(const struct running *r, const struct inlet *in)
{
	for (const struct run_input *ri = r->inputs; ri; ri = ri->next)
		if ((ri->in == in || ri->in->partner == in) && count_read(&ri->in->count.paused))
			return true;
	return false;
}

static void copy_input(const struct running *r, const struct run_input *ri)
{
	const struct inlet_counters *c = &ri->in->count;

	if (ri->series) {
		series_set(ri->series, M_INPUT_LINES, count_read(&c->frames));
		series_set(ri->series, M_INPUT_BYTES, count_read(&c->bytes));
		series_set(ri->series, M_INPUT_CUT, count_read(&c->cut));
		series_set(ri->series, M_INPUT_BAD, count_read(&c->bad_framing));
		series_set(ri->series, M_INPUT_MALFORMED, count_read(&c->malformed));
		series_set(ri->series, M_INPUT_SHORTENED, count_read(&c->shortened));
		series_set(ri->series, M_INPUT_CONNECTIONS, count_read(&c->open));
		series_set(ri->series, M_INPUT_ACCEPTED, count_read(&c->connections));
		series_set(ri->series, M_INPUT_REFUSED, count_read(&c->refused));
		series_set(ri->series, M_INPUT_PAUSED, is_paused(r, ri->in));
	}
	if (ri->udp) {
		series_set(ri->udp, M_UDP_DATAGRAMS, count_read(&c->datagrams));
		series_set(ri->udp, M_UDP_LINES, count_read(&c->frames) - count_read(&c->dropped));
		series_set(ri->udp, M_UDP_JOINED, count_read(&c->joined));
		series_set(ri->udp, M_UDP_REFUSED_EMPTY, count_read(&c->refused));
		series_set(ri->udp, M_UDP_REFUSED_CHUNK, count_read(&c->bad_chunks));
		series_set(ri->udp, M_UDP_REFUSED_QUEUE, count_read(&c->dropped));
		series_set(ri->udp, M_UDP_KERNEL_DROPS, count_read(&c->kernel_drops));
	}
}

static void copy_output(const struct run_output *ro)
{
	struct sender_stats st;
	struct series *s = ro->series;

	run_output_stats(ro, &st);
	series_set(s, M_OUT_ROUTED, st.routed);
	series_set(s, M_OUT_RELOADED, st.reloaded);
	series_set(s, M_OUT_DELIVERED, st.delivered);
	series_set(s, M_OUT_DUPLICATE, st.duplicate);
	series_set(s, M_OUT_DEAD, st.dead_letter);
	series_set(s, M_OUT_DROPPED_FULL, st.dropped[DROP_QUEUE_FULL]);
	series_set(s, M_OUT_DROPPED_LETTER, st.dropped[DROP_NO_LETTER]);
	series_set(s, M_OUT_DROPPED_DISK, st.dropped[DROP_NO_DISK]);
	series_set(s, M_OUT_DROPPED_CLOSED, st.dropped[DROP_CLOSED]);
	series_set(s, M_OUT_DROPPED_RENDER, st.dropped[DROP_RENDER]);
	series_set(s, M_OUT_DROPPED_IGNORED, st.dropped[DROP_IGNORED]);
	series_set(s, M_OUT_DROPPED_NOBODY, st.dropped[DROP_NOBODY]);
	series_set(s, M_OUT_UNSENT, st.unsent);
	series_set(s, M_OUT_IN_FLIGHT, st.in_flight);
	series_set(s, M_OUT_BYTES, st.bytes);
	series_set(s, M_OUT_QUARANTINED, st.quarantined);
	series_set(s, M_OUT_REQUESTS, st.requests);
	series_set(s, M_OUT_REQUESTS_FAILED, st.failed_requests);
	series_set(s, M_OUT_RETRIED, st.retried);
	series_set(s, M_OUT_FAILING, st.failing);
}

/* The page's thread. The lists change only under r->lock. */
static void refresh(void *arg)
{
	struct running *r = arg;

	copy_pipeline(r);
	pthread_mutex_lock(&r->lock);
	for (const struct run_input *ri = r->inputs; ri; ri = ri->next)
		copy_input(r, ri);
	for (const struct run_output *ro = r->outputs; ro; ro = ro->next)
		copy_output(ro);
	stats_copy_filters(r->filters);
	pthread_mutex_unlock(&r->lock);
}

void stats_open(struct running *r)
{
	struct label l = {"pipeline", str_z(r->id)};

	r->series = series_get(SCOPE_PIPELINE, &l, 1);
	metrics_refresh_add(refresh, r);
}

void stats_close(struct running *r)
{
	if (!r->series)
		return;
	metrics_refresh_remove(r);
	stats_filters(r, NULL);
	series_unref(r->series);
	r->series = NULL;
}

bool stats_output_balanced(struct run_output *ro)
{
	struct sender_stats st;

	run_output_stats(ro, &st);
	copy_output(ro);
	if (sender_balanced(&st))
		return true;
	log_error("output", "'%s': the books do not balance: %" PRIu64 " routed, %" PRIu64 " delivered, %" PRIu64 " in flight",
		  ro->name, st.routed, st.delivered, st.in_flight);
	return false;
}

bool stats_balanced(struct running *r)
{
	const struct exec_counters *c = pipeline_counters(r->pipeline);
	uint64_t came = c->lines + c->created_decode + c->created_filter;
	uint64_t gone = c->merged + c->ended_drop + c->ended_decode + c->ended_condition + c->ended_lost + c->ended_replaced +
			c->unrouted + c->routed;
	uint64_t read = 0;
	bool ok = came == gone;

	if (!ok)
		log_error("pipeline", "'%s': the books do not balance: %" PRIu64 " came in, %" PRIu64 " ended", r->id, came, gone);
	for (const struct run_input *ri = r->inputs; ri; ri = ri->next) {
		const struct inlet_counters *i = &ri->in->count;

		read += i->frames - i->dropped;
		if (ri->udp && i->datagrams != i->frames + i->joined + i->refused + i->bad_chunks) {
			log_error("input", "%s: the books do not balance: %" PRIu64 " datagrams, %" PRIu64 " lines", ri->in->name,
				  (uint64_t)i->datagrams, (uint64_t)i->frames);
			ok = false;
		}
	}
	log_info("pipeline", "'%s': %" PRIu64 " lines in, %" PRIu64 " events to outputs, %" PRIu64 " dropped by filters, %" PRIu64 " read by the present inputs",
		 r->id, (uint64_t)c->lines, (uint64_t)c->routed, (uint64_t)c->ended_drop, read);
	return ok;
}
