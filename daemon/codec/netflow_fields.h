/*
 * netflow_fields.h - the fields of flow records by their numbers, out of netflow_fields.def.
 */
#ifndef WEIR_CODEC_NETFLOW_FIELDS_H
#define WEIR_CODEC_NETFLOW_FIELDS_H

#include "base/str.h"

enum netflow_kind {
	NF_U8, NF_U16, NF_U24, NF_U32, NF_U64, /* numbers; the template's length counts, but see netflow_size() */
	NF_UINT,	/* a number of whatever length */
	NF_IP4, NF_IP6, NF_MAC,
	NF_TEXT,	/* zeros at the end are padding */
	NF_DOUBLE,
	NF_FORWARDING,	/* one byte: status (2 bits), reason (6) */
	NF_APPLICATION, /* one byte, the rest a number: "13:453" */
	NF_LABELS,	/* an entry of a label stack, 4 bytes */
	NF_ACL,		/* 12 bytes as hexadecimal, in three parts */
	NF_SKIP,
};

struct netflow_field {
	uint16_t id;
	uint8_t kind;
	const char *name;
};

enum { NETFLOW_VARIABLE = 65535, NETFLOW_REVERSE = 29305 /* enterprise of RFC 5103: the other direction of a flow */ };

/* NULL: unknown. */
const struct netflow_field *netflow_field_v9(unsigned id);
const struct netflow_field *netflow_field_ipfix(unsigned id);
/* The bytes that a field of this kind takes where the template says `length`; -1: it cannot have that length. */
int netflow_size(enum netflow_kind kind, unsigned length, bool ipfix);

#endif
