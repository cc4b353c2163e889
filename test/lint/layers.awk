# Usage: awk -f layers.awk layers.txt sources...   Prints file:line of what no rule allows.
FNR == NR && /^(# .*)?$/ { next }
FNR == NR { split($0, part, / +only in */); pattern[++rules] = part[1]; places[rules] = part[2]; next }
FNR == 1 { comment = 0 }
{ line = $0; gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, "", line) }
comment { if (!sub(/^.*\*\//, "", line)) next; comment = 0 }
{ comment = sub(/\/\*.*$/, "", line); gsub(/^[ \t]*#[ \t]*/, "#", line); sub(/[ \t]+$/, "", line) }
{
	for (r = 1; r <= rules && line !~ pattern[r]; r++);
	ok = r > rules; n = split(places[r], place, " ")
	for (i = 1; i <= n; i++) ok = ok || index(FILENAME, place[i]) == 1
	if (!ok) { print FILENAME ":" FNR ": " line "  (only in: " places[r] ")"; bad = 1 }
}
END { exit bad }
