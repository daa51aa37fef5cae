/*
 * es_setup.h - what Logstash's plug-in makes at the server when it starts: an index template, a lifecycle policy, an alias.
 *
 *	es_setup_options.c   main thread: what the options mean together
 *	es_setup.c           out threads: asks what is there, makes what is missing
 *	es_defaults.c        pure: the texts where the user names none
 */
#ifndef WEIR_OUTPUTS_ES_SETUP_H
#define WEIR_OUTPUTS_ES_SETUP_H

#include "base/arena.h"
#include "base/buf.h"

struct es;
struct es_server;
struct plugin_ctx;

enum es_template_api { ES_API_AUTO, ES_API_LEGACY, ES_API_COMPOSABLE };
enum es_lifecycle { ES_LIFECYCLE_AUTO, ES_LIFECYCLE_DEMANDED, ES_LIFECYCLE_OFF };

/* Texts belong to whoever owns the struct. */
struct es_setup {
	bool manage;	/* the template */
	bool overwrite; /* one that is there, too */
	bool named;	/* template_name was written: it holds with lifecycle, too */
	bool ecs;
	int api;	/* enum es_template_api */
	struct str name;
	struct str text; /* the user's template; .p NULL: weir's own text */

	bool lifecycle;	     /* where the server has it */
	bool demanded;	     /* and where it has not, nothing is sent */
	bool default_policy; /* weir makes it where it is missing */
	struct str alias, pattern, policy;

	struct str stream; /* data streams that are not weir's own: the name without fields of events; looked at once. else empty */
};

/* Fills es->setup from the options; notes in the diag what will be made, where the configuration is only looked at. -1 and err refuse. */
int es_setup_decide(struct es *es, struct plugin_ctx *ctx, struct err *err);
void es_setup_copy(struct es_setup *to, const struct es_setup *from, struct arena *a);
/* There is something to do at the server. */
bool es_setup_wanted(const struct es_setup *s);

/* The index, as templates and the option know it: "logstash-%{+yyyy.MM.dd}", with ECS "ecs-logstash-...". */
struct str es_default_index(bool ecs);
struct str es_default_name(bool ecs); /* of template and alias */
/*
 * The template's JSON for such a server and API. lifecycle: with the policy and the alias in it. -1 and err where the user's text has no place for them.
 */
int es_setup_template(struct buf *out, const struct es_setup *s, const struct es_server *sv, bool composable, bool lifecycle,
		      struct err *err);
struct str es_default_policy(void);

#endif
