/* SPDX-License-Identifier: ISC */
/*
 * wiring.c -- who is meant when one machine sends to another: the resolvers of
 * fsm/agent.wire.  NULL drops the send.
 *
 * A remote's machines find each other through their owner; those of which there
 * is one an agent, through the loop's owner.
 */
#include "agent/impl.h"
#include "ice/gather.h"
#include "ice/pair.h"
#include "ice/probe.h"
#include "relay/link.h"
#include "fsm/agent-wire.h"
#include "fsm/agent-wire.inc"

struct fsm_loop *
wiring_new(struct agent *a)
{
	return fsm_loop_new(a->env, agent_route, a);
}

static struct agent *
agent_of(const struct fsm *f)
{
	return fsm_owner(f);
}

static struct engine *
engine_of(const struct fsm *f)
{
	return agent_of(f)->engine;
}

static struct remote *
remote_of(const struct peer *p)
{
	return p->arg;
}

/* ---- one of each ------------------------------------------------------------------ */

struct mgmt_stream *
wire_session_to_mgmt_stream(struct session *s)
{
	return agent_of(&s->fsm)->sync;
}

struct signal_stream *
wire_session_to_signal_stream(struct session *s)
{
	return agent_of(&s->fsm)->signal;
}

struct job_stream *
wire_session_to_job_stream(struct session *s)
{
	return agent_of(&s->fsm)->job;
}

struct mgmt_stream *
wire_signal_stream_to_mgmt_stream(struct signal_stream *s)
{
	return agent_of(&s->fsm)->sync;
}

struct signal_stream *
wire_mgmt_stream_to_signal_stream(struct mgmt_stream *s)
{
	return agent_of(&s->fsm)->signal;
}

struct job_stream *
wire_mgmt_stream_to_job_stream(struct mgmt_stream *s)
{
	return agent_of(&s->fsm)->job;
}

struct mgmt_stream *
wire_relay_link_to_mgmt_stream(struct relay_link *l)
{
	return agent_of(&l->fsm)->sync;
}

struct signal_stream *
wire_relay_link_to_signal_stream(struct relay_link *l)
{
	return agent_of(&l->fsm)->signal;
}

struct session *
wire_mgmt_stream_to_session(struct mgmt_stream *s)
{
	return agent_of(&s->fsm)->session;
}

struct mgmt_stream *
wire_netwatch_to_mgmt_stream(struct netwatch *n)
{
	return agent_of(&n->fsm)->sync;
}

struct signal_stream *
wire_netwatch_to_signal_stream(struct netwatch *n)
{
	return agent_of(&n->fsm)->signal;
}

struct job_stream *
wire_netwatch_to_job_stream(struct netwatch *n)
{
	return agent_of(&n->fsm)->job;
}

struct flow_stream *
wire_netwatch_to_flow_stream(struct netwatch *n)
{
	struct engine *e = engine_of(&n->fsm);

	return e != NULL && e->flow != NULL ? e->flow->stream : NULL;
}

/* ---- all of them ------------------------------------------------------------------ */

static void
each_guard(struct engine *e, void (*fn)(struct guard *, void *arg), void *arg)
{
	if (e == NULL)
		return;
	LIST_EACH(l, &e->remotes)
		fn(&LIST_OF(l, struct remote, all)->peer->guard, arg);
}

void
wire_signal_stream_to_guard_all(struct signal_stream *s, void (*fn)(struct guard *, void *arg), void *arg)
{
	each_guard(engine_of(&s->fsm), fn, arg);
}

void
wire_relay_link_to_guard_all(struct relay_link *l, void (*fn)(struct guard *, void *arg), void *arg)
{
	each_guard(engine_of(&l->fsm), fn, arg);
}

void
wire_netwatch_to_guard_all(struct netwatch *n, void (*fn)(struct guard *, void *arg), void *arg)
{
	each_guard(engine_of(&n->fsm), fn, arg);
}

void
wire_ice_probe_to_guard_all(struct ice_probe *p, void (*fn)(struct guard *, void *arg), void *arg)
{
	each_guard(engine_of(&p->fsm), fn, arg);
}

void
wire_netwatch_to_relay_link_all(struct netwatch *n, void (*fn)(struct relay_link *, void *arg), void *arg)
{
	struct engine *e = engine_of(&n->fsm);

	if (e != NULL)
		relay_pool_each_link(e->pool, fn, arg);
}

void
wire_signal_stream_to_relay_link_all(struct signal_stream *s, void (*fn)(struct relay_link *, void *arg), void *arg)
{
	struct engine *e = engine_of(&s->fsm);

	if (e != NULL)
		relay_pool_each_link(e->pool, fn, arg);
}

