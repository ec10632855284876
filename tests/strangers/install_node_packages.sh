#!/bin/sh
# Installs the pinned packages of Node that test_node.py plays scenarios with, beside their pins.
# Where Node or npm is missing there is nothing to do: those tests are then skipped.
set -eu

cd "$(dirname "$0")/node"
command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || exit 0

# A copy of the pins inside says that just these are there; npm empties the folder first.
installed=node_modules/.installed-lock.json
cmp -s package-lock.json "$installed" && exit 0

if npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null; then
  cp package-lock.json "$installed"
else
  echo "The packages of Node could not be installed; the tests that need them fail." >&2
fi
