#!/bin/sh
# SPDX-License-Identifier: ISC
# The same seed gives the same hash: twice, with and without address space
# randomisation, with memory filled with rubbish, in another environment.
n=0 bad=0
check() {	# what, command...
	what=$1; shift
	n=$((n + 1))
	got=$("$@" 2>/dev/null | grep -v core-hour)
	if [ -n "$got" ] && [ "$got" = "$want" ]; then echo "ok $n - $what"
	else echo "not ok $n - $what"; echo "# '$got', not '$want'"; bad=1; fi
}
dir=${builddir:-.}
several() {	# name, command...
	name=$1; shift
	want=$("$@" | grep -v core-hour)
	check "$name again" "$@"
	check "$name with memory perturbed" env MALLOC_PERTURB_=165 "$@"
	check "$name in a larger environment" env FILL="$(printf '%05000d' 0)" LC_ALL=C "$@"
	if setarch -R true 2>/dev/null; then
		check "$name at fixed addresses" setarch -R "$@"
	fi
}
for seed in 1 2 3; do
	several "world $seed" "$dir/tests/sim/worlds" $seed
done
several "a mesh of two" "$dir/godwit-sim" --seed 11 --hosts 2 --nat sym --run 60
several "a mesh of five" "$dir/godwit-sim" --seed 12 --hosts 5 --nat mixed --run 20
want=$("$dir/tests/play/seeds" --hosts 0 --from 21 --count 4 | sed -n 's/.*seed 24,/seed 24,/p')
alone() {
	"$dir/tests/play/seeds" --hosts 0 --from 24 --count 1 | sed -n 's/.*seed 24,/seed 24,/p'
}
check "a seed alone as behind others" alone
several "faults" "$dir/tests/play/seeds" --from 13 --count 3
echo "1..$n"
exit $bad
