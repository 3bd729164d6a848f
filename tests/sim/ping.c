/* SPDX-License-Identifier: ISC */
/*
 * ping.c -- echo requests through a host's TUN, and how long nobody answered.
 */
#include <stdlib.h>
#include "base/log.h"
#include "tests/sim/impl.h"

#define SENT_RING	1024

struct sim_ping {
	struct list all;	/* first */
	struct sim_host *host;
	struct addr dst;
	int64_t interval, began;
	uint16_t id, seq;
	struct ev ev;
	struct sim_ping_stats st;
	int64_t sent_at[SENT_RING];
	int64_t gap;		/* longest closed one */
};

static void
ping_send(void *arg)
{
	struct sim_ping *p = arg;
	struct sim *s = p->host->sim;

	p->seq++;
	p->st.sent++;
	p->sent_at[p->seq % SENT_RING] = s->now;
	if (s->verbose) {
		char to[ADDR_STRLEN];

		sim_say(s, p->host->name, "ping %s seq %u", addr_str(&p->dst, to), p->seq);
	}
	tun_send_echo(p->host, &p->dst, p->id, p->seq);
	ev_set(s, &p->ev, s->now + p->interval);
}

struct sim_ping *
sim_ping(struct sim_host *h, const struct addr *dst, int64_t interval)
{
	struct sim_ping *p = calloc(1, sizeof *p);

	if (p == NULL)
		fatal("sim", "no memory");
	p->host = h;
	p->dst = *dst;
	p->interval = interval;
	p->id = (uint16_t)(list_count(&h->sim->pings) + 1 + 256 * (h->sim->pingids++ & 127));
	host_ev_init(h, &p->ev, ping_send, p);
	list_append(&h->sim->pings, &p->all);
	sim_ping_reset(p);
	ev_set(h->sim, &p->ev, h->sim->now);
	return p;
}

void
sim_ping_reset(struct sim_ping *p)
{
	p->st = (struct sim_ping_stats){ .last_rtt = -1, .first_got = -1, .last_got = -1 };
	p->began = p->host->sim->now;
	p->gap = 0;
}

void
sim_ping_every(struct sim_ping *p, int64_t interval)
{
	p->interval = interval;
	ev_set(p->host->sim, &p->ev, p->host->sim->now + (int64_t)prng_below(&p->host->sim->net, (uint64_t)interval));
}

bool
ping_echo_reply(struct sim_host *h, const struct addr *from, uint16_t id, uint16_t seq)
{
	LIST_EACH(l, &h->sim->pings) {
		struct sim_ping *p = LIST_OF(l, struct sim_ping, all);
		int64_t now = h->sim->now, silent;

		if (p->host != h || p->id != id || !addr_same_ip(&p->dst, from))
			continue;
		silent = now - (p->st.last_got >= 0 ? p->st.last_got : p->began);
		if (silent > p->gap)
			p->gap = silent;
		p->st.got++;
		if (h->sim->verbose) {
			char of[ADDR_STRLEN];

			sim_say(h->sim, h->name, "answer of %s seq %u", addr_str(from, of), seq);
		}
		p->st.last_rtt = now - p->sent_at[seq % SENT_RING];
		p->st.last_got = now;
		if (p->st.first_got < 0)
			p->st.first_got = now;
		return true;
	}
	return false;
}

struct sim_ping_stats
sim_ping_stats(const struct sim_ping *p)
{
	struct sim_ping_stats st = p->st;
	int64_t open = p->host->sim->now - (st.last_got >= 0 ? st.last_got : p->began);

	st.longest_gap = open > p->gap ? open : p->gap;
	return st;
}

struct addr
sim_ping_dst(const struct sim_ping *p)
{
	return p->dst;
}

void
sim_ping_stop(struct sim_ping *p)
{
	ev_stop(p->host->sim, &p->ev);
	list_remove(&p->all);
	free(p);
}

void
pings_free(struct sim *s)
{
	while (!list_empty(&s->pings))
		sim_ping_stop(LIST_OF(s->pings.next, struct sim_ping, all));
}
