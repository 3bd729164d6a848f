# SPDX-License-Identifier: ISC
# to-wire-h.awk -- prototypes of the resolvers that a person writes: to whom a
# send goes.  The structs stay opaque.
function emit(   i, j, a, b, h) {
	h = base(wirefile); sub(/\.wire$/, "", h)
	print "/* Made from fsm/" base(wirefile) ": edit that, not this file. */"
	print "#ifndef FSM_" cup(h) "_WIRE_H\n#define FSM_" cup(h) "_WIRE_H\n"
	for (i = 1; i <= nm; i++) print mtype[mach[i]] ";"
	print "\n/* One: NULL drops the send.  All: calls fn for each that is there, in a fixed order. */"
	for (i = 1; i <= nm; i++) for (j = 1; j <= nm; j++) {
		a = mach[i]; b = mach[j]
		if ((a, b) in oneof) print mtype[b] " *wire_" cid(a) "_to_" cid(b) "(" mtype[a] " *);"
		if ((a, b) in allof) print "/* " allof[a, b] " */\nvoid wire_" cid(a) "_to_" cid(b) "_all(" mtype[a] " *, void (*fn)(" mtype[b] " *, void *arg), void *arg);"
	}
	print "#endif"
}
