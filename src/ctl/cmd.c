/* SPDX-License-Identifier: ISC */
/* cmd.c -- one table of commands; help and completion read it too. */
#include <string.h>
#include "ctl/cmd.h"

static int cmd_version_print(const struct opts *);
static int cmd_complete(const struct opts *);
static int cmd_help(const struct opts *);

static const struct cmd {
	const char *word, *alias;
	unsigned bit;
	int (*run)(const struct opts *);
	const char *help;	/* NULL: not listed */
} table[] = {
	{ "up", NULL, OPT_UP, cmd_up, "join the mesh" },
	{ "down", NULL, OPT_DOWN, cmd_down, "leave it, until the next up" },
	{ "login", NULL, OPT_LOGIN, cmd_login, "register this host, without joining" },
	{ "deregister", "logout", OPT_DOWN, cmd_logout, "remove this host from management" },
	{ "status", NULL, OPT_STATUS, cmd_status, "how we are, and every peer" },
	{ "why", NULL, OPT_FSM, cmd_why, "why a peer is reached the way it is" },
	{ "fsm", NULL, OPT_FSM, cmd_fsm, "the machines: state, last transitions, counters" },
	{ "watch", NULL, OPT_WATCH, cmd_watch, "transitions as they happen" },
	{ "version", NULL, OPT_ALL, cmd_version_print, "of this program" },
	{ "help", NULL, OPT_ALL, cmd_help, "this text" },
	{ "complete", NULL, OPT_ALL, cmd_complete, NULL },
};
#define NTABLE	(sizeof(table) / sizeof(table[0]))

static const char *version_text = "?";	/* set once by ctl_main */

const char *
cmd_version(void)
{
	return version_text;
}

static const struct cmd *
find(const char *word)
{
	for (size_t i = 0; i < NTABLE; i++)
		if (strcmp(table[i].word, word) == 0 || (table[i].alias != NULL && strcmp(table[i].alias, word) == 0))
			return &table[i];
	return NULL;
}

static unsigned
bit_of(const char *word)
{
	const struct cmd *c = find(word);

	return c != NULL ? c->bit : 0;
}

static void
usage(FILE *f, const struct cmd *c)
{
	if (c != NULL) {
		fprintf(f, "godwit %s -- %s\n\n", c->word, c->help);
		opt_usage(f, c->bit | OPT_ALL);
		return;
	}
	fprintf(f, "usage: godwit COMMAND [options]\n\n");
	for (size_t i = 0; i < NTABLE; i++)
		if (table[i].help != NULL)
			fprintf(f, "  %-12s %s\n", table[i].word, table[i].help);
	fprintf(f, "\nOptions of all commands:\n");
	opt_usage(f, OPT_ALL);
}

static int
cmd_version_print(const struct opts *o)
{
	puts(version_text);
	return 0;
}

static int
cmd_help(const struct opts *o)
{
	usage(stdout, o->nword > 1 ? find(o->word[1]) : NULL);
	return 0;
}

/* What the shells' completion asks: the commands that begin so. */
static int
cmd_complete(const struct opts *o)
{
	const char *begin = o->nword > 1 ? o->word[o->nword - 1] : "";

	for (size_t i = 0; i < NTABLE; i++)
		if (table[i].help != NULL && strncmp(table[i].word, begin, strlen(begin)) == 0)
			puts(table[i].word);
	return 0;
}

int
ctl_main(int argc, char **argv, const char *version)
{
	const struct cmd *c;
	struct opts o;

	version_text = version;
	if (opt_parse(&o, argc, argv, bit_of) != 0)
		return 1;
	if (o.nword == 0) {
		usage(opt_on(&o, OPT_HELP) ? stdout : stderr, NULL);
		return !opt_on(&o, OPT_HELP);
	}
	if ((c = find(o.word[0])) == NULL) {
		fprintf(stderr, "Error: unknown command \"%s\" for \"godwit\"\n", o.word[0]);
		return 1;
	}
	if (opt_on(&o, OPT_HELP)) {
		usage(stdout, c);
		return 0;
	}
	return c->run(&o);
}
