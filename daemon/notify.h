/*
 * notify.h - tells the service manager how weird does: sd_notify(3)'s protocol, a datagram to $NOTIFY_SOCKET.
 *
 * The watchdog of systemd.service(5): weird is killed and started anew if it does not say "WATCHDOG=1" every WatchdogSec.
 */
#ifndef WEIR_NOTIFY_H
#define WEIR_NOTIFY_H

#include <stdint.h>

/* "READY=1", "RELOADING=1\nMONOTONIC_USEC=...", "STOPPING=1", "STATUS=..."; nothing happens where nobody listens. */
void notify(const char *state);
/* How long the service manager waits for a sign of life, in nanoseconds; 0: it does not. */
int64_t notify_watchdog_ns(void);
/* From now on it waits that long; the time begins anew. */
void notify_set_watchdog(int64_t ns);

#endif
