#include "codec/cef_fields.h"

enum { TIME = 1, PREFERRED = 2 /* of two that mean the same in ECS, the one that is written */, CUSTOM = 15 };

/*
 * Long name, key ("" = the same), ECS: `@` stands for [observer] or [host]. An ECS field with a bar has two forms, for these
 * two. Last: a name that older senders use.
 */
static const struct {
	const char *name, *key, *ecs;
	int flags;
	const char *legacy;
} fields[] = {
	{"agentAddress", "agt", "[agent][ip]", 0, NULL},
	{"agentHostName", "ahost", "[agent][name]", 0, NULL},
	{"agentId", "aid", "[agent][id]", 0, NULL},
	{"agentMacAddress", "amac", "[agent][mac]", 0, NULL},
	{"agentNtDomain", "", "[cef][agent][registered_domain]", 0, NULL},
	{"agentReceiptTime", "art", "[event][created]", TIME, NULL},
	{"agentTimeZone", "atz", "[cef][agent][timezone]", 0, NULL},
	{"agentTranslatedAddress", "", "[cef][agent][nat][ip]", 0, NULL},
	{"agentTranslatedZoneExternalID", "", "[cef][agent][translated_zone][external_id]", 0, NULL},
	{"agentTranslatedZoneURI", "", "[cef][agent][translated_zone][uri]", 0, NULL},
	{"agentType", "at", "[agent][type]", 0, NULL},
	{"agentVersion", "av", "[agent][version]", 0, NULL},
	{"agentZoneExternalID", "", "[cef][agent][zone][external_id]", 0, NULL},
	{"agentZoneURI", "", "[cef][agent][zone][uri]", 0, NULL},
	{"applicationProtocol", "app", "[network][protocol]", 0, NULL},
	{"baseEventCount", "cnt", "[cef][base_event_count]", 0, NULL},
	{"bytesIn", "in", "[source][bytes]", 0, NULL},
	{"bytesOut", "out", "[destination][bytes]", 0, NULL},
	{"categoryDeviceType", "catdt", "[cef][device_type]", 0, NULL},
	{"customerExternalID", "", "[organization][id]", 0, NULL},
	{"customerURI", "", "[organization][name]", 0, NULL},
	{"destinationAddress", "dst", "[destination][ip]", 0, NULL},
	{"destinationGeoLatitude", "dlat", "[destination][geo][location][lat]", 0, "destinationLatitude"},
	{"destinationGeoLongitude", "dlong", "[destination][geo][location][lon]", 0, "destinationLongitude"},
	{"destinationHostName", "dhost", "[destination][domain]", 0, NULL},
	{"destinationMacAddress", "dmac", "[destination][mac]", 0, NULL},
	{"destinationNtDomain", "dntdom", "[destination][registered_domain]", 0, NULL},
	{"destinationPort", "dpt", "[destination][port]", 0, NULL},
	{"destinationProcessId", "dpid", "[destination][process][pid]", 0, NULL},
	{"destinationProcessName", "dproc", "[destination][process][name]", 0, NULL},
	{"destinationServiceName", "", "[destination][service][name]", 0, NULL},
	{"destinationTranslatedAddress", "", "[destination][nat][ip]", 0, NULL},
	{"destinationTranslatedPort", "", "[destination][nat][port]", 0, NULL},
	{"destinationTranslatedZoneExternalID", "", "[cef][destination][translated_zone][external_id]", 0, NULL},
	{"destinationTranslatedZoneURI", "", "[cef][destination][translated_zone][uri]", 0, NULL},
	{"destinationUserId", "duid", "[destination][user][id]", 0, NULL},
	{"destinationUserName", "duser", "[destination][user][name]", 0, NULL},
	{"destinationUserPrivileges", "dpriv", "[destination][user][group][name]", 0, NULL},
	{"destinationZoneExternalID", "", "[cef][destination][zone][external_id]", 0, NULL},
	{"destinationZoneURI", "", "[cef][destination][zone][uri]", 0, NULL},
	{"deviceAction", "act", "[event][action]", 0, NULL},
	{"deviceAddress", "dvc", "@[ip]", 0, NULL},
	{"deviceDirection", "", "[network][direction]", 0, NULL},
	{"deviceEventCategory", "cat", "[cef][category]", 0, NULL},
	{"deviceExternalId", "", "[observer][name]|[host][id]", 0, NULL},
	{"deviceFacility", "", "[log][syslog][facility][code]", 0, NULL},
	{"deviceHostName", "dvchost", "[observer][hostname]|[host][name]", 0, NULL},
	{"deviceInboundInterface", "", "[observer][ingress][interface][name]", 0, NULL},
	{"deviceMacAddress", "dvcmac", "@[mac]", 0, NULL},
	{"deviceNtDomain", "", "[cef][nt_domain]", 0, NULL},
	{"deviceOutboundInterface", "", "[observer][egress][interface][name]", 0, NULL},
	{"devicePayloadId", "", "[cef][payload_id]", 0, NULL},
	{"deviceProcessId", "dvcpid", "[process][pid]", 0, NULL},
	{"deviceProcessName", "", "[process][name]", 0, NULL},
	{"deviceReceiptTime", "rt", "@timestamp", TIME, NULL},
	{"deviceTimeZone", "dtz", "[event][timezone]", 0, "destinationTimeZone"},
	{"deviceTranslatedAddress", "", "[host][nat][ip]", 0, NULL},
	{"deviceTranslatedZoneExternalID", "", "[cef][translated_zone][external_id]", 0, NULL},
	{"deviceTranslatedZoneURI", "", "[cef][translated_zone][uri]", 0, NULL},
	{"deviceVersion", "", "[observer][version]", 0, NULL},
	{"deviceZoneExternalID", "", "[cef][zone][external_id]", 0, NULL},
	{"deviceZoneURI", "", "[cef][zone][uri]", 0, NULL},
	{"endTime", "end", "[event][end]", TIME, NULL},
	{"eventId", "", "[event][id]", 0, NULL},
	{"eventOutcome", "outcome", "[event][outcome]", 0, NULL},
	{"externalId", "", "[cef][external_id]", 0, NULL},
	{"fileCreateTime", "", "[file][created]", 0, NULL},
	{"fileHash", "", "[file][hash]", 0, NULL},
	{"fileId", "", "[file][inode]", 0, NULL},
	{"fileModificationTime", "", "[file][mtime]", TIME, NULL},
	{"fileName", "fname", "[file][name]", 0, NULL},
	{"filePath", "", "[file][path]", 0, NULL},
	{"filePermission", "", "[file][group]", 0, NULL},
	{"fileSize", "fsize", "[file][size]", 0, NULL},
	{"fileType", "", "[file][extension]", 0, NULL},
	{"managerReceiptTime", "mrt", "[event][ingested]", TIME, NULL},
	{"message", "msg", "[message]", 0, NULL},
	{"oldFileCreateTime", "", "[cef][old_file][created]", TIME, NULL},
	{"oldFileHash", "", "[cef][old_file][hash]", 0, NULL},
	{"oldFileId", "", "[cef][old_file][inode]", 0, NULL},
	{"oldFileModificationTime", "", "[cef][old_file][mtime]", TIME, NULL},
	{"oldFileName", "", "[cef][old_file][name]", 0, NULL},
	{"oldFilePath", "", "[cef][old_file][path]", 0, NULL},
	{"oldFilePermission", "", "[cef][old_file][group]", 0, NULL},
	{"oldFileSize", "", "[cef][old_file][size]", 0, NULL},
	{"oldFileType", "", "[cef][old_file][extension]", 0, NULL},
	{"rawEvent", "", "[event][original]", 0, NULL},
	{"Reason", "reason", "[event][reason]", 0, NULL},
	{"requestClientApplication", "", "[user_agent][original]", 0, NULL},
	{"requestContext", "", "[http][request][referrer]", 0, NULL},
	{"requestCookies", "", "[cef][request][cookies]", 0, NULL},
	{"requestMethod", "", "[http][request][method]", 0, NULL},
	{"requestUrl", "request", "[url][original]", 0, NULL},
	{"sourceAddress", "src", "[source][ip]", 0, NULL},
	{"sourceGeoLatitude", "slat", "[source][geo][location][lat]", 0, "sourceLatitude"},
	{"sourceGeoLongitude", "slong", "[source][geo][location][lon]", 0, "sourceLongitude"},
	{"sourceHostName", "shost", "[source][domain]", 0, NULL},
	{"sourceMacAddress", "smac", "[source][mac]", 0, NULL},
	{"sourceNtDomain", "sntdom", "[source][registered_domain]", 0, NULL},
	{"sourcePort", "spt", "[source][port]", 0, NULL},
	{"sourceProcessId", "spid", "[source][process][pid]", 0, NULL},
	{"sourceProcessName", "sproc", "[source][process][name]", 0, NULL},
	{"sourceServiceName", "", "[source][service][name]", 0, NULL},
	{"sourceTranslatedAddress", "", "[source][nat][ip]", 0, NULL},
	{"sourceTranslatedPort", "", "[source][nat][port]", 0, NULL},
	{"sourceTranslatedZoneExternalID", "", "[cef][source][translated_zone][external_id]", 0, NULL},
	{"sourceTranslatedZoneURI", "", "[cef][source][translated_zone][uri]", 0, NULL},
	{"sourceUserId", "suid", "[source][user][id]", 0, NULL},
	{"sourceUserName", "suser", "[source][user][name]", 0, NULL},
	{"sourceUserPrivileges", "spriv", "[source][user][group][name]", 0, NULL},
	{"sourceZoneExternalID", "", "[cef][source][zone][external_id]", 0, NULL},
	{"sourceZoneURI", "", "[cef][source][zone][uri]", 0, NULL},
	{"startTime", "start", "[event][start]", TIME, NULL},
	{"transportProtocol", "proto", "[network][transport]", 0, NULL},
	{"type", "", "[cef][type]", 0, NULL},
	/* Later rows win where one name is to be written for a field. */
	{"agentDnsDomain", "", "[cef][agent][registered_domain]", PREFERRED, NULL},
	{"destinationDnsDomain", "", "[destination][registered_domain]", PREFERRED, NULL},
	{"deviceDnsDomain", "", "@[registered_domain]", PREFERRED, NULL},
	{"sourceDnsDomain", "", "[source][registered_domain]", PREFERRED, NULL},
};

