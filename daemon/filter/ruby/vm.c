/*
 * vm.c - the one Ruby of the process: its thread, the jobs it gets, signals, the time limit.
 *
 * The VM lives on a thread of its own, which never ends; open(), run() and close() put jobs into its queue from any thread. While it waits
 * for a job it lets go of Ruby's lock, so that threads which a configuration started (Thread.new in init) go on.
 *
 * Everything that can raise runs under rb_protect. A time limit is kept by a second thread of Ruby's: it sleeps outside of Ruby until the
 * deadline and then raises in the first. Ruby's own handlers of signals are taken away again but for two: SIGCHLD, without which system and
 * backticks never return, and SIGVTALRM, which wakes a thread of Ruby's out of a system call.
 */
#include <ruby.h>
#include <ruby/encoding.h>
#include <ruby/thread.h>

#include "filter/ruby/ruby_int.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

enum {
	VM_STACK = 16 * 1024 * 1024,
	LOGGED = 64,			      /* bytes of an exception's text that go to the log */
	RAISE_AGAIN_NS = 200 * 1000 * 1000, /* after a limit that code rescued */
	MAX_MADE = 1 << 20,		      /* events that the block makes of one */
};

struct ruby_instance {
	VALUE obj; /* LogStash::Filters::Ruby; kept alive by the list of instances */
	bool script, aggregate;
	struct str tag, timeout_tag;
	bool tag_message;
	int64_t timeout_ns;
};

/* What the thread is asked for besides batches; on the asker's stack. */
struct request {
	struct request *next;
	const struct ruby_setup *setup; /* open */
	struct ruby_fault *fault;
	struct ruby_instance *in;	/* opened, to be closed, or taking from former */
	struct ruby_instance *former;
	bool over;
	bool close;
};

const struct ruby_host *host;
const struct clock *host_clock;

/* Any thread, under `lock`. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t work, over; /* for the VM; for those who wait for it */
	struct ruby_job *job, **last_job, *settled;
	struct request *request, **last_request;
	bool started, up, failed, poked;
	struct err err;
} vm = {.lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER, .over = PTHREAD_COND_INITIALIZER};

/* The time limit, under its lock. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int64_t deadline_ns; /* 0: nothing runs that has a limit */
	int64_t until_ns;    /* what the thread sleeps for; INT64_MAX: to be woken; 0: it does not sleep */
	bool poked;
	VALUE thread; /* 0: not started */
} limit = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The VM's thread only. */
static VALUE vm_thread, instances, timeout_class;
static struct run *running;
static ID id_filter, id_flush, id_open, id_raise;
extern const char ruby_prelude[], ruby_aggregate[];

/* ---- the time limit ---- */

static int64_t mono_now(void)
{
	struct timespec t;

	/* The limit is real time whatever clock events have. */
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void limit_set(int64_t deadline_ns)
{
	pthread_mutex_lock(&limit.lock);
	limit.deadline_ns = deadline_ns;
	/* Who sleeps for an earlier deadline looks again by itself: one wake-up per limit, not per event. */
	if (deadline_ns && deadline_ns < limit.until_ns)
		pthread_cond_signal(&limit.changed);
	pthread_mutex_unlock(&limit.lock);
}

/* Without Ruby's lock: returns when the deadline has passed, or poked. */
static void *limit_wait(void *arg)
{
	pthread_mutex_lock(&limit.lock);
	while (!limit.poked) {
		int64_t at = limit.deadline_ns;

		if (!at) {
			limit.until_ns = INT64_MAX;
			pthread_cond_wait(&limit.changed, &limit.lock);
		} else if (at > mono_now()) {
			struct timespec until = {.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};

			limit.until_ns = at;
			(void)pthread_cond_timedwait(&limit.changed, &limit.lock, &until);
		} else {
			break;
		}
		limit.until_ns = 0;
	}
	limit.poked = false;
	pthread_mutex_unlock(&limit.lock);
	return NULL;
}

static void limit_poke(void *arg)
{
	pthread_mutex_lock(&limit.lock);
	limit.poked = true;
	pthread_cond_signal(&limit.changed);
	pthread_mutex_unlock(&limit.lock);
}

static VALUE raise_timeout(VALUE arg)
{
	return rb_funcall(vm_thread, id_raise, 2, timeout_class, rb_str_new_cstr("took longer than 'timeout' allows"));
}

/* With Ruby's lock held the other thread runs no Ruby: what it was about is still so. */
static VALUE limit_thread(void *arg)
{
	int state;

	for (;;) {
		bool passed;

		rb_thread_call_without_gvl(limit_wait, NULL, limit_poke, NULL);
		pthread_mutex_lock(&limit.lock);
		passed = limit.deadline_ns && limit.deadline_ns <= mono_now();
		/* Code that rescues everything is interrupted again and again. */
		if (passed)
			limit.deadline_ns = mono_now() + RAISE_AGAIN_NS;
		pthread_mutex_unlock(&limit.lock);
		if (passed)
			rb_protect(raise_timeout, Qnil, &state);
	}
	return Qnil;
}

/* May raise. */
static void limit_thread_start(void)
{
	pthread_condattr_t attr;

	if (limit.thread)
		return;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&limit.changed, &attr);
	pthread_condattr_destroy(&attr);
	limit.thread = rb_thread_create(limit_thread, NULL);
	rb_gc_register_mark_object(limit.thread);
}

