#!/usr/bin/env bash
# Makes the environment: Debian packages that are missing, and .venv from the locked requirements.
#   scripts/bootstrap.sh run    what the demo and a station need
#   scripts/bootstrap.sh dev    that, and what the tests need
# Says what it installs before it does. Starts no system service and leaves none running.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-run}
state=${XDG_STATE_HOME:-$HOME/.local/state}/turnleaf
installed_list=$state/installed-packages

say() { printf '  %s\n' "$*" >&2; }

packages=(mosquitto pcscd vsmartcard-vpcd libpcsclite-dev swig gcc libc6-dev python3-dev python3-venv)
if [ "$what" = dev ]; then
  packages+=(mosquitto-clients chromium fonts-noto-core make git ca-certificates)
  command -v go >/dev/null || packages+=(golang-go)
else
  packages+=(mosquitto-clients)
fi

missing=()
if command -v dpkg-query >/dev/null; then
  for package in "${packages[@]}"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
fi

if [ ${#missing[@]} -gt 0 ]; then
  say "Debian packages to install: ${missing[*]}"
  root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { say "✗ Not root and no sudo. Ask for: apt-get install ${missing[*]}"; exit 3; }
    root=(sudo)
  fi
  # A policy of "no" keeps the packages' own services from starting while they are installed.
  policy=/usr/sbin/policy-rc.d
  mine=
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee $policy >/dev/null
    "${root[@]}" chmod +x $policy
    mine=1
  fi
  trap '[ -z "$mine" ] || "${root[@]}" rm -f $policy' EXIT
  "${root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  if [ -d /run/systemd/system ]; then
    for unit in mosquitto.service pcscd.socket pcscd.service; do
      case " ${missing[*]} " in *" ${unit%%.*} "*) "${root[@]}" systemctl disable --now "$unit" >/dev/null 2>&1 || true ;; esac
    done
  fi
  mkdir -p "$state"
  printf '%s\n' "${missing[@]}" >>"$installed_list"
  say "✓ installed; none of their services is running"
fi

python=${PYTHON:-}
if [ -z "$python" ]; then
  for candidate in python3.13 python3.12 python3.11 python3; do
    if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      python=$candidate
      break
    fi
  done
fi
[ -n "$python" ] || { say "✗ Python 3.11 or newer with venv was not found. What to do: apt-get install python3 python3-venv"; exit 3; }

lock=requirements/run.txt
[ "$what" = dev ] && lock=requirements/dev.txt
stamp=.venv/.installed-$what-$(cat "$lock" pyproject.toml | sha256sum | cut -c1-16)
if [ ! -e "$stamp" ]; then
  say "Python packages: $lock ($(grep -c '==' "$lock") packages, hashes checked) into .venv"
  [ -x .venv/bin/python ] || "$python" -m venv .venv
  .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip -q
  .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r "$lock"
  .venv/bin/python -m pip install -q --disable-pip-version-check --no-deps -e .
  rm -f ".venv/.installed-$what-"*
  touch "$stamp"
  say "✓ .venv is ready"
fi
