/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_BASE_MONO_H
#define GODWIT_BASE_MONO_H
/*
 * mono.h -- time since boot, including suspend, as a type of its own.
 *
 * A struct, so that it cannot be mixed with wall time, seconds or milliseconds
 * by accident.  Intervals are plain int64_t microseconds; the constants below
 * are such intervals.  Only env_now() makes a reading.
 */
#include <stdbool.h>
#include <stdint.h>

struct mono {
	int64_t us;	/* microseconds since boot; 0 is "never" */
};

#define MONO_MS		INT64_C(1000)
#define MONO_SEC	INT64_C(1000000)
#define MONO_MIN	(60 * MONO_SEC)
#define MONO_HOUR	(60 * MONO_MIN)

static inline bool
mono_is_set(struct mono t)
{
	return t.us != 0;
}

/* Microseconds from `since` to `now`; negative when `since` lies ahead. */
static inline int64_t
mono_diff(struct mono now, struct mono since)
{
	return now.us - since.us;
}

static inline struct mono
mono_add(struct mono t, int64_t us)
{
	return (struct mono){ t.us + us };
}

static inline bool
mono_before(struct mono a, struct mono b)
{
	return a.us < b.us;
}
#endif
