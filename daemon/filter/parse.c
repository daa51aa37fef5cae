/*
 * parse.c - the filter `parse`: what a known daemon said becomes fields. Work thread.
 *
 *	message -> [syslog header, where the input has not taken it] -> the formats of that program -> ECS fields
 *
 * It writes weir's ECS fields whatever ecs_compatibility says, and reads what the syslog input left under either set of names.
 * A line that no format knows is kept as it is, tagged, with the reason in weir.parse.error. An event that says its format already, as those
 * of the dnstap input do, is left alone: what it holds was not read out of its message.
 */
#include "base/hash.h"
#include "base/number.h"
#include "event/names.h"
#include "parse/format.h"
#include "parse/syslog_decode.h"

enum { HOSTS = 64 /* whose last line is remembered, for daemons that log twice */ };

struct last_line {
	uint64_t host, text;
	int facility;
};

struct parse {
	struct syslog_options header; /* as of an input under ecs_compatibility => v8 */
	struct str timezone;
	const struct list *tag_on_failure;

	const struct ref *program, *pid, *logsource, *facility_old, *host_ref;
	struct key message, host, timestamp;
	const struct zone *zone;
	struct zone_span span;
	struct dispatch *dispatch;
	struct record record; /* one line at a time */
	struct field_writer writer;
	struct last_line last[HOSTS];
};

static int parse_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct parse *p = self;
	struct plugin_ctx ecs = *ctx;

	ecs.ecs = ECS_V8;
	p->header = (struct syslog_options){.use_labels = true, .timezone = p->timezone};
	if (syslog_decode_open(&p->header, &ecs, err))
		return -1;
	p->zone = p->timezone.p ? zone_find(p->timezone) : zone_local();
	p->program = ref_compile(ctx->arena, STR("program"), err);
	p->pid = ref_compile(ctx->arena, STR("pid"), err);
	p->logsource = ref_compile(ctx->arena, STR("logsource"), err);
	p->facility_old = ref_compile(ctx->arena, STR("facility"), err);
	p->message = key_named(STR("message"));
	p->host = key_named(STR("host"));
	p->timestamp = key_named(STR("@timestamp"));
	p->dispatch = dispatch_new();
	return 0;
}

static void parse_close(void *self)
{
	struct parse *p = self;

	syslog_decode_close(&p->header);
	dispatch_free(p->dispatch);
}

static struct str text_at(const struct event *ev, const struct ref *r)
{
	const struct value *v = event_get(ev, r);

	return value_is(v, V_STRING) ? value_str(v) : (struct str){0};
}

static void set_text(struct parse *p, enum field_id f, struct str s)
{
	if (s.len)
		field_put(&p->writer, f, v_str(s));
}

/* ---- what other inputs and the legacy names left ---- */

/* `host` as a scalar was the sender: log.source.address. The event has the object then. */
static struct str former_host(struct parse *p, struct event *ev)
{
	struct value *v = map_find(&ev->root, &p->host);
	struct str s = {0};

	if (!v || v->type == V_MAP)
		return s;
	if (v->type == V_STRING)
		s = value_str(v);
	*v = v_map(map_new(ev->arena, 4));
	field_writer_begin(&p->writer, ev);
	if (!field_have(&p->writer, F_LOG_SOURCE_ADDRESS))
		set_text(p, F_LOG_SOURCE_ADDRESS, s);
	return s;
}

/* program, pid and logsource of the syslog input under ecs_compatibility => disabled. */
static void adopt_legacy(struct parse *p, struct event *ev)
{
	struct str program = text_at(ev, p->program), pid = text_at(ev, p->pid), host = text_at(ev, p->logsource);
	const struct value *facility = event_get(ev, p->facility_old);
	uint64_t n;

	if (!program.len && !host.len)
		return;
	set_text(p, F_PROCESS_NAME, program);
	if (str_u64(pid, INT64_MAX, &n))
		field_put(&p->writer, F_PROCESS_PID, v_int((int64_t)n));
	set_text(p, F_HOST_HOSTNAME, host);
	if (value_is(facility, V_INT))
		field_put(&p->writer, F_LOG_SYSLOG_FACILITY_CODE, *facility);
}

