/*
 * fail_start.c - preloaded into weird: what libuv does at the start of an input fails, for the kinds that FAIL_START names ("udp tcp pipe").
 * None of these calls fails by itself where a test could ask for it.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

static int fails(const char *kind)
{
	const char *which = getenv("FAIL_START");

	return which && strstr(which, kind);
}

int uv_udp_recv_start(uv_udp_t *handle, uv_alloc_cb alloc_cb, uv_udp_recv_cb recv_cb)
{
	int (*real)(uv_udp_t *, uv_alloc_cb, uv_udp_recv_cb) = dlsym(RTLD_NEXT, "uv_udp_recv_start");

	return fails("udp") ? UV_ENOBUFS : real(handle, alloc_cb, recv_cb);
}

int uv_listen(uv_stream_t *stream, int backlog, uv_connection_cb cb)
{
	int (*real)(uv_stream_t *, int, uv_connection_cb) = dlsym(RTLD_NEXT, "uv_listen");

	return fails("tcp") ? UV_ENOBUFS : real(stream, backlog, cb);
}

int uv_pipe_open(uv_pipe_t *handle, uv_file file)
{
	int (*real)(uv_pipe_t *, uv_file) = dlsym(RTLD_NEXT, "uv_pipe_open");

	return fails("pipe") ? UV_ENOBUFS : real(handle, file);
}
