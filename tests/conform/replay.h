/* SPDX-License-Identifier: ISC */
/*
 * replay.h -- for replay.pml: what two agents did, as project.awk printed it, from
 * the file that the environment names (REPLAY):
 *
 *	visible MACHINE LINE STATE
 *	alike MACHINE LINE LINE				two rows that are compared as one
 *	turn AGENT LIFE TIME CAUSE ACTS[?][+] MACHINE:LINE ...
 *
 * A turn without rows has nothing that is compared; with "?" it may have done nothing,
 * with "+" it and the next are one turn, whose rows the last of them has.
 *
 * and between two of them as many things befall as LUCK says, IN_ALL at most.  The rows of the
 * turn under way are not in the state vector: a turn is one step of the search.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MACHINES 6
#define ROWS 400
#define MOST 64	/* rows of a turn */

static const char *const replay_machine[MACHINES] = { "handshake", "ice-session", "relay-channel", "path", "wg-watch", "guard" };
struct replay_turn {
	int agent, life, n, idle, joined, row[MOST];
	unsigned long long acts;
	int next_life[2];			/* of each agent, from here on */
	unsigned long long may[2][2][2];	/* acts an agent may try now: [agent][there is luck left][its next life is to begin] */
};
static struct replay_turn *replay_turns;
static int replay_n, replay_most = 1, replay_all = 1;
static int replay_far;
static unsigned char visible[MACHINES][ROWS][16];
static short alike[MACHINES][ROWS];	/* 0: as itself */
static int turn_row[MOST], turn_n;
#define ACT(n) (1ULL << (n))
/* what no tape tells: a link comes up, a message is held up or comes twice, an entry
 * dies, a router forgets, signal goes and comes, an agent is closed and made anew */
#define BORN (ACT(34) | ACT(35))
#define UNSEEN (ACT(8) | ACT(17) | ACT(37) | ACT(28) | ACT(42) | ACT(30) | ACT(31) | BORN)

/* those that depend on what passes between the two: a pair answers, packets come back */
#define LOOKS (ACT(3) | ACT(4) | ACT(10) | ACT(12) | ACT(16) | ACT(38) | ACT(41) | ACT(43))
/* in which something is said or heard over signal, or its stream comes back */
#define SAYS (ACT(1) | ACT(5) | ACT(9) | ACT(13) | ACT(17))
/* in which the relay says something */
#define TELLS (ACT(6) | ACT(7) | ACT(8) | ACT(14))

static int
machine_of(const char *text)
{
	for (int m = 0; m < MACHINES; m++)
		if (strncmp(text, replay_machine[m], strlen(replay_machine[m])) == 0 && text[strlen(replay_machine[m])] == ' ')
			return m;
	fprintf(stderr, "no machine: %s\n", text);
	exit(2);
}

static int
row_of(int m, int line)
{
	return m * 1000 + (alike[m][line] != 0 ? alike[m][line] : line);
}

static void
read_turn(char *text)
{
	struct replay_turn *t;
	char *acts, *word, *end;

	if ((replay_n & (replay_n - 1)) == 0)
		replay_turns = realloc(replay_turns, sizeof *t * (size_t)(replay_n == 0 ? 1 : 2 * replay_n));
	t = &replay_turns[replay_n++];
	memset(t, 0, sizeof *t);
	strtok(text, " \n");
	t->agent = atoi(strtok(NULL, " \n"));
	t->life = atoi(strtok(NULL, " \n"));
	strtok(NULL, " \n"), strtok(NULL, " \n");	/* time and cause are for people */
	acts = strtok(NULL, " \n");
	while ((word = strtok(NULL, " \n")) != NULL && t->n < MOST)
		t->row[t->n++] = row_of(atoi(word), atoi(strchr(word, ':') + 1));
	t->idle = strchr(acts, '?') != NULL;
	t->joined = strchr(acts, '+') != NULL;
	for (; *acts >= '0' && *acts <= '9'; acts = *end == ',' ? end + 1 : end)
		t->acts |= ACT(strtol(acts, &end, 10));
}

