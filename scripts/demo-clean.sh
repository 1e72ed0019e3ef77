#!/usr/bin/env bash
# Takes away what the demo and the tests made: state, caches, .venv, and the Debian packages installed for them.
# A package that something else has come to need stays, and is named.
set -euo pipefail
cd "$(dirname "$0")/.."
state=${XDG_STATE_HOME:-$HOME/.local/state}/turnleaf
list=$state/installed-packages
policy=${TURNLEAF_POLICY_FILE:-/usr/sbin/policy-rc.d}
root=()
[ "$(id -u)" = 0 ] || root=(sudo)
say() { printf '  %s\n' "$*" >&2; }
admin() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive "$@"; }

# A demo that still runs would lose the files under its feet.
for process in /proc/[0-9]*; do
  [ -O "$process" ] || continue
  { tr '\0' ' ' <"$process/cmdline"; } 2>/dev/null | grep -qF "$PWD/.venv/bin/turnleaf " || continue
  say "✗ process ${process#/proc/} of this folder still runs. What to do: end it (q or Ctrl-C), then make demo-clean"
  exit 3
done

if [ -f "$policy" ] && grep -q "Turnleaf's scripts/bootstrap.sh" "$policy"; then admin rm -f "$policy"; fi

if [ -s "$list" ]; then
  # Ours are marked as installed by chance; of those, what apt calls needed by nobody goes. Suggestions do not count.
  mapfile -t ours < <(sort -u "$list" | xargs -r dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null |
    awk '$1 == "installed" {print $2}')
  going=()
  if [ ${#ours[@]} -gt 0 ]; then
    say "removing ${#ours[@]} Debian packages that the bootstrap installed …"
    admin apt-mark auto "${ours[@]}" >/dev/null
    mapfile -t going < <(comm -12 <(printf '%s\n' "${ours[@]}" | sort) <(
      apt-get -s -o APT::AutoRemove::SuggestsImportant=false autoremove | awk '$1 == "Remv" {print $2}' | sed 's/:.*//' | sort))
  fi
  if [ ${#going[@]} -gt 0 ]; then
    said=$(admin apt-get -y -qq -o DPkg::Lock::Timeout=300 purge "${going[@]}" </dev/null 2>&1) || {
      say "✗ apt-get could not remove them. It said:"
      tail -n 8 <<<"$said" | sed 's/^/      /' >&2
      say "  What to do: mend what it names, then run this again; the list is $list"
      exit 1
    }
  fi
  kept=$(comm -23 <(printf '%s\n' "${ours[@]}" | sort) <(printf '%s\n' "${going[@]}" | sort) | xargs)
  [ -z "$kept" ] || say "kept, because other packages need them: $kept"
fi
rm -rf "$state" "${XDG_CACHE_HOME:-$HOME/.cache}/turnleaf" .venv
say "✓ nothing of Turnleaf is left but this folder"
