/*
 * es.h - what the files of the elasticsearch and opensearch outputs share.
 *
 *	es_options.c   the tables of options, what they mean together, struct es_conf
 *	es_render.c    work thread: action line and document
 *	es_item.c      pure: back from those bytes
 *	es_client.c    out thread: HTTP by libcurl, hosts, TLS
 *	es_server.c    out thread: who answers
 *	es_verdict.c   pure: the answer
 *	es_mapping.c   pure: fields.def as a mapping
 *	es_template.c  out thread: the index template of weir's own streams
 *	es_setup*.c    what Logstash makes at the server when it starts (es_setup.h)
 *	es_send.c      out thread: one request and what became of it
 */
#ifndef WEIR_OUTPUTS_ES_H
#define WEIR_OUTPUTS_ES_H

#include "outputs/curl_link.h"
#include "outputs/es_setup.h"
#include "outputs/es_verdict.h"
#include "outputs/output.h"
#include "outputs/stamped.h"

enum es_flavour { ES_ELASTICSEARCH, ES_OPENSEARCH };

enum {
	ITEM_WEIR_STREAM = 32, /* goes into a stream of weir's own: the template must be there */
};

/* ---- render half: the instance ---- */

enum es_action { ES_INDEX, ES_CREATE, ES_UPDATE, ES_DELETE, ES_ACTIONS };

struct es {
	struct queue_options queue;
	enum es_flavour flavour;

	/* where to */
	const struct list *hosts, *host_old;
	struct str port_old, protocol_old, path, bulk_path, cloud_id, cloud_auth, proxy;
	const struct map *parameters, *custom_headers;

	/* who we are */
	struct str user, password, api_key;
	const struct map *auth_type; /* opensearch: { type => "basic" user => ... password => ... } */

	/* TLS */
	bool ssl_enabled, ssl_old, verification_old;
	const struct list *ca_files;
	struct str ca_old, truststore, certificate, key, key_passphrase, keystore, keystore_password, keystore_type;
	int verification;
	struct value fingerprint; /* string or list */
	const struct list *protocols;

	/* HTTP */
	int64_t compression_level, timeout, resurrect_delay;
	bool http_compression;

	/* what */
	const struct tmpl *index, *action, *document_id, *routing, *pipeline, *version, *upsert;
	int version_type;
	bool doc_as_upsert, scripted_upsert;
	struct str script, script_lang, script_var_name;
	int script_type;
	int64_t retry_on_conflict;

	/* data streams */
	struct str data_stream, ds_type, ds_dataset, ds_namespace;
	bool auto_routing, sync_fields;

	/* at the server, when it starts */
	bool manage_template, template_overwrite, legacy_template;
	struct str template_file, template_name;
	int template_api, ilm_enabled; /* enum es_template_api, es_lifecycle */
	struct str ilm_alias, ilm_pattern, ilm_policy;

	/* afterwards */
	const struct list *dead_codes, *drop_types;
	bool dead_on_unresolved_index;

	/* made by open(), used by the work thread only */
	bool stream;		/* data streams */
	bool weir_stream;	/* by the options alone they are weir's own */
	struct es_setup setup;
	struct stamped stamped; /* of index */
	struct buf prefix;	/* {"create":{"_index":"...", up to where an event's own part begins */
	bool prefix_ready, weir_index;
	struct key ds_key;	/* data_stream */
	struct str ds_suffix;	/* ,"data_stream":{...}} */
	enum es_action fixed_action;
	bool action_is_fixed;
};

int es_open(struct es *es, struct plugin_ctx *ctx, struct err *err);
void es_close(void *self);
enum render_result es_render(void *self, const struct event *ev, struct pack *p, struct render_ctx *ctx);
void es_describe(const struct pack *p, const struct pack_item *it, struct str *index, struct str *id);
/* The name of an action, "create"; ES_ACTIONS for anything that is none. */
enum es_action es_action_of(struct str name);
extern const char *const es_action_names[];
bool es_is_weir_stream(struct str type, struct str dataset);
/* The items [from, to), with this index in the place of each one's own. */
void es_readdress(struct buf *out, const struct pack *p, uint32_t from, uint32_t to, struct str index);

/* ---- send half ---- */

