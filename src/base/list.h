/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_BASE_LIST_H
#define GODWIT_BASE_LIST_H
/*
 * list.h -- an intrusive doubly linked list; order is insertion order.
 *
 * `struct list` is both the head and the member.  list_init on a head, or on a
 * member that may be removed before it was ever inserted.
 */
#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define LIST_OF(ptr, type, member)	((type *)(void *)((char *)(ptr) - offsetof(type, member)))
/* The body may remove `it` itself, nothing else. */
#define LIST_EACH(it, head)							\
	for (struct list *it = (head)->next, *it##_next = it->next; it != (head);	\
	    it = it##_next, it##_next = it->next)

static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool
list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void
list_insert_before(struct list *where, struct list *l)
{
	l->prev = where->prev;
	l->next = where;
	where->prev->next = l;
	where->prev = l;
}

static inline void
list_append(struct list *head, struct list *l)
{
	list_insert_before(head, l);
}

static inline void
list_prepend(struct list *head, struct list *l)
{
	list_insert_before(head->next, l);
}

static inline void
list_remove(struct list *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	list_init(l);
}

static inline size_t
list_count(const struct list *head)
{
	size_t n = 0;

	for (const struct list *l = head->next; l != head; l = l->next)
		n++;
	return n;
}
#endif
