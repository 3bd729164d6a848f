#!/bin/sh
# SPDX-License-Identifier: ISC
# fuzz.sh TARGET... -- build each target with clang, ASan and UBSan and fuzz it
# for FUZZ_SECONDS.  Called by `make check-fuzz` in the build folder.  What a run
# finds lies in fuzz-work/, to be looked at and added to the corpus.  FUZZ_SEED=0
# takes another path each time; `make check` wants the same one.
set -eu
: "${srcdir:=..}" "${FUZZ_SECONDS:=4}" "${FUZZ_CFLAGS:=}" "${FUZZ_LDLIBS:=}"
CLANG=${CLANG:-clang}
if ! command -v "$CLANG" >/dev/null; then
	echo "1..0 # SKIP no clang"
	exit 0
fi
san='-fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all -g -O1 -w -std=gnu11'
mkdir -p fuzz-work
compile()	# FILE -> adds its object to objs
{
	o=fuzz-work/$(echo "${1#"$srcdir"/}" | tr / -).o
	if [ ! -f "$o" ] || [ "$1" -nt "$o" ] || [ "$header" -nt "$o" ]; then
		# shellcheck disable=SC2086
		$CLANG $san $FUZZ_CFLAGS -c -o "$o" "$1"
	fi
	objs="$objs $o"
}
header=$(ls -t "$srcdir"/src/*/*.h "$srcdir"/tests/unit/*.h | head -n 1)	# the newest: a struct may have changed
objs=
for c in "$srcdir"/src/base/*.c "$srcdir"/src/wire/*.c proto/*.pb-c.c; do
	compile "$c"
done
common=$objs
failed=0 n=0
echo "1..$#"
for t in "$@"; do
	n=$((n + 1))
	objs=$common
	# "fuzz-needs: src/net/h2.c src/wg/[a-v]*.c" in its head: what it links besides
	for need in $(sed -n 's/.*fuzz-needs: *//p' "$srcdir/tests/fuzz/$t.c"); do
		for c in "$srcdir"/$need; do
			compile "$c"
		done
	done
	# shellcheck disable=SC2086
	$CLANG -fsanitize=address,undefined,fuzzer -fno-sanitize-recover=all -g -O1 -w -std=gnu11 $FUZZ_CFLAGS \
	    -o "fuzz-work/$t" "$srcdir/tests/fuzz/$t.c" $objs $FUZZ_LDLIBS
	mkdir -p "fuzz-work/corpus-$t"
	if "fuzz-work/$t" -seed="${FUZZ_SEED:-1}" -max_total_time="$FUZZ_SECONDS" -max_len=2048 -print_final_stats=1 \
	    -artifact_prefix="fuzz-work/$t-" "fuzz-work/corpus-$t" "$srcdir/tests/fuzz/corpus/$t" \
	    >"fuzz-work/$t.log" 2>&1; then
		echo "ok $n - $t: $(awk '/number_of_executed_units/ { print $2 }' "fuzz-work/$t.log") inputs"
	else
		failed=1
		echo "not ok $n - $t"
		tail -30 "fuzz-work/$t.log" | sed 's/^/# /'
	fi
done
exit $failed
