#!/bin/sh
# Installs the programs that are not Python packages, where this user may; otherwise prints the line to type.
#   system-packages.sh         what calls need: flite speaks (BSD-style); espeak-ng speaks other languages and is always
#                              run as a separate program (GPL-3)
#   system-packages.sh test    and what only tests need: a browser for the pages, Node.js for Realtime clients from npm,
#                              sipp (GPL-2, run as a separate program) for SIP calls
set -u
programs="flite espeak-ng"
[ "${1:-}" = test ] && programs="$programs chromium nodejs npm sip-tester"
missing=""
for program in $programs; do
    case "$program" in nodejs) command=node ;; sip-tester) command=sipp ;; *) command=$program ;; esac
    command -v "$command" >/dev/null 2>&1 || missing="$missing $program"
done
[ -n "$missing" ] || exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "installing:$missing"
    # Another installation may hold dpkg's lock: wait for it.
    apt="apt-get -qq -o DPkg::Lock::Timeout=300"
    # shellcheck disable=SC2086
    if { $apt install -y $missing || { $apt update && $apt install -y $missing; }; } >/dev/null 2>&1
    then
        exit 0
    fi
fi
echo "not installed:$missing. To install: sudo apt-get install -y$missing"
echo "(going on without; what needs it says so)"
exit 0
