#!/bin/sh
# Installs what the tests drive besides Python: Chromium, curl, openssl and nginx, where a package manager has
# them and lets us. Where it cannot, it says so and goes on: those tests then fail, or are skipped
# where it is only nginx that is missing, with the same advice.
set -u

# Where nginx is, for whoever is not root.
PATH="$PATH:/usr/sbin:/usr/local/sbin"

has_chromium() {
  for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null 2>&1 && return 0
  done
  return 1
}

missing=""
has_chromium || missing="chromium"
command -v curl >/dev/null 2>&1 || missing="$missing curl"
command -v openssl >/dev/null 2>&1 || missing="$missing openssl"
command -v nginx >/dev/null 2>&1 || missing="$missing nginx"
missing="${missing# }"
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
  as_root="sudo -n"
  $as_root true 2>/dev/null || as_root="none"
fi

# Debian and Ubuntu start a service as soon as it is there, and at every boot: nobody has asked for
# an nginx on port 80. The tests start their own.
without_services() (
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap '$as_root rm -f "$policy"' EXIT
    trap 'exit 1' INT TERM
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null && $as_root chmod 755 "$policy" || exit 1
  fi
  "$@" || exit 1
  case "$missing" in *nginx*) $as_root update-rc.d nginx disable ;; esac
)

# $missing is a list of words on purpose.
install_by_apt() {
  $as_root apt-get update -qq &&
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends $missing
}

install_missing() {
  if command -v apt-get >/dev/null 2>&1; then
    without_services install_by_apt
  elif command -v dnf >/dev/null 2>&1; then
    $as_root dnf install --quiet --assumeyes $missing
  elif command -v apk >/dev/null 2>&1; then
    $as_root apk add --quiet $missing
  elif command -v pacman >/dev/null 2>&1; then
    $as_root pacman --sync --refresh --noconfirm --quiet $missing
  elif command -v zypper >/dev/null 2>&1; then
    $as_root zypper --quiet --non-interactive install $missing
  else
    return 1
  fi
}

if [ "$as_root" != "none" ]; then
  echo "Installing for the tests: $missing; this takes a minute …"
  log=$(mktemp)
  if install_missing >"$log" 2>&1 </dev/null; then
    rm -f "$log"
    exit 0
  fi
  tail -n 5 "$log" >&2
  rm -f "$log"
fi
echo "Missing, and could not be installed here: $missing. The tests that need it fail; without nginx, they are skipped." >&2
echo "Install it with this machine's package manager, then run make test again." >&2
