#!/bin/sh
# SPDX-License-Identifier: ISC
# merge.sh TAPE0 TAPE1 -- the tapes of two agents of one host as one tape, in the order of
# time, for replay.sh: the processes of the first are agent0, of the other agent1.
AWK=${AWK:-awk}
LC_ALL=C; export LC_ALL
for tape; do
	$AWK -v agent="$((n += 0))" '$2 ~ /^@/ { at[$1] = substr($2, 2) } { p = $1; sub(/^[^ ]* /, ""); printf "%s lab/agent%d/%s %s\n", at[p] + 0, agent, p, $0 }' "$tape"
	n=$((n + 1))
done | sort -s -n -k 1,1 | sed 's/^[^ ]* //'
