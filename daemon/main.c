/*
 * main.c - weird: reads the command line and the settings, then runs until a signal or the end of its inputs.
 *
 *	SIGTERM, SIGINT   stop: inputs, then outputs, what is left to disk; exit 0
 *	SIGHUP            read the configuration anew, open output files anew
 *	SIGPIPE           ignored
 */
#include "base/log.h"
#include "base/metrics.h"
#include "cmdline.h"
#include "config/pipelines.h"
#include "config/places.h"
#include "config/secrets.h"
#include "datadir.h"
#include "event/fields.h"
#include "examine.h"
#include "metrics_http.h"
#include "notify.h"
#include "runtime.h"

#include <curl/curl.h>
#include <grp.h>
#include <malloc.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

struct daemon {
	struct arena arena;
	struct cmdline cmd;
	struct program_settings settings;
	const char *pipelines_path; /* pipelines.yml; NULL: the settings name the only pipeline */
	struct runtime *rt;
	struct metrics_http *http;
	const char *secrets_path;   /* NULL: no folder of settings */
	const char *log_path;	    /* NULL: standard error only */
	uv_loop_t *uv;
	uv_async_t async;
	uv_signal_t term, intr, hup;
	uv_timer_t reload, watchdog;
	int64_t watchdog_ns; /* 0: nobody waits for a sign of life */
	int64_t alive_ns;    /* when all threads had turned */
	bool stuck, stopping;
};

static void print_diag(const struct diag *d)
{
	struct buf b;

	buf_init(&b, 0);
	diag_print(d, &b);
	(void)!write(STDERR_FILENO, b.p ? b.p : "", b.len);
	buf_release(&b);
}

/* ---- settings ---- */

/* The settings say what to run (-f, -e, which may be empty, path.config); else pipelines.yml does. */
static bool is_named(const struct daemon *d)
{
	return settings_name_pipeline(&d->settings) || d->cmd.config_text;
}

static void find_pipelines(struct daemon *d, const char *dir)
{
	const char *path = dir ? pipelines_path(&d->arena, dir) : NULL;

	if (!path || access(path, F_OK))
		return;
	if (!is_named(d))
		d->pipelines_path = path;
	else
		log_warn("weird", "'%s' is ignored: -f, -e or path.config says what to run", path);
}

static int read_settings(struct daemon *d, struct diag *diag)
{
	const char *dir = d->cmd.settings_dir ? d->cmd.settings_dir : place_settings(&d->arena, d->cmd.config_path);
	struct pos nowhere = {0};

	settings_init(&d->settings, &d->arena);
	if (d->cmd.settings_dir)
		settings_look(&d->settings, dir, diag);
	if (dir && settings_read(&d->settings, dir, diag))
		return -1;
	for (unsigned i = 0; i < d->cmd.n; i++) {
		struct str name = d->cmd.setting[i].name;

		/* These are main's own. */
		if (str_eq(name, STR("explain")) || str_eq(name, STR("version")) || str_eq(name, STR("help")) ||
		    str_eq(name, STR("path.settings")))
			continue;
		if (settings_set(&d->settings, name, d->cmd.setting[i].value, nowhere, diag))
			return -1;
	}
	find_pipelines(d, dir);
	d->secrets_path = dir ? secrets_path(&d->arena, dir) : NULL;
	settings_notes(&d->settings, dir, diag);
	/* -e keeps no state. */
	if (!d->settings.pipeline.data_dir.len && (d->settings.config_path.len || d->pipelines_path))
		d->settings.pipeline.data_dir = place_data(&d->arena);
	if (!d->settings.pipeline.pipeline_id.len)
		d->settings.pipeline.pipeline_id = STR("main");
	d->settings.pipeline.config_dir = STR(".");
	return diag->errors ? -1 : 0;
}

/* ---- signals and turns ---- */

static void stop(struct daemon *d)
{
	if (d->stopping)
		return;
	d->stopping = true;
	uv_stop(d->uv);
}

static void on_stop_signal(uv_signal_t *s, int number)
{
	log_info("weird", "%s: stopping", number == SIGTERM ? "SIGTERM" : "SIGINT");
	stop(s->data);
}

static void reload(struct daemon *d)
{
	struct diag diag;
	struct err err = {""};

	notify("RELOADING=1");
	/* This thread may wait for outputs that are to go, and gives no sign meanwhile. */
	if (d->watchdog_ns)
		notify_set_watchdog(d->watchdog_ns + d->settings.drain_ns);
	diag_init(&diag);
	if (runtime_reload(d->rt, &diag, &err)) {
		print_diag(&diag);
		log_error("weird", "not reloaded, the former configuration goes on: %s", err.text);
		series_add(metrics_process, M_RELOADS_FAILED, 1);
		series_set(metrics_process, M_RELOAD_STATE, 0);
	} else {
		print_diag(&diag);
		log_info("weird", "configuration reloaded");
		series_add(metrics_process, M_RELOADS_OK, 1);
		series_set(metrics_process, M_RELOAD_STATE, 1);
	}
	diag_release(&diag);
	notify("READY=1");
	if (d->watchdog_ns)
		notify_set_watchdog(d->watchdog_ns);
}

