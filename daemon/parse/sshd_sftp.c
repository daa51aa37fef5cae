/*
 * sshd_sftp.c - what a user does over SFTP, as sftp-server and internal-sftp log it from -l INFO on. Work thread.
 *
 *	open "/upload/a.txt" flags WRITE,CREATE,TRUNCATE mode 0666
 *	close "/upload/a.txt" bytes read 0 written 482104
 *	rename old "/upload/a.txt" new "/upload/b.txt"
 *
 * A file's name is the client's text and may hold quotes and the words behind it: what follows a name must be what the server writes there, to the end of
 * the line. Two names that can be parted at more than one place are left out.
 */
#include "parse/sshd.h"

#include "parse/message.h"

static bool digits(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!ch_digit(s.p[i]))
			return false;
	return s.len > 0;
}

static bool put_mode(struct record *r, struct str s)
{
	if (!digits(s))
		return false;
	rec_raw(r, "mode", s);
	return true;
}

/* "WRITE,CREATE,TRUNCATE"; the server's fallback for none of them is empty. */
static bool put_flags(struct record *r, struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] != ',' && (s.p[i] < 'A' || s.p[i] > 'Z'))
			return false;
	rec_raw(r, "flags", s);
	return true;
}

/* The second of two names. */
static bool put_new(struct record *r, struct str s)
{
	if (str_find(s, STR("\" new \"")) >= 0)
		return false;
	rec_raw(r, "new_path", s);
	return true;
}

static const struct message_place places[] = {
	AS_STR('F', F_FILE_PATH), AS_CALL('G', put_new), AS_CALL('M', put_mode), AS_CALL('X', put_flags), AS_NUM('R', F_DESTINATION_BYTES),
	AS_NUM('W', F_SOURCE_BYTES), AS_NUM('S', F_FILE_SIZE), AS_RAW('T', "modified"), AS_RAW('O', "owner"), AS_RAW('P', "group"),
	AS_RAW('V', "client_version"), AS_STR('Y', F_EVENT_REASON), {0}};

#define DONE "ssh-session", "session", "info", NULL

/* What a name's quote closes stands before what only begins with it. */
static const struct message operations[] = {
	{"open \"%F\" flags %X mode %M", DONE},
	{"close \"%F\" bytes read %R written %W", DONE},
	{"forced close \"%F\" bytes read %R written %W", DONE},
	{"opendir \"%F\"", DONE},
	{"closedir \"%F\"", DONE},
	{"forced closedir \"%F\"", DONE},
	{"realpath \"%F\"", DONE},
	{"readlink \"%F\"", DONE},
	{"expand \"%F\"", DONE},
	{"statvfs \"%F\"", DONE},
	{"fsync \"%F\"", DONE},
	{"stat name \"%F\"", DONE},
	{"lstat name \"%F\"", DONE},
	{"remove name \"%F\"", DONE},
	{"rmdir name \"%F\"", DONE},
	{"mkdir name \"%F\" mode %M", DONE},
	{"set \"%F\" size %S", DONE},
	{"set \"%F\" mode %M", DONE},
	{"set \"%F\" modtime %T", DONE},
	{"set \"%F\" owner %O group %P", DONE},
	{"rename old \"%F\" new \"%G\"", DONE},
	{"posix-rename old \"%F\" new \"%G\"", DONE},
	{"symlink old \"%F\" new \"%G\"", DONE},
	{"hardlink old \"%F\" new \"%G\"", DONE},
	{"rename old \"%*\" new \"%*\"", DONE},
	{"posix-rename old \"%*\" new \"%*\"", DONE},
	{"symlink old \"%*\" new \"%*\"", DONE},
	{"hardlink old \"%*\" new \"%*\"", DONE},
	{"received client version %V", DONE},
	{"sent status Success", "ssh-session", "session", "info", "success"},
	{"sent status End of file", DONE},
	{"sent status %Y", "ssh-session", "session", "info", "failure"},
	{0}};

enum format_result sshd_sftp(struct record *r, struct str s)
{
	struct str head, what;

	if (!message_list(r, operations, s, places))
		return FORMAT_NO_MATCH;
	/* "remove name", "rename old", "forced close": the first word, or the last. */
	if (scan_until_str(&s, STR(" \""), &head)) {
		(void)scan_lit(&head, "forced ");
		if (scan_word(&head, &what))
			rec_raw(r, "operation", what);
	}
	rec_raw(r, "subsystem", STR("sftp"));
	return FORMAT_MATCH;
}
