# SPDX-License-Identifier: ISC
# programs.sh -- our programs in the topology: start, join, look, measure.  With
# MESH_TAPE=FOLDER they tell there what their machines do (tests/conform).  Sourced
# after topology.sh; $build is the folder with the programs.

# mesh_up WORK cone|symmetric: the namespaces and a server in them.
mesh_up() {
	MESH=$1
	lab_up "$2" || return 1
	mesh_server || return 1
}
mesh_server() {
	lab_run srv "$MESH/server.log" ${MESH_TAPE:+env "GODWIT_TAPE=$MESH_TAPE/server"} "$build/godwit-server" run --listen 192.0.2.100:80 \
		--url http://192.0.2.100 --data "$MESH/data" ${SERVER_FLAGS-} >/dev/null
	echo "$LAB_PID" > "$MESH/server.pid"
	[ -f "$MESH/join" ] && { lab_until 5 mesh_listens >/dev/null; return; }
	lab_until 5 grep -q 'godwit up' "$MESH/server.log" >/dev/null || return 1
	grep -o 'godwit up .*' "$MESH/server.log" | head -n 1 > "$MESH/join"
}
mesh_listens() { ns srv ss -Hltn 'sport = :80' | grep -q .; }
mesh_join_line() { cat "$MESH/join"; }

# mesh_agent NAME NAMESPACE: the daemon, without joining.
mesh_agent() {
	lab_run "$2" "$MESH/$1.log" ${MESH_TAPE:+env "GODWIT_TAPE=$MESH_TAPE/$1"} "$build/godwitd" --foreground --state-dir "$MESH/$1.state" \
		--daemon-addr "unix://$MESH/$1.sock" --log-level "${MESH_LOG:-info}" >/dev/null
	echo "$LAB_PID" > "$MESH/$1.pid"
	echo "$2" > "$MESH/$1.ns"
	lab_until 5 test -S "$MESH/$1.sock" >/dev/null
}
mesh_cli() {
	who=$1; shift
	ns "$(cat "$MESH/$who.ns")" "$build/godwit" --daemon-addr "unix://$MESH/$who.sock" "$@"
}
# mesh_join NAME NAMESPACE: daemon, then the join line as printed; seconds in JOIN_S.
mesh_join() {
	mesh_agent "$1" "$2" || return 1
	set -- "$1" "$2" $(sed 's/^godwit up//' "$MESH/join")
	who=$1; shift 2
	t0=$(date +%s%N)
	mesh_cli "$who" up --hostname "$who" "$@" >"$MESH/$who.up" 2>&1 || { cat "$MESH/$who.up"; return 1; }
	JOIN_S=$(echo "$(date +%s%N) $t0" | awk '{ printf "%.2f", ($1 - $2) / 1e9 }')
}
mesh_ip() { mesh_cli "$1" status --json | sed -n 's/.*"netbirdIp": *"\([0-9.]*\).*/\1/p' | tail -n 1; }
# mesh_path_is NAME P2P|Relayed: the connection type of the first peer.
mesh_path_is() { mesh_cli "$1" status --json | grep -q "\"connectionType\": *\"$2\""; }

# mesh_outage NAME NAMESPACE ADDRESS SECONDS COMMAND: longest silence of a ping every
# 50 ms around the command, in OUTAGE; fails when nothing came at the end.
mesh_outage() {
	out="$MESH/ping.$$" watch=$4 target=$3 where=$2
	shift 4
	ns "$where" ping -D -O -n -i 0.05 -w "$watch" "$target" >"$out" 2>&1 &
	pinger=$!
	sleep 1.5
	"$@"
	wait $pinger
	OUTAGE=$(awk '/bytes from/ { t = substr($1, 2) + 0; if (last && t - last > gap) gap = t - last; last = t }
		/^\[/ { end = substr($1, 2) + 0 } END { if (end - last > gap) gap = end - last; printf "%.2f", gap; exit !last || end - last > 2 }' "$out")
}

# mesh_throughput FROM-NS TO-NS ADDRESS SECONDS: TCP, in GBIT.
mesh_throughput() {
	ns "$2" iperf3 -s -1 -B "$3" >/dev/null 2>&1 &
	lab_until 3 ns "$2" sh -c "ss -Hltn 'sport = :5201' | grep -q ." >/dev/null || return 1
	GBIT=$(ns "$1" iperf3 -c "$3" -t "$4" -J | awk '/"sum_received"/ { on = 1 }
		on && /"bits_per_second"/ { gsub(/[^0-9.e+]/, "", $2); printf "%.2f", $2 / 1e9; exit }')
	wait $! 2>/dev/null
	[ -n "$GBIT" ]
}

# memory and CPU of each process, children included
mesh_processes() {
	echo "process            resident kB  anonymous kB  CPU s"
	for where in srv hosta hostb; do
		for p in $(ip netns pids "$LAB-$where"); do
			name=$(cat "/proc/$p/comm" 2>/dev/null)
			case $name in godwit*) ;; *) continue ;; esac
			awk -v name="$where/$name" -v tick="$(getconf CLK_TCK)" -v stat="$(sed 's/.*) //' "/proc/$p/stat")" '
				/^VmRSS/ { rss = $2 } /^RssAnon/ { anon = $2 }
				END { split(stat, s, " "); printf "%-18s %11d %13d %6.2f\n", name, rss, anon, (s[12] + s[13]) / tick }' "/proc/$p/status"
		done
	done
}

mesh_down() { lab_down; }

# mesh_pids NAMESPACE PROGRAM: never by name alone, other labs may run beside us.
mesh_pids() {
	for p in $(ip netns pids "$LAB-$1"); do
		[ "$(cat "/proc/$p/comm" 2>/dev/null)" = "$2" ] && echo "$p"
	done
}
