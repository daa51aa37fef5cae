/*
 * cidr.c - the filter `cidr`: does an address lie in one of some networks? Work thread; a file of networks is read again by a thread of
 * its own (refresh.h).
 *
 * Addresses and networks are read as Ruby's IPAddr reads them: bits behind the prefix are cut, a netmask may stand for the
 * prefix, IPv4 and IPv6 never meet. What is no address is passed over.
 */
#include "base/ip.h"
#include "base/log.h"
#include "filter/refresh.h"
#include "filter/support.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 64 * 1024 * 1024 };

struct net {
	struct ip first, last;
	bool v6;
};

/* Of a file; heap. */
struct net_list {
	size_t n, cap;
	struct net *net;
};

struct cidr {
	const struct list *address, *network;
	struct str network_path, separator;
	int64_t refresh_s;
	const struct tmpl **address_text, **network_text;
	struct net_list fixed; /* the networks, where none has %{} */
	bool dynamic;
	struct net_list *file;
	struct refresh *refresh;
};

/* "255.255.0.0" as a number of bits. */
static bool netmask_bits(struct str s, unsigned *bits)
{
	struct ip ip;
	uint32_t m;

	if (!ip_parse(s, &ip) || !ip_is_v4(&ip))
		return false;
	m = (uint32_t)ip_low(&ip);
	*bits = m == UINT32_MAX ? 32 : (unsigned)__builtin_clz(~m);
	return *bits == 32 || (m << *bits) == 0;
}

static bool net_parse(struct str s, struct net *out)
{
	ptrdiff_t slash = str_chr(s, '/');
	struct str host = slash < 0 ? s : str_sub(s, 0, (size_t)slash), mask = slash < 0 ? STR("") : str_from(s, (size_t)slash + 1);
	unsigned bits;
	uint64_t n;
	struct ip ip, ones = ip_of(UINT64_MAX, UINT64_MAX), kept;

	if (host.len > 2 && host.p[0] == '[' && host.p[host.len - 1] == ']')
		host = str_sub(host, 1, host.len - 2);
	if (!ip_parse(host, &ip))
		return false;
	out->v6 = str_chr(host, ':') >= 0;
	bits = out->v6 ? 128 : 32;
	if (slash >= 0) {
		if (str_u64(mask, bits, &n))
			bits = (unsigned)n;
		else if (out->v6 || !netmask_bits(mask, &bits))
			return false;
	}
	bits += out->v6 ? 0 : IP_V4_BITS;
	kept = ip_mask(&ones, bits);
	out->first = ip_mask(&ip, bits);
	out->last = ip_of(ip_high(&out->first) | ~ip_high(&kept), ip_low(&out->first) | ~ip_low(&kept));
	return true;
}

static bool net_has(const struct net *n, const struct net *a)
{
	return n->v6 == a->v6 && ip_cmp(&n->first, &a->first) <= 0 && ip_cmp(&n->last, &a->last) >= 0;
}

/* loud: s is no event's text, and may be shown. */
static void list_add(struct net_list *l, struct str s, bool loud)
{
	s = str_trim(s);
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 8;
		l->net = xrealloc(l->net, l->cap * sizeof(*l->net));
	}
	if (s.len == 0)
		return;
	if (net_parse(s, &l->net[l->n]))
		l->n++;
	else if (loud)
		log_warn("filter", "cidr: '%.*s' is no network", (int)(s.len < 64 ? s.len : 64), s.p);
}

/* "10.0.0.0/8, 192.168.0.0/16" */
static void list_add_all(struct net_list *l, struct str s, bool loud)
{
	struct str one;

	while (str_cut(&s, ',', &one))
		list_add(l, one, loud);
	list_add(l, s, loud);
}

static void net_list_free(struct net_list *l)
{
	if (!l)
		return;
	free(l->net);
	free(l);
}

/* ---- the file ---- */

