# SPDX-License-Identifier: ISC
# begin.sh -- how a test of a mesh in namespaces begins: what it needs, TAP, a folder
# of its own, an end that leaves nothing.  Sourced after $here (the folder of these
# files) and $LAB are set.
. "$here/topology.sh"
. "$here/programs.sh"
build=$(cd "${builddir:-.}" && pwd)
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP root is needed"; exit 0; }
[ -c /dev/net/tun ] || { echo "1..0 # SKIP no /dev/net/tun"; exit 0; }
work=$(mktemp -d)
trap 'mesh_down; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT PIPE TERM
n=0
ok() { # ok RC WHAT
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}
# try WHAT COMMAND...: the end of what it said, when it fails
try() { what=$1; shift; "$@" >"$work/last" 2>&1; rc=$?; [ $rc -eq 0 ] || sed 's/^/# /' "$work/last" | tail -n 8; ok $rc "$what"; }
