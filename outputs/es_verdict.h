/*
 * es_verdict.h - what a bulk answer says of each document. Pure: bytes in, verdicts out; total over any input.
 *
 * An answer counts only if it is whole JSON, has "errors" as a boolean and one item for each document sent, in order. Everything
 * else is "nothing is known" (the caller sends again), never success.
 */
#ifndef WEIR_OUTPUTS_ES_VERDICT_H
#define WEIR_OUTPUTS_ES_VERDICT_H

#include "base/str.h"
#include "outputs/output.h"

/* One item of the answer. Texts are JSON source between the quotes, escapes and all. */
struct es_item {
	int status;
	struct str type, reason; /* of error; error as a plain string: only reason */
	bool failure_store;	 /* taken, but put aside: "failure_store":"used" */
	bool deleted;		 /* the action was delete */
};

/*
 * Walks over the answer. each() gets every item that is not plainly good (status 200 or 201 and nothing else to say). false: not a proper
 * answer to `expect` documents; then what each() was told is void.
 */
bool es_answer_scan(struct str body, uint32_t expect, void (*each)(void *arg, uint32_t i, const struct es_item *it),
		    void *arg);

/* Which codes and types the configuration treats in its own way. */
struct es_policy {
	const int *dead_codes; /* dlq_custom_codes */
	size_t n_dead_codes;
	const struct str *drop_types; /* drop_error_types */
	size_t n_drop_types;
};

struct es_judgement {
	enum verdict verdict;
	bool template_missing; /* 404: the template should be looked after */
	bool alarm;
};

/* The decision table for one item. flags: enum item_flags of the document. */
struct es_judgement es_judge(const struct es_item *it, unsigned flags, const struct es_policy *policy);
/* The same for the HTTP status of the whole answer; SEND_JUDGED: the body has to be read. */
enum send_result es_judge_status(long status);

#endif