/* ---- exceptions ---- */

/* The exception that rb_protect stopped, which is no longer pending then. */
static VALUE take_exception(void)
{
	VALUE e = rb_errinfo();

	rb_set_errinfo(Qnil);
	return rb_obj_is_kind_of(e, rb_eException) == Qtrue ? e : Qnil;
}

static VALUE exception_text(VALUE e)
{
	return rb_obj_as_string(rb_funcall(e, rb_intern("message"), 0));
}

/* "conf.d/20.conf:14" */
static VALUE exception_place(VALUE e)
{
	VALUE trace = rb_funcall(e, rb_intern("backtrace"), 0), top;

	if (!RB_TYPE_P(trace, T_ARRAY) || !RARRAY_LEN(trace))
		return rb_str_new_cstr("");
	top = rb_obj_as_string(rb_ary_entry(trace, 0));
	return rb_funcall(top, rb_intern("slice"), 1, rb_reg_new_str(rb_str_new_cstr("\\A.*?:\\d+"), 0));
}

/* Result of fn(arg) as a String; an empty one where there is none. */
static VALUE text_of(VALUE (*fn)(VALUE), VALUE arg)
{
	int state = 0;
	VALUE s = NIL_P(arg) ? Qnil : rb_protect(fn, arg, &state);

	if (state)
		rb_set_errinfo(Qnil);
	return !state && RB_TYPE_P(s, T_STRING) ? s : Qnil;
}

static struct str slice_of(VALUE s)
{
	return NIL_P(s) ? STR("") : str_n(RSTRING_PTR(s), (size_t)RSTRING_LEN(s));
}

/* ---- one event ---- */

struct run {
	struct ruby_instance *in;
	VALUE event, made; /* made: Array of further events, or 0 */
	bool final;
};

/* new_event_block.call(event) */
static VALUE new_event(RB_BLOCK_CALL_FUNC_ARGLIST(event, instance))
{
	if (!running || (VALUE)running->in != instance)
		rb_raise(rb_eRuntimeError, "new_event_block holds only while its event is being filtered");
	if (!event_object_is(event))
		rb_raise(rb_eTypeError, "wrong argument type %" PRIsVALUE " (expected LogStash::Event)", rb_obj_class(event));
	if (!running->made)
		running->made = rb_ary_new();
	if (RARRAY_LEN(running->made) == MAX_MADE)
		rb_raise(rb_eRuntimeError, "more than %d new events from one", MAX_MADE);
	rb_ary_push(running->made, event);
	return event;
}

static VALUE make_event(VALUE arg)
{
	return event_object((struct event *)arg);
}

static VALUE call_code(VALUE arg)
{
	struct run *r = (struct run *)arg;
	VALUE answer = rb_block_call(r->in->obj, id_filter, 1, &r->event, new_event, (VALUE)r->in);

	/* A limit that passed meanwhile is raised here, not later. */
	if (r->in->timeout_ns) {
		limit_set(0);
		rb_thread_check_ints();
	}
	return answer;
}

static VALUE call_flush(VALUE arg)
{
	struct run *r = (struct run *)arg;
	VALUE final = r->final ? Qtrue : Qfalse;

	return rb_block_call(r->in->obj, id_flush, 1, &final, new_event, (VALUE)r->in);
}

static VALUE check_ints(VALUE arg)
{
	rb_thread_check_ints();
	return Qnil;
}

struct tagging {
	VALUE event;
	struct str tag;
};

static VALUE tag_event(VALUE arg)
{
	struct tagging *t = (struct tagging *)arg;

	event_object_tag(t->event, t->tag);
	return Qnil;
}