struct ice_probe *
wire_netwatch_to_ice_probe(struct netwatch *n)
{
	struct engine *e = engine_of(&n->fsm);

	return e != NULL ? ice_prober(e->ice) : NULL;
}

void
wire_netwatch_to_ice_gather_all(struct netwatch *n, void (*fn)(struct ice_gather *, void *arg), void *arg)
{
	struct engine *e = engine_of(&n->fsm);

	if (e != NULL)
		ice_each_gather(e->ice, fn, arg);
}

void
wire_netwatch_to_ice_session_all(struct netwatch *n, void (*fn)(struct ice_session *, void *arg), void *arg)
{
	struct engine *e = engine_of(&n->fsm);

	if (e != NULL)
		ice_each_session(e->ice, fn, arg);
}

void
wire_netwatch_to_wg_watch_all(struct netwatch *n, void (*fn)(struct wg_watch *, void *arg), void *arg)
{
	struct engine *e = engine_of(&n->fsm);

	if (e == NULL)
		return;
	LIST_EACH(l, &e->remotes)
		fn(LIST_OF(l, struct remote, all)->watch, arg);
}

void
wire_ice_probe_to_ice_gather_all(struct ice_probe *p, void (*fn)(struct ice_gather *, void *arg), void *arg)
{
	ice_each_gather(p->ice, fn, arg);
}

void
wire_ice_probe_to_ice_session_all(struct ice_probe *p, void (*fn)(struct ice_session *, void *arg), void *arg)
{
	ice_each_session(p->ice, fn, arg);
}

void
wire_ice_session_to_ice_gather_all(struct ice_session *s, void (*fn)(struct ice_gather *, void *arg), void *arg)
{
	ice_each_gather(s->ice, fn, arg);
}

void
wire_ice_gather_to_ice_session_all(struct ice_gather *g, void (*fn)(struct ice_session *, void *arg), void *arg)
{
	ice_each_session(g->ice, fn, arg);
}

/* ---- within one remote ------------------------------------------------------------- */

struct path *
wire_relay_channel_to_path(struct relay_channel *c)
{
	return &((struct remote *)c->arg)->peer->path;
}

struct handshake *
wire_guard_to_handshake(struct guard *g)
{
	return &g->peer->handshake;
}

struct ice_session *
wire_handshake_to_ice_session(struct handshake *h)
{
	return remote_of(h->peer)->ice;
}

struct relay_channel *
wire_handshake_to_relay_channel(struct handshake *h)
{
	return remote_of(h->peer)->channel;
}

struct path *
wire_handshake_to_path(struct handshake *h)
{
	return &h->peer->path;
}

struct guard *
wire_handshake_to_guard(struct handshake *h)
{
	return &h->peer->guard;
}

struct handshake *
wire_ice_session_to_handshake(struct ice_session *s)
{
	return &((struct remote *)s->owner)->peer->handshake;
}

struct path *
wire_ice_session_to_path(struct ice_session *s)
{
	return &((struct remote *)s->owner)->peer->path;
}

struct ice_pair *
wire_ice_session_to_ice_pair(struct ice_session *s)
{
	return ice_session_chosen(s);
}

struct ice_session *
wire_ice_pair_to_ice_session(struct ice_pair *p)
{
	return p->session;
}

struct wg_watch *
wire_path_to_wg_watch(struct path *p)
{
	return remote_of(p->peer)->watch;
}

struct ice_session *
wire_path_to_ice_session(struct path *p)
{
	return remote_of(p->peer)->ice;
}

struct relay_channel *
wire_path_to_relay_channel(struct path *p)
{
	return remote_of(p->peer)->channel;
}

struct guard *
wire_path_to_guard(struct path *p)
{
	return &p->peer->guard;
}

struct path *
wire_wg_watch_to_path(struct wg_watch *w)
{
	return &((struct remote *)w->owner)->peer->path;
}

struct guard *
wire_wg_watch_to_guard(struct wg_watch *w)
{
	return &((struct remote *)w->owner)->peer->guard;
}

struct ice_session *
wire_wg_watch_to_ice_session(struct wg_watch *w)
{
	return ((struct remote *)w->owner)->ice;
}

/* The link that carries this peer's tunnel now; a standby is not asked. */
struct relay_link *
wire_wg_watch_to_relay_link(struct wg_watch *w)
{
	struct remote *r = w->owner;

	return path_kind(&r->peer->path) == PATH_TO_RELAY ? r->channel->link : NULL;
}
