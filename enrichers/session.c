#include "enrichers/session.h"

#include "base/arena.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>

void sessions_init(struct sessions *s, size_t max)
{
	*s = (struct sessions){.max = max ? max : 1, .slots = 16};
	while (s->slots < s->max)
		s->slots *= 2;
	s->slot = xzalloc(s->slots * sizeof(struct session *));
}

static void session_free(struct session *x)
{
	free((char *)x->user.p);
	free(x);
}

void sessions_release(struct sessions *s)
{
	for (struct session *x = s->newest, *older; x; x = older) {
		older = x->older;
		session_free(x);
	}
	free(s->slot);
	*s = (struct sessions){0};
}

static void unlink_age(struct sessions *s, struct session *x)
{
	*(x->newer ? &x->newer->older : &s->newest) = x->older;
	*(x->older ? &x->older->newer : &s->oldest) = x->newer;
}

static void link_newest(struct sessions *s, struct session *x)
{
	x->newer = NULL;
	x->older = s->newest;
	if (s->newest)
		s->newest->newer = x;
	else
		s->oldest = x;
	s->newest = x;
}

static struct session **slot_of(const struct sessions *s, struct str key)
{
	return &s->slot[hash_bytes(key.p, key.len) & (s->slots - 1)];
}

void sessions_end(struct sessions *s, struct session *x)
{
	struct session **at = slot_of(s, session_key(x));

	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	unlink_age(s, x);
	s->n--;
	session_free(x);
}

void sessions_adopt(struct sessions *s, struct sessions *former)
{
	size_t max = s->max;

	sessions_release(s);
	*s = *former;
	s->max = max;
	while (s->n > s->max)
		sessions_end(s, s->oldest);
	*former = (struct sessions){0};
}

struct session *sessions_by_key(struct sessions *s, struct str key)
{
	struct session **at = slot_of(s, key), *x;

	if (key.len == 0 || key.len > SESSION_KEY)
		return NULL;
	for (x = *at; x; x = x->next)
		if (str_eq(session_key(x), key)) {
			unlink_age(s, x);
			link_newest(s, x);
			return x;
		}
	if (s->n == s->max) {
		sessions_end(s, s->oldest);
		at = slot_of(s, key);
	}
	x = xzalloc(sizeof(*x));
	x->key_len = (uint8_t)key.len;
	memcpy(x->key, key.p, key.len);
	x->next = *at;
	*at = x;
	link_newest(s, x);
	s->n++;
	return x;
}

struct session *sessions_get(struct sessions *s, struct str host, struct str ip, const struct value *port, struct str id, struct str connection)
{
	char key[SESSION_KEY];
	int n = -1;

	if (ip.len && value_is(port, V_INT))
		n = snprintf(key, sizeof(key), "%.*s|%.*s:%lld", STR_ARG(host), STR_ARG(ip), (long long)port->i);
	else if (id.len || connection.len)
		n = snprintf(key, sizeof(key), "%.*s|%s%.*s", STR_ARG(host), id.len ? "#" : "=", STR_ARG(id.len ? id : connection));
	if (n < 0 || (size_t)n >= sizeof(key))
		return NULL;
	return sessions_by_key(s, str_n(key, (size_t)n));
}

void session_user(struct session *s, struct str user)
{
	if (str_eq(s->user, user))
		return;
	free((char *)s->user.p);
	s->user = str_n(xstrdupz(user), user.len);
}

void session_add(struct session *s, const struct ip *inner)
{
	for (unsigned i = 0; i < s->ninner; i++)
		if (ip_eq(&s->inner[i], inner))
			return;
	if (s->ninner == SESSION_INNER) {
		s->ninner--;
		memmove(&s->inner[0], &s->inner[1], s->ninner * sizeof(s->inner[0]));
	}
	s->inner[s->ninner++] = *inner;
}

/* ---- INFORM ---- */

static struct inform *find_inform(struct sessions *s, struct str host, const struct ip *ip)
{
	uint64_t h = hash_bytes(host.p, host.len);

	for (unsigned i = 0; i < INFORMS; i++)
		if (s->inform[i].t && s->inform[i].host == h && ip_eq(&s->inform[i].ip, ip))
			return &s->inform[i];
	return NULL;
}

void sessions_inform(struct sessions *s, struct str host, const struct ip *ip, int64_t t)
{
	struct inform *f = find_inform(s, host, ip);

	if (!f)
		f = &s->inform[s->at++ % INFORMS];
	*f = (struct inform){hash_bytes(host.p, host.len), *ip, t ? t : 1};
}

void sessions_inform_over(struct sessions *s, struct str host, const struct ip *ip)
{
	struct inform *f = find_inform(s, host, ip);

	if (f)
		f->t = 0;
}

bool sessions_informed(struct sessions *s, struct str host, const struct ip *ip, int64_t t, int64_t within_ns)
{
	const struct inform *f = find_inform(s, host, ip);

	return f && t >= f->t && t - f->t <= within_ns;
}
