/* SPDX-License-Identifier: ISC */
/*
 * label.c -- a peer's DNS label from its host name: the first label, in lower
 * case, letters of other alphabets as punycode (RFC 3492), anything else a '-'.
 */
#include <stdio.h>
#include <string.h>
#include "server/peer.h"

#define POINTS	63

/* One character of UTF-8; 0 at the end; what is no UTF-8 stands for itself as '-'. */
static uint32_t
next_point(const unsigned char **p)
{
	const unsigned char *s = *p;
	int more = *s < 0x80 ? 0 : *s >= 0xc2 && *s < 0xe0 ? 1 : *s >= 0xe0 && *s < 0xf0 ? 2 : *s >= 0xf0 && *s < 0xf5 ? 3 : -1;
	uint32_t c = more <= 0 ? *s : *s & (0x3fu >> more);

	if (*s == '\0')
		return 0;
	for (int i = 1; i <= more; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			more = -1;
			break;
		}
		c = c << 6 | (s[i] & 0x3f);
	}
	*p = s + 1 + (more > 0 ? more : 0);
	return more < 0 ? '-' : c;
}

/* RFC 3492 section 6.1. */
static uint32_t
adapt(uint32_t delta, uint32_t points, bool first)
{
	uint32_t k = 0;

	delta = first ? delta / 700 : delta / 2;
	delta += delta / points;
	for (; delta > 455; k += 36)
		delta /= 35;
	return k + 36 * delta / (delta + 38);
}

/* RFC 3492 section 6.3; the text behind "xn--", or false when it does not fit. */
static bool
punycode(const uint32_t *in, size_t n, char *out, size_t room)
{
	uint32_t code = 128, delta = 0, bias = 72;
	size_t at = 0, basic, done;

	for (size_t i = 0; i < n; i++)
		if (in[i] < 128 && at < room)
			out[at++] = (char)in[i];
	basic = done = at;
	if (basic > 0 && at < room)
		out[at++] = '-';
	while (done < n) {
		uint32_t least = UINT32_MAX;

		for (size_t i = 0; i < n; i++)
			if (in[i] >= code && in[i] < least)
				least = in[i];
		delta += (least - code) * (uint32_t)(done + 1);
		code = least;
		for (size_t i = 0; i < n; i++) {
			uint32_t q;

			delta += in[i] < code;
			if (in[i] != code)
				continue;
			q = delta;
			for (uint32_t k = 36;; k += 36) {
				uint32_t t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
				uint32_t digit = q < t ? q : t + (q - t) % (36 - t);

				if (at >= room)
					return false;
				out[at++] = (char)(digit < 26 ? 'a' + digit : '0' + digit - 26);
				if (q < t)
					break;
				q = (q - t) / (36 - t);
			}
			bias = adapt(delta, (uint32_t)done + 1, done == basic);
			delta = 0;
			done++;
		}
		delta++;
		code++;
	}
	if (at >= room)
		return false;
	out[at] = '\0';
	return true;
}

void
server_peer_label(const char *hostname, char out[SERVER_LABEL])
{
	const unsigned char *p = (const unsigned char *)hostname;
	uint32_t point[POINTS], c;
	bool foreign = false;
	size_t n = 0;

	while (n < 59 && (c = next_point(&p)) != 0 && c != '.') {
		if (c >= 'A' && c <= 'Z')
			c += 32;
		/* A run of what may not be is one '-', and none stands at an end (RFC 1123). */
		if (c < 128 && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-')
			c = n > 0 && point[n - 1] == '-' ? 0 : '-';
		if (c == 0 || (c == '-' && n == 0))
			continue;
		foreign = foreign || c >= 128;
		point[n++] = c;
	}
	while (n > 0 && point[n - 1] == '-')
		n--;
	if (foreign) {
		strcpy(out, "xn--");
		if (punycode(point, n, out + 4, 59 - 4))
			return;
		n = 0;
	}
	for (size_t i = 0; i < n; i++)
		out[i] = (char)point[i];
	out[n] = '\0';
	if (n == 0)
		strcpy(out, "peer");
}
