# SPDX-License-Identifier: ISC
# look.sh -- what planted.sh and mutants.sh do with a mutant: seeds, then stories.  Sourced in a build folder.

look() {	# exit status 1: found
	from=1
	while [ $from -lt 33 ]; do
		timeout 120 tests/play/seeds --hosts 0 --from $from --count 8 --quiet >look.log 2>&1 ||
		    { how="seeds: $(sed -n 's/^not ok.*hosts: \([^(]*\)(.*/\1/p; s/^# at.*agent[^:]*: //p' look.log | head -n 1)"; return 1; }
		from=$((from + 8))
	done
	timeout 120 tests/play/seeds --hosts 3 --from 101 --count 4 --days 3 --quiet >look.log 2>&1 || { how="hours: $(sed -n 's/^not ok.*hosts: \([^(]*\)(.*/\1/p' look.log | head -n 1)"; return 1; }
	for story in cut-direct rebind-direct rebind-relayed restart-direct restart-relayed server-restart-relayed same-id \
	    black-hole nap-relayed nap-direct new-address-direct new-address-relayed bad-links roam late-agent idle-direct same-id-races; do
		timeout 120 tests/play/stories --seed 1 $story >look.log 2>&1 || { how="story $story"; return 1; }
	done
	return 0
}
