/* SPDX-License-Identifier: ISC */
/*
 * pbjson.c -- a walk over a descriptor with JSON beside it.
 *
 * One function per direction; `struct ctx` carries the mode and the place for
 * the reason.  Timestamps and durations come as text ("2027-01-15T08:00:00Z",
 * "30s"), maps as objects, 64-bit numbers as strings: proto3's JSON mapping.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/addr.h"
#include "base/buf.h"
#include "tests/unit/pbjson.h"
#include "wire/keys.h"
#include "wire/mgmt.h"
#include "wire/pb.h"

struct ctx {
	enum pbjson_bytes mode;
	char *why;
	size_t cap;
};

static void
fold(char *out, size_t cap, const char *name)
{
	size_t n = 0;

	for (; *name != '\0' && n + 1 < cap; name++)
		if (*name != '_' && *name != '-')
			out[n++] = (char)tolower((unsigned char)*name);
	out[n] = '\0';
}

static bool
same_name(const char *a, const char *b)
{
	char fa[96], fb[96];

	fold(fa, sizeof(fa), a);
	fold(fb, sizeof(fb), b);
	return strcmp(fa, fb) == 0;
}

static const ProtobufCFieldDescriptor *
find_field(const ProtobufCMessageDescriptor *d, const char *name)
{
	for (unsigned i = 0; i < d->n_fields; i++)
		if (same_name(d->fields[i].name, name))
			return &d->fields[i];
	return NULL;
}

static bool
fail(struct ctx *c, const char *what, const char *name)
{
	snprintf(c->why, c->cap, "%s: %s", what, name);
	return false;
}

static bool
is_map_entry(const ProtobufCFieldDescriptor *f)
{
	const ProtobufCMessageDescriptor *d = f->descriptor;
	size_t n;

	if (f->type != PROTOBUF_C_TYPE_MESSAGE)
		return false;
	n = strlen(d->name);
	return n > 5 && strcmp(d->name + n - 5, "Entry") == 0 && d->n_fields == 2 &&
	    strcmp(d->fields[0].name, "key") == 0;
}

static int64_t
number(const json_t *j)
{
	return json_is_string(j) ? strtoll(json_string_value(j), NULL, 10) : (int64_t)json_integer_value(j);
}

static int
enum_value(const ProtobufCFieldDescriptor *f, const json_t *j)
{
	const ProtobufCEnumDescriptor *e = f->descriptor;

	if (json_is_integer(j))
		return (int)json_integer_value(j);
	for (unsigned i = 0; i < e->n_values; i++)
		if (strcmp(e->values[i].name, json_string_value(j)) == 0)
			return e->values[i].value;
	return -1;
}

/* The bytes that JSON means, into `b`. */
static bool
bytes_value(struct ctx *c, const ProtobufCFieldDescriptor *f, const json_t *j, struct buf *b)
{
	const char *s = json_string_value(j);
	struct addr_prefix p;

	if (c->mode == PBJSON_BASE64)
		return wire_b64_get(b, s) == 0;
	if (strcmp(f->name, "source_prefixes") == 0 || strcmp(f->name, "address_v6") == 0) {
		if (addr_prefix_parse(&p, s) != 0)
			return false;
		wire_prefix_put(b, &p);
		return true;
	}
	if (strcmp(f->name, "authorized_users") == 0)
		return wire_hex_get(b, s) == 0;
	buf_put_str(b, s);
	return true;
}

static int64_t
utc_seconds(const char *s)
{
	struct tm tm = { 0 };

	if (sscanf(s, "%d-%d-%dT%d:%d:%dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
	    &tm.tm_sec) != 6)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	return (int64_t)timegm(&tm);
}

/* The digits behind the dot, as nanoseconds. */
static int32_t
nanos(const char *s)
{
	const char *dot = strchr(s, '.');
	int32_t n = 0, unit = 100000000;

	for (dot = dot != NULL ? dot + 1 : ""; isdigit((unsigned char)*dot) && unit > 0; dot++, unit /= 10)
		n += (*dot - '0') * unit;
	return n;
}

static bool make_into(struct ctx *, ProtobufCMessage *, const json_t *);

