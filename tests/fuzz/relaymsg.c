/* SPDX-License-Identifier: ISC */
/* Any bytes as a relay message; pointers of what parses must lie inside. */
#include <stdlib.h>
#include "base/buf.h"
#include "wire/relaymsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[32] = { 1 };
	struct wire_relay_msg m;
	int64_t expiry;
	unsigned sum = 0;

	wire_relay_token_check(data, size, key, 0, &expiry);
	if (wire_relay_parse(&m, data, size) != 0)
		return 0;
	for (size_t i = 0; m.body != NULL && i < m.len; i++)
		sum += m.body[i];
	for (size_t i = 0; i < m.nids * WIRE_RELAY_ID_LEN; i++)
		sum += m.ids[i];
	for (size_t i = 0; m.id != NULL && i < WIRE_RELAY_ID_LEN; i++)
		sum += m.id[i];
	return sum == 1 && m.type == WIRE_RELAY_CLOSE ? abort(), 0 : 0;
}