static bool has_header(const struct syslog_msg *m)
{
	return m->shape != SYSLOG_RAW && m->shape != SYSLOG_BARE;
}

/*
 * A date that is no syslog header ("2026-.. queries: info:", "2026-.. zone example.com/IN:") reads as one whose host and program are the first words. So
 * where one is lacking, or nothing but the date speaks for a header, the formats are asked about the line as a whole first.
 */
static bool is_own_file(const struct syslog_msg *m, const struct record *r)
{
	return (m->shape == SYSLOG_LOCAL || m->tag.len == 0 || (m->pri < 0 && m->pid.len == 0)) && dispatch_shape(r);
}

/* The header, where no input took it. The whole line stays in event.original. */
static void take_header(struct parse *p, struct event *ev, struct str line, struct record *r)
{
	struct syslog_msg m;
	struct str s = line;
	int pri;

	syslog_parse(line, &m);
	if (syslog_take_pri(&s, &pri) == 1)
		r->line = s;
	if (!has_header(&m)) {
		r->text = m.msg;
		return;
	}
	r->text = r->line;
	if (is_own_file(&m, r))
		return;
	if (!field_have(&p->writer, F_EVENT_ORIGINAL))
		field_put(&p->writer, F_EVENT_ORIGINAL, v_str(line));
	syslog_decode_header(&p->header, ev, &m, ev->received_ns);
	field_writer_begin(&p->writer, ev);
	map_set(ev->arena, &ev->root, p->message, v_str(m.msg));
	r->text = m.msg;
	r->program = m.tag;
	r->pid = m.pid;
	r->headed = m.flags & SYSLOG_STAMP;
}

static struct str pid_text(struct parse *p, struct event *ev)
{
	const struct value *v = field_have(&p->writer, F_PROCESS_PID);

	if (value_is(v, V_INT))
		return i64_text(ev->arena, v->i);
	return field_text(&p->writer, F_LOG_SYSLOG_PROCID);
}

static void name_host(struct parse *p, struct str former)
{
	struct str name;

	if (field_text(&p->writer, F_HOST_NAME).len)
		return;
	name = field_text(&p->writer, F_HOST_HOSTNAME);
	if (!name.len || str_ieq(name, STR("localhost")) || str_eq(name, STR("-")))
		name = former.len ? former : name;
	set_text(p, F_HOST_NAME, name);
}

static void begin(struct parse *p, struct event *ev, struct str line, struct record *r)
{
	struct str former;

	record_init(r, ev->arena);
	former = former_host(p, ev);
	r->text = r->line = line;
	r->program = field_text(&p->writer, F_PROCESS_NAME);
	if (!r->program.len) {
		adopt_legacy(p, ev);
		r->program = field_text(&p->writer, F_PROCESS_NAME);
	}
	if (r->program.len) {
		r->headed = true;
		r->pid = pid_text(p, ev);
	} else {
		/* Where the header gives no name, the former sender has it. */
		set_text(p, F_HOST_NAME, former);
		take_header(p, ev, line, r);
	}
	name_host(p, former);
	while (r->text.len && (r->text.p[0] == ' ' || r->text.p[0] == '\t'))
		r->text = str_from(r->text, 1);
	while (r->text.len && strchr("\r\n ", r->text.p[r->text.len - 1]))
		r->text.len--;
}

/* ---- after the format ---- */

static void own_stamp(struct parse *p, struct event *ev, const struct record *r)
{
	struct ts t;

	if (!r->stamp_text.len)
		return;
	if (!syslog_time(&r->stamp, p->zone, &p->span, ev->received_ns, &t)) {
		event_tag(ev, STR("_dateparsefailure"));
	} else if (!syslog_trusted(t, ev->received_ns)) {
		field_put(&p->writer, F_WEIR_PARSE_CLAIMED_TIME, v_time(t));
		event_tag(ev, STR("_time_not_trusted"));
	} else {
		event_set_top(ev, p->timestamp, v_time(t));
	}
}

