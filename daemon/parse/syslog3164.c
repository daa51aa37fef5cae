/*
 * syslog3164.c - everything that calls itself syslog and is not RFC 5424.
 *
 * RFC 3164 only describes what was seen; so this reads, in this order, what is there: Cisco's marks, a date (syslog_date.c), a zone, a
 * host, a tag. Nothing that is not recognised is left out: it is where the text begins. Where Logstash's pattern
 * (SYSLOGLINE) reads a line, the same host, tag and text come out here. One real line stands at each branch.
 */
#include "parse/syslog.h"

static bool is_blank(char ch)
{
	return ch == ' ' || ch == '\t';
}

static struct str skip_blanks(struct str s)
{
	size_t n = 0;

	while (n < s.len && is_blank(s.p[n]))
		n++;
	return str_from(s, n);
}

/* What a byte may stand in: a host (letters, digits and -._:%@), a tag (PROG is Logstash's: printable ASCII but '[' and ']'), a token. */
enum { CH_HOST = 1, CH_PROG = 2, CH_TOKEN = 4 };

#define T CH_TOKEN
#define P (CH_TOKEN | CH_PROG)
#define H (CH_TOKEN | CH_PROG | CH_HOST)
#define U (CH_TOKEN | CH_HOST)
#define ROW(x) x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x
static const unsigned char kind[256] = {
	T, T, T, T, T, T, T, T, T, 0, T, T, T, T, T, T, ROW(T),		/* 0x09: tab */
	0, P, P, P, P, H, P, P, P, P, P, P, P, H, H, P,			/*  !"#$%&'()*+,-./ */
	H, H, H, H, H, H, H, H, H, H, H, P, P, P, P, P,			/* 0-9:;<=>? */
	H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,			/* @A-O */
	H, H, H, H, H, H, H, H, H, H, H, T, P, T, P, H,			/* P-Z[\]^_ */
	P, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H,			/* `a-o */
	H, H, H, H, H, H, H, H, H, H, H, P, P, P, P, T,			/* p-z{|}~ */
	ROW(U), ROW(U), ROW(U), ROW(U), ROW(U), ROW(U), ROW(U), ROW(U), /* not ASCII */
};
#undef ROW
#undef U
#undef H
#undef P
#undef T

/* How many of the first max bytes are of that kind. */
static inline size_t run(struct str s, size_t max, unsigned char what)
{
	size_t n = 0;

	if (max > s.len)
		max = s.len;
	while (n < max && (kind[(unsigned char)s.p[n]] & what))
		n++;
	return n;
}

/* Up to the first blank; at most max bytes are looked at (then the token is max long, which no caller takes). */
static struct str token(struct str s, size_t max)
{
	return str_sub(s, 0, run(s, max, CH_TOKEN));
}

/* A name or address; never what could be a path. */
static bool host_like(struct str s)
{
	if (s.len == 0 || s.len > SYSLOG_NAME_MAX || !(ch_alnum(s.p[0]) || s.p[0] == ':' || (s.p[0] & 0x80)))
		return false;
	if (run(s, s.len, CH_HOST) != s.len)
		return false;
	for (size_t i = 1; i < s.len; i++)
		if (s.p[i] == '.' && s.p[i - 1] == '.')
			return false;
	return true;
}

/* "2001:db8::" ends in a colon and is an address all the same. */
static bool ipv6_like(struct str s)
{
	unsigned colons = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == ':')
			colons++;
		else if (!ch_xdigit(s.p[i]) && s.p[i] != '.')
			return false;
	}
	return colons >= 2 && s.len > 2;
}

/*
 * prog: text | prog[pid]: text | %FAC-5-X : text. On success s is behind the tag and one blank.
 * loose: "prog[12] text" counts, too.
 */
static bool take_tag(struct str *s, struct syslog_msg *m, bool loose)
{
	struct str prog, pid = {0}, rest;
	size_t n = run(*s, SYSLOG_NAME_MAX + 1, CH_PROG), end;

	/* {"a": 1} has no tag, although Logstash's pattern would make one of it. */
	if (n == 0 || n > SYSLOG_NAME_MAX || s->p[0] == '{' || s->p[0] == '"')
		return false;
	prog = str_sub(*s, 0, n);
	rest = str_from(*s, n);
	if (rest.len && rest.p[0] == '[') {
		/* postfix/smtpd[3150]: connect from ... */
		end = 1;
		while (end < rest.len && end <= 128 && rest.p[end] != ']' && rest.p[end] != '[' && !is_blank(rest.p[end]))
			end++;
		if (end >= rest.len || rest.p[end] != ']')
			return false;
		pid = str_sub(rest, 1, end - 1);
		rest = str_from(rest, end + 1);
		if (rest.len && rest.p[0] == ':')
			rest = str_from(rest, 1);
		else if (!loose || (rest.len && !is_blank(rest.p[0])))
			return false;
	} else if (rest.len && !is_blank(rest.p[0])) {
		return false;
	} else if (prog.p[n - 1] == ':' && n > 1) {
		/* kernel: [765135.424096] mce: CPU6 */
		prog.len--;
	} else if (prog.p[0] == '%' && rest.len > 1 && rest.p[0] == ' ' && rest.p[1] == ':') {
		/* %SYS-5-CONFIG_I : Configured */
		rest = str_from(rest, 2);
	} else {
		return false;
	}
	m->tag = prog;
	m->pid = pid;
	*s = rest.len && is_blank(rest.p[0]) ? str_from(rest, 1) : rest;
	return true;
}

