/*
 * dead_letter.h - where an event goes that nobody will take: refused for good by a server, or met by a
 * condition that could not be evaluated. Kept, counted, readable with jq, and sent again on demand.
 *
 * This is only the interface: outputs/dead_letter.c writes DATA/dead-letter.ndjson; tests collect.
 */
#ifndef WEIR_PIPELINE_DEAD_LETTER_H
#define WEIR_PIPELINE_DEAD_LETTER_H

#include "base/str.h"

struct event;

struct letter {
	struct str reason;   /* "document_parsing_exception: ..." */
	int status;	     /* as HTTP has them; 0: none */
	struct str index;    /* where it should have gone; may be empty */
	struct str id;	     /* _id; may be empty */
	struct str origin;   /* the plug-in's id, or file:line:column of the condition */
	struct str document; /* JSON, or with !json any bytes */
	bool json;
};

struct dead_letters {
	/* Any thread. false: the disk refused, and the caller counts the event as dropped. */
	bool (*put)(struct dead_letters *d, const struct letter *l);
	/* What was put is on the disk when this returns. Not needed for each letter. */
	void (*sync)(struct dead_letters *d);
};

/* The executor's: renders the event and puts it. d may be NULL (false). */
bool dead_letter_event(struct dead_letters *d, const struct event *ev, struct str reason, struct str place);

#endif