static void *
make_message(struct ctx *c, const ProtobufCMessageDescriptor *d, const json_t *j)
{
	ProtobufCMessage *m = calloc(1, d->sizeof_message);

	protobuf_c_message_init(d, m);
	if (json_is_string(j)) {		/* Timestamp, Duration: seconds, then nanos */
		*(int64_t *)(void *)((char *)m + d->fields[0].offset) = strchr(json_string_value(j), 'T') ?
		    utc_seconds(json_string_value(j)) : strtoll(json_string_value(j), NULL, 10);
		*(int32_t *)(void *)((char *)m + d->fields[1].offset) = nanos(json_string_value(j));
	} else if (!make_into(c, m, j)) {
		protobuf_c_message_free_unpacked(m, NULL);
		return NULL;
	}
	return m;
}

static bool
put_value(struct ctx *c, const ProtobufCFieldDescriptor *f, void *at, const json_t *j)
{
	struct buf b = { 0 };

	switch ((int)f->type) {
	case PROTOBUF_C_TYPE_STRING:
		if (!json_is_string(j))
			return fail(c, "not text", f->name);
		*(char **)at = strdup(json_string_value(j));
		return true;
	case PROTOBUF_C_TYPE_BYTES:
		if (!json_is_string(j) || !bytes_value(c, f, j, &b))
			return fail(c, "not bytes", f->name);
		((ProtobufCBinaryData *)at)->len = buf_len(&b);
		((ProtobufCBinaryData *)at)->data = (uint8_t *)buf_steal_str(&b);
		return true;
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)at = json_is_true(j);
		return json_is_boolean(j) || fail(c, "not a bool", f->name);
	case PROTOBUF_C_TYPE_ENUM:
		*(int *)at = enum_value(f, j);
		return *(int *)at >= 0 || fail(c, "no such enumerator", f->name);
	case PROTOBUF_C_TYPE_MESSAGE:
		*(void **)at = make_message(c, f->descriptor, j);
		return *(void **)at != NULL;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64:
		*(int64_t *)at = number(j);
		return true;
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_UINT32:
		*(int32_t *)at = (int32_t)number(j);
		return true;
	default:
		return fail(c, "a type that no message of ours has", f->name);
	}
}

static size_t
value_size(const ProtobufCFieldDescriptor *f)
{
	switch ((int)f->type) {
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE: return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES: return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_BOOL: return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64: return 8;
	default: return 4;
	}
}

/* A list, or a map as its list of entries. */
static bool
put_list(struct ctx *c, ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, const json_t *j)
{
	size_t n = json_is_array(j) ? json_array_size(j) : json_object_size(j), i = 0, size = value_size(f);
	char *list = calloc(n ? n : 1, size);
	const char *key;
	json_t *v;

	*(void **)(void *)((char *)m + f->offset) = list;
	if (is_map_entry(f)) {
		json_object_foreach((json_t *)j, key, v) {
			json_t *entry = json_pack("{s:s,s:O}", "key", key, "value", v);
			bool good = put_value(c, f, list + i * size, entry);

			json_decref(entry);
			if (!good)
				return false;
			*(size_t *)(void *)((char *)m + f->quantifier_offset) = ++i;
		}
		return true;
	}
	if (!json_is_array(j))
		return fail(c, "not a list", f->name);
	for (; i < n; i++) {
		if (!put_value(c, f, list + i * size, json_array_get(j, i)))
			return false;
		*(size_t *)(void *)((char *)m + f->quantifier_offset) = i + 1;
	}
	return true;
}

static bool
make_into(struct ctx *c, ProtobufCMessage *m, const json_t *j)
{
	const ProtobufCFieldDescriptor *f;
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)j, key, v) {
		f = find_field(m->descriptor, key);
		if (f == NULL)
			return fail(c, "no such field", key);
		if (f->label == PROTOBUF_C_LABEL_REPEATED) {
			if (!put_list(c, m, f, v))
				return false;
			continue;
		}
		if (!put_value(c, f, (char *)m + f->offset, v))
			return false;
		if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
			*(uint32_t *)(void *)((char *)m + f->quantifier_offset) = f->id;
	}
	return true;
}

void *
pbjson_make(const ProtobufCMessageDescriptor *d, const json_t *j, enum pbjson_bytes mode, char *why, size_t cap)
{
	struct ctx c = { mode, why, cap };

	return make_message(&c, d, j);
}

/* ---- the other direction ---------------------------------------------------- */

static bool same_message(struct ctx *, const ProtobufCMessage *, const json_t *);

