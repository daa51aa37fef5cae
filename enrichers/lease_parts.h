/*
 * lease_parts.h - a lease that a server tells in several lines: dnsmasq with log-dhcp gives the address in one and the lease time in another.
 *
 *	129076586 DHCPACK(eth0) 10.20.0.148 f6:80:5f:1d:d1:95 alice-laptop
 *	129076586 sent size:  4 option: 51 lease-time  12h
 *
 * The transaction's id joins them, with the host that logs; they are written at once, but may come in any order. Fixed size; of two transactions that
 * meet in one place the later stays. One thread.
 */
#ifndef WEIR_ENRICHERS_LEASE_PARTS_H
#define WEIR_ENRICHERS_LEASE_PARTS_H

#include "base/ip.h"
#include "base/str.h"

enum { LEASE_PARTS = 1024 };

struct lease_part {
	uint64_t key; /* 0: free */
	struct ip ip;
	int64_t given;	   /* when the address was; INT64_MIN: not told yet */
	int64_t told;	   /* when the time was */
	int64_t lease_ns;  /* 0: not told yet */
};

struct lease_parts {
	struct lease_part part[LEASE_PARTS];
};

/*
 * The address was given at t: the lease time that was told for it already, else 0. An id that is empty joins nothing. Times are nanoseconds of event time.
 */
int64_t lease_part_given(struct lease_parts *p, struct str host, struct str id, const struct ip *ip, int64_t t);
/* The lease time was told at t: true where the address was given already, to be found in *ip, *given. */
bool lease_part_lasts(struct lease_parts *p, struct str host, struct str id, int64_t t, int64_t lease_ns, struct ip *ip, int64_t *given);

#endif
