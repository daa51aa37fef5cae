/*
 * test_settings.c - logstash.yml and weir.yml: flat and nested names, values, what is unknown and what is no YAML.
 */
#include "base/hash.h"
#include "config/left.h"
#include "config/secrets.h"
#include "config/settings.h"

#include "test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena arena;
static struct diag diag;
static struct program_settings set;

static int read_yml(const char *text)
{
	diag_release(&diag);
	arena_clear(&arena);
	settings_init(&set, &arena);
	return settings_read_text(&set, STR("s.yml"), str_z(text), &diag);
}

static struct str problems(void)
{
	static struct buf b;

	buf_clear(&b);
	for (const struct diag_item *it = diag.first; it; it = it->next)
		buf_printf(&b, "%s%u:%u: %s%.*s", b.len ? "\n" : "", it->pos.line, it->pos.col,
			   it->level == DIAG_WARNING ? "warning: " : "", STR_ARG(it->text));
	return buf_slice(&b);
}

static void test_values(void)
{
	CHECK_INT(read_yml(""), 0);
	CHECK_INT(set.pipeline.ecs, ECS_DISABLED);
	CHECK_INT(set.memory_max, 67108864);
	CHECK(set.pipeline.data_dir.p == NULL);
	CHECK_INT(read_yml("# nothing but a comment\n"), 0);
	CHECK_INT(read_yml("pipeline.ecs_compatibility: v8\npath.data: \"/var/lib/x\"\nconfig.support_escapes: true\n"
			   "pipeline.workers: 2\nqueue.type: persisted\nmemory.max: 128 MiB\nlog.level: DEBUG\nlog.format: json\n"
			   "shutdown.drain: 1m\napi.http.port: 9700\nconfig.reload.automatic: on\n"), 0);
	CHECK_STR(problems(), "");
	CHECK_INT(set.pipeline.ecs, ECS_V8);
	CHECK_STR(set.pipeline.data_dir, "/var/lib/x");
	CHECK(set.pipeline.support_escapes && set.log_json && set.reload);
	CHECK_INT(set.memory_max, 134217728);
	CHECK_INT(set.log_level, LOG_DEBUG);
	CHECK_INT(set.drain_ns, 60000000000);
	CHECK_INT(set.api_port, 9700);
	CHECK_INT(set.api_port_last, 9700);
	CHECK_INT(read_yml("pipeline:\n  ecs_compatibility: v1\n  batch:\n    size: 125\n    delay: 50\n  id: web\napi.http:\n  host: \"::1\"\n"
			   "  port: 9600-9609\nnode.name: n1\n"), 0);
	CHECK_STR(problems(), "");
	CHECK_INT(set.pipeline.ecs, ECS_V1);
	CHECK_STR(set.pipeline.pipeline_id, "web");
	CHECK_STR(set.api_host, "::1");
	CHECK_INT(set.api_port_last, 9609);
	CHECK_STR(set.node_name, "n1");
	/* No value is no setting. */
	CHECK_INT(read_yml("path.data:\nlog.level: ~\napi: {http: {host: null}}\n"), 0);
	CHECK(set.pipeline.data_dir.p == NULL);
	CHECK_STR(set.api_host, "127.0.0.1");
	CHECK_INT(read_yml("path.data: ${NO_SUCH_VARIABLE_HERE:/tmp/dd}\n"), 0);
	CHECK_STR(set.pipeline.data_dir, "/tmp/dd");
}

