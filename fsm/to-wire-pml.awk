# SPDX-License-Identifier: ISC
# to-wire-pml.awk -- the composition: event numbers (one run a machine), one
# inline a send, one dispatcher.  A model has one machine of a kind an agent, so
# one, all and all of NAME are the same here; a send to a machine that is left
# out (-v only=) is dropped, and events from there are the world's to post.
# -v once=1: a world says with RUN(step) how one is run, for example as a d_step.
# Parts are told apart by their first word: #define lines go before the machines.
#
# A world with machines of two processes makes this twice: -v suffix=_server names
# the second one's POST and dispatch, -v first= is where its event numbers go on.
function emit(   i, j, k, m, s, n, lo) {
	print "/* Made from fsm/" base(wirefile) ": edit that, not this file. */"
	n = first + 0
	for (i = 1; i <= nm; i++) for (j = 1; j <= nev[mach[i]]; j++)
		print "#define ev_" cid(mach[i]) "_" cid(ev[mach[i], j]) " " (++n)
	for (i = 1; i <= nm; i++) for (j = 1; j <= nsend[mach[i]]; j++) {
		m = mach[i]; s = snd[m, j]
		printf "inline %s_send_%s(a, arg) {", cid(m), cid(s)
		for (k = 1; k <= ntgt[m, s]; k++)
			printf "%s POST%s(a, ev_%s_%s, arg)", ((k > 1) ? ";" : ""), suffix, cid(tgt_m[m, s, k]), cid(tgt_e[m, s, k])
		print ((ntgt[m, s] == 0) ? " skip }" : " }")
	}
	print "inline dispatch" suffix "(a, ev, arg) {\n\tif"
	n = first + 0
	for (i = 1; i <= nm; i++) {
		lo = n + 1; n += nev[mach[i]]
		print "\t:: ev >= " lo " && ev <= " n " -> " (once ? "RUN(" : "") cid(mach[i]) "_step(a, ev, arg)" (once ? ")" : "")
	}
	print "\tfi\n}"
}
