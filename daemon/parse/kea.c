/*
 * kea.c - ISC Kea: kea-dhcp4, kea-dhcp6, and the general form of its other daemons.
 *
 *	[2026-11-23 08:12:46.933 ]INFO  [kea-dhcp4.leases/298.140622952837632] DHCP4_LEASE_ALLOC [hwtype=1 f6:..], cid=[..], tid=0x9f14: lease ..
 *
 * Every line is level, logger (with pid and thread, where the log's pattern has them), a message id and a text; so every line is at least known by
 * its id, and the table has the texts of those that speak of a client or a lease. A client is a "label": hardware address and client id, or DUID,
 * and the transaction. A renewal is the same ALLOC with the same transaction; after a decline the hardware address is empty.
 */
#include "parse/message.h"

#include <stdlib.h>

struct known {
	const char *id;
	const char *pattern;
	const char *action; /* NULL: that of the DHCP message the text names */
	const char *type;
	const char *outcome;
	const char *message_type; /* where the id says it */
};

/*
 * Sorted by id; '#' in it is 4 or 6 (DHCP4_, DHCP6_, _V4_, _V6_): one row for both where the texts are the same. What the letters in the patterns
 * stand for: places[].
 */
static const struct known table[] = {
	{"ALLOC_ENGINE_LEASE_RECLAIMED", "successfully reclaimed lease %A", "dhcp-expire", "protocol", NULL, NULL},
	{"ALLOC_ENGINE_REMOVAL_NCR_FAILED", "sending removal name change request failed for lease %A: %M",
	 "daemon-message", "info", "failure", NULL},
	{"ALLOC_ENGINE_V#_ALLOC_FAIL", "%C: failed to allocate an %* after %a attempt(s)", "daemon-message", "denied", "failure", NULL},
	{"ALLOC_ENGINE_V#_ALLOC_FAIL_NO_POOLS", "%C: %X", "daemon-message", "denied", "failure", NULL},
	{"ALLOC_ENGINE_V#_ALLOC_FAIL_SHARED_NETWORK", "%C: failed to allocate %* in the shared network %W: %b subnets %*",
	 "daemon-message", "denied", "failure", NULL},
	{"ALLOC_ENGINE_V#_LEASE_RECLAMATION_FAILED", "failed to reclaim the lease %A: %M",
	 "daemon-message", "info", "failure", NULL},
	{"ALLOC_ENGINE_V4_ALLOC_ERROR", "%C: error during attempt to allocate an IPv4 address: %M",
	 "daemon-message", "info", "failure", NULL},
	{"ALLOC_ENGINE_V4_ALLOC_FAIL_CLASSES", "%C: Failed to allocate an IPv4 address for client with classes: %K",
	 "daemon-message", "denied", "failure", NULL},
	{"ALLOC_ENGINE_V4_ALLOC_FAIL_SUBNET", "%C: failed to allocate an IPv4 lease in the subnet %W, subnet-id %U, shared network %*",
	 "daemon-message", "denied", "failure", NULL},
	{"ALLOC_ENGINE_V4_DECLINED_RECOVERED", "IPv4 address %A was recovered after %l seconds of probation-period",
	 "dhcp-recovered", "info", NULL, NULL},
	{"ALLOC_ENGINE_V4_DISCOVER_ADDRESS_CONFLICT", "%C: conflicting reservation for address %R with existing lease %*",
	 "daemon-message", "info", "failure", NULL},
	{"ALLOC_ENGINE_V4_DISCOVER_HR", "client %C sending DHCPDISCOVER has reservation for the address %R",
	 "daemon-message", "info", NULL, NULL},
	{"ALLOC_ENGINE_V4_LEASE_RECLAIM", "%C: reclaiming expired lease for address %A", "dhcp-expire", "protocol", NULL, NULL},
	{"ALLOC_ENGINE_V4_OFFER_EXISTING_LEASE", "allocation engine will try to offer existing lease to the client %C",
	 "daemon-message", "info", NULL, NULL},
	{"ALLOC_ENGINE_V4_OFFER_NEW_LEASE", "allocation engine will try to offer new lease to the client %C",
	 "daemon-message", "info", NULL, NULL},
	{"ALLOC_ENGINE_V4_OFFER_REQUESTED_LEASE", "allocation engine will try to offer requested lease %R to the client %C",
	 "daemon-message", "info", NULL, NULL},
	{"ALLOC_ENGINE_V4_REQUEST_ADDRESS_RESERVED", "%C: requested address %R is reserved",
	 "daemon-message", "info", "failure", NULL},
	{"ALLOC_ENGINE_V4_REQUEST_ALLOC_REQUESTED", "%C: trying to allocate requested address %R",
	 "daemon-message", "info", NULL, NULL},
	{"ALLOC_ENGINE_V4_REQUEST_EXTEND_LEASE", "%C: extending lifetime of the lease for address %A",
	 "daemon-message", "info", NULL, NULL},
	{"ALLOC_ENGINE_V4_REQUEST_INVALID", "client %C having a reservation for address %* is requesting invalid address %R",
	 "daemon-message", "info", "failure", NULL},
	{"ALLOC_ENGINE_V4_REQUEST_IN_USE", "%C: requested address %R is in use", "daemon-message", "info", "failure", NULL},
	{"ALLOC_ENGINE_V4_REQUEST_OUT_OF_POOL", "client %C, which doesn't have a reservation, requested address %R out of the dynamic pool",
	 "daemon-message", "info", "failure", NULL},
	{"ALLOC_ENGINE_V4_REQUEST_REMOVE_LEASE", "%C: removing previous client's lease %*",
	 "daemon-message", "info", NULL, NULL},
	{"ALLOC_ENGINE_V4_REQUEST_USE_HR", "client %C hasn't requested specific address, using reserved address %R",
	 "daemon-message", "info", NULL, NULL},
	{"ALLOC_ENGINE_V6_ALLOC_ERROR", "%C: error during attempt to allocate an IPv6 address: %M",
	 "daemon-message", "info", "failure", NULL},
	{"ALLOC_ENGINE_V6_ALLOC_FAIL_CLASSES", "%C: Failed to allocate an IPv6 address for client with classes: %K",
	 "daemon-message", "denied", "failure", NULL},
	{"ALLOC_ENGINE_V6_ALLOC_FAIL_SUBNET", "%C: failed to allocate an IPv6 lease in the subnet %W, subnet-id %U, shared network %*",
	 "daemon-message", "denied", "failure", NULL},
	{"ALLOC_ENGINE_V6_DECLINED_RECOVERED", "IPv6 address %A was recovered after %l seconds of probation-period",
	 "dhcp-recovered", "info", NULL, NULL},
	{"ALLOC_ENGINE_V6_EXTEND_LEASE", "%C: extending lifetime of the lease type %*, address %A",
	 "daemon-message", "info", NULL, NULL},
	{"ALLOC_ENGINE_V6_HR_ADDR_GRANTED", "reserved address %R was assigned to client %C",
	 "daemon-message", "info", NULL, NULL},
	{"ALLOC_ENGINE_V6_LEASE_RECLAIM", "%C: reclaiming expired lease for prefix %Q", "dhcp-expire", "protocol", NULL, NULL},
	{"ALLOC_ENGINE_V6_REVOKED_ADDR_LEASE", "address %A was revoked from client %C as it is reserved for client %*",
	 "dhcp-expire", "protocol", NULL, NULL},
	{"COMMAND_RECEIVED", "Received command '%m'%*", "daemon-message", "info", NULL, NULL},
	{"DHCP#_BUFFER_RECEIVED", "received buffer from %O to %E over interface %N", "daemon-message", "info", NULL, NULL},
	{"DHCP#_CLASSES_ASSIGNED", "%C: client packet has been assigned to the following classes: %K",
	 "daemon-message", "info", NULL, NULL},
	{"DHCP#_CLASSES_ASSIGNED_AFTER_SUBNET_SELECTION", "%C: client packet has been assigned to the following classes: %K",
	 "daemon-message", "info", NULL, NULL},
	{"DHCP#_CLASS_ASSIGNED", "%C: client packet has been assigned to the following class(es): %K",
	 "daemon-message", "info", NULL, NULL},
	{"DHCP#_CONFIG_LOAD_FAIL", "configuration error using file: %f, reason: %M", "daemon-message", "info", "failure", NULL},
	{"DHCP#_DECLINE_FAIL", "%C: error on decline lease for address %A: %M",
	 "dhcp-decline", "protocol", "failure", "DECLINE"},
	{"DHCP#_DYNAMIC_RECONFIGURATION", "initiate server reconfiguration using file: %f, after receiving %*", "daemon-message", "info", NULL, NULL},
	{"DHCP#_DYNAMIC_RECONFIGURATION_FAIL", "dynamic server reconfiguration failed with file: %f", "daemon-message", "info", "failure", NULL},
	{"DHCP#_DYNAMIC_RECONFIGURATION_SUCCESS", "dynamic server reconfiguration succeeded with file: %f", "daemon-message", "info", "success", NULL},
	{"DHCP#_MULTI_THREADING_INFO", "enabled: %*, number of threads: %t, queue size: %*", "daemon-message", "info", NULL, NULL},
	{"DHCP#_OPEN_SOCKET", "opening service sockets on port %d", "daemon-message", "info", NULL, NULL},
	{"DHCP#_PACKET_RECEIVED", "%C: %T (type %*) received from %S to %D on interface %N", NULL, "protocol", NULL, NULL},
	{"DHCP#_PACKET_SEND", "%C: trying to send packet %T (type %*) from %O to %E on interface %n",
	 NULL, "protocol", NULL, NULL},
	{"DHCP#_QUERY_DATA", "%C, packet details: %*", "daemon-message", "info", NULL, NULL},
	{"DHCP#_QUERY_LABEL", "received query: %C", "daemon-message", "info", NULL, NULL},
	{"DHCP#_START_INFO", "pid: %p, server port: %s, client port: %d, verbose: %*", "daemon-message", "info", NULL, NULL},
	{"DHCP#_SUBNET_DATA", "%C: the selected subnet details: %W", "daemon-message", "info", NULL, NULL},
	{"DHCP#_SUBNET_SELECTED", "%C: the subnet with ID %U was selected for client assignments",
	 "daemon-message", "info", NULL, NULL},
	{"DHCP#_SUBNET_SELECTION_FAILED", "%C: %X", "daemon-message", "info", "failure", NULL},
	{"DHCP4_CLIENTID_IGNORED_FOR_LEASES", "%C: not using client identifier for lease allocation for subnet %U",
	 "daemon-message", "info", NULL, NULL},
	{"DHCP4_CLIENT_FQDN_DATA", "%C: Client sent FQDN option: %*", "daemon-message", "info", NULL, NULL},
	{"DHCP4_CLIENT_HOSTNAME_DATA", "%C: client sent Hostname option: %H", "daemon-message", "info", NULL, NULL},
	{"DHCP4_CLIENT_HOSTNAME_MALFORMED", "%C: client hostname option malformed: %X",
	 "daemon-message", "info", "failure", NULL},
	{"DHCP4_CLIENT_NAME_PROC_FAIL", "%C: failed to process the fqdn or hostname sent by a client: %X",
	 "daemon-message", "info", "failure", NULL},
	{"DHCP4_DECLINE_LEASE", "Received DHCPDECLINE for addr %A from client %C. The lease will be unavailable for %l seconds.",
	 "dhcp-decline", "protocol", NULL, "DECLINE"},
	{"DHCP4_DECLINE_LEASE_MISMATCH", "Received DHCPDECLINE for addr %R from client %C, but %x",
	 "daemon-message", "denied", "failure", NULL},
	{"DHCP4_DECLINE_LEASE_NOT_FOUND", "Received DHCPDECLINE for addr %R from client %C, but %X.",
	 "daemon-message", "denied", "failure", NULL},
	{"DHCP4_EMPTY_HOSTNAME", "%C: %X", "daemon-message", "info", NULL, NULL},
	{"DHCP4_GENERATE_FQDN", "%C: %X", "daemon-message", "info", NULL, NULL},
	{"DHCP4_HOOK_LEASE4_OFFER_DROP", "%C: %X", "daemon-message", "info", NULL, NULL},
	{"DHCP4_INFORM_DIRECT_REPLY", "%C: DHCPACK in reply to the DHCPINFORM will be sent directly to %A over %N",
	 "dhcp-inform-ack", "protocol", NULL, NULL},
	{"DHCP4_INIT_REBOOT", "%C: client is in INIT-REBOOT state and requests address %R",
	 "dhcp-request", "protocol", NULL, NULL},
	{"DHCP4_LEASE_ADVERT", "%C: lease %A will be advertised", "dhcp-offer", "protocol", NULL, "OFFER"},
	{"DHCP4_LEASE_ALLOC", "%C: lease %A has been allocated for %L seconds", "dhcp-lease", "protocol", "success", NULL},
	{"DHCP4_LEASE_OFFER", "%C: lease %A will be offered", "dhcp-offer", "protocol", NULL, "OFFER"},
	{"DHCP4_LEASE_QUERY_PROCESS_FAILED", "processing DHCPLEASEQUERY from %S failed: %M",
	 "daemon-message", "info", "failure", NULL},
	{"DHCP4_LEASE_REUSE", "%C: lease %A has been reused for %L seconds", "dhcp-lease", "protocol", "success", NULL},
	{"DHCP4_NCR_CREATION_FAILED", "%C: failed to generate name change requests for DNS: %M",
	 "daemon-message", "info", "failure", NULL},
	{"DHCP4_NO_LEASE_INIT_REBOOT", "%C: no lease for address %R requested by INIT-REBOOT client",
	 "daemon-message", "info", "failure", NULL},
	{"DHCP4_PACKET_DROP_0001", "failed to parse packet from %S to %D, received over interface %N, reason: %X",
	 "daemon-message", "denied", "failure", NULL},
	{"DHCP4_PACKET_DROP_0002", "%C, from interface %N: %X", "daemon-message", "denied", "failure", NULL},
	{"DHCP4_PACKET_DROP_0003", "%C, from interface %N: %X", "daemon-message", "denied", "failure", NULL},
	{"DHCP4_PACKET_DROP_0004", "%C, from interface %N: %X", "daemon-message", "denied", "failure", NULL},
	{"DHCP4_PACKET_DROP_0005", "%C: %X", "daemon-message", "denied", "failure", NULL},
	{"DHCP4_PACKET_DROP_0006", "%C: %X", "daemon-message", "denied", "failure", NULL},
	{"DHCP4_PACKET_DROP_0007", "%C: failed to process packet: %X", "daemon-message", "denied", "failure", NULL},
	{"DHCP4_PACKET_DROP_0008", "%C: %X", "daemon-message", "denied", "failure", NULL},
	{"DHCP4_PACKET_DROP_0009", "%C: %X", "daemon-message", "denied", "failure", NULL},
	{"DHCP4_PACKET_DROP_0010", "dropped as member of the special class 'DROP': %C",
	 "daemon-message", "denied", "failure", NULL},
	{"DHCP4_PACKET_DROP_0011",
	 "dropped as sent by the same client than a packet being processed by another thread: dropped %C by thread %*",
	 "daemon-message", "denied", "failure", NULL},
	{"DHCP4_PACKET_DROP_0012",
	 "dropped as sent by the same client than a packet being processed by another thread: dropped %C by thread %*",
	 "daemon-message", "denied", "failure", NULL},
	{"DHCP4_PACKET_DROP_0013", "dropped as member of the special class 'DROP' after host reservation lookup: %C",
	 "daemon-message", "denied", "failure", NULL},
	{"DHCP4_PACKET_DROP_0014", "dropped as member of the special class 'DROP' after early global host reservations lookup: %C",
	 "daemon-message", "denied", "failure", NULL},
	{"DHCP4_PACKET_NAK_0001", "%C: failed to select a subnet for incoming packet, src %S, type %T",
	 "dhcp-nak", "denied", "failure", "NAK"},
	{"DHCP4_PACKET_NAK_0002", "%C: invalid address %R requested by INIT-REBOOT", "dhcp-nak", "denied", "failure", "NAK"},
	{"DHCP4_PACKET_NAK_0003", "%C: failed to advertise a lease, client sent ciaddr %c, requested-ip-address %R",
	 "dhcp-nak", "denied", "failure", "NAK"},
	{"DHCP4_PACKET_NAK_0004", "%C: failed to grant a lease, client sent ciaddr %c, requested-ip-address %R",
	 "dhcp-nak", "denied", "failure", "NAK"},
	{"DHCP4_PACKET_PACK_FAIL", "%C: preparing on-wire-format of the packet to be sent failed %M",
	 "daemon-message", "info", "failure", NULL},
	{"DHCP4_PACKET_PROCESS_STD_EXCEPTION", "%C: exception occurred during packet processing: %M",
	 "daemon-message", "info", "failure", NULL},
	{"DHCP4_PACKET_SEND_FAIL", "%C: failed to send DHCPv4 packet: %M", "daemon-message", "info", "failure", NULL},
	{"DHCP4_POST_ALLOCATION_NAME_UPDATE_FAIL", "%C: failed to update hostname %H in a lease after address allocation: %M",
	 "daemon-message", "info", "failure", NULL},
	{"DHCP4_RELEASE", "%C: address %A was released properly.", "dhcp-release", "protocol", "success", "RELEASE"},
	{"DHCP4_RELEASE_DELETED", "%C: address %A was deleted on release.", "dhcp-release", "protocol", "success", "RELEASE"},
	{"DHCP4_RELEASE_EXCEPTION", "%C: while trying to release address %A an exception occurred: %M",
	 "daemon-message", "info", "failure", NULL},
	{"DHCP4_RELEASE_EXPIRED", "%C: address %A expired on release.", "dhcp-release", "protocol", "success", "RELEASE"},
	{"DHCP4_RELEASE_FAIL", "%C: failed to remove lease for address %A", "daemon-message", "info", "failure", NULL},
	{"DHCP4_RELEASE_FAIL_NO_LEASE", "%C: client is trying to release non-existing lease %A",
	 "daemon-message", "info", "failure", NULL},
	{"DHCP4_RELEASE_FAIL_WRONG_CLIENT", "%C: client is trying to release the lease %R which belongs to a different client",
	 "daemon-message", "info", "failure", NULL},
	{"DHCP4_RESERVED_HOSTNAME_ASSIGNED", "%C: server assigned reserved hostname %F", "daemon-message", "info", NULL, NULL},
	{"DHCP4_RESPONSE_DATA", "%C: responding with packet %T (type %*), packet details: %*", NULL, "protocol", NULL, NULL},
	{"DHCP4_RESPONSE_HOSTNAME_DATA", "%C: including Hostname option in the server's response: %F",
	 "daemon-message", "info", NULL, NULL},
	{"DHCP4_RESPONSE_HOSTNAME_GENERATE", "%C: server has generated hostname %F for the client",
	 "daemon-message", "info", NULL, NULL},
	{"DHCP4_STARTED", "Kea DHCPv4 server version %V started", "daemon-message", "info", NULL, NULL},
	{"DHCP4_STARTING", "Kea DHCPv4 server version %V (%*) starting", "daemon-message", "info", NULL, NULL},
	{"DHCP4_SUBNET_DYNAMICALLY_CHANGED", "%C: changed selected subnet %* to subnet %W from shared network %* for client assignments",
	 "daemon-message", "info", NULL, NULL},
	{"DHCP4_UNKNOWN_ADDRESS_REQUESTED", "%C: client requested an unknown address, client sent ciaddr %c, requested-ip-address %R",
	 "daemon-message", "info", "failure", NULL},
	{"DHCP6_ADDR_REG_INFORM_FAIL", "error on address registration informational message from %C: %X",
	 "daemon-message", "info", "failure", NULL},
	{"DHCP6_DDNS_GENERATED_FQDN_UPDATE_FAIL",
	 "%C: failed to update the lease using address %A, after generating FQDN for a client, reason: %M",
	 "daemon-message", "info", "failure", NULL},
	{"DHCP6_DDNS_GENERATE_FQDN", "%C: %X", "daemon-message", "info", NULL, NULL},
	{"DHCP6_DDNS_LEASE_RENEW_FQDN_CHANGE",
	 "%C: FQDN for a lease: %* has changed. New values: hostname = %F, reverse mapping = %*, forward mapping = %*",
	 "daemon-message", "info", NULL, NULL},
	{"DHCP6_DDNS_RECEIVE_FQDN", "%C: received DHCPv6 Client FQDN option: %*", "daemon-message", "info", NULL, NULL},
	{"DHCP6_DECLINE_FAIL_DUID_MISMATCH", "Client %C sent DECLINE for address %R, but it belongs to client with DUID %*",
	 "daemon-message", "denied", "failure", NULL},
	{"DHCP6_DECLINE_FAIL_IAID_MISMATCH", "Client %C sent DECLINE for address %R, but used a wrong IAID (%I), instead of expected %*",
	 "daemon-message", "denied", "failure", NULL},
	{"DHCP6_DECLINE_FAIL_LEASE_WITHOUT_DUID", "Client %C sent DECLINE for address %R, but the associated lease has no DUID",
	 "daemon-message", "denied", "failure", NULL},
	{"DHCP6_DECLINE_FAIL_NO_LEASE", "Client %C sent DECLINE for address %R, but there's no lease for it",
	 "daemon-message", "denied", "failure", NULL},
	{"DHCP6_DECLINE_LEASE",
	 "Client %C sent DECLINE for address %A and the server marked it as declined. The lease will be recovered in %l seconds.",
	 "dhcp-decline", "protocol", NULL, "DECLINE"},
	{"DHCP6_DECLINE_PROCESS_IA", "Processing of IA (IAID: %I) from client %C started.",
	 "daemon-message", "info", NULL, NULL},
	{"DHCP6_LEASE_ADVERT", "%C: lease for address %A and iaid=%I will be advertised",
	 "dhcp-offer", "protocol", NULL, "ADVERTISE"},
	{"DHCP6_LEASE_ADVERT_FAIL", "%C: failed to advertise an address lease for iaid=%I",
	 "daemon-message", "denied", "failure", NULL},
	{"DHCP6_LEASE_ALLOC", "%C: lease for address %A and iaid=%I has been allocated for %L seconds",
	 "dhcp-lease", "protocol", "success", NULL},
	{"DHCP6_LEASE_ALLOC_FAIL", "%C: failed to grant an address lease for iaid=%I",
	 "daemon-message", "denied", "failure", NULL},
	{"DHCP6_LEASE_DATA", "%C: detailed lease information for iaid=%I: %*", "daemon-message", "info", NULL, NULL},
	{"DHCP6_LEASE_NA_WITHOUT_DUID", "%C: address lease for address %A does not have a DUID",
	 "daemon-message", "info", "failure", NULL},
	{"DHCP6_LEASE_OFFER", "%C: lease for address %A and iaid=%I will be offered",
	 "dhcp-offer", "protocol", NULL, "ADVERTISE"},
	{"DHCP6_LEASE_RENEW", "%C: lease for address %A and iaid=%I has been allocated",
	 "dhcp-lease", "protocol", "success", NULL},
	{"DHCP6_LEASE_REUSE", "%C: lease for address %A and iaid=%I has been reused for %L seconds",
	 "dhcp-lease", "protocol", "success", NULL},
	{"DHCP6_PACKET_DROP_DHCP_DISABLED", "%C: %X", "daemon-message", "denied", "failure", NULL},
	{"DHCP6_PACKET_DROP_DROP_CLASS", "dropped as member of the special class 'DROP': %C",
	 "daemon-message", "denied", "failure", NULL},
	{"DHCP6_PACKET_DROP_PARSE_FAIL", "failed to parse packet from %S to %D, received over interface %N, reason: %X",
	 "daemon-message", "denied", "failure", NULL},
	{"DHCP6_PACKET_DROP_SERVERID_MISMATCH", "%C: %X", "daemon-message", "denied", "failure", NULL},
	{"DHCP6_PACKET_DROP_UNICAST", "%C: dropping unicast %T packet as this packet should be sent to multicast",
	 "daemon-message", "denied", "failure", NULL},
	{"DHCP6_PACKET_PROCESS_FAIL", "processing of %T message received from %S failed: %M",
	 "daemon-message", "info", "failure", NULL},
	{"DHCP6_PD_LEASE_ADVERT", "%C: lease for prefix %P and iaid=%I will be advertised",
	 "dhcp-offer", "protocol", NULL, "ADVERTISE"},
	{"DHCP6_PD_LEASE_ADVERT_FAIL", "%C: failed to advertise a prefix lease for iaid=%I",
	 "daemon-message", "denied", "failure", NULL},
	{"DHCP6_PD_LEASE_ALLOC", "%C: lease for prefix %P and iaid=%I has been allocated for %L seconds",
	 "dhcp-lease", "protocol", "success", NULL},
	{"DHCP6_PD_LEASE_ALLOC_FAIL", "%C: failed to grant a prefix lease for iaid=%I",
	 "daemon-message", "denied", "failure", NULL},
	{"DHCP6_PD_LEASE_OFFER", "%C: lease for prefix %P and iaid=%I will be offered",
	 "dhcp-offer", "protocol", NULL, "ADVERTISE"},
	{"DHCP6_PD_LEASE_RENEW", "%C: lease for prefix %P and iaid=%I has been allocated",
	 "dhcp-lease", "protocol", "success", NULL},
	{"DHCP6_PD_LEASE_REUSE", "%C: lease for prefix %P and iaid=%I has been reused for %L seconds",
	 "dhcp-lease", "protocol", "success", NULL},
	{"DHCP6_PROCESS_IA_NA_EXTEND", "%C: extending lease lifetime for IA_NA option with iaid=%I",
	 "daemon-message", "info", NULL, NULL},
	{"DHCP6_PROCESS_IA_NA_RELEASE", "%C: releasing lease for IA_NA option with iaid=%I",
	 "daemon-message", "info", NULL, NULL},
	{"DHCP6_PROCESS_IA_NA_REQUEST", "%C: server is processing IA_NA option with iaid=%I and hint=%r",
	 "daemon-message", "info", NULL, NULL},
	{"DHCP6_PROCESS_IA_NA_SOLICIT", "%C: server is processing IA_NA option with iaid=%I and hint=%r",
	 "daemon-message", "info", NULL, NULL},
	{"DHCP6_PROCESS_IA_PD_EXTEND", "%C: extending lease lifetime for IA_PD option with iaid=%I",
	 "daemon-message", "info", NULL, NULL},
	{"DHCP6_PROCESS_IA_PD_REQUEST", "%C: server is processing IA_PD option with iaid=%I and hint=%*",
	 "daemon-message", "info", NULL, NULL},
	{"DHCP6_PROCESS_IA_PD_SOLICIT", "%C: server is processing IA_PD option with iaid=%I and hint=%*",
	 "daemon-message", "info", NULL, NULL},
	{"DHCP6_RAPID_COMMIT", "%C: %X", "daemon-message", "info", NULL, NULL},
	{"DHCP6_REGISTERED_LEASE_ADD_FAIL", "error in registered lease add for %A: %M",
	 "daemon-message", "info", "failure", NULL},
	{"DHCP6_RELEASE_NA", "%C: binding for address %A and iaid=%I was released properly",
	 "dhcp-release", "protocol", "success", "RELEASE"},
	{"DHCP6_RELEASE_NA_DELETED", "%C: binding for address %A and iaid=%I was deleted on release",
	 "dhcp-release", "protocol", "success", "RELEASE"},
	{"DHCP6_RELEASE_NA_EXPIRED", "%C: binding for address %A and iaid=%I expired on release",
	 "dhcp-release", "protocol", "success", "RELEASE"},
	{"DHCP6_RELEASE_NA_FAIL", "%C: failed to remove address lease for address %A and iaid=%I",
	 "daemon-message", "info", "failure", NULL},
	{"DHCP6_RELEASE_NA_FAIL_WRONG_DUID", "%C: client tried to release address %R, but it belongs to another client using duid=%*",
	 "daemon-message", "info", "failure", NULL},
	{"DHCP6_RELEASE_NA_FAIL_WRONG_IAID", "%C: client tried to release address %R, but it used wrong IAID (expected %*, but got %I)",
	 "daemon-message", "info", "failure", NULL},
	{"DHCP6_RELEASE_PD", "%C: prefix %P for iaid=%I was released properly", "dhcp-release", "protocol", "success", "RELEASE"},
	{"DHCP6_RELEASE_PD_DELETED", "%C: prefix %P for iaid=%I was deleted on release",
	 "dhcp-release", "protocol", "success", "RELEASE"},
	{"DHCP6_RELEASE_PD_EXPIRED", "%C: prefix %P for iaid=%I expired on release",
	 "dhcp-release", "protocol", "success", "RELEASE"},
	{"DHCP6_RELEASE_PD_FAIL", "%C: failed to release prefix %P for iaid=%I", "daemon-message", "info", "failure", NULL},
	{"DHCP6_REQUIRED_OPTIONS_CHECK_FAIL", "%T message received from %S failed the following check: %X",
	 "daemon-message", "info", "failure", NULL},
	{"DHCP6_SOCKET_UNICAST", "server is about to open socket on address %D on interface %N",
	 "daemon-message", "info", NULL, NULL},
	{"DHCP6_STARTED", "Kea DHCPv6 server version %V started", "daemon-message", "info", NULL, NULL},
	{"DHCP6_STARTING", "Kea DHCPv6 server version %V (%*) starting", "daemon-message", "info", NULL, NULL},
	{"DHCPSRV_CFGMGR_ADD_IFACE", "listening on interface %N", "daemon-message", "info", NULL, NULL},
	{"DHCPSRV_CFGMGR_NEW_SUBNET4", "a new subnet has been added to configuration: %W with params: %*",
	 "daemon-message", "info", NULL, NULL},
	{"DHCPSRV_CFGMGR_NEW_SUBNET6", "a new subnet has been added to configuration: %W with params: %*",
	 "daemon-message", "info", NULL, NULL},
	{"DHCPSRV_CFGMGR_SOCKET_TYPE_SELECT", "using socket type %k", "daemon-message", "info", NULL, NULL},
	{"DHCPSRV_CFGMGR_USE_ALLOCATOR", "using the %* allocator for %* leases in subnet %W", "daemon-message", "info", NULL, NULL},
	{"DHCPSRV_LEASE4_EXTENDED_INFO_UPGRADED", "extended info for lease %A was upgraded",
	 "daemon-message", "info", NULL, NULL},
	{"DHCPSRV_MEMFILE_ADD_ADDR4", "adding IPv4 lease with address %A", "daemon-message", "info", NULL, NULL},
	{"DHCPSRV_MEMFILE_ADD_ADDR6", "adding IPv6 lease with address %A", "daemon-message", "info", NULL, NULL},
	{"DHCPSRV_MEMFILE_DELETE_ADDR", "deleting lease for address %A", "daemon-message", "info", NULL, NULL},
	{"DHCPSRV_MEMFILE_GET_ADDR4", "obtaining IPv4 lease for address %A", "daemon-message", "info", NULL, NULL},
	{"DHCPSRV_MEMFILE_LEASE_FILE_LOAD", "loading leases from file %f", "daemon-message", "info", NULL, NULL},
	{"DHCPSRV_MEMFILE_LFC_EXECUTE", "executing Lease File Cleanup using: %x", "daemon-message", "info", NULL, NULL},
	{"DHCPSRV_MEMFILE_LFC_SETUP", "setting up the Lease File Cleanup interval to %i sec", "daemon-message", "info", NULL, NULL},
	{"DHCPSRV_MEMFILE_UPDATE_ADDR4", "updating IPv4 lease for address %A", "daemon-message", "info", NULL, NULL},
	{"DHCPSRV_MEMFILE_UPDATE_ADDR6", "updating IPv6 lease for address %A", "daemon-message", "info", NULL, NULL},
	{"DHCPSRV_OPEN_SOCKET_FAIL", "failed to open socket: %M", "daemon-message", "info", "failure", NULL},
	{"HA_COMMUNICATION_INTERRUPTED", "%h: communication with %g is interrupted", "daemon-message", "info", NULL, NULL},
	{"HA_HEARTBEAT_COMMUNICATIONS_FAILED", "%h: failed to send heartbeat to %g: %M", "daemon-message", "info", "failure", NULL},
	{"HA_LEASES_SYNC_LEASE_PAGE_RECEIVED", "%h: received %u leases from %g", "daemon-message", "info", NULL, NULL},
	{"HA_LEASE_UPDATE_COMMUNICATIONS_FAILED", "%C: failed to send lease update to %g: %M", "daemon-message", "info", "failure", NULL},
	{"HA_LEASE_UPDATE_FAILED", "%C: lease update to %g failed: %M", "daemon-message", "info", "failure", NULL},
	{"HA_LOCAL_DHCP_DISABLE", "%h: local DHCP service is disabled while the %* is in the %o state", "daemon-message", "info", NULL, NULL},
	{"HA_LOCAL_DHCP_ENABLE", "%h: local DHCP service is enabled while the %* is in the %o state", "daemon-message", "info", NULL, NULL},
	{"HA_STATE_TRANSITION", "%h: server transitions from %w to %o state, partner state is %q", "daemon-message", "info", NULL, NULL},
};

