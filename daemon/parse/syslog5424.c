/*
 * syslog5424.c - RFC 5424 behind PRI.
 *
 *   1 2003-10-11T22:14:15.003Z host app procid msgid [id@32473 iut="3" x="a\"b\]"][id2] MSG       (RFC 5424 section 6)
 *
 * Lenient where senders are: names longer than the RFC allows (up to SYSLOG_NAME_MAX), more than six digits of a second, a date
 * that does not exist (flagged), structured data that is none (Check Point: it stays in MSG, flagged). What lacks
 * a field of the header is not RFC 5424, and the caller reads it as RFC 3164.
 */
#include "parse/syslog.h"

static bool take_field(struct str *s, struct str *out)
{
	if (!str_cut(s, ' ', out) || out->len == 0 || out->len > SYSLOG_NAME_MAX)
		return false;
	if (out->len == 1 && out->p[0] == '-')
		*out = str_n(out->p, 0);
	return true;
}

void syslog_sd_init(struct syslog_sd *it, struct str sd)
{
	*it = (struct syslog_sd){.rest = sd};
}

/* SD-NAME: printable ASCII but '=', ' ', ']', '"'. */
static struct str take_name(struct str *s)
{
	size_t n = 0;
	struct str name;

	while (n < s->len && s->p[n] > ' ' && s->p[n] < 127 && s->p[n] != '=' && s->p[n] != ']' && s->p[n] != '"')
		n++;
	name = str_sub(*s, 0, n);
	*s = str_from(*s, n);
	return name;
}

/* The text of a quoted value, *s behind its closing quote. */
static bool take_value(struct str *s, struct syslog_param *out)
{
	size_t n = 1;

	if (s->len == 0 || s->p[0] != '"')
		return false;
	out->escaped = false;
	while (n < s->len && s->p[n] != '"') {
		if (s->p[n] == '\\') {
			out->escaped = true;
			n++;
		}
		n++;
	}
	if (n >= s->len)
		return false;
	out->value = str_sub(*s, 1, n - 1);
	*s = str_from(*s, n + 1);
	return true;
}

enum sd_step { SD_PARAM, SD_BARE, SD_END, SD_BROKEN };

/* One parameter, or an element that has none. */
static enum sd_step sd_step(struct syslog_sd *it, struct syslog_param *out)
{
	struct str *s = &it->rest;
	bool fresh = false;

	for (;;) {
		/* Some senders leave a blank before ']' or two between parameters. */
		size_t blanks = 0;

		while (it->open && blanks < s->len && s->p[blanks] == ' ')
			blanks++;
		*s = str_from(*s, blanks);
		*out = (struct syslog_param){.id = it->id};
		if (it->open && s->len && s->p[0] == ']') {
			if (fresh)
				return SD_BARE;
			it->open = false;
			*s = str_from(*s, 1);
		} else if (it->open) {
			if (blanks == 0)
				return SD_BROKEN;
			break;
		}
		if (s->len == 0 || s->p[0] != '[')
			return SD_END;
		*s = str_from(*s, 1);
		it->id = take_name(s);
		if (it->id.len == 0)
			return SD_BROKEN;
		it->open = fresh = true;
		it->elements++;
	}
	out->name = take_name(s);
	if (out->name.len == 0 || s->len == 0 || s->p[0] != '=')
		return SD_BROKEN;
	*s = str_from(*s, 1);
	if (!take_value(s, out))
		return SD_BROKEN;
	it->params++;
	return SD_PARAM;
}

bool syslog_sd_next(struct syslog_sd *it, struct syslog_param *out)
{
	enum sd_step step = sd_step(it, out);

	if (it->elements > SYSLOG_SD_ELEMENTS || it->params > SYSLOG_SD_PARAMS)
		return false;
	return step == SD_PARAM || step == SD_BARE;
}

/* Length of well-formed structured data at the front of s, 0 if it is broken. */
static size_t sd_length(struct str s, bool *over)
{
	struct syslog_sd it;
	struct syslog_param p;
	enum sd_step step;

	syslog_sd_init(&it, s);
	do
		step = sd_step(&it, &p);
	while (step == SD_PARAM || step == SD_BARE);
	*over = it.elements > SYSLOG_SD_ELEMENTS || it.params > SYSLOG_SD_PARAMS;
	if (step == SD_BROKEN || (it.rest.len && it.rest.p[0] != ' '))
		return 0;
	return s.len - it.rest.len;
}

size_t syslog_unescape(struct str value, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < value.len; i++) {
		if (value.p[i] == '\\' && i + 1 < value.len &&
		    (value.p[i + 1] == '"' || value.p[i + 1] == '\\' || value.p[i + 1] == ']'))
			i++;
		out[n++] = value.p[i];
	}
	return n;
}

/* "-", or a date, or what looks like one and is none. */
static bool stamp_field(struct str f, struct syslog_msg *m)
{
	if (f.len == 0)
		return true;
	if (!ch_digit(f.p[0]) || (str_chr(f, 'T') < 0 && str_chr(f, 't') < 0))
		return false;
	m->stamp_text = f;
	m->flags |= SYSLOG_ISO;
	m->flags |= syslog_iso_date(f, &m->stamp) == SYSLOG_DATE_OK ? SYSLOG_STAMP : SYSLOG_BAD_STAMP;
	return true;
}

bool syslog5424_parse(struct str s, struct syslog_msg *m)
{
	struct syslog_msg r = *m;
	struct str field;
	size_t n;
	bool over = false;

	if (!str_starts(s, STR("1 ")))
		return false;
	s = str_from(s, 2);
	if (!take_field(&s, &field) || !stamp_field(field, &r))
		return false;
	if (!take_field(&s, &r.host) || !take_field(&s, &r.tag) || !take_field(&s, &r.pid))
		return false;
	/* MSGID may be the last thing where a sender leaves out SD and MSG. */
	if (!take_field(&s, &r.msgid)) {
		if (s.len == 0 || s.len > SYSLOG_NAME_MAX || str_chr(s, ' ') >= 0)
			return false;
		r.msgid = str_eq(s, STR("-")) ? str_n(s.p, 0) : s;
		s = str_from(s, s.len);
	}
	r.shape = SYSLOG_5424;
	if (s.len && s.p[0] == '-' && (s.len == 1 || s.p[1] == ' ')) {
		s = str_from(s, 2);
	} else if (s.len && s.p[0] == '[' && (n = sd_length(s, &over)) > 0) {
		r.sd = str_sub(s, 0, n);
		s = str_from(s, n + 1);
		r.flags |= over ? SYSLOG_SD_LIMIT : 0;
	} else {
		r.flags |= SYSLOG_BAD_SD;
	}
	/* rsyslog's template writes "- -  text": the second blank belongs to no one. */
	if (!(r.flags & SYSLOG_BAD_SD) && s.len && s.p[0] == ' ')
		s = str_from(s, 1);
	if (str_starts(s, STR("\xef\xbb\xbf"))) {
		r.flags |= SYSLOG_BOM;
		s = str_from(s, 3);
	}
	r.msg = r.content = s;
	*m = r;
	return true;
}
