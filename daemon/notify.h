/*
 * notify.h - tells the service manager how weird does: sd_notify(3)'s protocol, a datagram to $NOTIFY_SOCKET.
 */
#ifndef WEIR_NOTIFY_H
#define WEIR_NOTIFY_H

/* "READY=1", "RELOADING=1\nMONOTONIC_USEC=...", "STOPPING=1", "STATUS=..."; nothing happens where nobody listens. */
void notify(const char *state);

#endif