/* What stood behind an id in other versions, mostly in those before 2.0; sorted, too. */
static const struct known others[] = {
	{"ALLOC_ENGINE_V#_ALLOC_FAIL", "%C: %X", "daemon-message", "denied", "failure", NULL},
	{"ALLOC_ENGINE_V#_ALLOC_FAIL_SHARED_NETWORK", "%C: failed to allocate %* in the shared network %W: %*",
	 "daemon-message", "denied", "failure", NULL},
	{"DHCP4_LEASE_ALLOC", "%C: lease %A has been allocated", "dhcp-lease", "protocol", "success", NULL},
	{"DHCP4_STARTING", "Kea DHCPv4 server version %V starting", "daemon-message", "info", NULL, NULL},
	{"DHCP6_LEASE_ALLOC", "%C: lease for address %A and iaid=%I has been allocated", "dhcp-lease", "protocol", "success", NULL},
	{"DHCP6_PD_LEASE_ALLOC", "%C: lease for prefix %P and iaid=%I has been allocated", "dhcp-lease", "protocol", "success", NULL},
	{"DHCP6_STARTING", "Kea DHCPv6 server version %V starting", "daemon-message", "info", NULL, NULL},
	{"DHCPSRV_CFGMGR_NEW_SUBNET4", "a new subnet has been added to configuration: %W with params %*", "daemon-message", "info", NULL, NULL},
	{"DHCPSRV_CFGMGR_NEW_SUBNET6", "a new subnet has been added to configuration: %W with params %*", "daemon-message", "info", NULL, NULL},
	{"HA_COMMUNICATION_INTERRUPTED", "communication with %g is interrupted", "daemon-message", "info", NULL, NULL},
	{"HA_HEARTBEAT_COMMUNICATIONS_FAILED", "failed to send heartbeat to %g: %M", "daemon-message", "info", "failure", NULL},
	{"HA_LEASES_SYNC_LEASE_PAGE_RECEIVED", "received %u leases from %g", "daemon-message", "info", NULL, NULL},
	{"HA_LOCAL_DHCP_DISABLE", "local DHCP service is disabled while the %* is in the %o state", "daemon-message", "info", NULL, NULL},
	{"HA_LOCAL_DHCP_ENABLE", "local DHCP service is enabled while the %* is in the %o state", "daemon-message", "info", NULL, NULL},
	{"HA_STATE_TRANSITION", "server transitions from %w to %o state, partner state is %q", "daemon-message", "info", NULL, NULL},
};

