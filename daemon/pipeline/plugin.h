/*
 * plugin.h - all that the author of a plug-in reads.
 *
 * A plug-in is one const struct: its name, a table of options and the callbacks of its kind; NULL means the
 * default. Write it at the end of the file:
 *
 *	static const struct option options[] = {
 *		{"source", OPT_REF, offsetof(struct json, source), .flags = OPT_REQUIRED, .doc = "field to read"},
 *		{0},
 *	};
 *	FILTER(json, .size = sizeof(struct json), .options = options, .doc = "...",
 *	       .open = json_open, .filter = {.run = json_run})
 *
 * and put the word `json` into the directory's meson.build: registry, docs and tests follow from it.
 *
 * An instance (`self`) is zeroed memory of .size bytes in the plan's arena; the options are filled in by
 * the table before open(). It is never shared between pipelines. Everything but an input's io half and an output's send half runs on
 * the pipeline's work thread, without locks.
 */
#ifndef WEIR_PIPELINE_PLUGIN_H
#define WEIR_PIPELINE_PLUGIN_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/regex.h"
#include "config/ast.h"
#include "config/diag.h"
#include "event/event.h"
#include "event/tmpl.h"

#include <stdatomic.h>

/* ---- options ---- */

enum opt_type {
	OPT_STRING,   /* struct str; .p NULL where neither given nor defaulted */
	OPT_PASSWORD, /* struct str, never printed */
	OPT_PATH,     /* struct str */
	OPT_TMPL,     /* const struct tmpl *; NULL */
	OPT_REF,      /* const struct ref *; NULL */
	OPT_INT,      /* int64_t */
	OPT_FLOAT,    /* double */
	OPT_BOOL,     /* bool */
	OPT_ENUM,     /* int: index into choices */
	OPT_BYTES,    /* int64_t: "64 KiB", "10mb", 4096 */
	OPT_DURATION, /* int64_t nanoseconds: "10s", "5m", a bare number = seconds */
	OPT_LIST,     /* const struct list *; a scalar is a list of one; NULL */
	OPT_HASH,     /* const struct map *, in the order of Java's HashMap; from { } or from [k, v, k, v] (which keeps its order); NULL */
	OPT_CODEC,    /* struct codec *; NULL */
	OPT_ANY,      /* struct value as written (string, number, list, map); V_NONE */
	OPT_OBSOLETE, /* accepted with a warning that names .instead; no storage */
	OPT_IGNORED,  /* accepted silently: means nothing to weird; no storage */
};

enum {
	OPT_REQUIRED = 1,
	OPT_DEPRECATED = 2, /* works, warns, names .instead */
	OPT_WEIR = 4,	    /* Logstash does not know it */
	OPT_FIELDS_IN_TURN = 8, /* OPT_HASH: entries act one after the other, values are fields: hash_order.h */
	OPT_TEXTS_IN_TURN = 16, /* the same, values are texts with %{field} */
	OPT_LATE = 32, /* OPT_REF: one that is no reference is NULL and a warning, not refused: Logstash finds out at the event only */
};

struct option {
	const char *name; /* NULL ends the table */
	enum opt_type type;
	size_t offset;
	unsigned flags;
	const char *def;		  /* as text in the configuration's syntax; NULL: zero */
	const char *const *choices;	  /* OPT_ENUM; NULL-terminated */
	int64_t min, max;		  /* OPT_INT where not both 0 */
	const char *instead;
	const char *doc;		  /* one line for docs/options.md */
};

/* ---- settings: logstash.yml, weir.yml, the command line ---- */

struct bus; /* pipeline/bus.h */
struct dead_letters;
struct secrets; /* config/secrets.h */
struct state_db; /* enrichers/state_db.h */

enum ecs_mode { ECS_DISABLED, ECS_V1, ECS_V8 };

