#include "outputs/curl_link.h"

#include <stdlib.h>
#include <zlib.h>

enum {
	CONNECTION_AGE_S = 300,
	CONNECTION_IDLE_S = 60,
	KEEP_BYTES = 1024 * 1024,
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_begin(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* ---- all links ---- */

void curl_links_init(struct curl_links *all)
{
	pthread_mutex_init(&all->lock, NULL);
	all->first = NULL;
}

void curl_links_release(struct curl_links *all)
{
	pthread_mutex_destroy(&all->lock);
}

void curl_links_wake(struct curl_links *all)
{
	pthread_mutex_lock(&all->lock);
	for (struct curl_link *l = all->first; l; l = l->next)
		curl_multi_wakeup(l->multi);
	pthread_mutex_unlock(&all->lock);
}

/* ---- one ---- */

static size_t take_answer(char *p, size_t size, size_t n, void *arg)
{
	struct curl_link *l = arg;

	buf_add(&l->answer, p, size * n);
	return l->answer.over && !l->cut_answer ? 0 : size * n;
}

/*
 * So a transfer that is given up ends as one that failed. Merely taken out of the multi handle it would end as if it were complete: half a mail
 * would get its final dot.
 */
static int give_up(void *arg, curl_off_t down, curl_off_t down_now, curl_off_t up, curl_off_t up_now)
{
	const struct curl_link *l = arg;

	return l->stop && atomic_load_explicit(l->stop, memory_order_relaxed);
}

static void set_common(struct curl_link *l, const char *proxy)
{
	CURL *e = l->easy;

	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, l->error);
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	/* Renewed now and then, so that a name that moved is looked up again. */
	curl_easy_setopt(e, CURLOPT_MAXLIFETIME_CONN, (long)CONNECTION_AGE_S);
	curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, (long)CONNECTION_IDLE_S);
	curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, l);
	curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, give_up);
	curl_easy_setopt(e, CURLOPT_XFERINFODATA, l);
	/* Set, even if empty: the environment's proxy is not meant for a log daemon. */
	curl_easy_setopt(e, CURLOPT_PROXY, proxy ? proxy : "");
}

void curl_link_init(struct curl_link *l, struct curl_links *all, size_t answer_max, const char *proxy)
{
	pthread_once(&curl_once, curl_begin);
	*l = (struct curl_link){.all = all};
	buf_init(&l->answer, answer_max);
	buf_init(&l->packed, 0);
	l->easy = curl_easy_init();
	l->multi = curl_multi_init();
	bug_on(!l->easy || !l->multi);
	set_common(l, proxy);
	pthread_mutex_lock(&all->lock);
	l->next = all->first;
	all->first = l;
	pthread_mutex_unlock(&all->lock);
}

void curl_link_release(struct curl_link *l)
{
	struct curl_link **at;

	pthread_mutex_lock(&l->all->lock);
	for (at = &l->all->first; *at != l; at = &(*at)->next)
		;
	*at = l->next;
	pthread_mutex_unlock(&l->all->lock);
	curl_easy_cleanup(l->easy);
	curl_multi_cleanup(l->multi);
	if (l->deflate)
		deflateEnd(l->deflate);
	free(l->deflate);
	buf_release(&l->answer);
	buf_release(&l->packed);
}

void curl_link_trim(struct curl_link *l)
{
	if (l->packed.cap > 2 * KEEP_BYTES)
		buf_release(&l->packed);
}

/* ---- a transfer ---- */

bool curl_link_compress(struct curl_link *l, int level, struct str body, struct str *out)
{
	z_stream *z = l->deflate;
	size_t bound;
	char *room;

	if (!z) {
		z = l->deflate = xzalloc(sizeof(*z));
		if (deflateInit2(z, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
			free(z);
			l->deflate = NULL;
			return false;
		}
	} else {
		deflateReset(z);
	}
	bound = deflateBound(z, body.len);
	buf_clear(&l->packed);
	room = body.len < UINT32_MAX && bound < UINT32_MAX ? buf_room(&l->packed, bound) : NULL;
	if (!room)
		return false;
	z->next_in = (unsigned char *)(uintptr_t)body.p;
	z->avail_in = (uInt)body.len;
	z->next_out = (unsigned char *)room;
	z->avail_out = (uInt)bound;
	if (deflate(z, Z_FINISH) != Z_STREAM_END)
		return false;
	l->packed.len = z->total_out;
	*out = buf_slice(&l->packed);
	return true;
}

CURLcode curl_link_perform(struct curl_link *l, const struct send_ctx *ctx)
{
	CURLcode result = CURLE_ABORTED_BY_CALLBACK;
	CURLMsg *msg;
	int running = 1, left;
	bool stopped = false;

	if (l->answer.cap > KEEP_BYTES)
		buf_release(&l->answer);
	buf_clear(&l->answer);
	l->error[0] = 0;
	l->stop = ctx->stop;
	if (curl_multi_add_handle(l->multi, l->easy) != CURLM_OK)
		return CURLE_FAILED_INIT;
	/* Once more after the stop: then give_up() ends it. */
	while (running && !stopped) {
		stopped = atomic_load_explicit(ctx->stop, memory_order_relaxed);
		if (curl_multi_perform(l->multi, &running) != CURLM_OK)
			break;
		if (running && !stopped)
			curl_multi_poll(l->multi, NULL, 0, 1000, NULL);
	}
	while ((msg = curl_multi_info_read(l->multi, &left)))
		if (msg->msg == CURLMSG_DONE)
			result = msg->data.result;
	curl_multi_remove_handle(l->multi, l->easy);
	return result;
}

const char *curl_link_error(const struct curl_link *l, CURLcode r)
{
	return l->error[0] ? l->error : curl_easy_strerror(r);
}

bool curl_surely_not_sent(CURLcode r)
{
	switch (r) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_FAILED_INIT:
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return true;
	default:
		return false;
	}
}
