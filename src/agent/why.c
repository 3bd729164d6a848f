/* SPDX-License-Identifier: ISC */
/*
 * why.c -- why a peer is reached the way it is, in plain words.
 *
 * Nothing is sent when it is asked: our mapping comes from comparing what STUN servers
 * and peers saw as our address (RFC 5780 section 4.3), our filter from what ice/probe.h
 * measured and ice/filter.h saw in passing; their mapping from comparing what they
 * signalled with where their packets came from.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "agent/impl.h"
#include "base/map.h"
#include "env/env.h"
#include "relay/link.h"

/* ---- which peer ------------------------------------------------------------------- */

static bool
is_called(const struct remote *r, const char *what)
{
	const char *fqdn = r->fqdn != NULL ? r->fqdn : "";
	size_t label = strcspn(fqdn, "."), n = strlen(what);
	char ip[ADDR_STRLEN];

	if (strcasecmp(fqdn, what) == 0 || (n == label && strncasecmp(fqdn, what, n) == 0))
		return true;
	if (n >= 4 && strncmp(r->key_text, what, n) == 0)
		return true;
	for (unsigned i = 0; i < r->nallowed; i++)
		if (strcmp(addr_str(&r->allowed[i].addr, ip), what) == 0)
			return true;
	return false;
}

static int
find_remote(struct engine *e, const char *what, struct remote **out)
{
	*out = NULL;
	LIST_EACH(l, &e->remotes) {
		struct remote *r = LIST_OF(l, struct remote, all);

		if (what[0] == '\0' || !is_called(r, what))
			continue;
		if (*out != NULL)
			return -EEXIST;
		*out = r;
	}
	return *out != NULL ? 0 : -ENOENT;
}

/* ---- NATs --------------------------------------------------------------------------- */

enum nat_kind { NAT_UNKNOWN, NAT_NONE, NAT_EASY, NAT_HARD };

static void
say_filtering(const struct ice_nat *n, struct agent_why_nat *out)
{
	static const char *const text[] = {
		[ICE_FILTERING_UNKNOWN] = "not known: no STUN server of ours answers from elsewhere, and nothing came uncalled for",
		[ICE_FILTERING_PORT_DEPENDENT] = "address- and port-dependent: only what we sent to is let in",
		[ICE_FILTERING_ADDRESS_DEPENDENT] = "address-dependent: any port of an address that we sent to is let in",
		[ICE_FILTERING_ADDRESS_OR_NONE] = "address-dependent or none: another port of a known address was let in",
		[ICE_FILTERING_ENDPOINT_INDEPENDENT] = "none: packets of an address that we had not asked were let in"
	};

	snprintf(out->filtering, sizeof(out->filtering), "%s", text[n->filtering]);
}

static enum nat_kind
our_nat(struct engine *e, struct agent_why_nat *out)
{
	struct ice_nat n;

	ice_nat_get(e->ice, &n);
	for (int f = 0; f < 2; f++)
		if (n.mapped[f].family != ADDR_NONE)
			addr_str_port(&n.mapped[f], out->seen[f]);
	say_filtering(&n, out);
	if (!n.known) {
		snprintf(out->mapping, sizeof(out->mapping), "not known: no STUN server and no peer has told us yet");
		return NAT_UNKNOWN;
	}
	if (n.none) {
		snprintf(out->mapping, sizeof(out->mapping), "none: this host has the public address itself");
		return NAT_NONE;
	}
	snprintf(out->ports, sizeof(out->ports), n.port_preserved ? "port %u is kept" : "port %u becomes %u",
	    (unsigned)wg_device_port(e->device), (unsigned)n.mapped[0].port);
	switch (n.mapping) {
	case ICE_MAPPING_ADDRESS_DEPENDENT:
		snprintf(out->mapping, sizeof(out->mapping), "address-dependent: another port for each destination");
		return NAT_HARD;
	case ICE_MAPPING_ENDPOINT_INDEPENDENT:
		snprintf(out->mapping, sizeof(out->mapping), "endpoint-independent: one port for all (seen by %u)", n.observers);
		return NAT_EASY;
	case ICE_MAPPING_UNKNOWN:
		break;
	}
	snprintf(out->mapping, sizeof(out->mapping), "not known: only one server or peer saw our address");
	/* A router that hands out a port of its own is often one that does so for each destination. */
	return n.port_preserved ? NAT_EASY : NAT_UNKNOWN;
}

