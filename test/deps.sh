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
	# Not in everybody's PATH; the tests look there too.
	for dir in /usr/lib/postgresql/*/bin /usr/sbin /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin /usr/pgsql-*/bin; do
		PATH=$PATH:$dir
	done
	need "${CC:-gcc}" "gcc libc6-dev" "the race detector (without it the tests run without -race)"
	need node nodejs "checking our signatures with clients that others wrote, and signing in at an OpenID provider"
	need npm npm "the same, and the dashboard's tests"
	if ! command -v chromium-browser >/dev/null 2>&1 && ! command -v google-chrome >/dev/null 2>&1 && [ -z "${CHROMIUM:-}" ]; then
		need chromium chromium "the dashboard in a real browser, and in a frame"
	fi
	need python3 python3 "the code that verifies signatures, in the languages that the dashboard shows"
	need php php-cli "the same"
	need javac default-jdk-headless "the same"
	need mcs "mono-mcs mono-runtime" "the same"
	if [ "$(uname)" = Linux ]; then
		need ip iproute2 "a DNS server that lies, in a network of its own"
		need strace strace "fsyncs of the real server that fail or are slow"
	fi
	need postgres postgresql "the PostgreSQL store"
	need pgbouncer pgbouncer "the PostgreSQL store behind PgBouncer"
	need rabbitmqctl rabbitmq-server "a real RabbitMQ, which is Kazoo's bus"
}

# get installs packages by apt. Neither is a first PostgreSQL cluster made nor any
# service started, as the packages would: the tests start servers of their own.
get() (
	cluster=/etc/postgresql-common/createcluster.d/switchhook-tests.conf
	policy=/usr/sbin/policy-rc.d
	[ ! -e $policy ] || policy=""
	trap 'rm -f $cluster $policy' EXIT
	trap 'exit 1' HUP INT TERM
	mkdir -p "${cluster%/*}" && echo "create_main_cluster = false" >$cluster || exit
	if [ "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' >$policy && chmod +x $policy || exit
	fi
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
)

check
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && command -v apt-get >/dev/null 2>&1; then
	echo "installing:$packages"
	# shellcheck disable=SC2086 # a list of packages
	get $packages >/dev/null || echo "apt-get failed" >&2
	check
	[ -z "$missing" ] && exit 0
fi

echo "LEFT OUT of the tests, because these are not installed:$missing"
echo "On Debian or Ubuntu:  sudo apt-get install$packages"
[ "${CI:-}" = true ] && exit 1
exit 0
