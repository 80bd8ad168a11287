#!/bin/sh
# Runs a program of this checkout on the pinned Node, whatever Node started npm.
here=$(cd "$(dirname "$0")/.." && pwd) || exit 1
for node in "$here"/node_modules/node-linux-*/bin/node; do
  [ -x "$node" ] && exec "$node" --disable-warning=ExperimentalWarning "$@"
done
echo "The pinned Node is not installed: run \"npm ci\" in $here" >&2
exit 1
