#!/bin/sh
# Accounts of protobalance over its XML interface; a POSIX shell, sed and curl.
set -u

usage() {
	cat >&2 <<-'END'
	usage: account.sh add ADDRESS BOX       the password is read from standard input
	       account.sh password ADDRESS      likewise
	       account.sh show ADDRESS
	       account.sh delete ADDRESS

	BALANCE_URL is the interface (default http://127.0.0.1:8080/xml), BALANCE_KEYFILE a file that
	holds nothing but the access key. Exit status: 0 done, 1 refused, 2 could not ask.
	END
	exit 2
}

cannot_ask() {
	echo "account.sh: cannot ask: $1" >&2
	exit 2
}

escape() {
	sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' -e 's/>/\&gt;/g'
}

unescape() {
	sed -e 's/&lt;/</g' -e 's/&gt;/>/g' -e 's/&#13;//g' -e 's/&amp;/\&/g'
}

# tag NAME < VALUE: one parameter, without the newline at the end of a value.
tag() {
	printf '<%s>%s</%s>' "$1" "$(escape)" "$1"
}

# value NAME: of the answer, where it stands on a line of its own.
value() {
	printf '%s\n' "$answer" | sed -n "s|^ *<$1>\(.*\)</$1>\$|\1|p" | unescape
}

# call COMMAND < PARAMETERS: sets answer. Key and passwords go through pipes: the arguments of a
# program are for everybody to see.
call() {
	answer=$({
		printf '<?xml version="1.0" encoding="UTF-8"?><%s>' "$1"
		tag accesskey <"$BALANCE_KEYFILE"
		cat
		printf '</%s>' "$1"
	} | curl -sS --noproxy '*' -m 60 -H 'Content-Type: text/xml' --data-binary @- \
		"${BALANCE_URL:-http://127.0.0.1:8080/xml}") || cannot_ask "curl ended with $?"
	case $(value status) in
	ok) ;;
	error)
		echo "account.sh: $(value error) ($(value code))" >&2
		exit 1
		;;
	*)
		cannot_ask "the answer is not protobalance's"
		;;
	esac
}

[ -n "${BALANCE_KEYFILE:-}" ] || usage
[ -r "$BALANCE_KEYFILE" ] || cannot_ask "cannot read $BALANCE_KEYFILE"
case ${1:-}:$# in
add:3)
	{
		printf %s "$2" | tag email_address
		printf %s "$3" | tag boxid
		tag user_password
	} | call addnewemail
	;;
password:2)
	{
		printf %s "$2" | tag email_address
		tag user_password
	} | call commitmodifyemail
	;;
show:2)
	printf %s "$2" | tag email_address | {
		call getemail
		printf '%s\n' "$answer" | sed -e '/^<?xml/d' -e '/^<\/*response>$/d' \
			-e '/^  <command>/d' -e '/^  <status>/d' \
			-e 's|^  <\([a-z_]*\)>|\1: |' -e 's|</[a-z_]*>$||' | unescape
	}
	;;
delete:2)
	printf %s "$2" | tag email_address | call deleteemail
	;;
*)
	usage
	;;
esac
