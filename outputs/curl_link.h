/*
 * curl_link.h - one out thread's connection by libcurl, whatever it speaks: a transfer that stop ends, the answer, a compressed body.
 *
 * The outputs elasticsearch, opensearch, http and email embed it in their links. A link is its thread's; only curl_links_wake() comes
 * from another one.
 */
#ifndef WEIR_OUTPUTS_CURL_LINK_H
#define WEIR_OUTPUTS_CURL_LINK_H

#include "base/buf.h"
#include "outputs/curl_tls.h"
#include "outputs/output.h"

#include <pthread.h>

struct curl_link;

/* All links of an output, to be woken together; in its conn. */
struct curl_links {
	pthread_mutex_t lock;
	struct curl_link *first;
};

struct curl_link {
	struct curl_links *all;
	struct curl_link *next;
	CURL *easy;
	CURLM *multi;
	struct buf answer; /* of the last transfer: its body */
	bool cut_answer;   /* what is beyond the answer's limit is left out; else it fails the transfer */
	struct buf packed; /* the compressed body */
	void *deflate;	   /* z_stream; NULL until needed */
	const _Atomic bool *stop; /* of the transfer that is under way */
	char error[CURL_ERROR_SIZE];
};

void curl_links_init(struct curl_links *all);
void curl_links_release(struct curl_links *all);
/* Ends what waits in curl_link_perform(), if stop is set. */
void curl_links_wake(struct curl_links *all);

/* With what all transfers have in common: no signals, no proxy but `proxy` (NULL: none), keep-alive. Answers are kept up to answer_max bytes. */
void curl_link_init(struct curl_link *l, struct curl_links *all, size_t answer_max, const char *proxy);
void curl_link_release(struct curl_link *l);

/* One transfer as the handle is set; the answer begins empty. Any code but CURLE_OK: l->error says more, or curl_link_error(). */
CURLcode curl_link_perform(struct curl_link *l, const struct send_ctx *ctx);
const char *curl_link_error(const struct curl_link *l, CURLcode r);
/* After such a failure nothing of the request can have arrived. */
bool curl_surely_not_sent(CURLcode r);

/* body as gzip, borrowed from the link until the next one. false: it cannot be. */
bool curl_link_compress(struct curl_link *l, int level, struct str body, struct str *out);
/* Memory of a large request or answer goes back. */
void curl_link_trim(struct curl_link *l);

#endif