static void test_problems(void)
{
	CHECK_INT(read_yml("pipeline.ecs_compatability: v8\nxpack.monitoring.enabled: true\nwhat.is_this: 1\n"), 0);
	CHECK_STR(problems(), "1:29: warning: unknown setting 'pipeline.ecs_compatability', did you mean 'pipeline.ecs_compatibility'?\n"
			      "3:15: warning: unknown setting 'what.is_this'");
	CHECK_INT(read_yml("modules:\n  - name: netflow\n    var.x: [1, {a: 2}]\npath.config: a\nmodules: []\n"), 0);
	CHECK_STR(problems(), "2:3: warning: the setting 'modules' has no effect here: put the module's pipeline into path.config");
	CHECK_STR(set.config_path, "a");
	/* All at once. */
	CHECK_INT(read_yml("pipeline.ecs_compatibility: v9\nlog:\n  level: loud\nmemory.max: 5\napi.http.port: 70000\n"
			   "shutdown.drain: soon\nconfig.support_escapes: maybe\n"), -1);
	CHECK_STR(problems(), "1:29: the setting 'pipeline.ecs_compatibility' takes disabled, v1 or v8, not 'v9'\n"
			      "3:10: the setting 'log.level' takes fatal, error, warn, info, debug or trace, not 'loud'\n"
			      "4:13: the setting 'memory.max' takes a size of at least 1 MiB, such as 64 MiB, not '5'\n"
			      "5:16: the setting 'api.http.port' takes a port from 0 to 65535 or a range such as 9600-9700, not '70000'\n"
			      "6:17: the setting 'shutdown.drain' takes a duration such as 10s, not 'soon'\n"
			      "7:25: the setting 'config.support_escapes' takes true or false, not 'maybe'");
	CHECK_INT(read_yml("path.data: ${NO_SUCH_VARIABLE_HERE}\n"), -1);
	CHECK_INT(read_yml("a: [\n"), -1);
	CHECK_INT(diag.errors, 1);
	CHECK_INT(read_yml("just text\n"), -1);
	CHECK_STR(problems(), "1:1: expected 'name: value'");
	CHECK_INT(read_yml("- a\n- b\n"), -1);
	CHECK_INT(read_yml("a: &x 1\nb: *x\n"), -1);
	CHECK_INT(read_yml("{[a]: 1}\n"), -1);
	CHECK_INT(read_yml("a: \xff\n"), -1);
	CHECK_INT(read_yml("{a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: 1}}}}}}}}}}}}}}}}}}"), -1);
	CHECK_STR(problems(), "1:69: nested too deep");
}

static void test_command_line(void)
{
	struct pos nowhere = {0};

	CHECK_INT(read_yml("pipeline.ecs_compatibility: v8\n"), 0);
	CHECK_INT(settings_set(&set, STR("pipeline.ecs_compatibility"), STR("disabled"), nowhere, &diag), 0);
	CHECK_INT(set.pipeline.ecs, ECS_DISABLED);
	CHECK_INT(settings_set(&set, STR("log.level"), STR("x"), nowhere, &diag), -1);
}

static void put_file(const char *dir, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	CHECK(f != NULL);
	if (f) {
		fputs(text, f);
		fclose(f);
	}
}