struct type_action {
	const char *name, *action, *type;
};

/* DHCPDISCOVER, DHCPV6_SOLICIT; Kea's own texts. */
static const struct type_action types[] = {
	{"DISCOVER", "dhcp-discover", "protocol"}, {"OFFER", "dhcp-offer", "protocol"},
	{"REQUEST", "dhcp-request", "protocol"}, {"ACK", "dhcp-ack", "protocol"},
	{"NAK", "dhcp-nak", "denied"}, {"RELEASE", "dhcp-release", "protocol"},
	{"DECLINE", "dhcp-decline", "protocol"}, {"INFORM", "dhcp-inform", "protocol"},
	{"SOLICIT", "dhcp-discover", "protocol"}, {"ADVERTISE", "dhcp-offer", "protocol"},
	{"RENEW", "dhcp-request", "protocol"}, {"REBIND", "dhcp-request", "protocol"},
	{"CONFIRM", "dhcp-request", "protocol"}, {"REPLY", "dhcp-ack", "protocol"},
	{"INFORMATION_REQUEST", "dhcp-inform", "protocol"},
};

static void put_message_type(struct record *r, struct str name)
{
	(void)(scan_lit(&name, "DHCPV6_") || scan_lit(&name, "DHCP"));
	rec_str(r, F_DHCP_MESSAGE_TYPE, name);
}

