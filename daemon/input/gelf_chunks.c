#include "input/gelf_chunks.h"

#include "base/arena.h"
#include "base/hash.h"

#include <netinet/in.h>
#include <stdlib.h>

enum { BUCKETS = 1024, MESSAGES_MAX = 4096, KEY = 8 + 16 };

static const int64_t lifetime_ns = 5 * (int64_t)1000000000;

struct message {
	struct message *next;		/* of its bucket */
	struct message *younger, *older; /* by age */
	uint8_t key[KEY];
	int64_t begun_ns;
	unsigned count, got;
	size_t bytes;
	struct str chunk[]; /* heap copies; .p NULL: not there */
};

struct gelf_chunks {
	struct message *bucket[BUCKETS];
	struct message *oldest, *youngest;
	unsigned n;
	size_t bytes, max;
	struct buf whole;
};

struct gelf_chunks *gelf_chunks_new(size_t max_bytes)
{
	struct gelf_chunks *g = xzalloc(sizeof(*g));

	g->max = max_bytes;
	buf_init(&g->whole, 0);
	return g;
}

void gelf_chunks_free(struct gelf_chunks *g)
{
	if (!g)
		return;
	(void)gelf_chunks_expire(g, INT64_MAX);
	buf_release(&g->whole);
	free(g);
}

bool gelf_is_chunk(struct str d)
{
	return d.len >= 2 && (unsigned char)d.p[0] == 0x1e && (unsigned char)d.p[1] == 0x0f;
}

static struct message **slot(struct gelf_chunks *g, const uint8_t key[KEY])
{
	struct message **at = &g->bucket[hash_bytes(key, KEY) % BUCKETS];

	while (*at && memcmp((*at)->key, key, KEY) != 0)
		at = &(*at)->next;
	return at;
}

/* How many of its chunks were held. */
static unsigned forget(struct gelf_chunks *g, struct message *m)
{
	unsigned got = m->got;

	*slot(g, m->key) = m->next;
	*(m->older ? &m->older->younger : &g->oldest) = m->younger;
	*(m->younger ? &m->younger->older : &g->youngest) = m->older;
	for (unsigned i = 0; i < m->count; i++)
		free((char *)m->chunk[i].p);
	g->bytes -= m->bytes;
	g->n--;
	free(m);
	return got;
}

static struct message *begin(struct gelf_chunks *g, const uint8_t key[KEY], unsigned count, int64_t now)
{
	size_t size = sizeof(struct message) + count * sizeof(struct str);
	struct message *m = xzalloc(size), **at = slot(g, key);

	memcpy(m->key, key, KEY);
	m->count = count;
	m->begun_ns = now;
	m->bytes = size;
	*at = m;
	m->older = g->youngest;
	*(m->older ? &m->older->younger : &g->oldest) = m;
	g->youngest = m;
	g->n++;
	g->bytes += size;
	return m;
}

static void make_key(uint8_t key[KEY], struct str datagram, const struct sockaddr *from)
{
	memset(key, 0, KEY);
	memcpy(key, datagram.p + 2, 8);
	if (from->sa_family == AF_INET6)
		memcpy(key + 8, &((const struct sockaddr_in6 *)from)->sin6_addr, 16);
	else if (from->sa_family == AF_INET)
		memcpy(key + 8, &((const struct sockaddr_in *)from)->sin_addr, 4);
}

static void join(struct gelf_chunks *g, const struct message *m)
{
	buf_clear(&g->whole);
	for (unsigned i = 0; i < m->count; i++)
		buf_str(&g->whole, m->chunk[i]);
}

enum gelf_chunk gelf_chunks_add(struct gelf_chunks *g, struct str datagram, const struct sockaddr *from, int64_t now_ns, struct str *whole,
				unsigned *n, unsigned *lost)
{
	struct str data = str_from(datagram, GELF_CHUNK_HEAD);
	uint8_t key[KEY];
	unsigned number, count;
	struct message *m;

	*lost = gelf_chunks_expire(g, now_ns);
	if (datagram.len <= GELF_CHUNK_HEAD)
		return GELF_REFUSED;
	number = (unsigned char)datagram.p[10];
	count = (unsigned char)datagram.p[11];
	if (count == 0 || count > GELF_CHUNKS_MAX || number >= count)
		return GELF_REFUSED;
	make_key(key, datagram, from);
	m = *slot(g, key);
	if (m && (m->count != count || m->chunk[number].p))
		return GELF_REFUSED;
	if (!m)
		m = begin(g, key, count, now_ns);
	m->chunk[number] = str_n(xstrdupz(data), data.len);
	m->got++;
	m->bytes += data.len;
	g->bytes += data.len;
	if (m->got == count) {
		join(g, m);
		*n = forget(g, m);
		*whole = buf_slice(&g->whole);
		return GELF_WHOLE;
	}
	while ((g->bytes > g->max || g->n > MESSAGES_MAX) && g->oldest)
		*lost += forget(g, g->oldest);
	return GELF_HELD;
}

unsigned gelf_chunks_expire(struct gelf_chunks *g, int64_t now_ns)
{
	unsigned lost = 0;

	while (g->oldest && (now_ns == INT64_MAX || now_ns - g->oldest->begun_ns > lifetime_ns))
		lost += forget(g, g->oldest);
	if (!g->n && g->whole.cap > 1024 * 1024)
		buf_release(&g->whole);
	return lost;
}
