/*
 * syslog_pri.c - PRI, and which of the two RFCs a line is read by.
 *
 * PRI is at most three digits and at most 191; anything else between angle brackets is text. It is checked here, once, so that
 * nothing behind it can use it as an index out of range.
 */
#include "parse/syslog.h"

int syslog_take_pri(struct str *s, int *pri)
{
	unsigned v = 0;
	size_t i = 1;

	if (s->len == 0 || s->p[0] != '<')
		return 0;
	for (; i < s->len && i <= 3 && ch_digit(s->p[i]); i++)
		v = v * 10 + (unsigned)(s->p[i] - '0');
	if (i == 1 || i == s->len || s->p[i] != '>' || v > 191)
		return -1;
	*pri = (int)v;
	*s = str_from(*s, i + 1);
	return 1;
}

void syslog_parse(struct str line, struct syslog_msg *m)
{
	struct str s;

	*m = (struct syslog_msg){.shape = SYSLOG_RAW, .pri = -1};
	while (line.len && (line.p[line.len - 1] == '\n' || line.p[line.len - 1] == '\r' || line.p[line.len - 1] == 0))
		line.len--;
	s = line;
	m->msg = m->content = line;
	switch (syslog_take_pri(&s, &m->pri)) {
	case -1:
		m->flags |= SYSLOG_BAD_PRI;
		return;
	case 1:
		m->flags |= SYSLOG_PRI;
		if (s.len > 2 && s.p[0] == '1' && s.p[1] == ' ' && syslog5424_parse(s, m))
			return;
		break;
	}
	syslog3164_parse(s, m);
}