/* [hwtype=1 f6:80:5f:1d:d1:95], [hwtype=1 ], [no hwaddr info] */
static void put_hwaddr(struct record *r, struct str s)
{
	struct str type, hw = s;

	if (!scan_lit(&hw, "hwtype=") || !scan_digits(&hw, 3, &type) || !scan_ch(&hw, ' ') || !hw.len)
		return;
	if (!rec_mac(r, F_CLIENT_MAC, hw))
		rec_raw(r, "hwaddr", hw);
}

/*
 * "[hwtype=1 f6:80:5f:1d:d1:95], cid=[01:f6:..], tid=0x35954d53" (DHCPv4), "duid=[00:03:..], [no hwaddr info], tid=0xb54806" (DHCPv6);
 * not all parts are there always.
 */
static bool put_client(struct record *r, struct str s)
{
	struct str value;
	bool any = false;

	while (s.len) {
		if (scan_lit(&s, "cid=[") || scan_lit(&s, "duid=[")) {
			if (!scan_until(&s, ']', &value))
				return false;
			if (!str_eq(value, STR("no info")))
				rec_str(r, F_DHCP_CLIENT_ID, value);
		} else if (scan_lit(&s, "tid=")) {
			size_t n = 0;

			while (n < s.len && ch_alnum(s.p[n]))
				n++;
			rec_str(r, F_DHCP_TRANSACTION_ID, str_sub(s, 0, n));
			s = str_from(s, n);
		} else if (scan_ch(&s, '[')) {
			if (!scan_until(&s, ']', &value))
				return false;
			put_hwaddr(r, value);
		} else {
			return false;
		}
		any = true;
		if (!scan_lit(&s, ", "))
			break;
	}
	return any && s.len == 0;
}