/* To weird.log in path.logs as well. A folder that cannot be used (Logstash's own, for another user) is no reason not to start. */
static void open_log(struct daemon *d)
{
	struct err err;

	if (!d->settings.log_dir.len)
		return;
	if (!d->log_path)
		d->log_path = arena_dupz(&d->arena, arena_printf(&d->arena, "%.*s/weird.log", STR_ARG(d->settings.log_dir)));
	if (log_set_file(d->log_path, &err))
		log_warn("weird", "path.logs: %s: the log goes to standard error only", err.text);
}

static void on_hup(uv_signal_t *s, int number)
{
	struct daemon *d = s->data;

	(void)number;
	open_log(d);
	runtime_reopen(d->rt);
	reload(d);
}

static void on_reload_timer(uv_timer_t *t)
{
	struct daemon *d = t->data;

	if (runtime_stale(d->rt))
		reload(d);
}

/*
 * Four times in the span that the service manager waits. It hears of us only if every thread that must not stand still has turned
 * since the time before; a single slow one is no reason for an alarm yet, half the span is.
 */
static void on_watchdog(uv_timer_t *t)
{
	struct daemon *d = t->data;
	const char *stuck = runtime_stuck(d->rt);
	int64_t now = clock_mono(&clock_system);

	if (!stuck) {
		notify("WATCHDOG=1");
		if (d->stuck)
			log_warn("weird", "all threads turn again");
		d->alive_ns = now;
		d->stuck = false;
	} else if (!d->stuck && now - d->alive_ns >= d->watchdog_ns / 2) {
		log_error("weird", "the thread of %s does not turn: the service manager gets no sign of life", stuck);
		d->stuck = true;
	}
}

static void start_watchdog(struct daemon *d)
{
	uint64_t ms;

	d->watchdog_ns = notify_watchdog_ns();
	if (!d->watchdog_ns)
		return;
	ms = (uint64_t)(d->watchdog_ns / 4 / 1000000);
	d->alive_ns = clock_mono(&clock_system);
	uv_timer_start(&d->watchdog, on_watchdog, ms, ms ? ms : 1);
}

static void wake(void *arg)
{
	uv_async_send(&((struct daemon *)arg)->async);
}

static void on_wake(uv_async_t *a)
{
	struct daemon *d = a->data;

	if (!d->stopping && runtime_turn(d->rt)) {
		log_debug("weird", "all inputs have ended");
		stop(d);
	}
}

static void watch(struct daemon *d)
{
	d->uv = uv_default_loop();
	uv_async_init(d->uv, &d->async, on_wake);
	uv_signal_init(d->uv, &d->term);
	uv_signal_init(d->uv, &d->intr);
	uv_signal_init(d->uv, &d->hup);
	uv_timer_init(d->uv, &d->reload);
	uv_timer_init(d->uv, &d->watchdog);
	d->async.data = d->term.data = d->intr.data = d->hup.data = d->reload.data = d->watchdog.data = d;
	uv_signal_start(&d->term, on_stop_signal, SIGTERM);
	uv_signal_start(&d->intr, on_stop_signal, SIGINT);
	uv_signal_start(&d->hup, on_hup, SIGHUP);
	if (d->settings.reload)
		uv_timer_start(&d->reload, on_reload_timer, (uint64_t)(d->settings.reload_ns / 1000000),
			       (uint64_t)(d->settings.reload_ns / 1000000));
}

/* The very last: a second signal while outputs drain changes nothing, for that has its own limit. */
static void unwatch(struct daemon *d)
{
	uv_close((uv_handle_t *)&d->async, NULL);
	uv_close((uv_handle_t *)&d->term, NULL);
	uv_close((uv_handle_t *)&d->intr, NULL);
	uv_close((uv_handle_t *)&d->hup, NULL);
	uv_close((uv_handle_t *)&d->reload, NULL);
	uv_close((uv_handle_t *)&d->watchdog, NULL);
	uv_run(d->uv, UV_RUN_DEFAULT);
	uv_loop_close(d->uv);
	uv_library_shutdown();
}

/* ---- the rest ---- */

static void print_version(void)
{
	char pcre[64] = "";

	pcre2_config_8(PCRE2_CONFIG_VERSION, pcre);
	printf("weird %s\nlibuv %s, %s, PCRE2 %s\n", WEIR_VERSION, uv_version_string(), curl_version(), pcre);
	for (int kind = PLUGIN_INPUT; kind <= PLUGIN_CODEC; kind++) {
		static const char *const title[] = {"inputs ", "filters", "outputs", "codecs "};

		printf("%s", title[kind]);
		for (const struct plugin *const *p = plugin_all((enum plugin_kind)kind); *p; p++)
			printf(" %s", (*p)->name);
		putchar('\n');
	}
}

