#!/bin/sh
# What the engine's container runs: "serve" makes ready what a first start needs; any other word is a command of
# trunkline ("doctor", "trunk test twilio", "ingest /documents").
set -eu
if [ "${1:-serve}" != serve ]; then
    exec trunkline "$@"
fi
shift
# Model data and the sample collection go into the volume once. A registry that cannot be reached does not stop a start:
# the engine runs without them, with less (trunkline models list).
trunkline models install || echo "going on without model data that could not be fetched" >&2
if [ ! -d "$TRUNKLINE_HOME/knowledge" ]; then
    trunkline ingest sample
fi
if [ -f /etc/trunkline/trunkline.yaml ]; then
    set -- --config /etc/trunkline/trunkline.yaml "$@"
fi
exec trunkline serve "$@"
