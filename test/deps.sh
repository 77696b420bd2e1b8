#!/bin/sh
# Gets what the tests use beside Go. As root on Debian or Ubuntu it installs it;
# elsewhere it names what the tests will leave out and how to get it. Under
# CI=true leaving something out is a failure.
set -u

missing=""
packages=""
need() { # command, Debian package, what it is for
	command -v "$1" >/dev/null 2>&1 && return
	missing="$missing
  $1: $3"
	packages="$packages $2"
}

check() {
	missing=""
	packages=""
	need "${CC:-gcc}" "gcc libc6-dev" "the race detector (without it the tests run without -race)"
	need node nodejs "checking our signatures with clients that others wrote"
	need npm npm "the same"
	if [ "$(uname)" = Linux ]; then
		need strace strace "fsyncs of the real server that fail or are slow"
	fi
}

check
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && command -v apt-get >/dev/null 2>&1; then
	echo "installing:$packages"
	# shellcheck disable=SC2086 # a list of packages
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages; } >/dev/null || echo "apt-get failed" >&2
	check
	[ -z "$missing" ] && exit 0
fi

echo "LEFT OUT of the tests, because these are not installed:$missing"
echo "On Debian or Ubuntu:  sudo apt-get install$packages"
[ "${CI:-}" = true ] && exit 1
exit 0
