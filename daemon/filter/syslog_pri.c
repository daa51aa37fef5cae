/*
 * syslog_pri.c - the filter `syslog_pri`: a number becomes facility and severity, with their names. Work thread.
 */
#include "base/number.h"
#include "filter/support.h"

#include <math.h>

struct syslog_pri {
	const struct ref *source, *facility_code, *severity_code, *facility, *severity;
	struct str source_name;
	const struct list *facility_labels, *severity_labels;
	bool use_labels;
};

static int syslog_pri_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct syslog_pri *s = self;
	struct arena *a = ctx->arena;
	bool ecs = ctx->ecs != ECS_DISABLED;

	if (!s->source_name.p)
		s->source_name = ecs ? STR("[log][syslog][priority]") : STR("syslog_pri");
	s->source = ref_compile(a, s->source_name, err);
	if (!s->source)
		return -1;
	s->facility_code = ref_compile(a, ecs ? STR("[log][syslog][facility][code]") : STR("syslog_facility_code"), NULL);
	s->severity_code = ref_compile(a, ecs ? STR("[log][syslog][severity][code]") : STR("syslog_severity_code"), NULL);
	s->facility = ref_compile(a, ecs ? STR("[log][syslog][facility][name]") : STR("syslog_facility"), NULL);
	s->severity = ref_compile(a, ecs ? STR("[log][syslog][severity][name]") : STR("syslog_severity"), NULL);
	return 0;
}

/* Ruby's to_i. false: there is none of that value. */
static bool to_i(const struct value *v, int64_t *out)
{
	switch (v->type) {
	case V_NULL:
		*out = 0;
		return true;
	case V_INT:
		*out = v->i;
		return true;
	case V_FLOAT:
		if (!isfinite(v->f) || fabs(v->f) > 9e18)
			return false;
		*out = (int64_t)v->f;
		return true;
	case V_STRING:
		return ruby_to_i(value_str(v), out);
	default:
		return false;
	}
}

/* A negative index counts from the end, as in Ruby. */
static bool label(struct event *ev, const struct list *l, int64_t at, const struct ref *ref)
{
	if (l && at < 0)
		at += l->n;
	if (!l || at < 0 || at >= l->n)
		return false;
	return filter_set(ev, ref, v_str(value_text(ev->arena, &l->v[at])));
}

static enum step syslog_pri_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	static const struct value nothing = {.type = V_NULL};
	const struct syslog_pri *s = self;
	const struct value *v = event_get(ev, s->source);
	int64_t pri = 13; /* of RFC 3164, for what has none */
	bool ok = true;

	(void)ctx;
	if (value_is(v, V_LIST))
		ok = to_i(v->list->n ? &v->list->v[0] : &nothing, &pri);
	else if (filter_truth(v))
		ok = to_i(v, &pri);
	ok = ok && filter_set(ev, s->severity_code, v_int(pri & 7)) && filter_set(ev, s->facility_code, v_int(pri >> 3));
	if (ok && s->use_labels)
		ok = label(ev, s->facility_labels, pri >> 3, s->facility) && label(ev, s->severity_labels, pri & 7, s->severity);
	if (ok)
		return STEP_OK;
	event_tag(ev, STR("_syslogpriparsefailure"));
	return STEP_PASS;
}

static const struct option options[] = {
	{"syslog_pri_field_name", OPT_STRING, offsetof(struct syslog_pri, source_name),
	 .doc = "field with the number; syslog_pri, or [log][syslog][priority] under ECS"},
	{"use_labels", OPT_BOOL, offsetof(struct syslog_pri, use_labels), .def = "true", .doc = "set the names, too"},
	{"facility_labels", OPT_LIST, offsetof(struct syslog_pri, facility_labels),
	 .def = "[\"kernel\", \"user-level\", \"mail\", \"daemon\", \"security/authorization\", \"syslogd\", \"line printer\", "
		"\"network news\", \"uucp\", \"clock\", \"security/authorization\", \"ftp\", \"ntp\", \"log audit\", \"log alert\", "
		"\"clock\", \"local0\", \"local1\", \"local2\", \"local3\", \"local4\", \"local5\", \"local6\", \"local7\"]",
	 .doc = "names of the facilities from 0 on"},
	{"severity_labels", OPT_LIST, offsetof(struct syslog_pri, severity_labels),
	 .def = "[\"emergency\", \"alert\", \"critical\", \"error\", \"warning\", \"notice\", \"informational\", \"debug\"]",
	 .doc = "names of the severities from 0 on"},
	{0},
};

FILTER(syslog_pri, .size = sizeof(struct syslog_pri), .options = options, .doc = "facility and severity of a syslog PRI",
       .open = syslog_pri_open, .filter = {.run = syslog_pri_run})
