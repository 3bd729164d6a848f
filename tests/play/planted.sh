#!/bin/sh
# SPDX-License-Identifier: ISC
# planted.sh -- bugs planted in the code, one at a time: does the simulator find them?
#
#	planted.sh TREE BUILD [PATTERN]
#
# TREE is a copy of the sources that may be changed, BUILD its build folder, configured
# and built.  Each patch of planted/ begins with a line that says what is wrong with it.
set -u
tree=$1 build=$2 pattern=${3:-}
here=$(cd "$(dirname "$0")" && pwd)

. "$here/look.sh"
cd "$build" || exit 2
n=0 found=0
for patch in "$here"/planted/*"$pattern"*.patch; do
	name=$(basename "$patch" .patch)
	what=$(head -n 1 "$patch")
	(cd "$tree" && patch -s -p1 <"$patch") || { echo "does not apply: $name"; continue; }
	n=$((n + 1)) how=
	if ! make -s tests/play/seeds tests/play/stories >build.log 2>&1; then
		echo "does not build: $name"; n=$((n - 1))
	elif look; then
		echo "MISSED: $name: $what"
	else
		found=$((found + 1)); echo "found: $name: $what ($how)"
	fi
	(cd "$tree" && patch -s -R -p1 <"$patch") || exit 2
done
echo "$n planted, $found found"
