/*
 * kafka.c - `input { kafka { topics => ["logs"] group_id => "weir" } }`: a member of a consumer group, or consumer_threads of them.
 *
 * Each message is a span with an acknowledgement of its own. The offset of a partition is stored, and then committed, only as far as all
 * events of all messages before it have their verdict (kafka_track.h): what weir had when it was killed is read again. Messages are
 * numbered by topic, partition and offset, and so are the events' ids: what is read twice has the same id. Here are the options and what events say
 * of their message; reading is kafka_read.c's.
 */
#include "base/utf8.h"
#include "input/kafka_read.h"

enum decorate { DECORATE_NONE, DECORATE_BASIC, DECORATE_EXTENDED, DECORATE_FALSE, DECORATE_TRUE };

struct kafka_input {
	struct kafka_options common;
	const struct list *topics;
	struct str topics_pattern, group_id, group_instance_id, auto_offset_reset, partition_assignment_strategy, client_rack, isolation_level;
	struct str key_deserializer_class, value_deserializer_class, schema_registry_url, exclude_internal_topics, group_protocol;
	int64_t auto_commit_interval_ms, fetch_max_bytes, fetch_max_wait_ms, fetch_min_bytes, heartbeat_interval_ms, max_partition_fetch_bytes;
	int64_t max_poll_interval_ms, session_timeout_ms, consumer_threads;
	bool check_crcs, auto_create_topics;
	int decorate_events;

	const struct kafka_module *module;
	struct kafka_settings settings;
	const char **topic; /* as the module takes them: a pattern by its ^ */
	size_t n_topics;
	const struct ref *ref_topic, *ref_group, *ref_partition, *ref_offset, *ref_key, *ref_timestamp;
};

/* ---- options ---- */

/* A pattern of Java's that must match the whole name, for the regular expressions of the C library: librdkafka knows one by its ^. */
static struct str pattern_of(struct arena *a, struct str java)
{
	struct buf b;
	struct str out;

	buf_init(&b, 0);
	buf_lit(&b, "^(");
	if (java.len && java.p[0] == '^')
		java = str_from(java, 1);
	if (java.len && java.p[java.len - 1] == '$')
		java.len--;
	for (size_t i = 0; i < java.len; i++) {
		struct str rest = str_from(java, i);

		if (str_starts(rest, STR("(?:"))) {
			buf_ch(&b, '(');
			i += 2;
		} else if (str_starts(rest, STR("\\d"))) {
			buf_lit(&b, "[0-9]");
			i++;
		} else if (rest.p[0] == '\\' && rest.len > 1) {
			buf_add(&b, rest.p, 2);
			i++;
		} else {
			buf_ch(&b, rest.p[0]);
		}
	}
	buf_lit(&b, ")$");
	out = arena_dup(a, buf_slice(&b));
	buf_release(&b);
	return out;
}

static int topics(struct kafka_input *k, struct arena *a, struct err *err)
{
	k->n_topics = k->topics_pattern.p ? 1 : k->topics->n;
	k->topic = arena_alloc(a, sizeof(*k->topic) * (k->n_topics + 1));
	if (k->n_topics == 0)
		return err_set(err, "'topics' names none");
	if (k->topics_pattern.p) {
		k->topic[0] = arena_dupz(a, pattern_of(a, k->topics_pattern));
		return 0;
	}
	for (size_t i = 0; i < k->n_topics; i++) {
		if (k->topics->v[i].type != V_STRING || k->topics->v[i].len == 0)
			return err_set(err, "'topics' takes names");
		k->topic[i] = arena_dupz(a, value_str(&k->topics->v[i]));
		if (k->topic[i][0] == '^')
			return err_set(err, "'topics' takes names: a pattern is 'topics_pattern'");
	}
	return 0;
}

static int strategy(struct kafka_input *k, struct plugin_ctx *ctx, struct err *err)
{
	static const struct {
		const char *java, *own;
	} known[] = {{"range", "range"},			 {"round_robin", "roundrobin"},	  {"cooperative_sticky", "cooperative-sticky"},
		     {"RangeAssignor", "range"}, {"RoundRobinAssignor", "roundrobin"}, {"CooperativeStickyAssignor", "cooperative-sticky"}};
	struct str s = k->partition_assignment_strategy;
	ptrdiff_t dot = str_rchr(s, '.');

	if (!s.p)
		return 0;
	if (dot >= 0)
		s = str_from(s, (size_t)dot + 1);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_eqz(s, known[i].java)) {
			kafka_set(&k->settings, "partition.assignment.strategy", str_z(known[i].own));
			return 0;
		}
	if (!str_eqz(s, "sticky") && !str_eqz(s, "StickyAssignor"))
		return err_set(err, "'partition_assignment_strategy' takes range, round_robin or cooperative_sticky, not '%.*s'", STR_ARG(s));
	plugin_warn(ctx, "kafka: librdkafka has no 'sticky' strategy: cooperative_sticky is taken; members of the group that only know sticky must be changed, too");
	kafka_set(&k->settings, "partition.assignment.strategy", STR("cooperative-sticky"));
	return 0;
}

