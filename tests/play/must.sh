#!/bin/sh
# SPDX-License-Identifier: ISC
# must.sh -- prints rows.must: the rows that any 48 meshes of five play, by four
# ranges of seeds; to be run in a build folder when tables have changed.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
for from in 1 1001 2001 3001; do
	tests/play/seeds --hosts 5 --from $from --count 48 --quiet --rows "$tmp/$from" >/dev/null || exit 1
done
echo "# Rows that any 48 meshes of five play under their faults, eight times at least in each of four"
echo "# ranges of seeds: machine, states, events, guard.  By must.sh, for seeds --must."
${AWK:-awk} -F '\t' '{
	guard = states = events = $4
	sub(/.* \[/, "", guard); sub(/\]$/, "", guard)
	sub(/ --.*/, "", states)
	sub(/^.* --/, "", events); sub(/-->.*/, "", events)
	row = $1 "\t" states "\t" events "\t" guard
	if (!(row in least) || $3 < least[row]) least[row] = $3
	ranges[row]++
}
END { for (row in least) if (ranges[row] == 4 && least[row] >= 8) print row }' "$tmp"/* | LC_ALL=C sort
