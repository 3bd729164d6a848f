/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as what a local user may send to the daemon's socket: LoginRequest
 * and SetConfigRequest, taken over into settings.
 * fuzz-needs: src/agent/ctlconfig.c
 */
#include <stdlib.h>
#include "agent/ctlparts.h"
#include "base/buf.h"
#include "proto/inspect.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const ProtobufCMessageDescriptor *const desc[] = {
		&daemon__login_request__descriptor, &daemon__set_config_request__descriptor,
		&daemon__status_request__descriptor, &daemon__up_request__descriptor, &godwit__v1__fsm_request__descriptor,
	};
	ProtobufCMessage *m;
	json_t *patch;

	if (size < 1)
		return 0;
	m = wire_pb_get(desc[data[0] % 5], data + 1, size - 1);
	if (m != NULL && data[0] % 5 < 2) {
		patch = ctl_patch_of(m);
		if (patch == NULL)
			abort();
		json_decref(patch);
	}
	wire_pb_free(m);
	return 0;
}