static int offset_reset(struct kafka_input *k, struct err *err)
{
	struct str s = k->auto_offset_reset;

	if (!s.p)
		return 0;
	if (str_eqz(s, "earliest") || str_eqz(s, "latest"))
		kafka_set(&k->settings, "auto.offset.reset", s);
	else if (str_eqz(s, "none"))
		kafka_set(&k->settings, "auto.offset.reset", STR("error"));
	else
		return err_set(err, "'auto_offset_reset' takes earliest, latest or none, not '%.*s'", STR_ARG(s));
	return 0;
}

/* Bytes become text by the codec, whatever Java would make of them. */
static int deserializers(const struct kafka_input *k, struct err *err)
{
	const struct {
		const char *option;
		struct str class;
	} given[] = {{"key_deserializer_class", k->key_deserializer_class}, {"value_deserializer_class", k->value_deserializer_class}};

	if (k->schema_registry_url.p)
		return err_set(err, "'schema_registry_url' is not there: Avro by a registry cannot be read");
	for (size_t i = 0; i < 2; i++)
		if (!str_ends(given[i].class, STR(".StringDeserializer")) && !str_ends(given[i].class, STR(".ByteArrayDeserializer")) &&
		    !str_ends(given[i].class, STR(".ByteBufferDeserializer")))
			return err_set(err, "'%s' is a class of Java, which is not here: bytes go to the codec as they are", given[i].option);
	return 0;
}

static int settings(struct kafka_input *k, struct plugin_ctx *ctx, struct err *err)
{
	struct kafka_settings *s = &k->settings;

	s->arena = ctx->arena;
	if (kafka_settings_of(s, &k->common, err))
		return -1;
	kafka_set(s, "group.id", k->group_id);
	/* Weird stores them itself. */
	kafka_set(s, "enable.auto.offset.store", STR("false"));
	kafka_set(s, "enable.auto.commit", STR("true"));
	kafka_set_int(s, "auto.commit.interval.ms", k->auto_commit_interval_ms);
	kafka_set(s, "allow.auto.create.topics", k->auto_create_topics ? STR("true") : STR("false"));
	kafka_set(s, "check.crcs", k->check_crcs ? STR("true") : STR("false"));
	kafka_set(s, "isolation.level", k->isolation_level);
	kafka_set_int(s, "session.timeout.ms", k->session_timeout_ms);
	kafka_set_int(s, "heartbeat.interval.ms", k->heartbeat_interval_ms);
	kafka_set_int(s, "max.poll.interval.ms", k->max_poll_interval_ms);
	kafka_set_int(s, "fetch.max.bytes", k->fetch_max_bytes);
	kafka_set_int(s, "fetch.message.max.bytes", k->max_partition_fetch_bytes);
	kafka_set_int(s, "fetch.min.bytes", k->fetch_min_bytes);
	kafka_set_int(s, "fetch.wait.max.ms", k->fetch_max_wait_ms);
	/* What is fetched and not yet taken, of all partitions: as much as a batch or two, not librdkafka's 64 MiB. */
	kafka_set_int(s, "queued.max.messages.kbytes", 8192);
	if (k->client_rack.p)
		kafka_set(s, "client.rack", k->client_rack);
	if (k->group_protocol.p && !str_eqz(k->group_protocol, "classic"))
		plugin_warn(ctx, "kafka: 'group_protocol' can only be classic here");
	if (k->topics_pattern.p && !str_eqz(k->exclude_internal_topics, "false"))
		kafka_set(s, "topic.blacklist", STR("^__.*"));
	return strategy(k, ctx, err) || offset_reset(k, err) || kafka_settings_own(s, &k->common, err) ? -1 : 0;
}

