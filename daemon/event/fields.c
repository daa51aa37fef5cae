/*
 * fields.c - references of all known fields, made once at start.
 *
 * Owner: the process; read-only after fields_init().
 */
#include "event/field_writer.h"
#include "event/names.h"
#include "event/objects.h"

const struct field fields[FIELDS] = {
#define FIELD(id, path, type, doc) [F_##id] = {path, FT_##type, doc},
#include "event/fields.def"
#undef FIELD
};

const struct ref *field_refs[FIELDS];
static struct arena memory;

/* source.ip -> [source][ip] */
static struct str bracketed(struct str path)
{
	char *text = arena_bytes(&memory, 2 * path.len + 2);
	size_t n = 0;

	text[n++] = '[';
	for (size_t i = 0; i < path.len; i++) {
		if (path.p[i] != '.') {
			text[n++] = path.p[i];
			continue;
		}
		text[n++] = ']';
		text[n++] = '[';
	}
	text[n++] = ']';
	return str_n(text, n);
}

/* Names that Logstash's own inputs give. */
static const char *const legacy_names[] = {
	"@version", "facility_label", "logsource", "path", "pid", "program", "severity_label", "syslog5424_msgid", "syslog5424_sd", "syslog5424_ver",
	"timestamp", "timestamp8601",
};

static void add_names(void)
{
	for (int i = 0; i < FIELDS; i++)
		for (struct str rest = str_z(fields[i].path); rest.len;) {
			ptrdiff_t dot = str_chr(rest, '.');

			names_add(dot < 0 ? rest : str_n(rest.p, (size_t)dot));
			rest = dot < 0 ? STR("") : str_from(rest, (size_t)dot + 1);
		}
	for (size_t i = 0; i < sizeof(legacy_names) / sizeof(*legacy_names); i++)
		names_add(str_z(legacy_names[i]));
}

void fields_init(void)
{
	if (field_refs[0])
		return;
	add_names();
	arena_init(&memory, NULL);
	for (int i = 0; i < FIELDS; i++) {
		struct err err;

		field_refs[i] = ref_compile(&memory, bracketed(str_z(fields[i].path)), &err);
		bug_on(!field_refs[i]);
	}
	field_nodes_init();
	event_objects_init();
}

int field_find(struct str path)
{
	for (int i = 0; i < FIELDS; i++)
		if (str_eqz(path, fields[i].path))
			return i;
	return -1;
}

static int part_order(unsigned char c)
{
	return c == '.' ? 1 : c;
}

int fields_by_path(const void *a, const void *b)
{
	const unsigned char *p = (const unsigned char *)fields[*(const int *)a].path;
	const unsigned char *q = (const unsigned char *)fields[*(const int *)b].path;

	while (*p && *p == *q) {
		p++;
		q++;
	}
	return part_order(*p) - part_order(*q);
}
