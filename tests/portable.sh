#!/bin/sh
# SPDX-License-Identifier: ISC
# portable.sh -- every C file of src, compiled (without making code) for the BSDs.
#
# The compiler and the BSDs' own headers come with ziglang from PyPI.  Other
# libraries' headers are copied to a folder of their own: all of /usr/include
# would bring glibc along.  One TAP result a system, with the errors below it.
# Needs $srcdir and $builddir (a built tree: generated headers, config.h).
srcdir=${srcdir:-.} builddir=${builddir:-.}
work=$builddir/tests/portable.d
python=${PYTHON:-python3}
mkdir -p "$work/include"

if ! "$python" -c 'import ziglang' 2>/dev/null; then
	PYTHONPATH=$work/python
	export PYTHONPATH
	"$python" -c 'import ziglang' 2>/dev/null ||
	    "$python" -m pip install -q --target "$work/python" ziglang==0.17.1 >"$work/pip.log" 2>&1 || {
		echo "1..0 # SKIP no ziglang: $(tail -n 1 "$work/pip.log" 2>/dev/null)"
		exit 0
	}
fi
lib=$("$python" -c 'import os, ziglang; print(os.path.dirname(ziglang.__file__))')/lib

# The headers that we include, and no others of this system.
for name in event2 openssl nghttp2 protobuf-c google sodium wslay re; do
	for from in /usr/include /usr/local/include /usr/include/*-linux-gnu; do
		[ -d "$from/$name" ] || continue
		mkdir -p "$work/include/$name"
		cp -RL "$from/$name/." "$work/include/$name/"
	done
done
for name in sodium.h jansson.h jansson_config.h sqlite3.h; do
	for from in /usr/include /usr/local/include /usr/include/*-linux-gnu; do
		[ ! -f "$from/$name" ] || cp -L "$from/$name" "$work/include/"
	done
done

n=0 failed=0
# try SYSTEM TARGET NAME-FOR-LIBRE: every file but those of other systems
try() {
	n=$((n + 1))
	others=$(printf '%s\n' linux freebsd openbsd netbsd | grep -v "^$1\$" | sed 's/.*/-&\\.c$/' | tr '\n' '|')
	find "$srcdir/src" -name '*.c' | sort | grep -Ev -e "${others%|}" >"$work/$1.files"
	# Warnings are not the point, but a function that is not declared is.
	if xargs "$python" -m ziglang clang --target="$2" -fsyntax-only -nostdinc -std=gnu11 \
	    -Wno-everything -Werror=implicit-function-declaration -Werror=incompatible-pointer-types \
	    -isystem "$lib/include" -isystem "$lib/libc/include/x86_64-$1-none" \
	    -isystem "$lib/libc/include/generic-$1" \
	    -I"$srcdir/src" -I"$builddir" -I"$srcdir" -I"$work/include" -I"$work/include/re" \
	    -D"$3" -DHAVE_INTTYPES_H -DHAVE_STDBOOL_H -DHAVE_INET6 -DHAVE_CONFIG_H \
	    -DGODWIT_STATEDIR='""' -DGODWIT_CTLSOCKET='""' -DGODWIT_RUNSTATEDIR='""' -DGODWIT_SBINDIR='""' \
	    <"$work/$1.files" >"$work/$1.log" 2>&1; then
		echo "ok $n - $1: $(wc -l <"$work/$1.files" | tr -d ' ') files"
	else
		failed=1
		echo "not ok $n - $1"
		grep -E 'error:' "$work/$1.log" | head -n 60 | sed 's/^/# /'
	fi
}
try freebsd x86_64-unknown-freebsd14.3 FREEBSD
try openbsd x86_64-unknown-openbsd7.8 OPENBSD
try netbsd x86_64-unknown-netbsd10.1 NETBSD
echo "1..$n"
exit $failed