struct settings {
	enum ecs_mode ecs;    /* pipeline.ecs_compatibility; a plug-in's own ecs_compatibility wins */
	bool support_escapes; /* config.support_escapes */
	bool lenient;	      /* unknown filters are passed over, tagged and counted */
	bool stateless;	      /* filters that remember are left out */
	bool text_only;	      /* only the text is judged (weir eval): plug-ins that Logstash has and weir has not are passed over */
	bool elsewhere;	      /* only looked at, perhaps for another machine (-t, weir check): files that are named need not be here */
	bool later;	      /* what takes long to load may come after the start: weird itself, unless it ends with its inputs. Tools and -t wait */
	struct str pipeline_id;
	struct str data_dir;
	struct str data_written; /* path.data as a settings file says it, whatever the command line says: Logstash's own state lies there */
	struct str config_dir; /* where relative pattern directories begin */
	const struct clock *clock;
	struct dead_letters *dead_letters; /* pipeline/dead_letter.h; NULL: none (eval, check) */
	struct bus *bus;		   /* addresses of inputs and outputs `pipeline`; NULL: none (eval, check) */
	struct state_db *state;		   /* where enrichers keep what they remember; NULL: nowhere */
	const struct secrets *secrets;	   /* variables before those of the environment; NULL: none */
};

/* What open() gets. */
struct plugin_ctx {
	struct arena *arena; /* lives as long as the plan */
	const struct settings *settings;
	enum ecs_mode ecs; /* of this instance */
	struct str id;	   /* option id, or "filter/grok/3" */
	struct str state_key; /* option id, or "grok/1": the plug-in and which of its kind; what is remembered is found by it */
	struct pos pos;	   /* open() may point it at what its err is about */
	struct diag *diag;
	const struct option *options; /* the table that was bound */
	uint32_t given[4]; /* bit n: option n of the table was written */
	const struct ast_plugin *written; /* as it stands in the configuration, for plug-ins whose errors lie within an option; during open() only */
};

static inline bool plugin_given(const struct plugin_ctx *ctx, unsigned option)
{
	return ctx->given[option / 32] >> option % 32 & 1;
}

/*
 * true: only looked at, and there is no such file here, which was warned about; the plug-in goes on as if the option were not written. A file
 * that is there is opened as always.
 */
bool plugin_file_absent(struct plugin_ctx *ctx, struct str path);

/* diag_warn at the instance's place. */
#define plugin_warn(ctx, ...) diag_warn((ctx)->diag, (ctx)->pos, __VA_ARGS__)

/* regex_compile of an option's text or a part of one; where it will run on libonig, a note says so (regex_note.c). */
struct regex *plugin_regex(struct plugin_ctx *ctx, struct str text, unsigned flags, struct err *err);
/* The note alone: of a place, or of an option that `text` stands in. r may be NULL. */
void regex_note(struct diag *d, struct pos pos, struct str text, const struct regex *r);
void plugin_regex_note(struct plugin_ctx *ctx, struct str text, const struct regex *r);

/* ---- codecs: bytes <-> events ---- */

enum framing {
	FRAME_CHUNK, /* as it comes: a datagram, a read, a file's line */
	FRAME_LINE,  /* up to the codec's delimiter (default LF), without it */
};

struct codec {
	const struct plugin *plugin;
	void *self;
	enum framing framing;
	struct str delimiter;
	const struct codec *inner; /* of one that stands around the configured one (plugin.around); else NULL */
};

struct sockaddr_storage;

struct decode_ctx {
	const struct clock *clock;
	int64_t now_ns; /* receipt: becomes @timestamp unless the data say otherwise */
	const struct sockaddr_storage *peer; /* the sender of a datagram; NULL or ss_family 0: the source is all there is */
	enum ecs_mode ecs;
	uint32_t flags; /* enum frame_flags, where the frame came from an input; feed() only */
};

/*
 * decode: the frame is borrowed until next() has returned 0. next() fills an event that event_init() made ready (arena set): 1 = one
 * event, call again; 0 = no more of this frame. State belongs to one source; zeroed at first. Text in an event
 * may point into the frame.
 */
struct codec_ops {
	enum framing framing;
	/* The codec that a stream input puts in this one's place, with its charset only (json -> json_lines); or NULL. */
	const char *on_stream;
	/* What ends a frame under FRAME_LINE; NULL: a line feed; empty: it is FRAME_CHUNK after all. codec_bind puts both into struct codec after open(). */
	struct str (*delimiter)(const void *self);
	size_t state_size;
	void (*feed)(void *self, void *state, struct str frame, const struct decode_ctx *ctx);
	int (*next)(void *self, void *state, struct event *ev, const struct decode_ctx *ctx);
	/* Takes a frame of several lines, too: what one read or datagram brought need not be cut (weir eval does not). */
	bool several;
	/* The source ended or idled: what is still held becomes events by next(). NULL: nothing is held. */
	void (*flush)(void *self, void *state, const struct decode_ctx *ctx);
	/*
	 * Codecs that hold frames back have both. took, asked after each next(): how many frames went into the event (0: it is one
	 * more of a frame that was counted with another event); after the last next() of a frame: how many (0, 1) became nothing.
	 * due: 0 = nothing is held, else the monotonic time at which flush is wanted; INT64_MAX: only at the end.
	 */
	unsigned (*took)(const void *state);
	int64_t (*due)(const void *self, const void *state);
	void (*release)(void *state); /* frees what it holds; the codec that made it may be gone */
	/* Appends the event's text; 1: there is none. -1 and err: this event cannot be encoded. */
	int (*encode)(void *self, const struct event *ev, struct buf *out, const struct clock *clock, struct err *err);
};