/* 2001:db8:1::/56; where all 128 bits count it is an address. */
static bool put_prefix(struct record *r, struct str s, bool maybe_address)
{
	struct str rest = s, ip;

	if (!scan_ip(&rest, &ip) || !scan_ch(&rest, '/'))
		return maybe_address && rec_ip(r, F_CLIENT_IP, s);
	if (maybe_address && str_eq(rest, STR("128")))
		return rec_ip(r, F_CLIENT_IP, ip);
	rec_raw(r, "prefix", s);
	return true;
}

static void put_hostname(struct record *r, struct str s)
{
	rec_str(r, F_DHCP_HOSTNAME, s);
	if (str_is_name(s))
		rec_host(r, F_CLIENT_DOMAIN, s);
}

/* The address of the client as it says itself: none yet is 0.0.0.0. */
static void put_ciaddr(struct record *r, struct str s)
{
	if (!str_eq(s, STR("0.0.0.0")))
		(void)rec_ip(r, F_CLIENT_IP, s);
}

static void put_reason(struct record *r, struct str s)
{
	rec_str(r, F_EVENT_REASON, s);
	rec_str(r, F_DHCP_REASON, s);
}

static bool put_end(struct record *r, enum field_id ip, enum field_id address, struct str s)
{
	if (s.len > 2 && s.p[0] == '[' && s.p[s.len - 1] == ']')
		s = str_sub(s, 1, s.len - 2);
	rec_str(r, address, s);
	return rec_ip(r, ip, s);
}