/* At open, and then on the refreshing thread. */
static void *load(void *arg, const void *present, struct err *err)
{
	const struct cidr *c = arg;
	char *z = xstrdupz(c->network_path), *p = NULL;
	int fd = open(z, O_RDONLY | O_CLOEXEC);
	struct net_list *l = NULL;
	struct stat st;
	struct str text;
	ssize_t got;

	(void)present;
	free(z);
	if (fd == -1 || fstat(fd, &st) == -1) {
		err_sys(err, "cannot open '%.*s'", STR_ARG(c->network_path));
		goto out;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		err_set(err, "'%.*s' is %s", STR_ARG(c->network_path), S_ISREG(st.st_mode) ? "larger than 64 MiB" : "no file");
		goto out;
	}
	p = xmalloc((size_t)st.st_size + 1);
	got = read(fd, p, (size_t)st.st_size);
	if (got == -1) {
		err_sys(err, "cannot read '%.*s'", STR_ARG(c->network_path));
		goto out;
	}
	l = xzalloc(sizeof(*l));
	text = str_n(p, (size_t)got);
	while (text.len) {
		ptrdiff_t at = str_find(text, c->separator);

		list_add(l, at < 0 ? text : str_sub(text, 0, (size_t)at), true);
		text = at < 0 ? STR("") : str_from(text, (size_t)at + c->separator.len);
	}
out:
	free(p);
	if (fd != -1)
		close(fd);
	return l;
}

static int cidr_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct cidr *c = self;

	if (c->network_path.p && c->network && c->network->n)
		return err_set(err, "'network' and 'network_path' cannot be given both");
	if (c->separator.len == 0)
		c->separator = STR("\n");
	c->address_text = filter_tmpls(ctx->arena, c->address);
	c->network_text = filter_tmpls(ctx->arena, c->network);
	for (uint32_t i = 0; c->network && i < c->network->n; i++)
		c->dynamic |= !tmpl_is_const(c->network_text[i]);
	for (uint32_t i = 0; c->network && !c->dynamic && i < c->network->n; i++)
		list_add_all(&c->fixed, tmpl_text(c->network_text[i]), true);
	if (!c->network_path.p || plugin_file_absent(ctx, c->network_path))
		return 0;
	c->file = load(c, NULL, err);
	if (!c->file)
		return -1;
	c->refresh = refresh_new("cidr", c->refresh_s * 1000000000, ctx->settings->clock, load, c);
	return 0;
}

static void cidr_close(void *self)
{
	struct cidr *c = self;

	net_list_free(refresh_free(c->refresh));
	net_list_free(c->file);
	free(c->fixed.net);
}

static void take_refreshed(struct cidr *c, const struct clock *clock)
{
	struct net_list *l = refresh_poll(c->refresh, clock, c->file);

	if (!l)
		return;
	/* A file that is empty for a moment changes nothing: so in Logstash. */
	if (l->n == 0) {
		net_list_free(l);
		return;
	}
	net_list_free(c->file);
	c->file = l;
}

/* Those of this event, in the place of last one's. */
static int dynamic_networks(struct cidr *c, struct event *ev, const struct clock *clock)
{
	c->fixed.n = 0;
	for (uint32_t i = 0; i < c->network->n; i++) {
		struct str s;

		if (tmpl_render(c->network_text[i], ev, ev->arena, clock, &s, NULL))
			return -1;
		list_add_all(&c->fixed, s, false);
	}
	return 0;
}

static enum step cidr_run(void *self, struct event *ev, struct step_ctx *ctx)
{
	struct cidr *c = self;
	const struct net_list *nets;

	take_refreshed(c, ctx->clock);
	if (c->dynamic && dynamic_networks(c, ev, ctx->clock))
		return STEP_PASS;
	nets = c->file ? c->file : &c->fixed;
	for (uint32_t i = 0; i < c->address->n; i++) {
		struct net a;
		struct str s;

		if (tmpl_render(c->address_text[i], ev, ev->arena, ctx->clock, &s, NULL) || !net_parse(s, &a))
			continue;
		for (size_t k = 0; k < nets->n; k++)
			if (net_has(&nets->net[k], &a))
				return STEP_OK;
	}
	return STEP_PASS;
}

static const struct option options[] = {
	{"address", OPT_LIST, offsetof(struct cidr, address), .flags = OPT_REQUIRED, .doc = "addresses to look at: \"%{clientip}\""},
	{"network", OPT_LIST, offsetof(struct cidr, network), .doc = "networks: \"10.0.0.0/8\", several between commas"},
	{"network_path", OPT_PATH, offsetof(struct cidr, network_path), .doc = "file with networks"},
	{"refresh_interval", OPT_INT, offsetof(struct cidr, refresh_s), .def = "600", .min = 0, .max = 1000000000,
	 .doc = "seconds after which the file is read again; 0: never"},
	{"separator", OPT_STRING, offsetof(struct cidr, separator), .doc = "between two networks of the file; a line end by default"},
	{0},
};

FILTER(cidr, .size = sizeof(struct cidr), .options = options, .doc = "succeeds where an address lies in a network", .open = cidr_open,
       .close = cidr_close, .filter = {.run = cidr_run})
