#!/bin/sh
# SPDX-License-Identifier: ISC
# rows.sh [--full] -- after conform.sh: is all that happened known to the worlds of
# the models, and is every row fired somewhere?  --full prints the whole report.
srcdir=${srcdir:-.} builddir=${builddir:-.} AWK=${AWK:-awk}
LC_ALL=C; export LC_ALL
here=$srcdir/tests/conform
out=$builddir/tests/conform
command -v spin >/dev/null 2>&1 || { echo "1..0 # SKIP no spin"; exit 0; }
for c in seeds stories flow; do
	[ -s "$out/$c.cover" ] && continue
	sh "$here/conform.sh" >/dev/null || { echo "1..1"; echo "not ok 1 - conform.sh"; exit 1; }
done
# covers of an older table say nothing
new=$(find "$srcdir"/fsm -name '*.fsm' -newer "$out/flow.cover")
[ -z "$new" ] || sh "$here/conform.sh" >/dev/null || { echo "1..1"; echo "not ok 1 - conform.sh"; exit 1; }
sh "$here/reach.sh" >"$out/reached" || { echo "1..1"; echo "not ok 1 - the worlds cannot be searched"; exit 1; }
# what the generated tests fire, or they fail (tests/unit/fire.sh)
for t in "$srcdir"/fsm/*.fsm; do
	m=${t##*/}; m=${m%.fsm}
	$AWK -f "$srcdir/fsm/fsm.awk" -f "$srcdir/tests/unit/to-fire.awk" "$t" | sed -n "s/^	{ \([0-9]*\), [A-Z].*/$m	-	-	\1/p" | sort -u
done >"$out/fired"
# tests of modules, with the modules' own actions; they post by hand, so nobody judges them
covered() { # NAME PROGRAM...
	name=$1; shift
	: >"$out/tape"
	for p; do GODWIT_TAPE="$out/tape" "$builddir/tests/$p" >/dev/null 2>&1; done
	$AWK -f "$here/cover.awk" "$out"/run/*.facts "$out/tape" >"$out/$name.cover"
	rm "$out/tape"
}
covered units unit/relay_link unit/relay_channel unit/signal_letters unit/stream_backoff unit/stream_beats unit/two_peers unit/odd_signal \
	unit/two_peers_later unit/server_refuse \
	unit/session_rows unit/mgmt_rows unit/server_slow unit/probe_rows unit/peer_rows \
	unit/watches unit/wg-device unit/wg-rows unit/server_relay unit/server_signal unit/server_mgmt unit/server_flows unit/server_port
covered plays play/maps play/outages play/routers
lab=
[ ! -s "$here/lab.cover" ] || lab=$here/lab.cover
[ ! -s "$out/lab.cover" ] || lab=$out/lab.cover
report() {
	$AWK -v full="$1" -f "$here/report.awk" "$out"/run/*.facts SOURCE=model "$out/reached" SOURCE=tests "$out/fired" \
		SOURCE=units "$out/units.cover" SOURCE=simulator "$out/seeds.cover" "$out/stories.cover" "$out/flow.cover" "$out/plays.cover" ${lab:+SOURCE=namespaces "$lab"}
}
if [ "$1" = --full ]; then report 1; exit; fi
$AWK -f "$here/contained.awk" "$out/reached" "$out/seeds.cover" "$out/stories.cover" "$out/flow.cover"
[ $? -eq 0 ] && echo "ok 1 - every step that was seen is one that its model reaches" || { failed=1; echo "not ok 1 - every step that was seen is one that its model reaches"; }
report "" >"$out/rows"; rc=$?
sed 's/^/# /' "$out/rows"
[ $rc -eq 0 ] && echo "ok 2 - every row is fired somewhere, no never row is" || { failed=1; echo "not ok 2 - every row is fired somewhere, no never row is"; }
! sed -n '/^Rows that only/,$p' "$out/rows" | grep -q -- '-> '
[ $? -eq 0 ] && echo "ok 3 - every row has run with the actions of its module" || { failed=1; echo "not ok 3 - every row has run with the actions of its module"; }
echo "1..3"
exit ${failed:-0}
