/* SPDX-License-Identifier: ISC */
/*
 * relay-world.c -- the agent's side of relay-world.h, and which rows were fired.
 */
#include "relay-world.h"
#include "tests/rows.h"
#include "wire/keys.h"
#include "tests/tape.h"

static void
route(void *arg, struct fsm *from, int send, struct fsm_data *data)
{
	struct world *w = arg;
	struct relay_link *l = (struct relay_link *)(void *)from;
	struct relay_channel *ch = (struct relay_channel *)(void *)from;

	if (from->def == &relay_link_fsm) {
		if (send == RELAY_LINK_SEND_HOME_UP)
			w->home_ups++;
		else
			LIST_EACH(it, &l->channels)
				relay_channel_post(LIST_OF(it, struct relay_channel, on_link), send == RELAY_LINK_SEND_LINK_DOWN ?
				    RELAY_CHANNEL_EV_LINK_LOST : RELAY_CHANNEL_EV_LINK_UP, NULL);
	} else if (send == RELAY_CHANNEL_SEND_WANT_LINK)
		relay_link_post(ch->link, RELAY_LINK_EV_START, NULL);
	else if (send == RELAY_CHANNEL_SEND_DOUBT)
		relay_link_post(ch->link, RELAY_LINK_EV_DOUBT, NULL);
	else if (send == RELAY_CHANNEL_SEND_RELAY_UP) {
		const struct note_way *n = (const struct note_way *)(const void *)data;

		w->ups += n != NULL && n->way == relay_channel_way(ch) && n->server[0] != '\0';
	} else
		w->downs++;
}

static void
on_input(void *arg, struct way *way, struct env_pkt *p, size_t n)
{
	struct world *w = arg;

	(void)way;
	w->inputs += (int)n;
	w->input_len = p->len;
}

const struct relay_channel_hooks world_hooks = { on_input };

void
run(struct world *w, int64_t us)
{
	fsm_drain(w->loop);
	pipes_run(w->env, NULL, us);
}

void
world_make_with(struct world *w, bool own, const struct relay_options *opt)
{
	uint8_t us[32] = { 0 };

	memset(w, 0, sizeof(*w));
	w->env = pipes_new(1000000);
	w->env->local = (struct addr){ .family = ADDR_V4, .ip = { 10, 1, 0, 2 } };
	w->loop = fsm_loop_new(w->env, route, w);
	test_tape(w->loop);
	us[0] = own ? 0xff : 0x04;
	w->peer[0] = own ? 0x04 : 0xff;
	if ((wire_key_cmp_text(us, w->peer) > 0) != own) {
		us[0] = own ? 0x04 : 0xff;
		w->peer[0] = own ? 0xff : 0x04;
	}
	relayd_start(w, &w->home, 1000, HOME);
	relayd_start(w, &w->other, 2000, OTHER);
	w->pool = relay_pool_new(w->env, w->loop, us, opt, NULL, NULL);
	w->ch = relay_channel_new(w->pool, w->peer, "peer", &world_hooks, w);
}

void
world_make(struct world *w, bool own)
{
	world_make_with(w, own, NULL);
}

void
home(struct world *w, const char *a, const char *b)
{
	const char *urls[] = { a, b };

	relay_pool_set_home(w->pool, urls, a == NULL ? 0 : b == NULL ? 1 : 2);
	run(w, 100 * MONO_MS);
}

void
offer(struct world *w, const char *url, uint32_t generation)
{
	struct wire_signal m = { .has_generation = generation != 0, .generation = generation };

	snprintf(m.relay_url, sizeof(m.relay_url), "%s", url);
	relay_channel_post(w->ch, RELAY_CHANNEL_EV_OFFER, &note_signal_new(&m)->data);
	run(w, 100 * MONO_MS);
}

void
post(struct world *w, enum relay_channel_event ev)
{
	relay_channel_post(w->ch, ev, NULL);
	run(w, 100 * MONO_MS);
}

void
post_link(struct world *w, struct relay_link *l, enum relay_link_event ev)
{
	relay_link_post(l, ev, NULL);
	run(w, 100 * MONO_MS);
}

static void
take_link(struct relay_link *l, void *arg)
{
	struct relay_link **out = arg;

	if (l->home == (out[1] == NULL) && out[0] == NULL)
		out[0] = l;
}

struct relay_link *
the_home(struct world *w)
{
	struct relay_link *out[2] = { NULL, NULL };

	relay_pool_each_link(w->pool, take_link, out);
	return out[0];
}

struct relay_link *
the_foreign(struct world *w)
{
	struct relay_link *out[2] = { NULL, (void *)w };

	relay_pool_each_link(w->pool, take_link, out);
	return out[0];
}

/* ---- which rows were fired ----------------------------------------------------- */

static struct rows link_rows, channel_rows;

static void
count(void *arg, struct fsm *m)
{
	(void)arg;
	rows_count(m->def == &relay_link_fsm ? &link_rows : &channel_rows, m);
}

int
link_rows_not_fired(void)
{
	return rows_not_fired(&link_rows, &relay_link_fsm);
}

int
channel_rows_not_fired(void)
{
	return rows_not_fired(&channel_rows, &relay_channel_fsm);
}

int
nevers_fired(void)
{
	return rows_nevers(&link_rows, &relay_link_fsm) + rows_nevers(&channel_rows, &relay_channel_fsm);
}

bool
world_end(struct world *w)
{
	fsm_each(w->loop, count, NULL);
	relay_channel_free(w->ch);
	relay_pool_free(w->pool);
	fsm_loop_free(w->loop);
	relayd_stop(&w->home);
	relayd_stop(&w->other);
	http1_front_free(w->home.front);
	http1_front_free(w->other.front);
	return pipes_free(w->env);
}
