#include "codec/netflow_fields.h"

#define V9(id, kind, name) {id, NF_##kind, name},
#define IE(id, kind, name)
static const struct netflow_field v9[] = {
#include "codec/netflow_fields.def"
};
#undef V9
#undef IE

#define V9(id, kind, name)
#define IE(id, kind, name) {id, NF_##kind, name},
static const struct netflow_field ipfix[] = {
#include "codec/netflow_fields.def"
};
#undef V9
#undef IE

static const struct netflow_field *find(const struct netflow_field *f, size_t n, unsigned id)
{
	size_t low = 0;

	while (low < n) {
		size_t mid = (low + n) / 2;

		if (f[mid].id == id)
			return &f[mid];
		if (f[mid].id < id)
			low = mid + 1;
		else
			n = mid;
	}
	return NULL;
}

const struct netflow_field *netflow_field_v9(unsigned id)
{
	return find(v9, sizeof(v9) / sizeof(*v9), id);
}

const struct netflow_field *netflow_field_ipfix(unsigned id)
{
	return find(ipfix, sizeof(ipfix) / sizeof(*ipfix), id);
}

/* As Logstash's codec has it: IPFIX's numbers of one byte and those of 8 in version 9 have no other length, whatever the template says. */
int netflow_size(enum netflow_kind kind, unsigned length, bool ipfix_rules)
{
	switch (kind) {
	case NF_U8:
		if (ipfix_rules)
			return 1;
		break;
	case NF_U64:
		if (!ipfix_rules)
			return 8;
		break;
	case NF_IP4:
	case NF_LABELS:
		return 4;
	case NF_IP6:
		return 16;
	case NF_MAC:
		return 6;
	case NF_DOUBLE:
		return 8;
	case NF_FORWARDING:
		return 1;
	case NF_ACL:
		return 12;
	case NF_TEXT:
	case NF_SKIP:
		return (int)length;
	case NF_APPLICATION:
		return length >= 2 && length <= 9 && length != 6 && length != 7 ? (int)length : -1;
	case NF_U16:
	case NF_U24:
	case NF_U32:
	case NF_UINT:
		break;
	}
	return length >= 1 && length <= 8 ? (int)length : -1;
}
