#!/bin/sh
# Tests the dashboard: its types and style, its parts, that what is committed in internal/web/dist is what its source
# builds to, and, in a real Chromium, all of it, and the mails. Needs Node (20.19 at least), npm and Chromium; without them it says so,
# and under CI=true it fails. CHROMIUM names the browser's program.
set -eu
cd "$(dirname "$0")/../ui"

leave() {
	echo "LEFT OUT: the tests of the dashboard need $1"
	[ "${CI:-}" = true ] && exit 1
	exit 0
}
command -v npm >/dev/null || leave "Node and npm"
node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' || leave "Node 20.19 or later; this is $(node --version)"
CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$CHROMIUM" ] || leave "Chromium"
export CHROMIUM

built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
trap 'exit 1' HUP INT TERM

npm ci --silent --no-audit --no-fund
npm run --silent check
npx oxfmt --check
npm test --silent
npx openapi-typescript ../internal/api/testdata/openapi.json -o "$built/schema.ts" >/dev/null
cmp "$built/schema.ts" src/api/schema.ts || { echo "ui/src/api/schema.ts is older than the API's document: make ui" >&2; exit 1; }
npx vite build --logLevel warn --outDir "$built/dist" --emptyOutDir
diff -r "$built/dist" ../internal/web/dist >/dev/null || { echo "internal/web/dist is not what ui/ builds to: make ui" >&2; exit 1; }
# All that a browser may ever load of scripts and styles, packed; a quarter of it is the editor, which comes when one is needed.
size=$(for f in "$built"/dist/assets/*.js "$built"/dist/assets/*.css; do gzip -9 -c "$f"; done | wc -c)
echo "scripts and styles: $((size / 1000)) kB packed, of 410 at most"
[ "$size" -le 410000 ] || exit 1
# Mails, as phones and desktops show them.
(cd .. && SWITCHHOOK_TEST_LETTERS=1 go test -count=1 -run '^TestLettersInABrowser$' ./internal/mail)
npx playwright test
