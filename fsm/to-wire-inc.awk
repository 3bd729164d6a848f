# SPDX-License-Identifier: ISC
# to-wire-inc.awk -- the router given to fsm_loop_new: one post per connection.
function deliver(a, s,   k, b, e) {
	for (k = 1; k <= ntgt[a, s]; k++) {
		b = tgt_m[a, s, k]; e = cup(b) "_EV_" cup(tgt_e[a, s, k])
		if (tgt_how[a, s, k] == "self")
			print "\t\t" cid(b) "_post(from, " e ", fsm_data_ref(data));"
		else if (tgt_how[a, s, k] == "one") {
			print "\t\tif ((" cid(b) " = wire_" cid(a) "_to_" cid(b) "(from)) != NULL)"
			print "\t\t\t" cid(b) "_post(" cid(b) ", " e ", fsm_data_ref(data));"
		} else {
			print "\t\tdelivery.event = " e ";"
			print "\t\twire_" cid(a) "_to_" cid(b) "_all(from, wire_deliver_" cid(b) ", &delivery);"
		}
	}
}
# any send of machine a, delivered as `how` (to b, or "" for any)
function some(a, how, b,   j, k) {
	for (j = 1; j <= nsend[a]; j++) for (k = 1; k <= ntgt[a, snd[a, j]]; k++)
		if (tgt_how[a, snd[a, j], k] ~ how && (b == "" || tgt_m[a, snd[a, j], k] == b)) return 1
	return 0
}
function machine(a,   j, k, b) {
	print "static void\nwire_from_" cid(a) "(" mtype[a] " *from, int send, struct fsm_data *data)\n{"
	for (j = 1; j <= nm; j++) if (some(a, "^one", mach[j])) print "\t" mtype[mach[j]] " *" cid(mach[j]) ";"
	if (some(a, "^all", "")) print "\tstruct wire_delivery delivery = { 0, data };"
	print "\n\tswitch ((enum " cid(a) "_send)send) {"
	for (j = 1; j <= nsend[a]; j++) {
		print "\tcase " cup(a) "_SEND_" cup(snd[a, j]) ":"
		deliver(a, snd[a, j])
		print "\t\tbreak;"
	}
	print "\t}\n}\n"
}
function emit(   i, j, h, any, word) {
	h = base(wirefile); sub(/\.wire$/, "", h)
	print "/* Made from fsm/" base(wirefile) ": edit that, not this file. */"
	print "#include \"fsm/fsm.h\"\n#include \"" h "-wire.h\""
	for (i = 1; i <= nm; i++) print "#include \"" mach[i] ".h\""
	for (i = 1; i <= nm && !any; i++) any = some(mach[i], "^all", "")
	if (any) print "\nstruct wire_delivery {\n\tint event;\n\tstruct fsm_data *data;\n};\n"
	for (j = 1; j <= nm; j++) {
		any = 0
		for (i = 1; i <= nm && !any; i++) any = some(mach[i], "^all", mach[j])
		if (!any) continue
		print "static void\nwire_deliver_" cid(mach[j]) "(" mtype[mach[j]] " *m, void *arg)\n{"
		print "\tstruct wire_delivery *d = arg;\n"
		print "\t" cid(mach[j]) "_post(m, (enum " cid(mach[j]) "_event)d->event, fsm_data_ref(d->data));\n}\n"
	}
	for (i = 1; i <= nm; i++) if (nsend[mach[i]]) machine(mach[i])
	print "static void\n" h "_route(void *arg, struct fsm *from, int send, struct fsm_data *data)\n{"
	word = "if"
	for (i = 1; i <= nm; i++) if (nsend[mach[i]]) {
		print "\t" word " (from->def == &" cid(mach[i]) "_fsm)\n\t\twire_from_" cid(mach[i]) "((" mtype[mach[i]] " *)(void *)from, send, data);"
		word = "else if"
	}
	print "}"
}