static void tag_safely(VALUE event, struct str tag)
{
	struct tagging t = {event, tag};
	int state;

	rb_protect(tag_event, (VALUE)&t, &state);
	if (state)
		rb_set_errinfo(Qnil);
}

static void failed(struct run *r, VALUE e)
{
	static struct log_site site;
	bool late = rb_obj_is_kind_of(e, timeout_class) == Qtrue;
	VALUE text = text_of(exception_text, e), place = text_of(exception_place, e);
	struct str said = slice_of(text), at = slice_of(place), tag = late ? r->in->timeout_tag : r->in->tag;
	const char *class = NIL_P(e) ? "Thread" : rb_obj_classname(e);

	if (LOG_WARN <= *host->log_threshold)
		host->log_emit(&site, LOG_WARN, "ruby", "%.*s%s%s: %.*s", (int)(at.len < 200 ? at.len : 200), at.p, at.len ? ": " : "", class,
			       (int)(said.len < LOGGED ? said.len : LOGGED), said.p);
	if (r->in->tag_message && !late && !NIL_P(r->event)) {
		VALUE tagged = rb_str_buf_new((long)(tag.len + said.len + 2));

		rb_str_cat(tagged, tag.p, (long)tag.len);
		rb_str_cat(tagged, ": ", 2);
		rb_str_cat(tagged, said.p, (long)said.len);
		tag_safely(r->event, slice_of(tagged));
		RB_GC_GUARD(tagged);
	}
	if (tag.len && !NIL_P(r->event))
		tag_safely(r->event, tag);
	RB_GC_GUARD(text);
	RB_GC_GUARD(place);
}

/* The events it made, in order, as children of the call. */
static void take_children(struct run *r, struct ruby_call *c)
{
	struct ruby_child **last = &c->child;
	bool cancelled;

	for (long i = 0; r->made && i < RARRAY_LEN(r->made); i++) {
		struct ruby_child *child = event_object_take(rb_ary_entry(r->made, i));

		if (!child)
			continue;
		child->next = NULL;
		*last = child;
		last = &child->next;
	}
	for (long i = 0; r->made && i < RARRAY_LEN(r->made); i++)
		if (rb_ary_entry(r->made, i) != r->event)
			event_object_leave(rb_ary_entry(r->made, i), &cancelled);
}

/* A flush: no event comes in. */
static void run_flush(struct ruby_instance *in, struct ruby_call *c)
{
	struct run r = {.in = in, .event = Qnil, .final = c->final};
	int state;

	running = &r;
	rb_protect(call_flush, (VALUE)&r, &state);
	running = NULL;
	c->outcome = state ? RUBY_FAILED : RUBY_DONE;
	if (state)
		failed(&r, take_exception());
	take_children(&r, c);
	RB_GC_GUARD(r.made);
}

static void run_call(struct ruby_instance *in, struct ruby_call *c)
{
	struct run r = {.in = in};
	int state, late = 0;
	VALUE answer;

	r.event = rb_protect(make_event, (VALUE)c->ev, &state);
	if (state) {
		/* No memory for an object: the event goes on untouched but for the tag. */
		rb_set_errinfo(Qnil);
		host->event_tag(c->ev, in->tag);
		c->outcome = RUBY_FAILED;
		return;
	}
	running = &r;
	if (in->timeout_ns)
		limit_set(mono_now() + in->timeout_ns);
	answer = rb_protect(call_code, (VALUE)&r, &state);
	running = NULL;
	c->outcome = state || (in->aggregate && !RTEST(answer)) ? RUBY_FAILED : RUBY_DONE;
	if (state) {
		VALUE e = take_exception();

		if (in->timeout_ns) {
			/* It may have been raised just when the code failed by itself. */
			limit_set(0);
			rb_protect(check_ints, Qnil, &late);
			if (late)
				e = take_exception();
		}
		failed(&r, e);
	}
	take_children(&r, c);
	event_object_leave(r.event, &c->cancelled);
	RB_GC_GUARD(r.event);
	RB_GC_GUARD(r.made);
}

static void run_job(struct ruby_job *job)
{
	for (unsigned i = 0; i < job->n; i++)
		(job->call[i].ev ? run_call : run_flush)(job->instance, &job->call[i]);
	job->done(job->arg);
	pthread_mutex_lock(&vm.lock);
	job->next = vm.settled;
	vm.settled = job;
	pthread_cond_broadcast(&vm.over);
	pthread_mutex_unlock(&vm.lock);
}

