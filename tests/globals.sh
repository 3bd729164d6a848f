#!/bin/sh
# SPDX-License-Identifier: ISC
# globals.sh -- many agents live in one process: no writable globals, but for the
# short list below, each with its reason.  Reads nm of every library.
builddir=${builddir:-.}
command -v nm >/dev/null || { echo "1..0 # SKIP no nm"; exit 0; }
case $(uname -s) in Linux) ;; *) echo "1..0 # SKIP section names of ELF by GNU binutils"; exit 0 ;; esac

# library:symbol			why
allowed="
libbase.a:log_conf			where the log goes is the process' business
libctl.a:version_text			the CLI is one program and runs once
"
n=0 bad=0
for lib in "$builddir"/lib*.a; do
	name=${lib##*/}
	case $name in libproto.a|libsim.a|libmesh.a) continue ;; esac	# made by protoc-c; the simulator
	found=$(nm --format=sysv "$lib" 2>/dev/null | awk -F'|' -v lib="$name" -v allowed="$allowed" '
		{ for (i = 1; i <= NF; i++) gsub(/[ \t]/, "", $i) }
		# sections of constants that only the linker relocates are no writable globals
		$7 ~ /^(\.data|\.bss|\.tdata|\.tbss|\*COM\*)/ && $7 !~ /^\.data\.rel\.ro/ && $4 != "SECTION" {
			sub(/\.[0-9]+$/, "", $1)
			if (index(allowed, lib ":" $1) == 0) print $1 " (" $7 ")" }')
	n=$((n + 1))
	if [ -z "$found" ]; then
		echo "ok $n - $name has no writable globals beyond the list"
	else
		echo "not ok $n - $name has writable globals"
		echo "$found" | sed 's/^/# /'
		bad=1
	fi
done
echo "1..$n"
exit $bad
