#!/bin/sh
# SPDX-License-Identifier: ISC
# judge.sh COVER TAPE ... -- the judge over these tapes, with the tables of $srcdir.
# COVER gets how often each pair fired each row.  PARTS and SKIP: see judge.awk.
srcdir=${srcdir:-.} AWK=${AWK:-awk}
LC_ALL=C; export LC_ALL
facts=$(mktemp) || exit 2
trap 'rm -f "$facts"' EXIT
for t in "$srcdir"/fsm/*.fsm; do
	$AWK -f "$srcdir/fsm/fsm.awk" -f "$srcdir/tests/conform/to-facts.awk" "$t" || exit 2
done >"$facts"
cover=$1; shift
$AWK -v parts="$PARTS" -v skip="$SKIP" -v cover="$cover" -f "$srcdir/tests/conform/judge.awk" "$facts" "$srcdir/fsm/agent.wire" "$srcdir/fsm/server.wire" "$@"
