#include "outputs/api_key.h"

#include "base/base64.h"
#include "base/url.h"

int api_key_header(struct arena *a, struct str key, bool tls, struct buf *header, struct err *err)
{
	struct str text;

	buf_lit(header, "Authorization: ApiKey ");
	if (str_starts(key, STR("essu_")))
		buf_str(header, key);
	else if (str_chr(key, ':') >= 0)
		base64_write(header, key);
	else if (base64_read(a, key, &text) && str_chr(text, ':') > 0)
		buf_str(header, key);
	else
		return err_set(err, "'api_key' is neither id:key nor its base64 form");
	if (url_has_control(buf_slice(header)))
		return err_set(err, "'api_key' holds a line end");
	if (!tls)
		return err_set(err, "'api_key' is sent over TLS only: say https:// in 'hosts'");
	return 0;
}
