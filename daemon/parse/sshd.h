/*
 * sshd.h - what the files that read sshd's lines have in common; the format's own, nobody else's. Work thread; pure.
 */
#ifndef WEIR_PARSE_SSHD_H
#define WEIR_PARSE_SSHD_H

#include "parse/format.h"

/* The peer: an address, or the name that UseDNS found; "UNKNOWN" is neither, and nothing is put. */
void sshd_put_source(struct record *r, struct str who);
/* "invalid user oracle", "authenticating user root", "root": the words before the name are taken off, of an invalid user as event.reason. */
void sshd_put_user(struct record *r, struct str s);
/* The line's action; always FORMAT_MATCH. */
enum format_result sshd_end(struct record *r, const char *action, const char *category, const char *type);
enum format_result sshd_daemon_message(struct record *r);

/* The whole text of a module's line: "pam_unix(sshd:auth): ..." */
enum format_result sshd_pam_module(struct record *r, struct str s);
/* The text of a module that logs by itself, as "sshd(pam_google_authenticator)". */
enum format_result sshd_pam_program(struct record *r, struct str s);
/* sshd's own line, behind "PAM". */
enum format_result sshd_pam(struct record *r, struct str s);

/* A file operation: `open "/x" flags READ mode 0666`. */
enum format_result sshd_sftp(struct record *r, struct str s);

#endif