/* ---- filters ---- */

enum step {
	STEP_OK,   /* done: the common options (add_field, add_tag ...) run */
	STEP_PASS, /* nothing done, or it failed and tagged: they do not */
	STEP_STOPS, /* STEP_PASS; at such an event Logstash's whole pipeline ends, as measured there: see step_stops() */
	STEP_DROP, /* the event ends here; counted by the executor under `ended` */
	STEP_WAIT, /* only from wait.ask: the event has a question in this batch */
	STEP_MORE, /* the event is replaced by children: gen.next is called until it returns 0 */
	STEP_FORK, /* the event goes on, then children follow */
	STEP_OK_FORK, /* STEP_OK, and then children follow */
};

struct step_ctx {
	struct arena *arena; /* ev->arena */
	const struct clock *clock;
	void *gen; /* STEP_MORE, STEP_FORK, STEP_OK_FORK, flush: state for gen.next */
	bool final; /* flush: the pipeline ends */
	struct wait *wait; /* flush of a waiting step: with the answer; else NULL */
	struct str why; /* STEP_STOPS: what the event holds that ends Logstash's pipeline; as long as the event */
};

/* The answer of a filter that has tagged the event: weir goes on, is counted, and `weir eval` says so. why: "'message' is no text but a number". */
static inline enum step step_stops(struct step_ctx *ctx, struct str why)
{
	ctx->why = why;
	return STEP_STOPS;
}

/* Between two calls of flush, as in Logstash. */
enum { FILTER_FLUSH_S = 5 };

/* All questions of a batch to one waiting step. */
struct wait {
	void *data; /* the plug-in's */
	void (*done)(struct wait *w); /* to be called exactly once after start(), from any thread */
};

/* What a filter counts of an expression that it tries. Written by the work thread only; read by anyone. */
struct pattern_tally {
	_Atomic uint64_t tries, hits, limits; /* limits: given up, neither a match nor none */
	_Atomic uint64_t ns;		      /* time spent; an estimate */
};

typedef void pattern_fn(void *arg, struct str field, struct str pattern, const struct pattern_tally *tally);

struct filter_ops {
	enum step (*run)(void *self, struct event *ev, struct step_ctx *ctx);
	/* Children of STEP_MORE/FORK: 1 = child filled (event_init'ed by the executor), 2 = filled, and the common options are not for it, 0 = no more. */
	int (*next)(void *self, void *gen, const struct event *parent, struct event *child, struct step_ctx *ctx);
	/* Waiting steps have these instead of run(). ask: STEP_WAIT and *slot chosen by the plug-in, or an answer at once. */
	enum step (*ask)(void *self, struct event *ev, struct wait *w, unsigned *slot, struct step_ctx *ctx);
	void (*start)(void *self, struct wait *w);
	enum step (*finish)(void *self, struct event *ev, struct wait *w, unsigned slot, struct step_ctx *ctx);
	void (*wait_release)(void *self, struct wait *w);
	/*
	 * Every FILTER_FLUSH_S seconds of the plan's clock, and once more when the pipeline ends: a filter may make events though none came.
	 * true: next() is called with ctx->gen and a parent that is no event (no field), until it returns 0; what it makes goes on behind
	 * the filter. An event to which next() gives an ack (its reference) or id keeps them. A waiting step has flush_ask, too: true where it asks something; then come start(), and when that is done flush().
	 */
	bool (*flush)(void *self, struct step_ctx *ctx);
	bool (*flush_ask)(void *self, struct wait *w, bool final);
	/*
	 * For filters that look things up in large tables. The event will come to this step, and until then only filters see it that add fields
	 * of their own (adds): what it will need may be read, and be fetched into the processor's caches. Called once for each of those
	 * filters, before it runs; run() follows for certain. Changes nothing.
	 */
	void (*ahead)(void *self, struct event *ev);
	/* Every event goes on behind it, and what it adds is nothing that others' ahead() reads: NULL: never so. */
	bool (*adds)(const void *self);
	/* Takes over the state of the same step (same id, or same options) of the former plan at a reload: work thread, before any event. */
	void (*adopt)(void *self, void *former);
	/* Tags an event at which the common options raised, as Logstash's filter does that catches it. NULL: `_NAME_error`. */
	void (*raised)(void *self, struct event *ev);
	/* Calls fn for each expression that is counted, in the order in which they are tried. Texts and tallies live as long as the instance. Any thread. */
	void (*patterns)(const void *self, pattern_fn *fn, void *arg);
};