struct es_host {
	char *base; /* "https://h:9200/prefix", no final slash */
	char *name; /* for messages: without user and password */
	unsigned failures;
	int64_t dead_until_ns; /* under es_conf.lock */
};

struct es_link;

/* What the far end said of itself. */
struct es_server {
	bool known;
	enum es_flavour flavour;
	unsigned major, minor;
	bool plain; /* has only the field types of the first days */
	const char *host; /* for messages */
};

struct es_conf {
	struct arena arena; /* all texts */
	enum es_flavour flavour; /* as configured; server says what it is */
	struct es_host *host;
	size_t n_hosts;
	const char *bulk_path; /* with its query */
	const char *userpwd;   /* "user:password" or NULL */
	const char **header;   /* "Name: value", NULL-terminated */
	const char *proxy;
	bool tls;
	struct curl_tls trust;
	int compression_level;
	long timeout_s, resurrect_s;
	bool manage_template;
	struct es_policy policy;
	struct es_setup setup;

	struct curl_links links;
	pthread_mutex_t lock;
	unsigned next_host;	/* round robin */
	struct es_server server; /* under template_lock */
	bool template_ready;
	int64_t setup_due_ns;	/* under lock; INT64_MAX: the server is ready */
	bool to_alias;		/* under lock: the server has a lifecycle, and the alias is there */
	pthread_mutex_t template_lock; /* one thread looks after it, the others wait */
};

/* conn of struct output_ops. */
void *es_start(const void *self, const struct plugin_ctx *ctx, struct err *err);
void es_stop(void *conn);
void *es_link_open(void *conn);
void es_link_close(void *link);
void es_wake(void *conn);
enum send_result es_begin(void *conn, void *link, struct send_ctx *ctx);
enum send_result es_send(void *conn, void *link, struct pack *p, uint32_t from, uint32_t to, struct send_ctx *ctx);

/* ---- client ---- */

struct es_reply {
	long status;	 /* 0: no answer */
	struct str body; /* until the link's next request */
	const char *host; /* who answered, for messages */
	bool maybe_sent; /* no answer, but it may have arrived */
	bool is_elasticsearch, is_opensearch; /* as headers say */
};

/*
 * One request to the next host that is well; if it cannot be reached, to the others. path begins with '/'. body .p NULL: none. bulk: as x-ndjson, compressed. -1 and
 * err where no answer came.
 */
int es_request(struct es_link *l, const char *method, const char *path, struct str body, bool bulk,
	       const struct send_ctx *ctx, struct es_reply *out, struct err *err);

/* GET / of some host, into c->server, under template_lock. -1 and ctx->err where no answer came. */
int es_who_is_it(struct es_conf *c, struct es_link *l, struct send_ctx *ctx, struct es_reply *out);
/* "'host' answered 403 when asked to ...: why" into ctx->err. SEND_RETRY for what passes by itself, else SEND_HOLD. */
enum send_result es_failed(struct es_link *l, const struct es_reply *r, const char *what, struct send_ctx *ctx);

/* ---- mapping ---- */

struct field;
/* {"@timestamp":{"type":"date"...: the rows of fields.def that are kept; keep NULL: all. */
void es_mapping_write(struct buf *out, const struct es_server *sv, bool (*keep)(const struct field *f));

/* ---- setup ---- */

/*
 * The server is as the options want it: SEND_JUDGED; else why not, in ctx->err. *alias: what takes the place of the items' index, or empty.
 */
enum send_result es_setup_ensure(struct es_conf *c, struct es_link *l, struct send_ctx *ctx, struct str *alias);

/* ---- template ---- */

/*
 * Before the first document for a stream of weir's own. SEND_JUDGED: send; else why not, in err.
 */
enum send_result es_template_ensure(struct es_conf *c, struct es_link *l, struct str stream, struct send_ctx *ctx);
/* The next document makes sure again; also of what es_setup_ensure() looks after. */
void es_template_forget(struct es_conf *c);
/* Does a template make a data stream of that name? Also *yes where the user may not look. Not SEND_JUDGED: why not, in ctx->err. */
enum send_result es_template_makes_stream(struct es_link *l, struct str stream, struct send_ctx *ctx, bool *yes);
/* The template's JSON for such a server; hash: its content's, 16 hexadecimal digits. */
void es_template_json(struct buf *out, const struct es_server *server, char hash[17]);

#endif
