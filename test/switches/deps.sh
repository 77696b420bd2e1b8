#!/bin/sh
# Gets the real phone systems that tests talk to (make test-switches): SIPp, which
# plays the phones, the Kamailio of Debian bookworm, whose service is not started, and
# two Asterisks, each in a folder of its own:
#
#   asterisk-16  of Debian bullseye: what many installations still are
#   asterisk-22  of Debian sid: the newest, with ARI that connects to us
#
# The packages of the latter are only unpacked: none of their scripts runs, no service
# starts, nothing of them gets into the machine's PATH or its list of packages. The
# tests start the program with its own loader and libraries.
#
# On Debian as root it gets all of it, from the mirror that the machine uses;
# elsewhere it names what the tests will leave out and how to get it. Under CI=true
# leaving something out is a failure.
set -u

# asterisktest looks in the same places.
common=/var/cache/switchhook-switches
if [ "${XDG_CACHE_HOME:-}" ]; then cache=$XDG_CACHE_HOME/switchhook-switches
elif [ "$(id -u)" = 0 ]; then cache=$common
else cache=$HOME/.cache/switchhook-switches; fi

there() { # version
	[ -x "$cache/asterisk-$1/usr/sbin/asterisk" ] || [ -x "$common/asterisk-$1/usr/sbin/asterisk" ]
}

missing=""
packages=""
check() {
	missing=""
	packages=""
	for need in "sipp sip-tester" "mmdebstrap mmdebstrap"; do
		command -v "${need% *}" >/dev/null 2>&1 || packages="$packages ${need#* }"
	done
	command -v sipp >/dev/null 2>&1 || missing="$missing
  sipp: the phones"
	if ! command -v kamailio >/dev/null 2>&1 || ! ls /usr/lib/*/kamailio/modules/http_client.so >/dev/null 2>&1; then
		packages="$packages kamailio kamailio-utils-modules"
		missing="$missing
  kamailio and its module http_client"
	fi
	for version in 16 22; do
		there $version || missing="$missing
  Asterisk $version (in $cache/asterisk-$version or $common/asterisk-$version)"
	done
}

debian() { [ -e /etc/debian_version ] && command -v apt-get >/dev/null 2>&1; }

# get installs packages by apt, without starting what they would start.
get() (
	policy=/usr/sbin/policy-rc.d
	[ ! -e $policy ] || policy=""
	trap 'rm -f $policy' EXIT
	trap 'exit 1' HUP INT TERM
	if [ "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' >$policy && chmod +x $policy || exit
	fi
	apt-get update -qq &&
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
)

# mirror is where the machine has Debian from, whichever way its sources are written.
mirror() {
	apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' 'Component: main' 'Created-By: Packages' | head -n 1
}

# unpack makes the folder of one version: all of it or none.
unpack() { # version, suite, packages
	to=$cache/asterisk-$1
	there "$1" && return
	from=$(mirror)
	[ "$from" ] || { apt-get update -qq && from=$(mirror); }
	[ "$from" ] || { echo "apt knows no mirror of Debian" >&2; return 1; }
	echo "unpacking Asterisk $1 of $2 into $to"
	mkdir -p "$cache" && rm -rf "$to" "$to.part" || return
	mmdebstrap --quiet --variant=extract --include="$3" --aptopt='APT::Install-Recommends "false"' \
		--aptopt='Acquire::Check-Valid-Until "false"' "$2" "$to.part" "$from" && mv "$to.part" "$to"
	made=$?
	rm -rf "$to.part"
	return $made
}

check
[ -z "$missing" ] && exit 0

if debian; then
	if [ "$packages" ] && [ "$(id -u)" = 0 ]; then
		echo "installing:$packages"
		# shellcheck disable=SC2086 # a list of packages
		get $packages >/dev/null || echo "apt-get failed" >&2
	fi
	if command -v mmdebstrap >/dev/null 2>&1; then
		unpack 16 bullseye 'asterisk=1:16*,asterisk-modules,asterisk-voicemail' || echo "no Asterisk 16" >&2
		unpack 22 sid 'asterisk=1:22*,asterisk-modules' || echo "no Asterisk 22" >&2
	fi
	check
	[ -z "$missing" ] && exit 0
fi

echo "LEFT OUT of the tests with real phone systems, because these are not there:$missing"
echo "On Debian:  sudo make deps-switches"
[ "${CI:-}" = true ] && exit 1
exit 0