/* Of two equal lines in a row of one host, under two facilities, the second is the same event told twice. */
static bool said_before(struct parse *p, const struct record *r)
{
	struct str host = field_text(&p->writer, F_HOST_NAME);
	const struct value *v = field_have(&p->writer, F_LOG_SYSLOG_FACILITY_CODE);
	int facility = value_is(v, V_INT) ? (int)v->i : -1;
	uint64_t h = hash_bytes(host.p, host.len), t = hash_bytes(r->text.p, r->text.len);
	struct last_line *last = &p->last[h % HOSTS];
	bool same = last->host == h && last->text == t && last->facility != facility && facility >= 0;

	/* A third one begins anew. */
	*last = (struct last_line){h, same ? 0 : t, facility};
	return same;
}

static void mark_failure(struct parse *p, struct event *ev, const char *why)
{
	field_put(&p->writer, F_WEIR_PARSE_OK, v_bool(false));
	field_put(&p->writer, F_WEIR_PARSE_ERROR, v_str(str_z(why)));
	for (uint32_t i = 0; p->tag_on_failure && i < p->tag_on_failure->n; i++)
		if (p->tag_on_failure->v[i].type == V_STRING)
			event_tag(ev, value_str(&p->tag_on_failure->v[i]));
}

/* "postfix/submission/smtpd": the last part wrote the line. */
static void name_provider(struct field_writer *w, const struct record *r)
{
	ptrdiff_t at = str_rchr(r->program, '/');

	if (r->program.len && !field_have(w, F_EVENT_PROVIDER))
		field_put(w, F_EVENT_PROVIDER, v_str(at < 0 ? r->program : str_from(r->program, (size_t)at + 1)));
}

static void mark_format(struct field_writer *w, const struct format *f)
{
	field_put(w, F_EVENT_MODULE, v_str(f->name));
	field_put(w, F_EVENT_DATASET, v_str(f->dataset));
	if (!field_have(w, F_EVENT_KIND))
		field_put(w, F_EVENT_KIND, v_lit("event"));
	if (!field_have(w, F_ECS_VERSION))
		field_put(w, F_ECS_VERSION, v_lit("9.1.0"));
}

static enum step parse_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	struct parse *p = self;
	const struct value *v = map_find(&ev->root, &p->message);
	const struct format *known, *f;
	struct record *r = &p->record;
	struct field_writer *w = &p->writer;

	if (!value_is(v, V_STRING))
		return STEP_PASS;
	field_writer_begin(w, ev);
	if (field_text(w, F_WEIR_PARSE_FORMAT).len)
		return STEP_PASS;
	if (ev->received_ns == 0)
		ev->received_ns = clock_wall(ctx->clock);
	begin(p, ev, value_str(v), r);
	f = dispatch_parse(p->dispatch, r, &known);
	if (known)
		mark_format(w, known);
	name_provider(w, r);
	if (!f) {
		if (known)
			field_put(w, F_SERVICE_TYPE, v_str(known->service));
		mark_failure(p, ev, known ? "unknown message" : "unknown program");
		return STEP_PASS;
	}
	own_stamp(p, ev, r);
	record_apply(r, f, w);
	field_put(w, F_WEIR_PARSE_FORMAT, v_str(f->name));
	field_put(w, F_WEIR_PARSE_OK, v_bool(true));
	if (f->doubles && said_before(p, r))
		field_put(w, F_WEIR_PARSE_DUPLICATE, v_bool(true));
	return STEP_OK;
}

static const struct option options[] = {
	{"timezone", OPT_STRING, offsetof(struct parse, timezone), .flags = OPT_WEIR, .doc = "zone of stamps that name none: an IANA name or +hh:mm; default: the system's"},
	{"tag_on_failure", OPT_LIST, offsetof(struct parse, tag_on_failure), .flags = OPT_WEIR, .def = "[\"_parsefailure\"]", .doc = "tags for a line that no format knows"},
	{0},
};

FILTER(parse, .size = sizeof(struct parse), .options = options, .doc = "lines of known daemons become ECS fields", .open = parse_open,
       .close = parse_close, .filter = {.run = parse_run})