static void test_folder(void)
{
	char dir[] = "/tmp/weir-settings-XXXXXX", path[512];

	CHECK(mkdtemp(dir) != NULL);
	CHECK_INT(read_yml(""), 0);
	CHECK_INT(settings_read(&set, dir, &diag), 0);
	put_file(dir, "logstash.yml", "pipeline.ecs_compatibility: v1\npipeline.id: ls\n");
	put_file(dir, "weir.yml", "pipeline.ecs_compatibility: v8\n");
	CHECK_INT(settings_read(&set, dir, &diag), 0);
	CHECK_INT(set.pipeline.ecs, ECS_V8);
	CHECK_STR(set.pipeline.pipeline_id, "ls");
	put_file(dir, "weir.yml", "{");
	CHECK_INT(settings_read(&set, dir, &diag), -1);
	snprintf(path, sizeof(path), "%s/weir.yml", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/logstash.yml", dir);
	unlink(path);
	rmdir(dir);
}

static void path_in(char *path, size_t n, const char *dir, const char *name)
{
	snprintf(path, n, "%s/%s", dir, name);
}

static void test_secrets(void)
{
	char dir[] = "/tmp/weir-settings-XXXXXX", path[512];
	struct str v;

	CHECK(mkdtemp(dir) != NULL);
	path_in(path, sizeof(path), dir, "secrets.env");
	put_file(dir, "logstash.yml", "path.data: ${ES_DIR}\nnode.name: ${FROM_ENV}\n");
	put_file(dir, "secrets.env", "# a comment\n\nES_DIR=/srv/a=b \r\nES_PWD= x\nES_DIR=/srv/c=d \nFROM_ENV=no\n");
	setenv("FROM_ENV", "yes", 1);
	/* Others may read it. */
	CHECK(chmod(path, 0640) == 0);
	CHECK_INT(read_yml(""), 0);
	CHECK_INT(settings_read(&set, dir, &diag), -1);
	CHECK(str_find(problems(), STR("has mode 0640: others than its owner can read or change it; make it 0600")) >= 0);
	CHECK(chmod(path, 0600) == 0);
	CHECK_INT(read_yml(""), 0);
	CHECK_INT(settings_read(&set, dir, &diag), 0);
	CHECK_STR(problems(), "");
	/* The last of a name, with all that stands behind '='; before the environment's. */
	CHECK_STR(set.pipeline.data_dir, "/srv/c=d ");
	CHECK_STR(set.node_name, "no");
	CHECK(secrets_find(set.pipeline.secrets, STR("ES_PWD"), &v) && str_eq(v, STR(" x")));
	CHECK(!secrets_find(set.pipeline.secrets, STR("ES_PW"), &v));
	CHECK(!secrets_find(NULL, STR("ES_PWD"), &v));
	put_file(dir, "secrets.env", "GOOD=1\nhunter2\n");
	CHECK_INT(read_yml(""), 0);
	CHECK_INT(settings_read(&set, dir, &diag), -1);
	CHECK(str_ends(problems(), STR("secrets.env:2: expected NAME=value")));
	put_file(dir, "secrets.env", "BAD NAME=1\n");
	CHECK_INT(settings_read(&set, dir, &diag), -1);
	unlink(path);
	CHECK_INT(read_yml(""), 0);
	CHECK_INT(settings_read(&set, dir, &diag), -1);
	path_in(path, sizeof(path), dir, "logstash.yml");
	unlink(path);
	rmdir(dir);
}

/* A queue's checkpoint with these numbers; short: a byte is missing. */
static void put_head(const char *dir, unsigned page, unsigned first_page, unsigned first_event, unsigned begin, unsigned count, bool is_short)
{
	unsigned char b[34] = {0, 1, 0, 0, 0, (unsigned char)page, 0, 0, 0, (unsigned char)first_page};
	char path[512];
	FILE *f;

	b[16] = (unsigned char)(first_event >> 8);
	b[17] = (unsigned char)first_event;
	b[24] = (unsigned char)(begin >> 8);
	b[25] = (unsigned char)begin;
	b[28] = (unsigned char)(count >> 8);
	b[29] = (unsigned char)count;
	path_in(path, sizeof(path), dir, "checkpoint.head");
	f = fopen(path, "w");
	CHECK(f && fwrite(b, 1, sizeof(b) - is_short, f) == sizeof(b) - is_short);
	if (f)
		fclose(f);
}

static void test_queue(void)
{
	char dir[] = "/tmp/weir-queue-XXXXXX", path[512];
	uint64_t n;

	CHECK(mkdtemp(dir) != NULL);
	CHECK_INT(left_queue(dir, &n), QUEUE_NONE);
	put_head(dir, 3, 3, 700, 601, 99, false);
	CHECK_INT(left_queue(dir, &n), QUEUE_EMPTY);
	put_head(dir, 3, 3, 690, 601, 99, false);
	CHECK_INT(left_queue(dir, &n), QUEUE_LEFT);
	CHECK_INT(n, 10);
	/* The last page is done, one before it is not. */
	put_head(dir, 3, 2, 700, 601, 99, false);
	CHECK_INT(left_queue(dir, &n), QUEUE_LEFT);
	/* As it is made: nothing was ever written. */
	put_head(dir, 0, 0, 0, 0, 0, false);
	CHECK_INT(left_queue(dir, &n), QUEUE_EMPTY);
	put_head(dir, 3, 3, 700, 601, 99, true);
	CHECK_INT(left_queue(dir, &n), QUEUE_UNCLEAR);
	path_in(path, sizeof(path), dir, "checkpoint.head");
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	hash_init(NULL);
	arena_init(&arena, NULL);
	diag_init(&diag);
	test_values();
	test_problems();
	test_command_line();
	test_folder();
	test_secrets();
	test_queue();
	diag_release(&diag);
	arena_release(&arena);
	return test_end();
}
