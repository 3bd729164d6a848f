/* SPDX-License-Identifier: ISC */
/* Any line as a candidate; what parses, writes and parses again to the same address. */
#include <stdlib.h>
#include <string.h>
#include "wire/candidate.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_cand c, again;
	char line[1024], out[WIRE_CAND_LINE];

	if (size >= sizeof(line))
		return 0;
	memcpy(line, data, size);
	line[size] = '\0';
	if (wire_cand_parse(&c, line) != 0 || wire_cand_write(out, &c) != 0)
		return 0;
	if (wire_cand_parse(&again, out) != 0 || !addr_equal(&c.addr, &again.addr) || c.type != again.type)
		abort();
	return 0;
}
