#!/usr/bin/env bash
# Takes away what the demo and the tests made: state, .venv, and the Debian packages that were installed for it.
set -euo pipefail
cd "$(dirname "$0")/.."
state=${XDG_STATE_HOME:-$HOME/.local/state}/turnleaf
if [ -s "$state/installed-packages" ]; then
  mapfile -t packages < <(sort -u "$state/installed-packages")
  root=()
  [ "$(id -u)" = 0 ] || root=(sudo)
  echo "  removing Debian packages: ${packages[*]}" >&2
  DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get purge -y -qq --auto-remove "${packages[@]}" >/dev/null
fi
rm -rf "$state" "${XDG_CACHE_HOME:-$HOME/.cache}/turnleaf" .venv
echo "  ✓ nothing of Turnleaf is left but this folder" >&2
