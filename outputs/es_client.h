/*
 * es_client.h - one out thread's HTTP connection(s), beneath es_request().
 */
#ifndef WEIR_OUTPUTS_ES_CLIENT_H
#define WEIR_OUTPUTS_ES_CLIENT_H

#include "outputs/es.h"

#include <curl/curl.h>

struct es_link {
	struct es_conf *conf;
	struct es_link *next; /* of conf->links */
	CURL *easy;
	CURLM *multi;
	struct curl_slist *bulk_headers, *json_headers;
	struct buf answer;
	struct buf packed; /* the compressed body */
	void *deflate;	   /* z_stream; NULL until needed */
	struct es_reply reply;
	struct arena scratch;
	char error[CURL_ERROR_SIZE];
	char url[2048];
};

/*
 * What an error's body says, in the link's scratch: {"error":{"type":"...","reason":"..."},"status":n} or {"error":"text"}; empty where it
 * says nothing.
 */
struct str es_error_text(struct es_link *l, struct str body);

#endif
