/* SPDX-License-Identifier: ISC */
/* godwit.c -- the CLI: see src/ctl. */
#include "config.h"
#include "ctl/cmd.h"

int
main(int argc, char **argv)
{
	return ctl_main(argc, argv, PACKAGE_VERSION);
}
