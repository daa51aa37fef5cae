/*
 * elastic_agent.c - `input { elastic_agent { port => 5044 } }`: Logstash's newer name of beats; nothing else is different.
 */
#include "input/beats_input.h"

INPUT(elastic_agent, .size = sizeof(struct beats_input), .options = beats_options, .doc = "Elastic Agent: another name of beats",
      .default_codec = "plain", .open = beats_open, .close = beats_input_close, .around = beats_input_around,
      .decorate = beats_input_decorate, .decorated = beats_input_decorated, .input = &beats_input_ops)
