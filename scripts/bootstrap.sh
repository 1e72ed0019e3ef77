#!/usr/bin/env bash
# Makes the environment: Debian packages that are missing, and .venv from the locked requirements.
#   scripts/bootstrap.sh run    what the demo and a station need
#   scripts/bootstrap.sh dev    that, and what the tests and the bench need
# Says what it installs before it does. Starts no system service and leaves none running. Does nothing when
# nothing is missing; two at once take turns. PYTHON=... names the interpreter, 3.11 or newer.
# Exit codes: 0 done, 1 something failed, 2 wrong use, 3 waiting for something that only you can give.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-run}
[ "$what" = run ] || [ "$what" = dev ] || { echo "usage: scripts/bootstrap.sh run|dev" >&2; exit 2; }
state=${XDG_STATE_HOME:-$HOME/.local/state}/turnleaf
policy=${TURNLEAF_POLICY_FILE:-/usr/sbin/policy-rc.d}
mark="# Written by Turnleaf's scripts/bootstrap.sh while it installs packages; safe to remove."
lock=requirements/run.txt
[ "$what" = dev ] && lock=requirements/dev.txt
root=()
log=
installing=

say() { printf '  %s\n' "$*" >&2; }
fail() { # code, what is wrong, what to do; the end of the log is what was seen
  say "✗ $2"
  [ -z "$log" ] || { grep -v '^debconf:\|^$' "$log" || true; } | tail -n 8 | cut -c1-300 | sed 's/^/      /' >&2
  say "  What to do: $3"
  exit "$1"
}

packages=(mosquitto mosquitto-clients pcscd vsmartcard-vpcd libpcsclite-dev swig gcc libc6-dev python3-dev python3-venv)
if [ "$what" = dev ]; then
  packages+=(chromium fonts-noto-core libmosquitto-dev make git ca-certificates)
  command -v go >/dev/null || [ -x /usr/local/go/bin/go ] || packages+=(golang-go)
fi

find_missing() {
  missing=()
  if ! command -v dpkg-query >/dev/null; then
    for program in mosquitto pcscd swig gcc; do
      PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || missing+=("$program")
    done
    [ ${#missing[@]} = 0 ] || fail 3 "This is not Debian, and it lacks: ${missing[*]}" \
      "install them your system's way, with vsmartcard's vpcd and the headers of PC/SC and Python"
    return
  fi
  local have
  have=" $(dpkg-query -W -f '${db:Status-Status}/${Package} ' "${packages[@]}" 2>/dev/null || true)"
  for package in "${packages[@]}"; do
    [[ $have == *" installed/$package "* ]] || missing+=("$package")
  done
}

# A stamp stands for the lock file, the project, this folder and the interpreter: .venv is anew when one differs.
stamp_of() {
  local version
  version=$(.venv/bin/python -I -S -c 'import sys; print(*sys.version_info[:2])' 2>/dev/null) || return 1
  echo ".venv/.installed-$1-$( (cat "requirements/$1.txt" pyproject.toml; echo "$version $PWD") | sha256sum | cut -c1-16)"
}
venv_ready() {
  local stamp
  stamp=$(stamp_of dev) && [ -e "$stamp" ] && return
  [ "$what" = run ] && stamp=$(stamp_of run) && [ -e "$stamp" ]
}

# As root without sudo; `env` because sudo drops variables.
admin() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive "$@"; }

ours() { [ -f "$policy" ] && grep -qxF "$mark" "$policy"; }
tidy() {
  if [ -n "$installing" ] && ours; then admin rm -f "$policy"; fi
  [ -z "$log" ] || rm -f "$log"
}

install_packages() {
  say "Debian packages to install: ${missing[*]}"
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail 3 "Neither root nor sudo is here." "let root run: apt-get install ${missing[*]}"
    root=(sudo)
    sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v; } ||
      fail 3 "sudo wants a password, and there is no terminal to ask on." "run sudo -v first, or let root run: apt-get install ${missing[*]}"
  fi
  # The policy "no" keeps the packages' own services from starting. One of somebody else stays as it is;
  # one of ours, left by a killed bootstrap, goes at the end.
  installing=1
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\n%s\nexit 101\n' "$mark" | admin tee "$policy" >/dev/null
    admin chmod 755 "$policy"
  fi
  local apt=(apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2 -o Acquire::http::Timeout=20
    -o Acquire::https::Timeout=20 -o Dpkg::Use-Pty=0)
  local before
  before=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sort)
  local code=0 unreached
  admin "${apt[@]}" update </dev/null >>"$log" 2>&1 || true
  unreached=$(grep -E '^(W|E|Err).*(Failed to fetch|Could not|Unable to connect|Temporary failure)' "$log" | head -n 3 || true)
  admin "${apt[@]}" install --no-install-recommends "${missing[@]}" </dev/null >>"$log" 2>&1 || code=$?
  # Whatever came, also when only half of it came: demo-clean takes these away and nothing else.
  mkdir -p "$state"
  comm -13 <(echo "$before") <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sort) |
    awk '$1 != "not-installed" && $1 != "config-files" {print $2}' >>"$state/installed-packages"
  [ $code = 0 ] || [ -z "$unreached" ] || echo "$unreached" >>"$log"
  [ $code = 0 ] || fail 1 "apt-get could not install them (exit code $code). It said:" \
    "check the network, the proxy and /etc/apt/sources.list*, then run this again; by hand: apt-get update && apt-get install ${missing[*]}"
  stop_services
  say "✓ installed; none of their services is running"
}

