# SPDX-License-Identifier: ISC
# look.sh -- what planted.sh and mutants.sh do with a mutant: seeds with all their
# oracles, days, stories.  Sourced in a build folder; $good is the folder of the good tables.

# The first words that say what was wrong.
complaint() {
	sed -n 's/^not ok [0-9]* - seed [^:]*: \([^(]*\) (.*/\1/p; s/^# at [0-9.]*: [^:]*: //p; s/^[^:]*: \(fatal\|sim\): //p; s/^not ok [0-9]* - \(.*\)/\1/p' look.log |
		grep -v 'seeds failed$' | head -n 1 | cut -c 1-90
}

look() {	# exit status 1: found, and $how says by what
	timeout 300 tests/play/seeds --hosts 5 --from 1 --count "${SEEDS:-48}" --quiet --stop --must "$good/tests/play/rows.must" >look.log 2>&1 || {
		rc=$? how=$(complaint)
		never=$(sed -n 's/^# never played: //p' look.log | tr '\t' ' ' | head -n 1)
		[ -z "$never" ] || how="never played: $never"
		[ $rc -ne 124 ] || how="the seeds do not end"
		how="seeds: ${how:-the process ends, $rc}"; return 1; }
	timeout 240 tests/play/seeds --hosts 3 --from 101 --count 4 --days 6 --quiet --stop >look.log 2>&1 || { how="hours: $(complaint)"; return 1; }
	for story in cut-direct rebind-direct rebind-relayed restart-direct restart-relayed server-restart-relayed same-id \
	    black-hole nap-relayed nap-direct new-address-direct new-address-relayed bad-links roam late-agent idle-direct; do
		timeout 120 tests/play/stories --seed 1 $story >look.log 2>&1 || { how="story $story"; return 1; }
	done
	return 0
}

# What the good tables say of the machines' own tape; counted apart, since any other behaviour of a table is refused.
judged() {	# exit status 1: refused
	tests/play/seeds --hosts 3 --from 1001 --count 3 --faults 2 --quiet --tape look.tape >/dev/null 2>&1
	srcdir=$good sh "$good/tests/conform/judge.sh" "" look.tape >look.log 2>&1
	rc=$?
	rm -f look.tape
	return $rc
}
