/*
 * ast.h - what the text of a configuration says, before anybody knows the plug-ins.
 *
 * Made by config_parse() in an arena; immutable afterwards. Positions count lines and columns from 1,
 * columns in characters.
 */
#ifndef WEIR_CONFIG_AST_H
#define WEIR_CONFIG_AST_H

#include "base/arena.h"

/* One file, or the text of -e. Several files are parsed as one concatenated text, yet a position names its file. */
struct config_file {
	struct str name; /* "conf.d/20-parse.conf", "<command line>" */
	struct str text;
	struct config_file *next;
};

struct pos {
	const struct config_file *file;
	uint32_t line, col;
};

enum ast_value_kind { AST_STRING, AST_NUMBER, AST_BAREWORD, AST_ARRAY, AST_HASH, AST_PLUGIN };

struct ast_plugin;

struct ast_value {
	enum ast_value_kind kind;
	struct pos pos;
	struct str text; /* string after escapes and ${VAR}; bareword; a number (integers without leading zeros) */
	bool quoted_double;
	size_t n;		     /* AST_ARRAY: items; AST_HASH: pairs */
	struct ast_value **item;     /* AST_ARRAY: n; AST_HASH: 2n, key and value in turn */
	struct ast_plugin *plugin;   /* AST_PLUGIN: a codec */
};

struct ast_attr {
	struct str name;
	struct pos pos;
	struct ast_value *value;
};

enum ast_section { SECTION_INPUT, SECTION_FILTER, SECTION_OUTPUT };

struct ast_plugin {
	struct str name;
	struct pos pos;
	size_t n;
	struct ast_attr *attr; /* in file order, repeated names kept */
};

enum ast_expr_kind {
	EXPR_OR, EXPR_AND, EXPR_XOR, EXPR_NAND, EXPR_NOT,      /* a, b (NOT: a) */
	EXPR_TRUTH,					      /* a is an rvalue: selector, string, number, regex ... */
	EXPR_EQ, EXPR_NE, EXPR_LT, EXPR_GT, EXPR_LE, EXPR_GE, /* a, b: rvalues */
	EXPR_IN, EXPR_NOT_IN,
	EXPR_MATCH, EXPR_NOT_MATCH, /* a: rvalue, b: string or regex */
	EXPR_SELECTOR, EXPR_STRING, EXPR_NUMBER, EXPR_REGEX, EXPR_ARRAY, /* rvalues */
};

struct ast_expr {
	enum ast_expr_kind kind;
	struct pos pos;
	struct ast_expr *a, *b;
	struct str text;	/* selector as written ("[a][b]"), string, regex source, number */
	size_t n;		/* EXPR_ARRAY */
	struct ast_expr **item;
};

struct ast_block;

enum ast_stmt_kind { STMT_PLUGIN, STMT_IF };

struct ast_branch {
	struct ast_expr *cond; /* NULL: else */
	struct ast_block *body;
};

struct ast_stmt {
	enum ast_stmt_kind kind;
	struct pos pos;
	struct ast_plugin *plugin;
	bool mended;		   /* STMT_IF: a condition is not the one that was written (never outside of the parser) */
	size_t n;		   /* STMT_IF: branches, if first */
	struct ast_branch *branch;
};

struct ast_block {
	size_t n;
	struct ast_stmt *stmt;
};

struct ast_config {
	struct ast_block section[3]; /* by enum ast_section, all sections of a kind in order */
};

#endif