/* ---- opening, closing ---- */

static VALUE ruby_text(struct str s)
{
	return s.p ? rb_utf8_str_new(s.p, (long)s.len) : Qnil;
}

static VALUE open_aggregate_instance(VALUE arg)
{
	const struct ruby_setup *s = (const struct ruby_setup *)arg;
	VALUE args[] = {ruby_text(s->id), ULL2NUM((uintptr_t)s->plan), ruby_text(s->code), ruby_text(s->code_file), UINT2NUM(s->code_line), ruby_text(s->init),
			ruby_text(s->init_file), UINT2NUM(s->init_line), values_map_to_ruby(s->params)};
	VALUE obj = rb_funcallv(rb_path2class("LogStash::Filters::Aggregate"), id_open, sizeof(args) / sizeof(*args), args);

	rb_ary_push(instances, obj);
	return obj;
}

/* LogStash::Filters::Ruby.open(...): the object, or raises. */
static VALUE open_instance(VALUE arg)
{
	const struct ruby_setup *s = (const struct ruby_setup *)arg;
	VALUE class = rb_path2class("LogStash::Filters::Ruby"), obj;
	VALUE args[] = {ruby_text(s->id), ruby_text(s->code), ruby_text(s->code_file), UINT2NUM(s->code_line), ruby_text(s->init),
			ruby_text(s->init_file), UINT2NUM(s->init_line), ruby_text(s->path), s->params ? values_map_to_ruby(s->params) : rb_hash_new()};

	if (s->timeout_ns)
		limit_thread_start();
	obj = rb_funcallv(class, id_open, sizeof(args) / sizeof(*args), args);
	rb_ary_push(instances, obj);
	return obj;
}

/* [line or 0, text]: what the configuration's author should read. */
static VALUE fault_of(VALUE e)
{
	return rb_funcall(rb_path2class("LogStash::Filters::Ruby"), rb_intern("fault"), 1, e);
}

static void tell_fault(const struct ruby_setup *s, struct ruby_fault *f)
{
	VALUE e = take_exception(), told, text;
	struct str said;
	int state = 0;

	told = NIL_P(e) ? Qnil : rb_protect(fault_of, e, &state);
	if (state)
		rb_set_errinfo(Qnil);
	text = !state && RB_TYPE_P(told, T_ARRAY) ? rb_ary_entry(told, 1) : Qnil;
	said = RB_TYPE_P(text, T_STRING) ? slice_of(text) : STR("the code ended the thread");
	snprintf(f->text, sizeof(f->text), "%.*s", (int)(said.len < sizeof(f->text) ? said.len : sizeof(f->text) - 1), said.p);
	f->line = RB_TYPE_P(text, T_STRING) ? NUM2UINT(rb_ary_entry(told, 0)) : 0;
	RB_GC_GUARD(told);
}

static void serve_open(struct request *q)
{
	int state;
	VALUE obj = rb_protect(q->setup->kind == RUBY_AGGREGATE ? open_aggregate_instance : open_instance, (VALUE)q->setup, &state);

	if (state) {
		tell_fault(q->setup, q->fault);
		return;
	}
	q->in = host->xzalloc(sizeof(*q->in));
	q->in->obj = obj;
	q->in->script = q->setup->path.p != NULL;
	q->in->aggregate = q->setup->kind == RUBY_AGGREGATE;
}

static VALUE close_aggregate(VALUE obj)
{
	return rb_funcall(obj, rb_intern("close_method"), 0);
}

static VALUE take_over(VALUE arg)
{
	const struct request *q = (const struct request *)arg;

	return rb_funcall(q->in->obj, rb_intern("take"), 1, q->former->obj);
}

static void serve(struct request *q)
{
	int state = 0;

	if (q->close) {
		if (q->in->aggregate)
			rb_protect(close_aggregate, q->in->obj, &state);
		rb_ary_delete(instances, q->in->obj);
		free(q->in);
	} else if (q->former) {
		rb_protect(take_over, (VALUE)q, &state);
	} else {
		serve_open(q);
	}
	if (state)
		rb_set_errinfo(Qnil);
	pthread_mutex_lock(&vm.lock);
	q->over = true;
	pthread_cond_broadcast(&vm.over);
	pthread_mutex_unlock(&vm.lock);
}

/* ---- the thread ---- */

struct next {
	struct ruby_job *job;
	struct request *request;
};