static const struct {
	const char *name, *key, *ecs;
} customs[] = {
	{"FloatingPoint", "cfp", "floating_point"},
	{"IPv6Address", "c6a", "ipv6_address"},
	{"Number", "cn", "number"},
	{"String", "cs", "string"},
};

enum { FIELDS = sizeof(fields) / sizeof(*fields), CUSTOMS = sizeof(customs) / sizeof(*customs) };

struct builder {
	struct cef_fields *f;
	struct arena *a;
	bool ecs, reverse;
};

static int64_t target_of(struct builder *b, struct str name, bool time, struct err *err)
{
	const struct value *v = map_find_str(b->f->by_name, name);
	struct cef_target *t;

	if (v)
		return v->i;
	t = &b->f->target[b->f->n];
	*t = (struct cef_target){name, ref_compile(b->a, name, err), time};
	if (!t->ref)
		return -1;
	map_set(b->a, b->f->by_name, key_make(name), v_int(b->f->n));
	return b->f->n++;
}

static int add_field(struct builder *b, struct str name, struct str key, struct str ecs, bool time, const char *legacy, struct err *err)
{
	struct cef_fields *f = b->f;
	struct str field = b->ecs ? ecs : name;
	int64_t at = target_of(b, field, b->ecs && time, err);

	if (at < 0)
		return -1;
	map_set(b->a, f->decode, key_make(key), v_int(at));
	map_set(b->a, f->decode, key_make(name), v_int(at));
	map_set(b->a, f->encode, key_make(field), v_str(b->reverse ? key : name));
	map_set(b->a, f->encode, key_make(name), v_str(b->reverse ? key : name));
	if (!legacy)
		return 0;
	at = target_of(b, b->ecs ? ecs : str_z(legacy), b->ecs && time, err);
	if (at < 0)
		return -1;
	map_set(b->a, f->decode, key_make(str_z(legacy)), v_int(at));
	map_set(b->a, f->encode, key_make(str_z(legacy)), v_str(b->reverse ? key : str_z(legacy)));
	return 0;
}

