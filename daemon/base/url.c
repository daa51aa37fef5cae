#include "base/url.h"

#include <string.h>

void url_percent(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (ch_alnum(s.p[i]) || (s.p[i] && strchr("-._~,*", s.p[i])))
			buf_ch(out, s.p[i]);
		else
			buf_printf(out, "%%%02X", (unsigned char)s.p[i]);
	}
}

struct str url_decode(struct arena *a, struct str s)
{
	char *p = arena_bytes(a, s.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		uint64_t v;

		if (s.p[i] == '%' && i + 2 < s.len && str_hex64(str_sub(s, i + 1, 2), &v)) {
			p[n++] = (char)v;
			i += 2;
		} else {
			p[n++] = s.p[i];
		}
	}
	return str_n(p, n);
}

bool url_has_control(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

int url_parse(struct str in, struct url *u, struct err *err)
{
	struct str s = str_trim(in), authority;
	ptrdiff_t at;

	*u = (struct url){0};
	if (url_has_control(s) || str_chr(s, ' ') >= 0)
		goto bad;
	at = str_find(s, STR("://"));
	if (at >= 0) {
		struct str scheme = str_sub(s, 0, (size_t)at);

		u->has_scheme = true;
		u->https = str_ieq(scheme, STR("https"));
		if (!u->https && !str_ieq(scheme, STR("http")))
			goto bad;
		s = str_from(s, (size_t)at + 3);
	} else if (str_starts(s, STR("//"))) {
		s = str_from(s, 2);
	}
	at = str_chr(s, '/');
	authority = at < 0 ? s : str_sub(s, 0, (size_t)at);
	u->path = at < 0 ? STR("") : str_from(s, (size_t)at);
	at = str_chr(u->path, '?');
	if (at >= 0)
		goto bad;
	at = str_rchr(authority, '@');
	if (at >= 0) {
		u->password = str_sub(authority, 0, (size_t)at);
		if (!str_cut(&u->password, ':', &u->user)) {
			u->user = u->password;
			u->password = STR("");
		}
		authority = str_from(authority, (size_t)at + 1);
	}
	at = str_rchr(authority, ':');
	if (at >= 0 && str_chr(str_from(authority, (size_t)at), ']') < 0 &&
	    (authority.p[0] == '[' || str_chr(authority, ':') == at)) {
		if (!str_u64(str_from(authority, (size_t)at + 1), 65535, &u->port) || u->port == 0)
			goto bad;
		authority = str_sub(authority, 0, (size_t)at);
	}
	if (authority.len == 0 || authority.len > 255)
		goto bad;
	u->host = authority;
	while (str_ends(u->path, STR("/")))
		u->path.len--;
	return 0;
bad:
	return err_set(err, "'%.*s' is no host, host:port or http(s) URL", str_find(in, STR("@")) >= 0 ? 0 : (int)(in.len < 100 ? in.len : 100),
		       in.p);
}