static int kafka_open(void *self, struct plugin_ctx *ctx, struct err *err)
{
	struct kafka_input *k = self;
	struct {
		const char *name;
		const struct ref **ref;
	} refs[] = {{"topic", &k->ref_topic}, {"consumer_group", &k->ref_group}, {"partition", &k->ref_partition},
		    {"offset", &k->ref_offset}, {"key", &k->ref_key}, {"timestamp", &k->ref_timestamp}};

	for (size_t i = 0; i < sizeof(refs) / sizeof(refs[0]); i++) {
		*refs[i].ref = ref_compile(ctx->arena, arena_printf(ctx->arena, "[@metadata][kafka][%s]", refs[i].name), err);
		if (!*refs[i].ref)
			return -1;
	}
	if (k->decorate_events >= DECORATE_FALSE) {
		plugin_warn(ctx, "kafka: 'decorate_events' takes none, basic or extended");
		k->decorate_events = k->decorate_events == DECORATE_TRUE ? DECORATE_BASIC : DECORATE_NONE;
	}
	if (topics(k, ctx->arena, err) || deserializers(k, err) || settings(k, ctx, err))
		return -1;
	k->module = kafka_module(err);
	return k->module ? k->module->check(k->settings.s, k->settings.n, true, err) : -1;
}

/* ---- the work thread's half ---- */

static struct value text_value(struct event *ev, struct str s)
{
	return v_str(utf8_scrub(ev->arena, arena_dup(ev->arena, s)));
}

static bool is_utf8(struct event *ev, struct str s)
{
	return utf8_scrub(ev->arena, s).p == s.p;
}

static void kafka_decorate(void *self, struct event *ev, const struct span *sp)
{
	const struct kafka_input *k = self;
	const struct kafka_meta *m = kafka_meta(sp);

	if (!m || k->decorate_events == DECORATE_NONE)
		return;
	(void)event_set(ev, k->ref_topic, text_value(ev, m->topic));
	(void)event_set(ev, k->ref_group, v_str(k->group_id));
	(void)event_set(ev, k->ref_partition, v_int(m->partition));
	(void)event_set(ev, k->ref_offset, v_int(m->offset));
	(void)event_set(ev, k->ref_key, m->key.p ? text_value(ev, m->key) : (struct value){.type = V_NULL});
	(void)event_set(ev, k->ref_timestamp, v_int(m->timestamp_ms));
	for (uint32_t i = 0; k->decorate_events == DECORATE_EXTENDED && i < m->n_headers; i++) {
		const struct ref *r = ref_compile(ev->arena, arena_printf(ev->arena, "[@metadata][kafka][headers][%.*s]", STR_ARG(m->header[i].name)), NULL);

		if (r && is_utf8(ev, m->header[i].value))
			(void)event_set(ev, r, text_value(ev, m->header[i].value));
	}
}

/* ---- the io half ---- */

static int io_open(struct inlet *in, const void *self, struct err *err)
{
	const struct kafka_input *k = self;
	struct kafka_read_config c = {.module = k->module, .settings = &k->settings, .topic = k->topic, .n_topics = k->n_topics, .client_id = k->common.client_id,
				      .group_instance_id = k->group_instance_id, .members = (unsigned)k->consumer_threads,
				      .headers = k->decorate_events == DECORATE_EXTENDED};

	(void)err;
	kafka_read_open(in, &c);
	return 0;
}

static const struct input_ops ops = {.own_loop = true, .disk = true, .endless = true, .open = io_open, .start = kafka_read_start, .pause = kafka_read_pause,
				     .resume = kafka_read_resume, .stop = kafka_read_stop, .span = kafka_read_span, .release = kafka_read_release};

static const char *const decorate_names[] = {"none", "basic", "extended", "false", "true", NULL};

