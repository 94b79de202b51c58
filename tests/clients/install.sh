#!/bin/sh
# Installs the Realtime clients of package-lock.json into build/clients, for the tests in this folder. Where there is no
# Node or no registry it says so and is content: those tests are skipped then.
set -u
here=$(cd "$(dirname "$0")" && pwd)
into=$here/../../build/clients
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo "tests/clients: node and npm are not installed: the clients from npm are not tested" >&2
    exit 0
fi
if cmp -s "$here/package-lock.json" "$into/ready"; then
    exit 0
fi
mkdir -p "$into"
rm -f "$into/ready"
cp "$here/package.json" "$here/package-lock.json" "$into/"
if (cd "$into" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --fetch-retries=1 --fetch-timeout=60000 >&2); then
    cp "$here/package-lock.json" "$into/ready"
else
    echo "tests/clients: npm could not install the clients: they are not tested" >&2
fi
