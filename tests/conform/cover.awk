# SPDX-License-Identifier: ISC
# cover.awk -- the rows on tapes that nobody judges, in the form of the judge's covers.
#
#	awk -f cover.awk FACTS... TAPES...
$1 == "%row" { guard[$2, $5] = $6; next }
$1 ~ /^%/ { next }
{
	for (i = 2; i <= NF; i++) {
		split($i, w, ",")
		if (w[1] == "N") machine[$1, w[2]] = w[3]
		else if (w[1] == "B") was = machine[$1, w[3]] "\t" w[4] "\t" w[5]
		else if (w[1] == "R") hits[was "\t" w[2]]++
	}
}
END { for (k in hits) { split(k, w, "\t"); print k "\t" hits[k] "\t" (((w[1], w[4]) in guard) ? guard[w[1], w[4]] : "-") } }