#define AT(field) offsetof(struct kafka_input, field)
#define STRING_DESERIALIZER "\"org.apache.kafka.common.serialization.StringDeserializer\""
static const struct option options[] = {
	{"topics", OPT_LIST, AT(topics), .def = "[\"logstash\"]", .doc = "names of topics"},
	{"topics_pattern", OPT_STRING, AT(topics_pattern), .doc = "regular expression of whole names, instead of topics; POSIX's extended ones, and \\d, \\w, \\s"},
	{"group_id", OPT_STRING, AT(group_id), .def = "logstash", .doc = "the group: each message goes to one of its members"},
	{"group_instance_id", OPT_STRING, AT(group_instance_id), .doc = "a member that keeps its partitions over a restart; one name for each weird"},
	{"consumer_threads", OPT_INT, AT(consumer_threads), .def = "1", .min = 1, .max = 64, .doc = "members of the group"},
	{"auto_offset_reset", OPT_STRING, AT(auto_offset_reset), .doc = "where a new group begins: earliest, latest (as where nothing is said), none (an error)"},
	{"decorate_events", OPT_ENUM, AT(decorate_events), .choices = decorate_names, .def = "none", .doc = "basic: topic, partition, offset ... in [@metadata][kafka]; extended: headers, too"},
	{"enable_auto_commit", OPT_IGNORED, 0, .doc = "either way offsets are committed once the events before them have their verdict"},
	{"auto_commit_interval_ms", OPT_INT, AT(auto_commit_interval_ms), .def = "5000", .min = 1, .max = 86400000, .doc = "how often offsets are committed"},
	{"session_timeout_ms", OPT_INT, AT(session_timeout_ms), .def = "10000", .min = 1, .max = 3600000, .doc = "a member that is silent so long is given up"},
	{"heartbeat_interval_ms", OPT_INT, AT(heartbeat_interval_ms), .def = "3000", .min = 1, .max = 3600000, .doc = "how often a member shows that it lives"},
	{"max_poll_interval_ms", OPT_INT, AT(max_poll_interval_ms), .def = "300000", .min = 1, .max = 86400000, .doc = "a member whose input hangs so long is given up"},
	{"max_poll_records", OPT_IGNORED, 0, .doc = "a batch is up to 256 messages or 1 MiB"},
	{"poll_timeout_ms", OPT_IGNORED, 0, .doc = "nothing waits by polling"},
	{"partition_assignment_strategy", OPT_STRING, AT(partition_assignment_strategy), .doc = "range, round_robin or cooperative_sticky; not given: range, or round_robin"},
	{"isolation_level", OPT_STRING, AT(isolation_level), .def = "read_uncommitted", .doc = "read_committed: no messages of transactions that were given up"},
	{"fetch_min_bytes", OPT_INT, AT(fetch_min_bytes), .def = "1", .min = 1, .max = 100000000, .doc = "a broker waits for so much"},
	{"fetch_max_wait_ms", OPT_INT, AT(fetch_max_wait_ms), .def = "500", .min = 0, .max = 300000, .doc = "but no longer than this"},
	{"fetch_max_bytes", OPT_INT, AT(fetch_max_bytes), .def = "52428800", .min = 1, .max = 2147483135, .doc = "of one answer"},
	{"max_partition_fetch_bytes", OPT_INT, AT(max_partition_fetch_bytes), .def = "1048576", .min = 1, .max = 1000000000, .doc = "of one partition in an answer"},
	{"check_crcs", OPT_BOOL, AT(check_crcs), .def = "true", .doc = "look for damage"},
	{"client_rack", OPT_STRING, AT(client_rack), .doc = "where we stand, for brokers that choose a near replica"},
	{"auto_create_topics", OPT_BOOL, AT(auto_create_topics), .def = "true", .doc = "topics that are not there are made, where the broker does that"},
	{"exclude_internal_topics", OPT_STRING, AT(exclude_internal_topics), .doc = "false: topics_pattern finds __consumer_offsets and the like, too"},
	{"group_protocol", OPT_STRING, AT(group_protocol), .doc = "classic"},
	{"key_deserializer_class", OPT_STRING, AT(key_deserializer_class), .def = STRING_DESERIALIZER, .doc = "StringDeserializer or ByteArrayDeserializer: the same here"},
	{"value_deserializer_class", OPT_STRING, AT(value_deserializer_class), .def = STRING_DESERIALIZER, .doc = "StringDeserializer or ByteArrayDeserializer: the same here"},
	{"schema_registry_url", OPT_STRING, AT(schema_registry_url), .doc = "refused: Avro by a registry cannot be read"},
	KAFKA_OPTIONS(struct kafka_input, common),
	{"zk_connect", OPT_OBSOLETE, .instead = "bootstrap_servers"},
	{"white_list", OPT_OBSOLETE, .instead = "topics_pattern"},
	{"black_list", OPT_OBSOLETE, .instead = "topics_pattern"},
	{"topic_id", OPT_OBSOLETE, .instead = "topics"},
	{"reset_beginning", OPT_OBSOLETE, .instead = "auto_offset_reset"},
	{"consumer_restart_on_error", OPT_OBSOLETE},
	{"consumer_restart_sleep_ms", OPT_OBSOLETE},
	{"queue_size", OPT_OBSOLETE},
	{"rebalance_max_retries", OPT_OBSOLETE},
	{"rebalance_backoff_ms", OPT_OBSOLETE},
	{"consumer_timeout_ms", OPT_OBSOLETE},
	{"decoder_class", OPT_OBSOLETE},
	{0},
};

INPUT(kafka, .size = sizeof(struct kafka_input), .options = options, .doc = "messages of Kafka's topics, as a member of a consumer group", .default_codec = "plain",
      .open = kafka_open, .decorate = kafka_decorate, .input = &ops)