/* Their server-reflexive candidate against the address their checks came from. */
static enum nat_kind
their_nat(const struct ice_session *i, const struct ice_outcome *pair, size_t npair, struct agent_why_nat *out)
{
	const struct wire_cand *srflx = NULL;
	bool host_is_public = false, another = false;

	for (unsigned k = 0; k < i->nremote; k++) {
		const struct wire_cand *c = &i->remote[k].cand;

		if (c->addr.family != ADDR_V4)
			continue;
		if (c->type == WIRE_CAND_SRFLX && srflx == NULL)
			srflx = c;
		if (c->type == WIRE_CAND_HOST && !addr_is_private(&c->addr))
			host_is_public = true;
	}
	snprintf(out->filtering, sizeof(out->filtering), "not measured: only the peer can see that");
	if (host_is_public) {
		snprintf(out->mapping, sizeof(out->mapping), "none: it has a public address");
		return NAT_NONE;
	}
	if (srflx == NULL) {
		snprintf(out->mapping, sizeof(out->mapping), "not known: it told no address from outside");
		return NAT_UNKNOWN;
	}
	addr_str_port(&srflx->addr, out->seen[0]);
	for (size_t k = 0; k < npair; k++)
		if (pair[k].remote_type == WIRE_CAND_PRFLX && addr_same_ip(&pair[k].remote, &srflx->addr)) {
			another = true;
			addr_str_port(&pair[k].remote, out->seen[1]);
		}
	if (srflx->related.port != 0)
		snprintf(out->ports, sizeof(out->ports), srflx->addr.port == srflx->related.port ? "port %u is kept" :
		    "port %u becomes another", (unsigned)srflx->related.port);
	snprintf(out->mapping, sizeof(out->mapping), another ? "address-dependent: to us it used another port" :
	    "no sign of another port towards us");
	return another ? NAT_HARD : NAT_EASY;
}

/* ---- pairs and the relay --------------------------------------------------------------- */

static void
fill_pairs(const struct ice_outcome *pair, size_t n, struct agent_why *w)
{
	for (; w->npair < n && w->npair < AGENT_WHY_PAIRS; w->npair++) {
		const struct ice_outcome *p = &pair[w->npair];
		struct agent_why_pair *q = &w->pair[w->npair];

		snprintf(q->local_type, sizeof(q->local_type), "%s", wire_cand_type_name(p->local_type));
		snprintf(q->remote_type, sizeof(q->remote_type), "%s", wire_cand_type_name(p->remote_type));
		addr_str_port(&p->remote, q->remote);
		if (p->mapped.family != ADDR_NONE)
			addr_str_port(&p->mapped, q->seen_as);
		q->state = p->state;
		q->rtt_us = p->rtt_us;
		q->checks = p->checks;
		q->answers = p->answers;
		q->selected = p->selected;
	}
}

static void
fill_relay(const struct remote *r, struct agent_why *w)
{
	const struct fsm *m = &r->channel->fsm;

	snprintf(w->relay_url, sizeof(w->relay_url), "%s", relay_channel_server(r->channel));
	w->relay_state = fsm_state_name(m);
	w->relay_why = m->def->state_why != NULL ? m->def->state_why[m->state] : "";
}

/* ---- the sentences ------------------------------------------------------------------------ */

static void
say_direct(const struct remote *r, struct agent_why *w)
{
	const struct path *p = &r->peer->path;
	char local[ADDR_STRLEN], remote[ADDR_STRLEN];

	w->path = "direct";
	snprintf(w->why, sizeof(w->why), "Packets go straight to %s (%s) from %s (%s); the answers take %.1f ms.",
	    addr_str_port(&p->remote, remote), wire_cand_type_name(p->remote_type), addr_str_port(&p->local, local),
	    wire_cand_type_name(p->local_type), (double)p->rtt_us / 1e3);
}

