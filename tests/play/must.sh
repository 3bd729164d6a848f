#!/bin/sh
# SPDX-License-Identifier: ISC
# must.sh -- prints rows.must: how often 48 meshes of five play each row at least, by
# four ranges of seeds; to be run in a build folder when tables have changed.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
for from in 1 1001 2001 3001; do
	tests/play/seeds --hosts 5 --from $from --count 48 --quiet --rows "$tmp/$from" >/dev/null || exit 1
done
echo "# How often 48 meshes of five play a row at least, by four ranges of seeds: count, machine,"
echo "# states, events, guard.  Made by must.sh, for seeds --must."
${AWK:-awk} -F '\t' '{
	guard = states = events = $4
	sub(/.* \[/, "", guard); sub(/\]$/, "", guard)
	sub(/ --.*/, "", states)
	sub(/^.* --/, "", events); sub(/-->.*/, "", events)
	row = $1 "\t" states "\t" events "\t" guard
	if (!(row in least) || $3 < least[row]) least[row] = $3
	ranges[row]++
}
END { for (row in least) if (ranges[row] == 4 && least[row] >= 2) print least[row] "\t" row }' "$tmp"/* | LC_ALL=C sort -k 2
