#!/bin/sh
# SPDX-License-Identifier: ISC
# layers.sh -- the build's own rules about who may include whom.
#
# Each folder of src has a .may-include: the folders whose headers it may
# include, one a line.  Beside that: libevent and OpenSSL's SSL only in src/env,
# system names only in src/sys (checked there by the portability build), and no
# hand-written line writes a machine's state.
srcdir=${srcdir:-.}
LC_ALL=C; export LC_ALL
count=0 failed=0
tmp=$(mktemp) || exit 1
trap 'rm -f "$tmp"' EXIT
verdict() {	# verdict WHAT: fails when there is something in $tmp
	out=$(cat "$tmp")
	count=$((count + 1))
	if [ -z "$out" ]; then echo "ok $count - $1"; return; fi
	failed=1
	echo "not ok $count - $1"
	printf '%s\n' "$out" | head -40 | sed 's/^/# /'
}
cd "$srcdir" || exit 1
for dir in src/*/; do
	dir=${dir%/}; own=${dir#src/}
	set -- "$dir"/*.[ch]
	[ -e "$1" ] || continue
	may=
	[ ! -f "$dir/.may-include" ] || may=$(sed 's/#.*//' "$dir/.may-include" | tr '\n' ' ')
	{
		[ -f "$dir/.may-include" ] || echo "$dir has no .may-include"
		grep -n '^[ 	]*#[ 	]*include[ 	]*"' "$@" /dev/null | awk -v own="$own" -v may=" $may " '{
			place = $0; sub(/:[ \t]*#.*/, "", place)
			file = $0; sub(/^[^"]*"/, "", file); sub(/".*/, "", file)
			folder = file
			if (!sub(/\/.*/, "", folder)) next	# beside it, or config.h
			if (folder == own || index(may, " " folder " ")) next
			if (folder == "proto" && index(may, " wire ")) next
			print place ": " own " may not include " file
		}'
	} >"$tmp"
	verdict "src/$own includes what it may"
	for m in $may; do
		case $m in proto) ;; *) [ -d "src/$m" ] || echo "$dir/.may-include names $m, which is no folder of src" ;; esac
	done >"$tmp"
	verdict "src/$own/.may-include names folders"
done

# the order is one: no two folders include each other, at whatever distance
for dir in src/*/; do
	own=${dir#src/}; own=${own%/}
	[ -f "$dir/.may-include" ] && sed 's/#.*//' "$dir/.may-include" | while read -r m; do
		[ -z "$m" ] || [ "$m" = "$own" ] || [ "$m" = proto ] || echo "$m $own"; done
done | tsort 2>"$tmp" >/dev/null
verdict "the folders of src have an order"

grep -nE '^[ 	]*#[ 	]*include[ 	]*<(event2?/|event\.h|openssl/ssl\.h|openssl/bio\.h)' src/*/*.[ch] |
	grep -v '^src/env/' >"$tmp"
verdict "only src/env knows libevent and TLS"
grep -nE '(->|\.)fsm\.state[ 	]*=[^=]|fsm->state[ 	]*=[^=]' src/*/*.[ch] >"$tmp"
verdict "only generated code writes a state"
grep -nE '\b(socket|gettimeofday|clock_gettime|getaddrinfo|gethostbyname|random|arc4random|rand|getrandom|event_new|evtimer_new) ?\(' src/*/*.[ch] |
	grep -vE '^src/(env|sys|compat)/|^[^:]*:[0-9]*:[ 	]*(\*|/\*|//)' |
	grep -v '^src/base/log.c:.*CLOCK_REALTIME' >"$tmp"	# the stamp on a line for people
verdict "only src/env and src/sys ask the system for sockets, time and chance"
# One thread, one loop: what cannot wait for a lock cannot hold one too long.
not_comment=':[0-9]*:[ 	]*(\*|/\*|//)'
grep -nE '\b(pthread|thrd|mtx|sem)_[a-z]+ ?\(|<(pthread|threads|stdatomic|semaphore)\.h>|\b(_Atomic|_Thread_local|__thread)\b' src/*.c src/*/*.[ch] |
	grep -vE "$not_comment" >"$tmp"
verdict "no threads and no locks"
grep -nE '\b(fork|vfork|wait|waitpid|sleep|usleep|nanosleep|clock_nanosleep|poll|ppoll|select|pause|popen|system|fsync|fdatasync) ?\(' src/*/*.[ch] |
	grep -vE "^src/(env|sys|compat)/|$not_comment" >"$tmp"
verdict "nothing outside src/env and src/sys waits"
grep -nE '\benv_wall ?\(' src/*/*.[ch] |
	grep -vE "^src/(env|server|flow)/|^src/wg/handshake\.c|^src/agent/remote\.c|$not_comment" >"$tmp"
verdict "intervals are of the clock since boot: the wall clock is for stamps"
{
	grep -nE '\bwg_peer_set_endpoint ?\(' src/*/*.c | grep -vE '^src/wg/|^src/agent/remote\.c'
	grep -nE -- '->endpoint ?\(' src/*/*.c | grep -v '^src/peer/path\.c'
} >"$tmp"
verdict "only the path machine points WireGuard at anything"
echo "1..$count"
exit $failed