/* Without Ruby's lock. Jobs first: what closes an instance comes after its last job. */
static void *wait_next(void *arg)
{
	struct next *n = arg;

	pthread_mutex_lock(&vm.lock);
	while (!vm.job && !vm.request && !vm.poked)
		pthread_cond_wait(&vm.work, &vm.lock);
	vm.poked = false;
	if (vm.job) {
		n->job = vm.job;
		vm.job = n->job->next;
		if (!vm.job)
			vm.last_job = &vm.job;
	} else if (vm.request) {
		n->request = vm.request;
		vm.request = n->request->next;
		if (!vm.request)
			vm.last_request = &vm.request;
	}
	pthread_mutex_unlock(&vm.lock);
	return NULL;
}

static void poke(void *arg)
{
	pthread_mutex_lock(&vm.lock);
	vm.poked = true;
	pthread_cond_signal(&vm.work);
	pthread_mutex_unlock(&vm.lock);
}

static VALUE next_thing(VALUE arg)
{
	rb_thread_call_without_gvl(wait_next, (void *)arg, poke, NULL);
	return Qnil;
}

static void loop(void)
{
	for (;;) {
		struct next n = {0};
		int state;

		/* What raises here was sent by some thread of a configuration's own (Thread.main.raise): nobody waits for it. */
		rb_protect(next_thing, (VALUE)&n, &state);
		if (state)
			rb_set_errinfo(Qnil);
		if (n.job)
			run_job(n.job);
		if (n.request)
			serve(n.request);
	}
}

/* ---- LogStash::Logging::Logger ---- */

static VALUE logger_wanted(VALUE self, VALUE level)
{
	return NUM2INT(level) <= (int)*host->log_threshold ? Qtrue : Qfalse;
}

static VALUE logger_emit(VALUE self, VALUE level, VALUE text)
{
	static struct log_site site[LOG_TRACE + 1];
	int lvl = NUM2INT(level);
	VALUE keep;
	struct str s = values_text(text, &keep);

	if (lvl < 0 || lvl > LOG_TRACE)
		rb_raise(rb_eArgError, "no such level");
	host->log_emit(&site[lvl], (enum log_level)lvl, "ruby", "%.*s", (int)(s.len < 1000 ? s.len : 1000), s.p);
	RB_GC_GUARD(keep);
	return Qnil;
}

static void logger_init(void)
{
	VALUE logger = rb_define_class_under(rb_define_module_under(rb_define_module("LogStash"), "Logging"), "Logger", rb_cObject);

	rb_define_singleton_method(logger, "wanted?", logger_wanted, 1);
	rb_define_singleton_method(logger, "emit", logger_emit, 2);
}

/* The events' clock as a Time. */
static VALUE clock_now(VALUE self)
{
	int64_t ns = clock_wall(host_clock);
	struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

	return rb_time_timespec_new(&t, 0);
}

static void evaluate(const char *text)
{
	rb_funcall(rb_path2class("Object"), rb_intern("class_eval"), 3, rb_utf8_str_new_cstr(text), rb_str_new_cstr("(weir)"), INT2FIX(1));
}

static VALUE set_up(VALUE arg)
{
	vm_thread = rb_thread_current();
	instances = rb_ary_new();
	rb_gc_register_mark_object(instances);
	id_filter = rb_intern("filter_method");
	id_flush = rb_intern("flush_method");
	id_open = rb_intern("open");
	id_raise = rb_intern("raise");
	values_init();
	event_class_init();
	logger_init();
	rb_define_singleton_method(rb_define_module("LogStash"), "clock_now", clock_now, 0);
	evaluate(ruby_prelude);
	evaluate(ruby_aggregate);
	timeout_class = rb_path2class("LogStash::Filters::Ruby::TimeLimit");
	rb_gc_register_mark_object(timeout_class);
	return Qnil;
}

static void keep_signals(struct sigaction *old)
{
	for (int sig = 1; sig < NSIG; sig++)
		if (sigaction(sig, NULL, &old[sig]))
			old[sig].sa_handler = SIG_ERR;
}

static void restore_signals(const struct sigaction *old)
{
	sigset_t need;

	for (int sig = 1; sig < NSIG; sig++)
		if (old[sig].sa_handler != SIG_ERR && sig != SIGCHLD && sig != SIGVTALRM && sig != SIGKILL && sig != SIGSTOP)
			sigaction(sig, &old[sig], NULL);
	sigemptyset(&need);
	sigaddset(&need, SIGCHLD);
	sigaddset(&need, SIGVTALRM);
	pthread_sigmask(SIG_UNBLOCK, &need, NULL);
}

