#include "base/pem.h"
#include "base/file.h"

int pem_append(struct buf *b, struct str path, struct err *err)
{
	if (file_append(b, path, err) == -1)
		return -1;
	buf_ch(b, '\n');
	return 0;
}

int pem_check(const struct buf *b, struct err *err)
{
	if (str_find(buf_slice(b), STR("BEGIN CERTIFICATE")) >= 0 || str_find(buf_slice(b), STR("BEGIN TRUSTED CERTIFICATE")) >= 0)
		return 0;
	return err_set(err, "no certificate in the files of 'ssl_certificate_authorities' (PEM is needed)");
}