/* 192.0.2.1:67, [fe80::1]:547, fe80::1:546 */
static bool put_end_port(struct record *r, enum field_id ip, enum field_id address, enum field_id port, struct str s)
{
	ptrdiff_t colon = str_rchr(s, ':');

	return colon > 0 && rec_num(r, port, str_from(s, (size_t)colon + 1)) && put_end(r, ip, address, str_sub(s, 0, (size_t)colon));
}

static bool put_destination(struct record *r, struct str v)
{
	return put_end(r, F_DESTINATION_IP, F_DESTINATION_ADDRESS, v);
}

static bool put_sent_name(struct record *r, struct str v)
{
	put_hostname(r, v);
	return true;
}

static bool put_source(struct record *r, struct str v)
{
	return put_end(r, F_SOURCE_IP, F_SOURCE_ADDRESS, v);
}

static bool put_type(struct record *r, struct str v)
{
	put_message_type(r, v);
	return true;
}

static bool put_own_address(struct record *r, struct str v)
{
	put_ciaddr(r, v);
	return true;
}

static bool put_destination_port(struct record *r, struct str v)
{
	return put_end_port(r, F_DESTINATION_IP, F_DESTINATION_ADDRESS, F_DESTINATION_PORT, v);
}

static bool put_source_port(struct record *r, struct str v)
{
	return put_end_port(r, F_SOURCE_IP, F_SOURCE_ADDRESS, F_SOURCE_PORT, v);
}