static void start_ruby(struct err *err)
{
	char *argv[] = {(char[]){"weird"}, (char[]){"--disable-gems"}, (char[]){"-EUTF-8:UTF-8"}, (char[]){"-e"}, (char[]){";"}, NULL};
	int state;

	if (ruby_setup()) {
		host->err_set(err, "Ruby does not start");
		return;
	}
	(void)ruby_options(5, argv);
	rb_protect(set_up, Qnil, &state);
	if (state) {
		VALUE text = text_of(exception_text, take_exception());
		struct str said = slice_of(text);

		host->err_set(err, "Ruby does not start: %.*s", (int)(said.len < 300 ? said.len : 300), said.p);
		RB_GC_GUARD(text);
	}
}

static void *vm_main(void *arg)
{
	static struct sigaction old[NSIG];
	struct err err = {0};

	(void)pthread_setname_np(pthread_self(), "weir-ruby");
	keep_signals(old);
	{
		RUBY_INIT_STACK;

		start_ruby(&err);
		restore_signals(old);
		pthread_mutex_lock(&vm.lock);
		vm.err = err;
		vm.failed = err.text[0] != 0;
		vm.up = true;
		pthread_cond_broadcast(&vm.over);
		pthread_mutex_unlock(&vm.lock);
		if (!err.text[0])
			loop();
	}
	return NULL;
}

/* ---- what weird calls, any thread ---- */

static int start(const struct ruby_host *h, const struct clock *clock, struct err *err)
{
	pthread_attr_t attr;
	pthread_t thread;
	int rc = 0;

	pthread_mutex_lock(&vm.lock);
	if (!vm.started) {
		host = h;
		host_clock = clock;
		vm.last_job = &vm.job;
		vm.last_request = &vm.request;
		pthread_attr_init(&attr);
		pthread_attr_setstacksize(&attr, VM_STACK);
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		rc = pthread_create(&thread, &attr, vm_main, NULL);
		pthread_attr_destroy(&attr);
		vm.started = rc == 0;
	}
	while (vm.started && !vm.up)
		pthread_cond_wait(&vm.over, &vm.lock);
	if (vm.failed)
		*err = vm.err;
	rc = rc ? h->err_set(err, "cannot start Ruby's thread") : vm.failed ? -1 : 0;
	pthread_mutex_unlock(&vm.lock);
	return rc;
}

static void ask(struct request *q)
{
	pthread_mutex_lock(&vm.lock);
	*vm.last_request = q;
	vm.last_request = &q->next;
	pthread_cond_signal(&vm.work);
	while (!q->over)
		pthread_cond_wait(&vm.over, &vm.lock);
	pthread_mutex_unlock(&vm.lock);
}

static void retune(struct ruby_instance *in, const struct ruby_setup *s)
{
	in->tag = s->tag;
	in->timeout_tag = s->timeout_tag;
	in->tag_message = s->tag_message;
	in->timeout_ns = s->timeout_ns;
}

static struct ruby_instance *open_ruby(const struct ruby_setup *setup, struct ruby_fault *fault)
{
	struct request q = {.setup = setup, .fault = fault};

	ask(&q);
	if (q.in)
		retune(q.in, setup);
	return q.in;
}

static void close_ruby(struct ruby_instance *in)
{
	struct request q = {.in = in, .close = true};

	ask(&q);
}

static void take(struct ruby_instance *in, struct ruby_instance *former)
{
	struct request q = {.in = in, .former = former};

	ask(&q);
}

static void run(struct ruby_job *job)
{
	job->next = NULL;
	pthread_mutex_lock(&vm.lock);
	*vm.last_job = job;
	vm.last_job = &job->next;
	pthread_cond_signal(&vm.work);
	pthread_mutex_unlock(&vm.lock);
}

static void settle(struct ruby_job *job)
{
	struct ruby_job **at;

	pthread_mutex_lock(&vm.lock);
	for (;;) {
		for (at = &vm.settled; *at && *at != job; at = &(*at)->next)
			;
		if (*at)
			break;
		pthread_cond_wait(&vm.over, &vm.lock);
	}
	*at = job->next;
	pthread_mutex_unlock(&vm.lock);
}

MODULE(struct ruby_module, .head.version = RUBY_MODULE_VERSION, .start = start, .open = open_ruby, .run = run, .settle = settle, .close = close_ruby,
       .retune = retune, .take = take);