/* "last message repeated 3 times", "message repeated 2 times: [ text]" */
static void look_for_repeats(struct syslog_msg *m)
{
	struct str s = m->msg;
	uint64_t n;

	if (s.len < 24 || (s.p[0] != 'l' && s.p[0] != 'm'))
		return;
	if (str_starts(s, STR("last ")))
		s = str_from(s, 5);
	if (!str_starts(s, STR("message repeated ")))
		return;
	s = str_from(s, 17);
	if (str_take_u64(&s, 9, 999999999, &n) && str_starts(s, STR(" times")))
		m->repeated = (uint32_t)n;
}

static void finish(struct syslog_msg *m, struct str content)
{
	m->content = content;
	take_tag(&content, m, m->shape != SYSLOG_3164);
	m->msg = content;
	look_for_repeats(m);
}

/* 00:00:46, 1w2d, 2d03h: how long a switch without a clock has been up. */
static bool uptime_like(struct str s)
{
	bool unit = false;

	if (s.len == 0 || !ch_digit(s.p[0]))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (ch_digit(s.p[i]))
			continue;
		if (!strchr(":.ywdhms", s.p[i]))
			return false;
		unit = true;
	}
	return unit;
}

static bool all_digits(struct str s)
{
	size_t n = 0;

	while (n < s.len && ch_digit(s.p[n]))
		n++;
	return n && n == s.len;
}

/*
 * Cisco before the date:  123: | 123: sw1: | sw1: 123: | 45: 000045: | : (NX-OS, ASA's EMBLEM) ; then '*' or '.' where the clock is
 * not set. false: no such thing, or neither date nor mnemonic behind it.
 */
static bool take_cisco(struct str *s, struct syslog_msg *m)
{
	struct str c = *s, seq = {0}, host = {0};
	enum syslog_date date;
	unsigned flags = 0;
	bool iso;

	if (c.len && c.p[0] == ':')
		c = skip_blanks(str_from(c, 1));
	for (int i = 0; i < 3; i++) {
		struct str t = token(c, SYSLOG_NAME_MAX + 1);

		if (t.len < 2 || t.len > SYSLOG_NAME_MAX || t.p[t.len - 1] != ':')
			break;
		t.len--;
		if (all_digits(t))
			seq = t;
		else if (host_like(t) && str_chr(t, ':') < 0 && !uptime_like(t))
			host = t;
		else
			break;
		c = skip_blanks(str_from(c, t.len + 1));
	}
	if (c.len && (c.p[0] == '*' || c.p[0] == '.')) {
		flags = SYSLOG_UNSYNCED;
		c = str_from(c, 1);
	}
	if (c.p == s->p)
		return false;
	date = syslog_take_date(&c, &m->stamp, &m->stamp_text, &iso);
	if (date == SYSLOG_DATE_NONE) {
		/* <189>45: 00:00:46: %LINK-3-UPDOWN: ... (uptime), <189>45: sw1: %SYS-5-RESTART: ... */
		struct str t = token(c, 32);

		if (t.len > 1 && t.p[t.len - 1] == ':' && uptime_like(str_sub(t, 0, t.len - 1)))
			c = skip_blanks(str_from(c, t.len));
		if (!seq.len || c.len == 0 || c.p[0] != '%')
			return false;
	} else {
		flags |= date == SYSLOG_DATE_OK ? SYSLOG_STAMP : SYSLOG_BAD_STAMP;
		flags |= iso ? SYSLOG_ISO : 0;
	}
	m->shape = SYSLOG_CISCO;
	m->flags |= flags;
	m->seq = seq;
	m->host = host;
	*s = c;
	return true;
}

/*
 * Behind the date: zone and colon. *MAR 1 18:46:11 UTC: %SYS | Oct 11 22:14:15: %ASA | 2026-10-11 22:14:15 +0200 host
 * True where a colon ended the date.
 */