/* Why is there no direct pair? */
static void
say_not_direct(const struct remote *r, struct agent_why *w, enum nat_kind ours, enum nat_kind theirs)
{
	const struct agent *a = r->engine->agent;
	unsigned tried = 0;

	for (size_t i = 0; i < w->npair; i++)
		tried += w->pair[i].checks > 0;
	if (a->conf.force_relay) {
		snprintf(w->why, sizeof(w->why), "Direct paths are switched off here (NB_FORCE_RELAY).");
		snprintf(w->better, sizeof(w->better), "Start the daemon without NB_FORCE_RELAY.");
	} else if (!r->ice->remote_known) {
		snprintf(w->why, sizeof(w->why), "The peer has not yet answered through the signal server, or wants no direct path.");
		snprintf(w->better, sizeof(w->better), "See that it runs, and that its signal connection is up.");
	} else if (ice_session_busy(r->ice) && r->ice->nlast == 0) {
		snprintf(w->why, sizeof(w->why), "A direct path is being tried right now: %zu pairs, %u asked.", w->npair, tried);
		snprintf(w->better, sizeof(w->better), "Wait some seconds and ask again.");
	} else if (ours == NAT_HARD && theirs != NAT_NONE) {
		snprintf(w->why, sizeof(w->why), "Our NAT uses another port for each destination, so the peer cannot know where to send%s.",
		    theirs == NAT_HARD ? "; and so does theirs" : "");
		snprintf(w->better, sizeof(w->better), "One end needs a NAT that keeps its port (or port forwarding for UDP %u), or a public address.",
		    (unsigned)wg_device_port(r->engine->device));
	} else if (ours == NAT_UNKNOWN && theirs != NAT_NONE && w->ours.ports[0] != '\0') {
		snprintf(w->why, sizeof(w->why), "No direct address answered, and our NAT gives ports of its own: probably another for each destination.");
		snprintf(w->better, sizeof(w->better), "Forward UDP %u to this host, or let the router keep ports.",
		    (unsigned)wg_device_port(r->engine->device));
	} else {
		snprintf(w->why, sizeof(w->why), "No direct address answered: a firewall or NAT on the way drops UDP between the two.");
		snprintf(w->better, sizeof(w->better), "Let UDP %u through at one end, or forward that port.",
		    (unsigned)wg_device_port(r->engine->device));
	}
	if (ice_session_busy(r->ice) && r->ice->nlast > 0) {
		size_t n = strlen(w->why);

		snprintf(w->why + n, sizeof(w->why) - n, " It is being tried again right now.");
	}
}

static void
say_none(const struct remote *r, struct agent_why *w)
{
	const struct agent *a = r->engine->agent;
	size_t n = strlen(w->why);

	w->path = "none";
	if (!signal_stream_is_up(a->signal))
		snprintf(w->why, sizeof(w->why), "The signal server is not reached, so no path can be agreed on: %s",
		    signal_stream_why(a->signal));
	else if (relay_pool_configured(r->engine->pool) && relay_pool_home_url(r->engine->pool) == NULL)
		snprintf(w->why + n, sizeof(w->why) - n, " Our relay is not reached either.");
	else
		snprintf(w->why + n, sizeof(w->why) - n, " Over the relay it does not answer either: it is probably not running.");
}

int
why_fill(struct agent *a, const char *peer, struct agent_why *w)
{
	struct ice_outcome pair[ICE_PAIRS];
	enum nat_kind ours, theirs;
	struct remote *r;
	size_t npair;
	int err;

	if (a->engine == NULL)
		return -ENOENT;
	err = find_remote(a->engine, peer, &r);
	if (err != 0)
		return err;
	snprintf(w->fqdn, sizeof(w->fqdn), "%s", r->fqdn != NULL ? r->fqdn : "");
	if (r->nallowed > 0)
		addr_str(&r->allowed[0].addr, w->ip);
	strcpy(w->pub_key, r->key_text);
	snprintf(w->subject, sizeof(w->subject), "%s", r->key_text);
	w->since_us = mono_is_set(r->peer->path.since) ? mono_diff(env_now(a->env), r->peer->path.since) : 0;
	npair = ice_session_outcomes(r->ice, pair, ICE_PAIRS);
	ours = our_nat(a->engine, &w->ours);
	theirs = their_nat(r->ice, pair, npair, &w->theirs);
	fill_pairs(pair, npair, w);
	fill_relay(r, w);
	if (path_kind(&r->peer->path) == PATH_TO_ICE) {
		say_direct(r, w);
		return 0;
	}
	w->path = "relay";
	say_not_direct(r, w, ours, theirs);
	if (path_kind(&r->peer->path) == PATH_TO_NONE)
		say_none(r, w);
	return 0;
}