stop_services() {
  command -v systemctl >/dev/null || return 0
  local now=()
  [ ! -d /run/systemd/system ] || now=(--now)
  for unit in mosquitto.service pcscd.socket pcscd.service; do
    case " ${missing[*]} " in *" ${unit%%.*} "*) admin systemctl disable "${now[@]}" "$unit" >>"$log" 2>&1 || true ;; esac
  done
}

find_python() {
  for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      python=$candidate
      return
    fi
  done
  fail 3 "Python 3.11 or newer with venv was not found (looked for: ${PYTHON:-python3.13, python3.12, python3.11, python3})." \
    "install one, and name it: PYTHON=/path/to/python3.12 make demo"
}

make_venv() {
  say "Python packages: $lock ($(grep -c '==' "$lock") packages, hashes checked) into .venv"
  # One made by an interpreter that is gone or too old, or for another folder, is made anew.
  if ! .venv/bin/python -I -c 'import sys; sys.exit(sys.version_info < (3, 11) or sys.prefix == sys.base_prefix)' 2>/dev/null ||
    { [ -e .venv/bin/turnleaf ] && ! head -n 2 .venv/bin/turnleaf | grep -qF "$PWD/.venv/"; }; then
    find_python
    "$python" -m venv --clear .venv >>"$log" 2>&1 || fail 1 "venv could not be made. Python said:" "look at $PWD/.venv: is it writable?"
  fi
  .venv/bin/python -I -c 'import pip' 2>/dev/null || .venv/bin/python -m ensurepip >>"$log" 2>&1
  local pip=(.venv/bin/python -m pip install -q --disable-pip-version-check --no-input)
  { "${pip[@]}" --require-hashes -r "$lock" && "${pip[@]}" --no-deps -e .; } >>"$log" 2>&1 ||
    fail 1 "pip could not install them. It said:" "check the network and pip's settings (PIP_INDEX_URL, a proxy), then run this again"
  rm -f ".venv/.installed-$what-"*
  touch "$(stamp_of "$what")"
  say "✓ .venv is ready"
}

# The demo's card daemon writes its pid to /run/pcscd; who is not root gets that folder, where there is none.
reader_folder() {
  [ "$(id -u)" = 0 ] || [ -e /run/pcscd ] || ! command -v sudo >/dev/null && return 0
  sudo -n true 2>/dev/null || [ -t 0 ] || return 0
  say "making /run/pcscd, which the demo's own pcscd writes to, with sudo"
  sudo install -d -o "$(id -un)" /run/pcscd || true
}

find_missing
if [ ${#missing[@]} = 0 ] && venv_ready; then
  reader_folder
  exit 0
fi

log=$(mktemp)
trap tidy EXIT
trap 'exit 130' INT TERM HUP
# Locks on folders leave no file behind: this folder for .venv, dpkg's own for what is one per machine.
exec 8<. 9<"${TURNLEAF_DPKG_FOLDER:-/var/lib/dpkg}"
flock -n 8 || { say "another bootstrap is at work in this folder; waiting for it"; until flock -w 1 8; do :; done; }
find_missing
if [ ${#missing[@]} -gt 0 ]; then
  flock -n 9 || { say "another bootstrap installs packages on this machine; waiting for it"; until flock -w 1 9; do :; done; }
  find_missing
  [ ${#missing[@]} = 0 ] || install_packages
  flock -u 9
fi
venv_ready || make_venv
reader_folder