static bool put_only_prefix(struct record *r, struct str v)
{
	return put_prefix(r, v, false);
}

static bool put_prefix_or_address(struct record *r, struct str v)
{
	return put_prefix(r, v, true);
}

static bool put_why(struct record *r, struct str v)
{
	put_reason(r, v);
	return true;
}

/* "3600", "infinity": a lease without an end has the seconds that say so on the wire (RFC 2131, 3.3). */
static bool put_lifetime(struct record *r, struct str v)
{
	return rec_num(r, F_DHCP_LEASE_DURATION, str_eq(v, STR("infinity")) ? STR("4294967295") : v);
}

/* What the letters in the patterns stand for. */
static const struct message_place places[] = {
	AS_IP('A', F_CLIENT_IP),
	AS_RAW('a', "attempts"),
	AS_RAW('b', "subnets_without_lease"),
	AS_CALL('C', put_client),
	AS_CALL('c', put_own_address),
	AS_CALL('D', put_destination),
	AS_NUM('d', F_DESTINATION_PORT),
	AS_CALL('E', put_destination_port),
	AS_HOST('F', F_CLIENT_DOMAIN),
	AS_STR('f', F_FILE_PATH),
	AS_CALL('H', put_sent_name),
	AS_RAW('g', "ha_peer"),
	AS_RAW('h', "ha_server"),
	AS_STR('I', F_DHCP_IAID),
	AS_RAW('i', "interval"),
	AS_RAW('K', "classes"),
	AS_RAW('k', "socket_type"),
	AS_CALL('L', put_lifetime),
	AS_RAW('l', "probation_seconds"),
	AS_STR('M', F_ERROR_MESSAGE),
	AS_RAW('m', "command"),
	AS_STR('N', F_OBSERVER_INGRESS_INTERFACE_NAME),
	AS_STR('n', F_OBSERVER_EGRESS_INTERFACE_NAME),
	AS_CALL('O', put_source_port),
	AS_RAW('o', "state"),
	AS_CALL('P', put_only_prefix),
	AS_NUM('p', F_PROCESS_PID),
	AS_CALL('Q', put_prefix_or_address),
	AS_RAW('q', "partner_state"),
	AS_MAYBE_IP('R', F_DHCP_REQUESTED_ADDRESS),
	AS_MAYBE_IP('r', F_DHCP_REQUESTED_ADDRESS),
	AS_CALL('S', put_source),
	AS_NUM('s', F_SOURCE_PORT),
	AS_CALL('T', put_type),
	AS_RAW('t', "threads"),
	AS_STR('U', F_DHCP_SUBNET_ID),
	AS_RAW('u', "leases"),
	AS_STR('V', F_SERVICE_VERSION),
	AS_STR('W', F_NETWORK_NAME),
	AS_RAW('w', "former_state"),
	AS_CALL('X', put_why),
	AS_CALL('x', put_why),
	{0}};

static int by_id(const void *key, const void *row)
{
	return str_cmp(*(const struct str *)key, str_z(((const struct known *)row)->id));
}

/* The row of an id: its own, else that for both versions. */
static const struct known *find_known(struct record *r, struct str id, const struct known *rows, size_t n)
{
	static const struct str marks[] = {STR_INIT("DHCP"), STR_INIT("_V"), STR_INIT("_ADDR")};
	const struct known *k = bsearch(&id, rows, n, sizeof(*rows), by_id);
	struct str both;
	ptrdiff_t at;
	char *text;

	for (size_t i = 0; !k && i < sizeof(marks) / sizeof(*marks); i++) {
		at = str_find(id, marks[i]);
		if (at < 0)
			continue;
		at += (ptrdiff_t)marks[i].len;
		if ((size_t)at == id.len || (id.p[at] != '4' && id.p[at] != '6'))
			continue;
		text = arena_bytes(r->arena, id.len);
		memcpy(text, id.p, id.len);
		text[at] = '#';
		both = str_n(text, id.len);
		k = bsearch(&both, rows, n, sizeof(*rows), by_id);
	}
	return k;
}

static void act(struct record *r, const struct known *k)
{
	struct value type = rec_get(r, F_DHCP_MESSAGE_TYPE);

	if (k->action) {
		rec_action(r, k->action, "network", k->type);
		return;
	}
	for (size_t i = 0; type.type == V_STRING && i < sizeof(types) / sizeof(*types); i++)
		if (str_eqz(value_str(&type), types[i].name)) {
			rec_action(r, types[i].action, "network", types[i].type);
			return;
		}
	rec_action(r, "daemon-message", "network", k->type);
}

/* Behind the client's label, where one stands in front. */
static struct str behind_client(struct str text)
{
	struct str rest = text, label;

	if ((str_starts(text, STR("[")) || str_starts(text, STR("duid=["))) && scan_until_str(&rest, STR(": "), &label))
		return rest;
	return text;
}

static void unknown_text(struct record *r, struct str text)
{
	struct str rest = text, label;
	struct record_mark mark = rec_mark(r);

	if (text.len && (text.p[0] == '[' || text.p[0] == 'd')) {
		if (!scan_until_str(&rest, STR(": "), &label))
			label = text;
		if (!put_client(r, label))
			rec_reset(r, mark);
	}
	rec_action(r, "daemon-message", "network", "info");
}

/* "[host.example.com.]" behind a key; kea-dhcp-ddns writes a request as lines of "Key: [value]". */
static bool bracketed(struct str text, const char *key, struct str *out)
{
	ptrdiff_t at = str_find(text, str_z(key));

	if (at < 0)
		return false;
	text = str_from(text, (size_t)at + strlen(key));
	return str_cut(&text, ']', out) && out->len;
}

/* DHCP_DDNS_ADD_SUCCEEDED DHCP_DDNS Request ID 0001..: successfully added .. FQDN: [host.example.com.] IP Address: [10.20.0.5] DHCID: [..] */
static void put_ddns(struct record *r, struct str id, struct str text)
{
	struct str name, ip;

	if (!bracketed(text, "FQDN: [", &name))
		return;
	rec_host(r, F_CLIENT_DOMAIN, name);
	if (bracketed(text, "IP Address: [", &ip))
		(void)rec_ip(r, F_CLIENT_IP, ip);
	rec_action(r, "dns-update", "network", "info");
	if (str_ends(id, STR("_SUCCEEDED")))
		rec_outcome(r, "success");
	else if (str_ends(id, STR("_FAILED")) || str_ends(id, STR("_REJECTED")))
		rec_outcome(r, "failure");
}

