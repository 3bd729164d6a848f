#!/bin/sh
# SPDX-License-Identifier: ISC
# house.sh TOP BUILD -- the promises of the build itself: an archive without .git
# builds and installs where it was told; distcheck passes; manual pages are clean.
set -e
top=$1 build=$2
work=$(mktemp -d) && trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
for page in "$build"/man/*.[1578] "$top"/man/*.[1578]; do
	[ -f "$page" ] || continue
	out=$(mandoc -T lint -W warning "$page") || { echo "$out"; exit 1; }
done
echo "manual pages are clean"
# from an archive: what git holds, nothing else
if [ -e "$top/.git" ]; then
	mkdir "$work/tree"
	git -C "$top" -c safe.directory="$top" archive HEAD | tar -x -C "$work/tree"
	cd "$work/tree"
	./autogen.sh
	mkdir out && cd out
	../configure -q --prefix="$work/inst" --with-systemdsystemunitdir="$work/inst/units"
	make -s -j"$(nproc)"
	make -s install
	for f in bin/godwit sbin/godwitd sbin/godwit-server share/man/man1/godwit.1 share/man/man8/godwitd.8 \
	    share/man/man8/godwit-server.8 share/man/man7/godwit-states.7 units/godwitd.service units/godwit-server.service; do
		[ -f "$work/inst/$f" ] || { echo "make install did not bring $f"; exit 1; }
	done
	"$work/inst/bin/godwit" version
	echo "an archive without .git builds and installs"
fi
cd "$build"
make -s distcheck DISTCHECK_CONFIGURE_FLAGS=--with-systemdsystemunitdir=no AM_MAKEFLAGS='check_PROGRAMS= TESTS='
echo "distcheck passes"