static int add_customs(struct builder *b, struct err *err)
{
	for (unsigned i = 1; i <= CUSTOM; i++) {
		for (unsigned k = 0; k < CUSTOMS; k++) {
			for (unsigned label = 0; label < 2; label++) {
				const char *tail = label ? "Label" : "";

				if (add_field(b, arena_printf(b->a, "deviceCustom%s%u%s", customs[k].name, i, tail),
					      arena_printf(b->a, "%s%u%s", customs[k].key, i, tail),
					      arena_printf(b->a, "[cef][device_custom_%s_%u][%s]", customs[k].ecs, i, label ? "label" : "value"),
					      false, NULL, err))
					return -1;
			}
		}
	}
	return 0;
}

/* "@[ip]" and "[observer][name]|[host][id]" for one kind of device. */
static struct str ecs_name(struct arena *a, struct str text, struct str device)
{
	struct str first;

	if (str_starts(text, STR("@[")))
		return arena_printf(a, "[%.*s]%.*s", STR_ARG(device), STR_ARG(str_from(text, 1)));
	if (!str_cut(&text, '|', &first))
		return text;
	return str_eq(device, STR("host")) ? text : first;
}

int cef_fields_init(struct cef_fields *f, struct arena *a, bool ecs, struct str device, bool reverse, struct err *err)
{
	struct builder b = {f, a, ecs, reverse};

	f->n = 0;
	f->target = arena_zalloc(a, (FIELDS * 2 + CUSTOM * CUSTOMS * 2) * sizeof(*f->target));
	f->decode = map_new(a, 512);
	f->encode = map_new(a, 512);
	f->by_name = map_new(a, 512);
	if (add_customs(&b, err))
		return -1;
	for (unsigned i = 0; i < FIELDS; i++) {
		struct str name = str_z(fields[i].name), key = str_z(fields[i].key);

		if (add_field(&b, name, key.len ? key : name, ecs_name(a, str_z(fields[i].ecs), device), fields[i].flags & TIME,
			      fields[i].legacy, err))
			return -1;
	}
	return 0;
}

const struct cef_target *cef_fields_find(const struct map *where, const struct cef_fields *f, struct str key)
{
	const struct value *v = map_find_str(where, key);

	return v ? &f->target[v->i] : NULL;
}
