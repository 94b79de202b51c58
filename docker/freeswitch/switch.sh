#!/bin/sh
# FreeSWITCH with Trunkline's configuration: what its container and its systemd unit run.
#   switch.sh start     in the foreground; SIGTERM drains and then ends it
#   switch.sh drain     no new calls; returns when no call is left, or after FREESWITCH_DRAIN_S seconds
#   switch.sh undrain   takes calls again
#   switch.sh health    0 while it answers; for health checks
#   switch.sh api ...   one command of FreeSWITCH's API: switch.sh api sofia status
# It reads, besides what freeswitch-conf/vars.xml reads:
#   FREESWITCH_ESL_PASSWORD   also for this script; without it SIGTERM ends calls at once
#   FREESWITCH_DRAIN_S        600
#   FREESWITCH_CONF, FREESWITCH_HOME (logs, databases), FREESWITCH_BIN, FREESWITCH_CLI, FREESWITCH_MOD
set -eu
home=${FREESWITCH_HOME:-/var/lib/trunkline-freeswitch}
drain_s=${FREESWITCH_DRAIN_S:-600}

api() {
    # The password goes by a file of this user: every user of the host may read command lines. fs_cli takes it from HOME.
    private=$(mktemp -d)
    printf '[default]\nhost => 127.0.0.1\nport => %s\npassword => %s\n' \
        "${FREESWITCH_ESL_PORT:-8021}" "${FREESWITCH_ESL_PASSWORD:-}" > "$private/.fs_cli_conf"
    chmod 0600 "$private/.fs_cli_conf"
    rc=0
    answer=$(HOME=$private timeout 5 "${FREESWITCH_CLI:-fs_cli}" -t 3000 -x "$*" 2>&1) || rc=$?
    rm -rf "$private"
    printf '%s\n' "$answer"
    return "$rc"
}

calls() {
    # "3 session(s) - peak 7, ..."; nothing where FreeSWITCH has gone. "show channels count" lags behind: it counts rows
    # of a database, and new calls are not in it yet.
    api status | sed -n 's/^\([0-9][0-9]*\) session(s) - peak.*/\1/p'
}

drain() {
    # New calls get 503; with sip-options-respond-503-on-busy a proxy in front hears that from its pings, too.
    # "shutdown elegant" is no drain: it goes on to take calls, and may never end.
    api fsctl pause inbound || return 1
    waited=0
    while [ "$waited" -lt "$drain_s" ]; do
        left=$(calls || true)
        [ "${left:-0}" -gt 0 ] || return 0
        [ $((waited % 30)) -ne 0 ] || echo "draining: $left calls" >&2
        sleep 1
        waited=$((waited + 1))
    done
    echo "not drained after $drain_s s" >&2
    return 1
}

start() {
    for folder in log db run certs temp storage recordings scripts sounds; do
        mkdir -p "$home/$folder"
    done
    set -- -nonat -np -nf -nc -conf "${FREESWITCH_CONF:-/etc/trunkline/freeswitch-conf}"
    for folder in log db run certs temp storage recordings scripts sounds; do
        set -- "$@" "-$folder" "$home/$folder"
    done
    [ -z "${FREESWITCH_MOD:-}" ] || set -- "$@" -mod "$FREESWITCH_MOD"
    "${FREESWITCH_BIN:-freeswitch}" "$@" &
    switch=$!
    # A signal ends "wait"; the second time around it waits for the end of FreeSWITCH itself.
    trap 'stop' TERM INT
    rc=0
    wait "$switch" || rc=$?
    while kill -0 "$switch" 2>/dev/null; do
        rc=0
        wait "$switch" || rc=$?
    done
    return "$rc"
}

stop() {
    trap '' TERM INT
    drain || echo "calls are ended" >&2
    kill -TERM "$switch" 2>/dev/null || true
}

case "${1:-start}" in
    start) start ;;
    drain) drain ;;
    undrain) api fsctl resume inbound ;;
    health) api status | grep -q '^UP ' ;;
    api) shift; api "$@" ;;
    *) echo "switch.sh {start|drain|undrain|health|api COMMAND}" >&2; exit 2 ;;
esac
