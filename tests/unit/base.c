/* SPDX-License-Identifier: ISC */
/* base.c -- buffers, readers, addresses, maps and lists do what their headers say. */
#include <errno.h>
#include <stdlib.h>
#include "base/addr.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/url.h"
#include "tests/tap.h"

static void
test_buf(void)
{
	struct buf b;
	struct rd r;
	char *text;

	buf_init(&b);
	buf_put_u8(&b, 1);
	buf_put_be16(&b, 0x0203);
	buf_put_be32(&b, 0x04050607);
	buf_put_le32(&b, 0x0b0a0908);
	is_int(buf_len(&b), 11, "eleven bytes written");
	is_mem(buf_bytes(&b), "\1\2\3\4\5\6\7\x8\x9\xa\xb", 11, "in the byte orders named");
	r = rd_buf(&b);
	is_int(rd_u8(&r), 1, "u8 back");
	is_int(rd_be16(&r), 0x0203, "be16 back");
	is_int(rd_be32(&r), 0x04050607, "be32 back");
	is_int(rd_le32(&r), 0x0b0a0908, "le32 back");
	ok(rd_done(&r), "nothing left");
	is_int(rd_be64(&r), 0, "a read past the end is zero");
	ok(r.bad && !rd_done(&r), "and remembered");
	buf_consume(&b, 7);
	is_mem(buf_bytes(&b), "\x8\x9\xa\xb", 4, "consume drops the front");
	buf_clear(&b);
	for (int i = 0; i < 1000; i++) {
		buf_printf(&b, "%d,", i);
		if (i % 3 == 0)
			buf_consume(&b, 2);
	}
	is_str(strrchr(buf_cstr(&b), '9'), "9,", "printf grows");
	text = buf_steal_str(&b);
	ok(text != NULL && buf_len(&b) == 0, "stolen, and empty after");
	free(text);
	buf_free(&b);
}

static void
test_addr(void)
{
	struct addr a, b;
	struct addr_prefix p;
	char s[ADDR_STRLEN];

	ok(addr_parse_port(&a, "192.0.2.1:51820") == 0, "IPv4 with port");
	is_str(addr_str_port(&a, s), "192.0.2.1:51820", "and back");
	is_int(addr_v4_host(&a), 0xc0000201, "as a number");
	ok(addr_parse_port(&a, "[2001:db8::1]:53") == 0, "IPv6 with port");
	is_str(addr_str_port(&a, s), "[2001:db8::1]:53", "and back");
	ok(addr_parse_port(&a, "2001:db8::1:53") == -EINVAL, "IPv6 with port wants brackets");
	ok(addr_parse_port(&a, "192.0.2.1:65536") == -EINVAL, "port out of range");
	ok(addr_parse_port(&a, "192.0.2.1:+1") == -EINVAL, "port is digits");
	ok(addr_parse(&a, "192.0.2") == -EINVAL, "three numbers are no address");
	ok(addr_prefix_parse(&p, "100.64.0.0/10") == 0, "prefix");
	ok(addr_parse(&a, "100.127.255.255") == 0 && addr_in_prefix(&a, &p), "last address is inside");
	ok(addr_parse(&a, "100.128.0.0") == 0 && !addr_in_prefix(&a, &p), "the next is not");
	ok(addr_prefix_parse(&p, "1.2.3.4/33") == -EINVAL, "33 bits are too many");
	ok(addr_prefix_parse(&p, "::/0") == 0 && !addr_in_prefix(&a, &p), "families are apart");
	a = addr_v4(0x0a000001, 5);
	b = addr_v4(0x0a000001, 6);
	ok(addr_same_ip(&a, &b) && !addr_equal(&a, &b) && addr_cmp(&a, &b) < 0, "same address, other port");
	ok(addr_is_private(&a) && !addr_is_loopback(&a), "10.0.0.1 is private");
}

static void
test_map(void)
{
	struct map *m = map_new();
	int v[500], order = 0, seen = 0;
	char key[16];

	for (int i = 0; i < 500; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		v[i] = i;
		map_put_str(m, key, &v[i]);
	}
	is_int(map_count(m), 500, "500 entries");
	ok(map_get_str(m, "k123") == &v[123], "found");
	ok(map_get_str(m, "k500") == NULL, "absent");
	ok(map_del_str(m, "k0") == &v[0] && map_get_str(m, "k0") == NULL, "deleted");
	for (struct map_it i = map_first(m); i.value != NULL; i = map_next(i)) {
		order += *(int *)i.value == seen + 1;
		seen++;
		if (seen % 2 == 0)
			map_del(m, i.key, i.len);
	}
	is_int(seen, 499, "walk sees all, deleting on the way");
	is_int(order, 499, "in the order of insertion");
	is_int(map_count(m), 250, "half are left");
	map_free(m);
}

static void
test_list(void)
{
	struct { int n; struct list l; } e[3];
	struct list head;
	int sum = 0;

	list_init(&head);
	for (int i = 0; i < 3; i++) {
		e[i].n = i + 1;
		list_append(&head, &e[i].l);
	}
	LIST_EACH(l, &head) {
		sum = sum * 10 + ((int *)(void *)((char *)l - ((char *)&e[0].l - (char *)&e[0])))[0];
		list_remove(l);
	}
	is_int(sum, 123, "in order, removing on the way");
	ok(list_empty(&head), "empty at the end");
}

static void
test_url(void)
{
	struct url u;
	char s[300];

	ok(url_parse(&u, "HTTPS://Host.example/api?x=1") == 0 && u.tls && u.port == 443, "https has its port");
	is_str(u.path, "/api?x=1", "path and query");
	ok(url_parse(&u, "rel://[2001:db8::1]:33080") == 0 && u.v6 && u.port == 33080, "IPv6 literal");
	is_str(url_str(&u, s, sizeof(s)), "rel://[2001:db8::1]:33080", "and back");
	ok(url_parse(&u, "stun:192.0.2.1") == 0 && u.port == 3478 && !u.tls, "stun without slashes");
	is_str(u.host, "192.0.2.1", "its host");
	ok(url_parse(&u, "host:10000") == 0 && u.scheme[0] == '\0' && u.port == 10000, "no scheme");
	ok(url_parse(&u, "http://") == -EINVAL, "no host");
	ok(url_parse(&u, "http://h:99999") == -EINVAL, "port too large");
	ok(url_parse(&u, "http://me@h") == -EINVAL, "no user part");
	ok(url_parse(&u, "http://[::1") == -EINVAL, "bracket left open");
}

int
main(void)
{
	test_url();
	test_buf();
	test_addr();
	test_map();
	test_list();
	return tap_done();
}
