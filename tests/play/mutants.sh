#!/bin/sh
# SPDX-License-Identifier: ISC
# mutants.sh -- planted bugs: how many does the simulator find?
#
#	mutants.sh SOURCE COUNT [SEED]
#
# Copies the tree to a folder of its own, changes one row of one table at a time
# (an action dropped, another target), builds and lets seeds and stories look for
# it.  One line a mutant: refused (by the table compiler), found, or MISSED.
set -u
src=$(cd "$1" && pwd) count=$2 seed=${3:-1}
work=${TMPDIR:-/tmp}/godwit-mutants.$$
trap 'rm -rf "$work"' EXIT
mkdir -p "$work" && cp -R "$src/." "$work/" && cd "$work" && rm -rf build .git && mkdir build || exit 2
./autogen.sh >/dev/null 2>&1
cd build && ../configure -q CC="${CC:-gcc}" CFLAGS='-O1 -w' --with-systemdsystemunitdir=no >/dev/null || exit 2
make -s tables >/dev/null 2>&1
make -s -j2 tests/play/seeds tests/play/stories >/dev/null 2>&1 || { echo "the tree does not build"; exit 2; }

good=$src
. ../tests/play/look.sh

n=0 refused=0 found=0 missed=0
while [ $n -lt "$count" ]; do
	n=$((n + 1))
	# one row of all tables, by number; then one change of it
	awk -v seed=$((seed * 1000 + n)) '
		/^[a-z*][^;]* -> *[a-z]/ && !/^(state|event|send|machine)[ \t]/ { f[++rows] = FILENAME; l[rows] = FNR; t[rows] = $0 }
		END {
			srand(seed)
			do r = 1 + int(rand() * rows); while (t[r] ~ /-> *never/)
			split(t[r], half, " *-> *")
			k = split(half[1], w, " +")
			a = 3
			if (w[3] ~ /^\[/) a = 4
			acts = k - a + 1
			if (acts >= 1 && w[a] != "-" && rand() < 0.7) {
				d = a + int(rand() * acts)
				gone = w[d]
				w[d] = (acts == 1) ? "-" : ""
				what = "without " gone
				to = half[2]
			} else {
				to = (half[2] == "stay") ? "stay" : "stay"
				what = "-> stay, not " half[2]
			}
			line = ""
			for (i = 1; i <= k; i++) if (w[i] != "") line = line w[i] "  "
			print f[r] "\t" l[r] "\t" line "-> " to "\t" what
		}' ../fsm/*.fsm > mutant.txt
	file=$(cut -f1 mutant.txt) line=$(cut -f2 mutant.txt) name=$(basename "$(cut -f1 mutant.txt)" .fsm)
	what="$name line $line, $(cut -f4 mutant.txt)"
	cp "$file" saved.fsm
	awk -v n="$line" -v new="$(cut -f3 mutant.txt)" 'FNR == n { print new; next } { print }' saved.fsm > "$file"
	if cmp -s saved.fsm "$file"; then
		cp saved.fsm "$file"; continue
	fi
	if ! LC_ALL=C awk -f ../fsm/fsm.awk -f ../fsm/to-inc.awk "$file" > mutant.inc 2>/dev/null; then
		refused=$((refused + 1)); echo "refused: $what"
		cp saved.fsm "$file"; continue
	fi
	cp "fsm/$name.inc" saved.inc
	if cmp -s mutant.inc saved.inc; then
		cp saved.fsm "$file"; continue
	fi
	cp saved.fsm "$file"; touch -r saved.fsm "$file"
	cp mutant.inc "fsm/$name.inc"
	grep -l "fsm/$name.inc" ../src/*/*.c | xargs touch
	if ! make -s -o "$file" tests/play/seeds tests/play/stories >build.log 2>&1; then
		refused=$((refused + 1)); echo "refused: $what (does not build)"
	elif look; then
		missed=$((missed + 1)); echo "MISSED: $what"
	else
		found=$((found + 1)); echo "found: $what ($how)"
	fi
	cp saved.inc "fsm/$name.inc"
	grep -l "fsm/$name.inc" ../src/*/*.c | xargs touch
done
echo "$((refused + found + missed)) mutants: $refused refused, $found found, $missed missed"
