/*
 * What filters that ask somebody are made of: the cache of answers, hosts files, and the options of dns.
 */
#include "filter_run.h"

#include "filter/hosts.h"
#include "filter/ttl_cache.h"

#include <unistd.h>

static void check_get(struct ttl_cache *c, const char *key, int64_t now, const char *want)
{
	struct str v = STR("");
	bool there = ttl_cache_get(c, str_z(key), now, &v);

	CHECK_INT(there, want != NULL);
	if (there && want)
		CHECK_STR(v, want);
}

static void test_cache(void)
{
	struct ttl_cache *c = ttl_cache_new(2, 10);

	ttl_cache_put(c, STR("a"), STR("1"), 100);
	ttl_cache_put(c, STR("b"), STR(""), 105);
	check_get(c, "a", 109, "1");
	check_get(c, "a", 110, NULL); /* over, though it was just asked for */
	check_get(c, "b", 110, "");
	ttl_cache_put(c, STR("c"), STR("3"), 110);
	check_get(c, "b", 110, "");
	ttl_cache_put(c, STR("d"), STR("4"), 110); /* c was not asked for longest */
	check_get(c, "c", 110, NULL);
	check_get(c, "b", 110, "");
	ttl_cache_put(c, STR("b"), STR("new"), 112);
	check_get(c, "b", 121, "new");
	check_get(c, "b", 122, NULL);
	ttl_cache_free(c);
	/* Many, and each is found. */
	c = ttl_cache_new(5000, 10);
	for (int i = 0; i < 6000; i++) {
		char key[20];

		snprintf(key, sizeof(key), "k%d", i);
		ttl_cache_put(c, str_z(key), str_z(key), 0);
	}
	check_get(c, "k999", 1, NULL);
	check_get(c, "k1000", 1, "k1000");
	check_get(c, "k5999", 1, "k5999");
	ttl_cache_free(c);
}

static char dir[] = "/tmp/weir-test-lookups-XXXXXX";

static const char *write_file(const char *name, const char *text)
{
	static char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
	return path;
}

static void check_host(const struct map *m, const char *key, const char *want)
{
	const struct value *v = map_find_str(m, str_z(key));

	CHECK_INT(v != NULL, want != NULL);
	if (v && want)
		CHECK_STR(value_str(v), want);
}

static void test_hosts(void)
{
	struct arena a;
	struct hosts h;
	struct err err;

	arena_init(&a, NULL);
	CHECK_INT(hosts_read(&a, str_z(write_file("hosts", "# all\n192.0.2.1 web web.example\t# front\n  192.0.2.2\tmail\r\n192.0.2.3 web #x\n192.0.2.1 later\n2001:db8::1 web6\n\n192.0.2.9\n")),
			     &h, &err), 0);
	check_host(&h.address, "web", "192.0.2.3"); /* the last */
	check_host(&h.address, "web.example", "192.0.2.1");
	check_host(&h.address, "mail", "192.0.2.2");
	check_host(&h.address, "web6", "2001:db8::1");
	check_host(&h.address, "WEB", NULL);
	check_host(&h.address, "#x", NULL);
	check_host(&h.name, "192.0.2.1", "web"); /* the first */
	check_host(&h.name, "192.0.2.9", NULL);
	CHECK_INT(hosts_read(&a, STR("/nonexistent/hosts"), &h, &err), -1);
	CHECK_STR(str_z(err.text), "cannot open the hosts file '/nonexistent/hosts': No such file or directory");
	arena_release(&a);
}

static void refused(const char *options, const char *why)
{
	struct opened o;
	char text[400];

	snprintf(text, sizeof(text), "dns { resolve => [\"h\"] %s }", options);
	CHECK(!opened_plugin(&o, PLUGIN_FILTER, text, ECS_DISABLED));
	if (o.diag.first)
		CHECK_STR(o.diag.first->text, why);
	opened_release(&o);
}

static void test_dns_options(void)
{
	refused("nameserver => \"ns.example\"", "'nameserver': 'ns.example' is no address");
	refused("nameserver => [\"192.0.2.1:0\"]", "'nameserver': '192.0.2.1:0' is no address");
	refused("nameserver => [\"192.0.2.1:65536\"]", "'nameserver': '192.0.2.1:65536' is no address");
	refused("nameserver => { search => [\"x\"] }", "'nameserver' needs 'address'");
	refused("nameserver => { address => [] }", "'nameserver' has no address");
	refused("nameserver => { address => \"192.0.2.1\" search => [\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\"] }", "'nameserver': at most 6 'search' domains");
	refused("nameserver => { address => \"192.0.2.1\" ndots => 0 }", "'nameserver': 'ndots' is a number above 0");
	refused("nameserver => { address => \"192.0.2.1\" ndts => 1 }", "'nameserver' has no 'ndts'");
	refused("nameserver => [] timeout => 0", "'timeout' is a number of seconds above 0");
	refused("nameserver => [] hostsfile => [\"/nonexistent/h\"]", "cannot open the hosts file '/nonexistent/h': No such file or directory");
}

int main(void)
{
	hash_init(NULL);
	CHECK(mkdtemp(dir) != NULL);
	test_cache();
	test_hosts();
	test_dns_options();
	unlink(write_file("hosts", ""));
	rmdir(dir);
	return test_end();
}
