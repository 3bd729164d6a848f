# SPDX-License-Identifier: ISC
# to-mdoc.awk -- one machine's part of godwit-states(7): its states with their
# meaning, then the rows that change something.
function esc(s,   i, c, t) {
	for (i = 1; i <= length(s); i++) {
		c = substr(s, i, 1)
		if (c == "\\") c = "\\e"
		else if (c == "\"") c = "\\(dq"
		else if (c == "'") c = "\\(aq"
		t = t c
	}
	return t
}
# free text at the start of a line must not be taken for a macro
function line_text(s) { return (s ~ /^[.']/ ? "\\&" : "") esc(s) }
# in a macro's arguments: each list of words as one quoted argument
function arg(s) { return "\"" esc(s) "\"" }
function has(s,   i, t) {
	for (i = 1; i <= nres; i++) if ((s, res[i]) in holds) t = t ((t == "") ? "" : ", ") res[i]
	for (i = 1; i <= ntm; i++) if ((s, i) in runs) t = t ((t == "") ? "" : ", ") (tm_every[i] ? "every " : "") tm_ev[i] " " tm_text[i]
	return t
}
function emit(   i, t) {
	print ".\\\" Made from fsm/" base(FILENAME) ": edit the table, not this file."
	print ".Ss " name
	print ".Bl -tag -width Ds -compact"
	for (i = 1; i <= nst; i++) {
		print ".It Sy " st[i]
		print line_text(toupper(substr(st_why[st[i]], 1, 1)) substr(st_why[st[i]], 2)) ((st_why[st[i]] ~ /[.?!]$/) ? "" : ".")
		t = has(st[i])
		if (t != "") print "Has: " esc(t) "."
	}
	print ".El\n.Pp"
	print ".Bl -column \"handshaking, backoff\" \"connected, refused\" \"handshaking\" -compact"
	print ".It Em State Ta Em Event Ta Em Next"
	for (i = 1; i <= nrow; i++) if (row_to[i] != "stay" && row_to[i] != "never")
		print ".It " cells(row_from[i]) " Ta " cells(row_ev[i] ((row_if[i] == "") ? "" : (",[" row_if[i] "]"))) " Ta " cells(row_to[i])
	print ".El"
}
function cells(list) { gsub(/,/, ", ", list); return arg(list) }
