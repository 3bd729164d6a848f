/* SPDX-License-Identifier: ISC
 * reach.pml -- put before a world: each row is told the first time it is reached,
 * with state and event, as numbers. */
c_decl {
	static unsigned char reach_seen[64][128][250];
	static void reach(int state, int event, int row)
	{
		unsigned char *p = &reach_seen[state][event][row / 8];

		if (*p & 1 << row % 8)
			return;
		*p |= 1 << row % 8;
		printf("reached %d %d %d\n", state, event, row);
	}
};
