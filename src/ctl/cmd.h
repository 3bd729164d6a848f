/* SPDX-License-Identifier: ISC */
#ifndef GODWIT_CTL_CMD_H
#define GODWIT_CTL_CMD_H
/* cmd.h -- the verbs; each is a function in a file of its name.  Exit status as NetBird: 0 or 1. */
#include "ctl/opt.h"

int ctl_main(int argc, char **argv, const char *version);

int cmd_up(const struct opts *);
int cmd_login(const struct opts *);
int cmd_down(const struct opts *);
int cmd_logout(const struct opts *);
int cmd_status(const struct opts *);
int cmd_fsm(const struct opts *);
int cmd_watch(const struct opts *);
int cmd_why(const struct opts *);

const char *cmd_version(void);		/* of this program, for status */
#endif
