#!/usr/bin/env bash
# Installs the real servers that tests start on loopback. Without root or apt it changes nothing: those tests then skip and say why.
set -euo pipefail
packages=(postgresql)
# goes with: migration
packages+=(prometheus redis-server)
# stays
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ "${#missing[@]}" -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "servers: not installing ${missing[*]} (needs root and apt); the tests that start them will skip" >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
# A policy that refuses service starts: tests start their own servers, and no daemon may take a port.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
  echo "servers: could not install ${missing[*]}; the tests that start them will skip" >&2
