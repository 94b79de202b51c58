#!/bin/sh
# A node without containers: the engine in a virtual environment under systemd, beside a FreeSWITCH that is there.
#   deploy-production.sh setup    packages, user, virtual environment, models, units; can be run again, for an update too
#   deploy-production.sh start    starts the engine and waits until it takes calls
#   deploy-production.sh status   units, health, doctor, trunks; exit code 0 when calls can come
# Everything it does is written out in docs/operator/deployment.md.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
etc=/etc/trunkline
bin=$here/.venv/bin
url=${TRUNKLINE_URL:-http://127.0.0.1:8080}

need_root() {
    [ "$(id -u)" = 0 ] || { echo "$1 must be run as root" >&2; exit 2; }
}

engine() {
    # trunkline with the environment and the user of the service
    systemd-run --quiet --wait --pipe --collect --uid=trunkline --property=EnvironmentFile=-$etc/trunkline.env \
        --setenv=TRUNKLINE_HOME=/var/lib/trunkline "$bin/trunkline" "$@"
}

ready() {
    "$bin/python" -c 'import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=2)' "$url/health/ready" 2>/dev/null
}

setup() {
    need_root setup
    [ "$here" = /opt/trunkline ] || { echo "the units expect this folder at /opt/trunkline, it is $here" >&2; exit 2; }
    sh "$here/docker/system-packages.sh"
    id trunkline >/dev/null 2>&1 || useradd --system --user-group --home-dir /var/lib/trunkline trunkline
    install -d -o root -g trunkline -m 0750 "$etc"
    [ -f "$etc/trunkline.env" ] || install -m 0600 "$here/docker/trunkline.env.example" "$etc/trunkline.env"
    [ -f "$etc/trunkline.yaml" ] || printf 'drain_s: 600\n' > "$etc/trunkline.yaml"
    [ -x "$bin/python" ] || python3 -m venv "$here/.venv"
    (cd "$here" && "$bin/pip" install -q -c constraints.txt ".[postgres]")
    install -d -o trunkline -g trunkline -m 0750 /var/lib/trunkline
    install -m 0644 "$here/docker/systemd/trunkline.service" /etc/systemd/system/
    install -D -m 0644 "$here/docker/systemd/freeswitch.service.d/trunkline.conf" \
        /etc/systemd/system/freeswitch.service.d/trunkline.conf
    systemctl daemon-reload
    engine models install
    echo "now: fill in $etc/trunkline.env and $etc/trunkline.yaml, then: $0 start"
}

start() {
    need_root start
    engine doctor --config "$etc/trunkline.yaml"
    systemctl enable --now trunkline
    waited=0
    until ready; do
        [ "$waited" -lt 120 ] || { echo "not ready after 120 s: journalctl -u trunkline" >&2; exit 1; }
        sleep 1
        waited=$((waited + 1))
    done
    echo "ready: $url/health"
}

status() {
    need_root status
    systemctl --no-pager --lines=0 status trunkline freeswitch || true
    engine doctor --config "$etc/trunkline.yaml" || true
    engine trunk list --config "$etc/trunkline.yaml" || true
    if ready; then echo "takes calls"; else echo "takes no calls" >&2; exit 1; fi
}

case "${1:-}" in
    setup) setup ;;
    start) start ;;
    status) status ;;
    *) echo "deploy-production.sh setup|start|status" >&2; exit 2 ;;
esac