static bool
same_value(struct ctx *c, const ProtobufCFieldDescriptor *f, const void *at, const json_t *j)
{
	struct buf b = { 0 };
	bool good;

	switch ((int)f->type) {
	case PROTOBUF_C_TYPE_STRING:
		return strcmp(wire_pb_str(*(char *const *)at), json_string_value(j)) == 0 || fail(c, "other text", f->name);
	case PROTOBUF_C_TYPE_BYTES:
		good = bytes_value(c, f, j, &b) && buf_len(&b) == ((const ProtobufCBinaryData *)at)->len &&
		    memcmp(buf_bytes(&b), ((const ProtobufCBinaryData *)at)->data, buf_len(&b)) == 0;
		buf_free(&b);
		return good || fail(c, "other bytes", f->name);
	case PROTOBUF_C_TYPE_BOOL:
		return (*(const protobuf_c_boolean *)at != 0) == json_is_true(j) || fail(c, "other truth", f->name);
	case PROTOBUF_C_TYPE_ENUM:
		return *(const int *)at == enum_value(f, j) || fail(c, "other enumerator", f->name);
	case PROTOBUF_C_TYPE_MESSAGE:
		if (*(void *const *)at == NULL)
			return fail(c, "message absent", f->name);
		return same_message(c, *(void *const *)at, j);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64:
		return *(const int64_t *)at == number(j) || fail(c, "other number", f->name);
	default:
		return *(const int32_t *)at == (int32_t)number(j) || fail(c, "other number", f->name);
	}
}

static bool
same_list(struct ctx *c, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, const json_t *j)
{
	size_t n = *(const size_t *)(const void *)((const char *)m + f->quantifier_offset), i = 0;
	const char *list = *(char *const *)(const void *)((const char *)m + f->offset), *key;
	json_t *v;

	if (n != (json_is_array(j) ? json_array_size(j) : json_object_size(j)))
		return fail(c, "other length", f->name);
	if (json_is_array(j)) {
		for (; i < n; i++)
			if (!same_value(c, f, list + i * value_size(f), json_array_get(j, i)))
				return false;
		return true;
	}
	json_object_foreach((json_t *)j, key, v) {
		json_t *entry = json_pack("{s:s,s:O}", "key", key, "value", v);
		bool good = same_value(c, f, list + i++ * value_size(f), entry);

		json_decref(entry);
		if (!good)
			return false;
	}
	return true;
}

/* Is the field where a message that does not mention it has it? */
static bool
at_default(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	const char *at = (const char *)m + f->offset;
	static const char zero[8];

	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return *(const size_t *)(const void *)((const char *)m + f->quantifier_offset) == 0;
	if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		return *(const uint32_t *)(const void *)((const char *)m + f->quantifier_offset) != f->id;
	if (f->type == PROTOBUF_C_TYPE_STRING)
		return wire_pb_str(*(char *const *)(const void *)at)[0] == '\0';
	if (f->type == PROTOBUF_C_TYPE_BYTES)
		return ((const ProtobufCBinaryData *)(const void *)at)->len == 0;
	return memcmp(at, zero, value_size(f)) == 0;
}

static bool
same_message(struct ctx *c, const ProtobufCMessage *m, const json_t *j)
{
	const ProtobufCMessageDescriptor *d = m->descriptor;
	const ProtobufCFieldDescriptor *f;
	const char *key;
	json_t *v;

	if (json_is_string(j)) {
		int64_t s = *(const int64_t *)(const void *)((const char *)m + d->fields[0].offset);
		const char *text = json_string_value(j);

		return (s == (strchr(text, 'T') ? utc_seconds(text) : strtoll(text, NULL, 10)) &&
		    *(const int32_t *)(const void *)((const char *)m + d->fields[1].offset) == nanos(text)) ||
		    fail(c, "other time", d->name);
	}
	for (unsigned i = 0; i < d->n_fields; i++) {
		bool told = false;

		json_object_foreach((json_t *)j, key, v)
			told = told || same_name(d->fields[i].name, key);
		if (!told && !at_default(m, &d->fields[i]))
			return fail(c, "not in the JSON", d->fields[i].name);
	}
	json_object_foreach((json_t *)j, key, v) {
		f = find_field(d, key);
		if (f == NULL)
			return fail(c, "no such field", key);
		if (!(f->label == PROTOBUF_C_LABEL_REPEATED ? same_list(c, m, f, v) :
		    same_value(c, f, (const char *)m + f->offset, v)))
			return false;
	}
	return true;
}

bool
pbjson_same(const ProtobufCMessage *m, const json_t *j, enum pbjson_bytes mode, char *why, size_t cap)
{
	struct ctx c = { mode, why, cap };

	return same_message(&c, m, j);
}
