/* SPDX-License-Identifier: ISC */
/* down.c -- down, and deregister (alias logout). */
#include "base/mono.h"
#include "ctl/call.h"
#include "ctl/cmd.h"
#include "proto/daemon.pb-c.h"
#include "wire/pb.h"

#define SERVICE "/daemon.DaemonService/"

static int
ask(const struct opts *o, const char *path, const ProtobufCMessage *req,
    const ProtobufCMessageDescriptor *type, int64_t limit, const char *done)
{
	struct call *c = call_open(o);
	int rc = 0;
	void *resp;

	if (c == NULL)
		return 1;
	resp = call_unary(c, path, req, type, limit);
	if (resp != NULL)
		puts(done);
	else
		rc = call_complain(c);
	wire_pb_free(resp);
	call_close(c);
	return rc;
}

int
cmd_down(const struct opts *o)
{
	Daemon__DownRequest req;

	daemon__down_request__init(&req);
	return ask(o, SERVICE "Down", &req.base, &daemon__down_response__descriptor, 20 * MONO_SEC, "Disconnected");
}

int
cmd_logout(const struct opts *o)
{
	Daemon__LogoutRequest req;

	daemon__logout_request__init(&req);
	return ask(o, SERVICE "Logout", &req.base, &daemon__logout_response__descriptor, 30 * MONO_SEC,
	    "Deregistered successfully");
}