static void
prepare(int pos)
{
	struct replay_turn *t = &replay_turns[pos];

	for (int a = 0; a < 2; a++) {
		unsigned long long fed = t->agent == a ? t->acts : 0;

		t->next_life[a] = t->agent == a ? t->life : pos < replay_n ? t[1].next_life[a] : 0;
		t->may[a][0][0] = fed & ~BORN & ~ACT(29);	/* twice is bad luck too */
		t->may[a][1][0] = (fed | UNSEEN) & ~BORN;
		t->may[a][0][1] = fed & BORN;
		t->may[a][1][1] = (fed & BORN) | UNSEEN;
	}
}

__attribute__((constructor)) static void
replay_read(void)
{
	char line[4096], machine[64];
	int row, state;
	FILE *f = getenv("REPLAY") != NULL ? fopen(getenv("REPLAY"), "r") : NULL;

	if (f == NULL)
		return;
	if (getenv("LUCK") != NULL)
		replay_most = atoi(getenv("LUCK"));
	if (getenv("IN_ALL") != NULL)
		replay_all = atoi(getenv("IN_ALL"));
	while (fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "visible %60s %d %d", machine, &row, &state) == 3)
			visible[machine_of(strcat(machine, " "))][row][state] = 1;
		else if (sscanf(line, "alike %60s %d %d", machine, &row, &state) == 3)
			alike[machine_of(strcat(machine, " "))][row] = (short)state;
		else if (strncmp(line, "turn ", 5) == 0)
			read_turn(line);
	fclose(f);
	read_turn((char[]){ "turn 2 0 0 - -" });	/* the end */
	replay_n--;
	for (int pos = replay_n; pos >= 0; pos--)
		prepare(pos);
}

static void
replay_begin(void)
{
	turn_n = 0;
}

static void
replay_row(const char *text, const unsigned char *states)
{
	int m = machine_of(text), line = atoi(strstr(text, " row ") + 5);

	if (visible[m][line][states[m]] && turn_n < MOST)
		turn_row[turn_n++] = row_of(m, line);
}

static int
is_next(int agent, int pos, int act)
{
	return replay_turns[pos].agent == agent && (replay_turns[pos].acts & ACT(act)) != 0;
}

/* What the model did instead, at the farthest that it came: for who asks why. */
static void
instead(int pos, int agent, int act, const char *broken)
{
	static char said[8][600];
	static int n, at = -1;
	char text[600];
	int len = snprintf(text, sizeof text, "agent%d act %d%s%s", agent, act, broken[0] != '\0' ? " breaks " : "", broken);

	if (pos < at)
		return;
	if (pos > at)
		n = 0;
	at = pos;
	for (int i = 0; i < turn_n && len < 500; i++)
		len += snprintf(text + len, sizeof text - (size_t)len, " %d:%d", turn_row[i] / 1000, turn_row[i] % 1000);
	for (int i = 0; i < n; i++)
		if (strcmp(said[i], text) == 0)
			return;
	if (n == 8)
		return;
	strcpy(said[n++], text);
	fprintf(stderr, "instead of %d: %s\n", pos + 1, text);
}

static void
came_to(int pos)
{
	if (pos <= replay_far)
		return;
	replay_far = pos;
	fprintf(stderr, "came to %d of %d\n", pos, replay_n);
}

/* After a turn of the model: 0 nothing was seen of it, 1 it is the next, 2 it is not. */
static int
replay_turn(int agent, int pos, int act, int within)
{
	const struct replay_turn *t = &replay_turns[pos];

	if (turn_n == 0 && !within && !is_next(agent, pos, act))
		return 0;
	if ((!within && !is_next(agent, pos, act)) || t->n != turn_n || memcmp(t->row, turn_row, sizeof(int) * (size_t)turn_n) != 0) {
		instead(pos, agent, act, "");
		return 2;
	}
	came_to(pos + 1);
	return 1;
}
