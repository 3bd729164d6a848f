/* SPDX-License-Identifier: ISC */
/*
 * godwit-server.c -- the control server's program; the work is in src/server.
 */
#include "server/admin.h"

int
main(int argc, char **argv)
{
	return server_main(argc, argv);
}