static int become_user(struct str name, struct err *err)
{
	char z[64];
	struct passwd *pw;

	if (!name.len || geteuid() != 0)
		return 0;
	if (name.len >= sizeof(z))
		return err_set(err, "'%.60s' is no user's name", name.p);
	memcpy(z, name.p, name.len);
	z[name.len] = 0;
	pw = getpwnam(z);
	if (!pw)
		return err_set(err, "there is no user '%s'", z);
	if (setgroups(0, NULL) || setgid(pw->pw_gid) || setuid(pw->pw_uid))
		return err_sys(err, "cannot become user '%s'", z);
	return 0;
}

static int start_api(struct daemon *d, struct err *err)
{
	struct metrics_http_config c = {d->settings.api_host, d->settings.api_port, d->settings.api_port_last};

	if (!d->settings.api)
		return 0;
	d->http = metrics_http_start(&c, err);
	if (!d->http)
		return -1;
	log_info("metrics", "http://%.*s:%u/metrics", STR_ARG(d->settings.api_host), metrics_http_port(d->http));
	return 0;
}

static int serve(struct daemon *d)
{
	struct runtime_config rc = {.settings = &d->settings, .pipelines_path = d->pipelines_path, .secrets_path = d->secrets_path, .wake = wake, .arg = d};
	struct diag diag;
	struct err err = {""};
	int lock = -1, rc_exit = 1;

	open_log(d);
	diag_init(&diag);
	watch(d);
	if (d->settings.pipeline.data_dir.len) {
		lock = datadir_lock(arena_dupz(&d->arena, d->settings.pipeline.data_dir), &err);
		if (lock == -1)
			goto out;
	}
	d->rt = runtime_new(&rc, &diag, &err);
	print_diag(&diag);
	if (!d->rt || start_api(d, &err) || become_user(d->settings.user, &err) || runtime_start(d->rt, &err))
		goto out;
	start_watchdog(d);
	notify("READY=1");
	log_info("weird", "running, version %s%s%.*s", WEIR_VERSION, d->settings.node_name.len ? ", node " : "", STR_ARG(d->settings.node_name));
	malloc_trim(0);
	uv_run(d->uv, UV_RUN_DEFAULT);
	notify("STOPPING=1");
	rc_exit = runtime_stop(d->rt) ? 0 : 1;
	err.text[0] = 0;
out:
	if (err.text[0])
		log_at(LOG_FATAL, "weird", "%s", err.text);
	metrics_http_stop(d->http);
	runtime_free(d->rt);
	unwatch(d);
	diag_release(&diag);
	if (lock != -1)
		close(lock);
	return rc_exit;
}

struct explained {
	struct buf text;
	bool named; /* there are several pipelines */
};

static void explain(void *arg, struct str id, const struct plan *plan, const struct diag *diag)
{
	struct explained *e = arg;

	print_diag(diag);
	if (!plan)
		return;
	if (e->named)
		buf_printf(&e->text, "%spipeline  %.*s\n", e->text.len ? "\n" : "", STR_ARG(id));
	plan_explain(plan, &e->text);
}

/* -t and --explain. */
static int examine(struct daemon *d)
{
	struct pipeline_list list;
	struct explained e;
	struct diag diag;
	int rc;

	diag_init(&diag);
	buf_init(&e.text, 0);
	rc = pipelines_all(&list, &d->settings, d->pipelines_path, &diag);
	print_diag(&diag);
	diag_release(&diag);
	if (rc == 0) {
		e.named = list.n > 1;
		rc = examine_pipelines(&list, NULL, explain, &e);
	}
	if (rc == 0 && d->cmd.explain)
		fwrite(e.text.p ? e.text.p : "", 1, e.text.len, stdout);
	if (rc == 0 && d->settings.test_and_exit)
		puts("Configuration OK");
	buf_release(&e.text);
	return rc == 0 ? 0 : 1;
}

static int run(struct daemon *d)
{
	struct diag diag;
	int rc;

	diag_init(&diag);
	rc = read_settings(d, &diag);
	print_diag(&diag);
	diag_release(&diag);
	if (rc)
		return 1;
	log_threshold = d->settings.log_level;
	log_set_json(d->settings.log_json);
	if (!is_named(d) && !d->pipelines_path) {
		fprintf(stderr, "weird: no configuration: give -f PATH, -e TEXT or a pipelines.yml in --path.settings\n\n%s", cmdline_usage());
		return 1;
	}
	if (d->settings.test_and_exit || d->cmd.explain)
		return examine(d);
	return serve(d);
}

int main(int argc, char **argv)
{
	struct daemon d = {0};
	struct err err;
	int rc = 0;

	/* Few arenas: idle threads must not each keep memory. */
	mallopt(M_ARENA_MAX, 4);
	signal(SIGPIPE, SIG_IGN);
	hash_init(NULL);
	fields_init();
	metrics_init();
	arena_init(&d.arena, NULL);
	if (cmdline_parse(&d.cmd, argc, argv, &err)) {
		fprintf(stderr, "weird: %s\n", err.text);
		return 1;
	}
	if (d.cmd.help)
		fputs(cmdline_usage(), stdout);
	else if (d.cmd.version)
		print_version();
	else
		rc = run(&d);
	arena_release(&d.arena);
	return rc;
}
