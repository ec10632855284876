#!/bin/sh
# Installs the Chromium that the browser tests drive, where a package manager has it and lets us.
# Where it cannot, it says so and goes on: those tests then fail, each with the same advice.
set -u

for name in chromium chromium-browser google-chrome google-chrome-stable; do
  command -v "$name" >/dev/null 2>&1 && exit 0
done

as_root=""
if [ "$(id -u)" -ne 0 ]; then
  as_root="sudo -n"
  $as_root true 2>/dev/null || as_root="none"
fi

install_chromium() {
  if command -v apt-get >/dev/null 2>&1; then
    $as_root apt-get update -qq &&
      $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends chromium
  elif command -v dnf >/dev/null 2>&1; then
    $as_root dnf install --quiet --assumeyes chromium
  elif command -v apk >/dev/null 2>&1; then
    $as_root apk add --quiet chromium
  elif command -v pacman >/dev/null 2>&1; then
    $as_root pacman --sync --refresh --noconfirm --quiet chromium
  elif command -v zypper >/dev/null 2>&1; then
    $as_root zypper --quiet --non-interactive install chromium
  else
    return 1
  fi
}

if [ "$as_root" != "none" ]; then
  echo "Installing Chromium for the browser tests; this takes a minute …"
  log=$(mktemp)
  if install_chromium >"$log" 2>&1 </dev/null; then
    rm -f "$log"
    exit 0
  fi
  tail -n 5 "$log" >&2
  rm -f "$log"
fi
echo "Chromium is missing and could not be installed here; the browser tests will fail." >&2
echo "Install 'chromium' (or Google Chrome) with this machine's package manager, then run make test again." >&2