static bool take_zone(struct str *s, struct syslog_msg *m)
{
	struct str c = *s, t, zone;
	int32_t offset;
	bool colon;

	if (c.len && c.p[0] == ':') {
		*s = skip_blanks(str_from(c, 1));
		return true;
	}
	c = skip_blanks(c);
	if (c.len == 0 || !(c.p[0] == '+' || c.p[0] == '-' || (unsigned char)(c.p[0] - 'A') < 26)) {
		/* asa : and "22:14:15.123 : ifmgr": a colon of its own */
		if (c.len > 1 && c.p[0] == ':' && is_blank(c.p[1])) {
			*s = skip_blanks(str_from(c, 1));
			return true;
		}
		*s = c;
		return false;
	}
	*s = c;
	t = zone = token(c, 8);
	colon = t.len && t.p[t.len - 1] == ':';
	if (colon)
		zone.len--;
	if (t.len == 8 || zone.len == 0)
		return false;
	c = skip_blanks(str_from(c, t.len));
	if (syslog_zone_offset(zone, &offset)) {
		if (!m->stamp.has_offset) {
			m->stamp.has_offset = true;
			m->stamp.offset = offset;
		}
		*s = c;
		return colon;
	}
	/* A name nobody knows is a zone only between date and mnemonic: "11:46:11 XYZ: %SYS-5-..." */
	for (size_t i = 0; i < zone.len; i++)
		if ((unsigned char)(zone.p[i] - 'A') >= 26)
			return false;
	if (!colon || zone.len > 5 || c.len == 0 || c.p[0] != '%')
		return false;
	*s = c;
	return true;
}

static int name_at(struct str s, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
		if (str_eqz(s, names[i]))
			return i;
	return -1;
}

/* "daemon.info " in the file of busybox and in OpenWrt's logread, where a PRI would be on the wire. Its length without the blank, or 0. */
static size_t priority_word(struct str s, struct syslog_msg *m)
{
	static const char *const facilities[] = {"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news",
						 "uucp", "cron", "authpriv", "ftp", "", "", "", "",
						 "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"};
	static const char *const severities[] = {"emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"};
	size_t n = 0, end;
	int facility, severity;

	while (n < s.len && n < 9 && (kind[(unsigned char)s.p[n]] & CH_HOST) && s.p[n] != '.')
		n++;
	if (n < 3 || n + 4 >= s.len || s.p[n] != '.')
		return 0;
	for (end = n + 1; end < s.len && end < n + 8 && (unsigned char)(s.p[end] - 'a') < 26; end++)
		;
	if (end == s.len || !is_blank(s.p[end]))
		return 0;
	facility = name_at(str_sub(s, 0, n), facilities, 24);
	severity = name_at(str_sub(s, n + 1, end - n - 1), severities, 8);
	if (facility < 0 || severity < 0)
		return 0;
	m->pri = facility * 8 + severity;
	m->flags |= SYSLOG_PRI;
	return end;
}

/* Sat Aug  5 11:37:27 2023 */
static bool has_weekday(const struct syslog_msg *m)
{
	return m->stamp.has_year && m->stamp_text.len > 20 && ch_alpha(m->stamp_text.p[0]);
}

/* Behind date and zone. */
static void take_host(struct str s, struct syslog_msg *m)
{
	struct str t, rest, name;
	size_t n;

	m->shape = SYSLOG_LOCAL;
	/* FreeBSD: Oct 11 22:14:15 <4.6> h1 app: */
	if (s.len && s.p[0] == '<') {
		t = token(s, 34);
		if (t.len < 34 && t.p[t.len - 1] == '>')
			s = skip_blanks(str_from(s, t.len));
	}
	/* AIX: Oct 11 22:14:15 Message forwarded from h1: app: */
	if (str_starts(s, STR("Message forwarded from ")) || str_starts(s, STR("From "))) {
		rest = str_from(s, s.p[0] == 'M' ? 23 : 5);
		t = token(rest, SYSLOG_NAME_MAX + 2);
		name = str_sub(t, 0, t.len ? t.len - 1 : 0);
		if (t.len && t.p[t.len - 1] == ':' && host_like(name)) {
			m->shape = SYSLOG_3164;
			m->flags |= SYSLOG_RELAYED;
			m->host = name;
			s = skip_blanks(str_from(rest, t.len));
			finish(m, s);
			return;
		}
	}
	/* OpenWrt: Sat Aug  5 11:37:27 2023 daemon.notice openvpn(server)[16342]: */
	if (m->pri < 0 && has_weekday(m) && (n = priority_word(s, m)) > 0) {
		finish(m, skip_blanks(str_from(s, n)));
		return;
	}
	t = name = token(s, SYSLOG_NAME_MAX + 3);
	rest = skip_blanks(str_from(s, t.len));
	if (name.len > 2 && name.p[0] == '[' && name.p[name.len - 1] == ']')
		name = str_sub(name, 1, name.len - 2); /* Aruba: [172.16.0.1] authmgr[3456]: */
	/* A host has something behind it; "app[12]:" and "app:" are tags: <13>Oct 11 22:14:15 root: hello */
	if (rest.len && host_like(name) && (name.p[name.len - 1] != ':' || ipv6_like(name)) &&
	    !str_starts(s, STR("last message repeated "))) {
		m->shape = SYSLOG_3164;
		m->host = name;
		s = rest;
		/* busybox: Jan  1 01:01:16 fritz daemon.info dnsmasq[2886]: */
		if (m->pri < 0 && (n = priority_word(s, m)) > 0)
			s = skip_blanks(str_from(s, n));
		/* asa : %ASA-6-302013: */
		if (s.len > 2 && s.p[0] == ':' && s.p[1] == ' ' && s.p[2] == '%')
			s = str_from(s, 2);
	}
	finish(m, s);
}

