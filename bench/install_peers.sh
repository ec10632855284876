#!/bin/sh
# Installs what Signet is measured with and against: wrk by the package manager, the peers from their
# registries, each beside its pins. What cannot be installed is named, and the bench goes on without it.
set -u

cd "$(dirname "$0")"
python=$1

install_wrk() {
  as_root=""
  [ "$(id -u)" -eq 0 ] || as_root="sudo -n"
  $as_root apt-get update -qq &&
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends wrk
}

install_django() (
  cd peers/django-oauth-toolkit || exit 1
  cmp -s requirements.txt .venv/requirements.txt && exit 0
  echo "Setting up django-oauth-toolkit …"
  "$python" -m venv --clear .venv &&
    .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.txt &&
    cp requirements.txt .venv/requirements.txt
)

install_node() (
  cd peers/node-oidc-provider || exit 1
  command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || exit 1
  installed=node_modules/.installed-lock.json
  cmp -s package-lock.json "$installed" && exit 0
  echo "Setting up node-oidc-provider …"
  npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >/dev/null &&
    cp package-lock.json "$installed"
)

log=$(mktemp)
# Runs a step, and says the last lines of what it wrote if it failed.
try() {
  "$2" 2>"$log" && return 0
  tail -n 3 "$log" >&2
  echo "$1 could not be installed here; $3." >&2
}
if ! command -v wrk >/dev/null 2>&1; then
  echo "Installing wrk for the bench …"
  wrk_by_apt() { install_wrk >/dev/null; }
  try wrk wrk_by_apt "a generator in Python takes its place"
fi
try django-oauth-toolkit install_django "the bench skips it"
try node-oidc-provider install_node "the bench skips it (it needs Node 20 or later with npm)"
rm -f "$log"
exit 0
