/* SPDX-License-Identifier: ISC */
/*
 * grpc-text.c -- see grpc-text.h.  Tables from the gRPC project's PROTOCOL-HTTP2
 * ("Responses", "Errors") and its http-grpc-status-mapping.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#include "base/buf.h"
#include "net/grpc-text.h"
#include "net/grpc.h"

static const char *const grpc_names[] = {
	"OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists",
	"PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange",
	"Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated"
};

const char *
grpc_code_name(int code)
{
	if (code < 0 || code >= (int)(sizeof(grpc_names) / sizeof(grpc_names[0])))
		return "Code(?)";
	return grpc_names[code];
}

void
grpc_percent_put(struct buf *out, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
		if (*p >= 0x20 && *p <= 0x7e && *p != '%')
			buf_put_u8(out, *p);
		else
			buf_printf(out, "%%%02X", *p);
}

static int
grpc_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

void
grpc_percent_get(struct buf *out, const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		int hi = *p == '%' ? grpc_hex(p[1]) : -1;
		int lo = hi >= 0 ? grpc_hex(p[2]) : -1;

		if (lo >= 0 && (hi | lo) != 0) {
			buf_put_u8(out, (uint8_t)(hi << 4 | lo));
			p += 2;
		} else
			buf_put_u8(out, (uint8_t)*p);
	}
}

void
grpc_timeout_text(char out[16], int64_t us)
{
	static const struct {
		int64_t us;
		char unit;
	} units[] = { { 1, 'u' }, { 1000, 'm' }, { 1000000, 'S' }, { 60000000, 'M' }, { INT64_C(3600000000), 'H' } };
	size_t i = 0;
	int64_t n = us < 1 ? 1 : us;

	while (n > 99999999 && i + 1 < sizeof(units) / sizeof(units[0])) {
		i++;
		n = (us + units[i].us - 1) / units[i].us;
	}
	if (n > 99999999)
		n = 99999999;
	snprintf(out, 16, "%u%c", (unsigned)n % 100000000, units[i].unit);
}

int
grpc_timeout_parse(int64_t *us, const char *text)
{
	int64_t n = 0;
	size_t i;

	for (i = 0; text[i] >= '0' && text[i] <= '9'; i++) {
		if (i == 8)
			return -EINVAL;
		n = n * 10 + (text[i] - '0');
	}
	if (i == 0 || text[i] == '\0' || text[i + 1] != '\0')
		return -EINVAL;
	switch (text[i]) {
	case 'n':
		*us = (n + 999) / 1000;
		return 0;
	case 'u':
		*us = n;
		return 0;
	case 'm':
		*us = n * 1000;
		return 0;
	case 'S':
		*us = n * 1000000;
		return 0;
	case 'M':
		*us = n * 60000000;
		return 0;
	case 'H':
		*us = n * INT64_C(3600000000);
		return 0;
	default:
		return -EINVAL;
	}
}

int
grpc_code_of_http(int status)
{
	switch (status) {
	case 400:
		return GRPC_INTERNAL;
	case 401:
		return GRPC_UNAUTHENTICATED;
	case 403:
		return GRPC_PERMISSION_DENIED;
	case 404:
		return GRPC_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504:
		return GRPC_UNAVAILABLE;
	default:
		return GRPC_UNKNOWN;
	}
}

int
grpc_code_of_rst(uint32_t code)
{
	switch (code) {
	case NGHTTP2_REFUSED_STREAM:
	case H2_CODE_GONE:
		return GRPC_UNAVAILABLE;
	case NGHTTP2_CANCEL:
		return GRPC_CANCELED;
	case NGHTTP2_ENHANCE_YOUR_CALM:
		return GRPC_RESOURCE_EXHAUSTED;
	case NGHTTP2_INADEQUATE_SECURITY:
		return GRPC_PERMISSION_DENIED;
	default:
		return GRPC_INTERNAL;
	}
}
