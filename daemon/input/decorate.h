/*
 * decorate.h - what inputs write about where an event came from. Work thread.
 *
 * Never over a field that the event brought along (a JSON document's own host stays).
 */
#ifndef WEIR_INPUT_DECORATE_H
#define WEIR_INPUT_DECORATE_H

#include "event/event.h"

#include <sys/socket.h>

/* Sets [name] where the event has no such field; text is copied into the event. */
void decorate_set(struct event *ev, const struct ref *r, struct value v);
/* The peer's address as text in the event's arena (mapped IPv4 as IPv4), and its port; .p NULL where there is none. */
struct str decorate_address(struct event *ev, const struct sockaddr_storage *sa, int *port);
/* This machine's name, looked up once. */
struct str own_hostname(void);

#endif