/* PRI is there, a date is not. */
static void no_date(struct str s, struct syslog_msg *m)
{
	struct str t, rest;

	m->shape = SYSLOG_TAG;
	m->content = s;
	rest = s;
	if (take_tag(&rest, m, false) && (ch_alnum(m->tag.p[0]) || strchr("%/(_", m->tag.p[0])) &&
	    str_chr(m->tag, '=') < 0 && !all_digits(m->tag)) {
		m->msg = rest;
		look_for_repeats(m);
		return;
	}
	/* <13>h1 app[77]: text. Without a pid "error in module: x" would make a host of "error". */
	t = token(s, SYSLOG_NAME_MAX + 1);
	rest = skip_blanks(str_from(s, t.len));
	m->content = rest;
	if (host_like(t) && t.len < s.len && take_tag(&rest, m, false) && m->pid.len && ch_digit(m->pid.p[0])) {
		m->host = t;
		m->msg = rest;
		return;
	}
	m->tag = m->pid = (struct str){0};
	m->shape = SYSLOG_BARE;
	m->msg = m->content = s;
	look_for_repeats(m);
}

/* <134>1 1563249630.774247467 appliance flows src=... */
static bool take_epoch(struct str s, struct syslog_msg *m)
{
	struct str t, whole;
	uint64_t sec, ns = 0;

	if (!str_starts(s, STR("1 ")))
		return false;
	s = str_from(s, 2);
	t = whole = token(s, 32);
	s = skip_blanks(str_from(s, t.len));
	if (!str_take_u64(&t, 11, UINT64_C(99999999999), &sec) || sec < 100000000)
		return false;
	if (t.len) {
		size_t digits = t.len - 1;

		if (t.p[0] != '.' || digits == 0 || digits > 9 || !str_u64(str_from(t, 1), 999999999, &ns))
			return false;
		for (; digits < 9; digits++)
			ns *= 10;
	}
	civil_from_seconds((int64_t)sec, &m->stamp.civil);
	m->stamp.ns = (uint32_t)ns;
	m->stamp.has_year = m->stamp.has_offset = true;
	m->stamp_text = whole;
	m->flags |= SYSLOG_STAMP;
	t = token(s, SYSLOG_NAME_MAX + 1);
	if (host_like(t) && t.len < s.len) {
		m->host = t;
		s = skip_blanks(str_from(s, t.len));
	}
	m->msg = m->content = s;
	m->shape = SYSLOG_EPOCH;
	return true;
}

void syslog3164_parse(struct str line, struct syslog_msg *m)
{
	bool pri = m->flags & SYSLOG_PRI, iso, cisco;
	struct str s = pri ? skip_blanks(line) : line;
	enum syslog_date date = syslog_take_date(&s, &m->stamp, &m->stamp_text, &iso);

	if (date != SYSLOG_DATE_NONE) {
		m->flags |= date == SYSLOG_DATE_OK ? SYSLOG_STAMP : SYSLOG_BAD_STAMP;
		m->flags |= iso ? SYSLOG_ISO : 0;
	} else if (!pri) {
		return; /* SYSLOG_RAW; Cisco always sends a PRI */
	} else if (take_epoch(s, m)) {
		return;
	} else if (!take_cisco(&s, m)) {
		no_date(s, m);
		return;
	}
	cisco = take_zone(&s, m);
	if (m->shape == SYSLOG_CISCO || (cisco && (s.len == 0 || s.p[0] == '%'))) {
		m->shape = SYSLOG_CISCO;
		finish(m, s);
		return;
	}
	take_host(s, m);
}
