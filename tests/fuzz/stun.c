/* SPDX-License-Identifier: ISC */
/* Any bytes as STUN; what parses can be written, and then is believed and says the same. */
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "wire/stun.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_stun m, again;
	struct buf b = { 0 };

	wire_stun_check(data, size, "password");
	if (wire_stun_parse(&m, data, size) != 0)
		return 0;
	m.unknown = 0;
	m.integrity = true;
	if (m.mapped.family == ADDR_V6)
		m.mapped.scope = 0;
	if (wire_stun_write(&b, &m, "password") == 0) {
		if (wire_stun_parse(&again, buf_bytes(&b), buf_len(&b)) != 0 ||
		    wire_stun_check(buf_bytes(&b), buf_len(&b), "password") != 0)
			abort();
		if (strcmp(m.username, again.username) != 0 || m.priority != again.priority ||
		    memcmp(m.tid, again.tid, sizeof(m.tid)) != 0 || m.use_candidate != again.use_candidate)
			abort();
	}
	buf_free(&b);
	return 0;
}