/* ---- inputs and outputs: their io halves are declared where they live ---- */

struct input_ops;  /* input/input.h */
struct output_ops; /* outputs/output.h */
struct span;	   /* pipeline/batch.h */
struct source;

/* ---- the plug-in ---- */

enum plugin_kind { PLUGIN_INPUT, PLUGIN_FILTER, PLUGIN_OUTPUT, PLUGIN_CODEC };

struct plugin {
	enum plugin_kind kind;
	const char *name;
	const char *doc; /* one line */
	size_t size;
	const struct option *options;
	bool no_common; /* takes none of the common options of its kind */
	bool holds;	/* a filter that keeps events back: flushed for the last time before a reload, too */
	bool stateful;	/* remembers from one event to the next: left out of a plan that is compiled stateless (weir parse) */
	/* After the options: compile what can be compiled. -1 and err refuse the configuration. */
	int (*open)(void *self, struct plugin_ctx *ctx, struct err *err);
	void (*close)(void *self);
	/* Inputs and outputs: the codec where the configuration names none ("line"). */
	const char *default_codec;
	/* Inputs of byte streams (stdin, tcp, unix): their codec is replaced as its on_stream says. */
	bool stream;
	/* Inputs whose frames say how they are to be read (http), on the work thread: the codec of a source. NULL: the configured one's. */
	struct codec *(*codec_of)(void *self, const struct source *s);
	/* Inputs, on the work thread: adds host, path, [@metadata] ... to each decoded event. NULL: nothing. The common
	 * options (type, tags, add_field) are the executor's. */
	void (*decorate)(void *self, struct event *ev, const struct span *span);
	/*
	 * Inputs whose frames hold a line for the codec among other things (beats): after open(), the codec that reads whole frames and gives
	 * `inner` what is its. given: inner is the configured one, not the default. It closes inner with itself. NULL and err refuse.
	 */
	struct codec *(*around)(void *self, struct codec *inner, bool given, struct plugin_ctx *ctx, struct err *err);
	/* Inputs, on the work thread: after decorate and the common options. NULL: nothing. */
	void (*decorated)(void *self, struct event *ev, const struct span *span);
	/* Inputs that read frames by themselves where no codec is configured (syslog): fills ev, as codec_ops.next does, with one event
	 * per frame; decorate is not called then. The frame's bytes outlive the event. */
	void (*decode)(void *self, struct event *ev, struct str frame, uint32_t flags, const struct span *span);
	/* Its frames are events already (input pipeline): decode reads them whatever codec is configured. */
	bool events;
	struct filter_ops filter;
	struct codec_ops codec;
	const struct input_ops *input;
	const struct output_ops *output;
};

#define FILTER(id, ...) const struct plugin filter_##id = {.kind = PLUGIN_FILTER, .name = #id, __VA_ARGS__};
#define CODEC(id, ...) const struct plugin codec_##id = {.kind = PLUGIN_CODEC, .name = #id, __VA_ARGS__};
#define INPUT(id, ...) const struct plugin input_##id = {.kind = PLUGIN_INPUT, .name = #id, __VA_ARGS__};
#define OUTPUT(id, ...) const struct plugin output_##id = {.kind = PLUGIN_OUTPUT, .name = #id, __VA_ARGS__};

/* Generated registry: NULL where no such plug-in is compiled in. */
const struct plugin *plugin_find(enum plugin_kind kind, struct str name);
/* All of a kind, NULL-terminated, sorted by name. */
const struct plugin *const *plugin_all(enum plugin_kind kind);

#endif
