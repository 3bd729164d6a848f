#!/bin/sh
# SPDX-License-Identifier: ISC
# The same seed gives the same hash: twice, with and without address space
# randomisation, with memory filled with rubbish, in another environment.
n=0 bad=0
check() {	# what, command...
	what=$1; shift
	n=$((n + 1))
	got=$("$@" 2>/dev/null)
	if [ -n "$got" ] && [ "$got" = "$want" ]; then echo "ok $n - $what"
	else echo "not ok $n - $what"; echo "# '$got', not '$want'"; bad=1; fi
}
prog=${builddir:-.}/tests/sim/worlds
for seed in 1 2 3; do
	want=$("$prog" $seed)
	check "seed $seed again" "$prog" $seed
	check "seed $seed with memory perturbed" env MALLOC_PERTURB_=165 "$prog" $seed
	check "seed $seed in a larger environment" env FILL="$(printf '%05000d' 0)" LC_ALL=C "$prog" $seed
	if setarch -R true 2>/dev/null; then
		check "seed $seed at fixed addresses" setarch -R "$prog" $seed
	fi
done
echo "1..$n"
exit $bad