static void put_message(struct record *r, struct str id, struct str text)
{
	const struct known *k = find_known(r, id, table, sizeof(table) / sizeof(*table));

	rec_str(r, F_EVENT_CODE, id);
	if (k && !message_match(r, k->pattern, text, places)) {
		k = find_known(r, id, others, sizeof(others) / sizeof(*others));
		if (k && !message_match(r, k->pattern, text, places))
			k = NULL;
	}
	if (!k) {
		unknown_text(r, text);
		if (str_starts(id, STR("DHCP_DDNS_")))
			put_ddns(r, id, text);
		return;
	}
	if (k->message_type)
		rec_str(r, F_DHCP_MESSAGE_TYPE, str_z(k->message_type));
	act(r, k);
	if (k->outcome)
		rec_outcome(r, k->outcome);
	if (k->outcome && strcmp(k->outcome, "failure") == 0 && rec_get(r, F_EVENT_REASON).type == V_NONE &&
	    rec_get(r, F_ERROR_MESSAGE).type == V_NONE)
		put_reason(r, behind_client(text));
}

static bool take_level(struct str *s, struct str *level)
{
	static const struct str names[] = {STR_INIT("INFO"), STR_INIT("DEBUG"), STR_INIT("WARN"), STR_INIT("ERROR"), STR_INIT("FATAL")};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (scan_str(s, names[i])) {
			*level = names[i];
			return scan_space(s);
		}
	return false;
}

/* "140622952837632", "0x3cbfd6817b00" */
static void put_thread(struct record *r, struct str s)
{
	uint64_t n;

	if (scan_lit(&s, "0x") ? str_hex64(s, &n) && n <= INT64_MAX : str_u64(s, INT64_MAX, &n))
		rec_int(r, F_PROCESS_THREAD_ID, (int64_t)n);
}

/* kea-dhcp4.leases, kea-dhcp4.leases.140622952837632, kea-dhcp4.leases/298.140622952837632 */
static void put_logger(struct record *r, struct str s)
{
	ptrdiff_t slash = str_chr(s, '/'), dot = str_rchr(s, '.');
	struct str logger = s, pid;

	if (slash >= 0) {
		logger = str_sub(s, 0, (size_t)slash);
		s = str_from(s, (size_t)slash + 1);
		if (scan_digits(&s, 10, &pid))
			rec_num(r, F_PROCESS_PID, pid);
		if (scan_ch(&s, '.'))
			put_thread(r, s);
	} else if (dot >= 0 && (size_t)dot + 1 < s.len && ch_digit(s.p[dot + 1])) {
		logger = str_sub(s, 0, (size_t)dot);
		put_thread(r, str_from(s, (size_t)dot + 1));
	}
	if (logger.p != r->program.p)
		rec_str(r, F_LOG_LOGGER, logger);
	if (r->program.len == 0 || !str_starts(r->program, STR("kea"))) {
		ptrdiff_t end = str_chr(logger, '.');
		struct str daemon = end < 0 ? logger : str_sub(logger, 0, (size_t)end);

		rec_str(r, F_PROCESS_NAME, daemon);
		rec_str(r, F_EVENT_PROVIDER, daemon);
	}
	if (str_starts(logger, STR("kea-dhcp4")) || str_starts(logger, STR("kea-dhcp6"))) {
		rec_str(r, F_NETWORK_PROTOCOL, STR("dhcp"));
		rec_str(r, F_NETWORK_TYPE, logger.p[8] == '4' ? STR("ipv4") : STR("ipv6"));
	}
}

/* "DHCP4_LEASE_ALLOC": capitals, digits and at least one '_'. */
static bool take_id(struct str *s, struct str *id)
{
	bool parts = false;

	if (!scan_word(s, id))
		return false;
	for (size_t i = 0; i < id->len; i++) {
		if (id->p[i] != '_' && !ch_digit(id->p[i]) && (unsigned char)(id->p[i] - 'A') >= 26)
			return false;
		parts |= id->p[i] == '_';
	}
	return parts;
}

/*
 * A date of its own, level, logger and id; *s is the text then. Nothing is put before all of it is there. Logger and level may be left out of the log's
 * pattern: then the program's name says that it is Kea.
 */
static bool take_head(struct record *r, struct str *s, struct str *id)
{
	struct syslog_stamp stamp;
	struct str date, level = STR(""), logger = STR(""), t = *s;
	bool iso, dated = false, named = str_starts(r->program, STR("kea-"));

	if (t.len && ch_digit(t.p[0])) {
		if (syslog_take_date(&t, &stamp, &date, &iso) != SYSLOG_DATE_OK || !scan_space(&t))
			return false;
		dated = true;
	}
	if (!take_level(&t, &level) && !named)
		return false;
	if (scan_ch(&t, '[')) {
		if (!scan_until(&t, ']', &logger) || !logger.len || !scan_ch(&t, ' '))
			return false;
	} else if (!named) {
		return false;
	}
	if (!take_id(&t, id))
		return false;
	(void)scan_blanks(&t);
	if (dated)
		rec_stamp(r, &stamp, date);
	rec_str(r, F_LOG_LEVEL, level);
	put_logger(r, logger.len ? logger : r->program);
	*s = t;
	return true;
}

static enum format_result kea_parse(struct record *r)
{
	struct str s = r->text, id;
	struct value level;

	if (!take_head(r, &s, &id)) {
		s = r->line;
		if (!take_head(r, &s, &id))
			return FORMAT_NO_MATCH;
	}
	put_message(r, id, s);
	level = rec_get(r, F_LOG_LEVEL);
	if (level.type == V_STRING && (str_eq(value_str(&level), STR("ERROR")) || str_eq(value_str(&level), STR("FATAL"))) &&
	    rec_get(r, F_ERROR_MESSAGE).type == V_NONE)
		rec_str(r, F_ERROR_MESSAGE, behind_client(s));
	return FORMAT_MATCH;
}

/* Its own log file: the date, then "INFO  [kea-". */
static bool kea_shape(const struct record *r)
{
	struct str s = r->line, level;

	if (s.len > 24 && ch_digit(s.p[0])) {
		s = str_from(s, 19);
		while (s.len && (ch_digit(s.p[0]) || s.p[0] == '.'))
			s = str_from(s, 1);
		(void)scan_blanks(&s);
	}
	return take_level(&s, &level) && str_starts(s, STR("[kea-"));
}

static const char *const programs[] = {"kea-dhcp4", "kea-dhcp6", "kea-dhcp4-server", "kea-dhcp6-server", "kea-dhcp-ddns", "kea-ctrl-agent", "kea", NULL};

FORMAT(kea, .programs = programs, .service = STR_INIT("kea"), .dataset = STR_INIT("weir.dhcp"), .doc = "ISC Kea, DHCPv4 and DHCPv6", .versions = "Kea 1.7 to 3.0",
       .shape = kea_shape, .parse = kea_parse)
