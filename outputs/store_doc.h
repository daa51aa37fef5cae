/*
 * store_doc.h - documents of the store, compressed one by one with a dictionary made of others before them.
 *
 * A document alone is too short for a compressor to learn anything from; with the field names and usual values of its neighbours at hand
 * it shrinks to a quarter. A dictionary is made of the first documents of a file, and anew when many more have come.
 *
 * One thread each.
 */
#ifndef WEIR_OUTPUTS_STORE_DOC_H
#define WEIR_OUTPUTS_STORE_DOC_H

#include "base/buf.h"
#include "base/err.h"

/* ---- writing ---- */

struct doc_packer;

struct doc_packer *doc_packer_new(void);
void doc_packer_free(struct doc_packer **d);
/* The bytes of the dictionary in use; empty: none. */
struct str doc_packer_dictionary(const struct doc_packer *d);
/* Which it is in the file that is written to; 0: none of it. */
void doc_packer_number(struct doc_packer *d, unsigned number);
/* Takes data in use as number. */
void doc_packer_use(struct doc_packer *d, unsigned number, struct str data);
/*
 * To be told of each document; true when it is time for a (better) dictionary, which is in *data then, borrowed until the next call.
 */
bool doc_packer_learn(struct doc_packer *d, struct str json, struct str *data);
/* The blob for json, borrowed until the next call. */
struct str doc_pack(struct doc_packer *d, struct str json);

/* ---- reading ---- */

struct doc_reader;

struct doc_reader *doc_reader_new(void);
void doc_reader_free(struct doc_reader **d);
bool doc_reader_knows(const struct doc_reader *d, unsigned number);
void doc_reader_add(struct doc_reader *d, unsigned number, struct str data);
/* Which dictionary a blob needs; 0: none. */
unsigned doc_dictionary(struct str blob);
/* Appends the JSON text. -1 and err where the blob is damaged or larger than max. */
int doc_unpack(struct doc_reader *d, struct str blob, size_t max, struct buf *out, struct err *err);

#endif
