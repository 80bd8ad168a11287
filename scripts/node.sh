#!/bin/sh
# Runs a program of this checkout on the pinned Node, whatever Node started npm.
here=$(cd "$(dirname "$0")/.." && pwd) || exit 1
# Libraries of Node that the system lacks and that only root could install: scripts/setup.sh unpacks them there.
if [ -d "$here/node_modules/.libraries" ]; then export LD_LIBRARY_PATH="$here/node_modules/.libraries"; fi
for node in "$here"/node_modules/node-linux-*/bin/node; do
  [ -x "$node" ] && exec "$node" --disable-warning=ExperimentalWarning "$@"
done
echo "The pinned Node is not installed: run \"npm ci\" in $here" >&2
exit 1
