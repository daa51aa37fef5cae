/*
 * es_client.h - one out thread's HTTP connection(s), beneath es_request().
 */
#ifndef WEIR_OUTPUTS_ES_CLIENT_H
#define WEIR_OUTPUTS_ES_CLIENT_H

#include "outputs/es.h"

#include <jansson.h>

struct es_link {
	struct es_conf *conf;
	struct curl_link curl;
	struct curl_slist *bulk_headers, *json_headers;
	struct es_reply reply;
	struct arena scratch;
	char url[2048];
};

/*
 * What an error's body says, in the link's scratch: {"error":{"type":"...","reason":"..."},"status":n} or {"error":"text"}; empty where it
 * says nothing.
 */
struct str es_error_text(struct es_link *l, struct str body);
/* NULL where it is no JSON. */
json_t *es_json(struct str body);

#endif
