#!/bin/sh
# What `npm test` runs: sets up what the tests need, then runs them on the pinned Node.
here=$(cd "$(dirname "$0")/.." && pwd) || exit 1
sh "$here/scripts/setup.sh" --yes --for-tests || exit 1
exec sh "$here/scripts/node.sh" "$here/scripts/test.ts" "$@"
