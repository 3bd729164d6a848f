#!/bin/sh
# SPDX-License-Identifier: ISC
# Meshes behind routers of Linux, under faults: sixty, and those seeds whose pairs stayed
# relayed before a port was given up (fsm/ice-probe.fsm, crowded; fsm/ice-gather.fsm, moved).
n=0
for seeds in "1 60" "82 1" "140 1" "174 1" "198 1" "284 1"; do
	set -- $seeds
	n=$((n + 1))
	if "${builddir:-.}/tests/play/seeds" --linux --quiet --from "$1" --count "$2" >"linux.$$" 2>&1; then
		echo "ok $n - seeds from $1: $2"
	else
		grep -v '^ok' "linux.$$" | sed 's/^/# /'
		echo "not ok $n - seeds from $1: $2"
	fi
done
rm -f "linux.$$"
echo "1..$n"
