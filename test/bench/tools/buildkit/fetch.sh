#!/bin/sh
# Puts the docker daemon of a newer Debian, which has BuildKit in it, into a folder of its own: sh fetch.sh FOLDER. The machine stays as it is.
# The packages come from the mirror that apt of this machine uses, with the settings and proxies of its apt.
set -eu
folder=$1
[ ! -x "$folder/usr/sbin/dockerd" ] || exit 0
new="$folder.new"

machine_mirror() {
  apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | awk '$1 == "Debian" { print $2; exit }'
}

machine_settings() {
  apt-config dump --format '%F "%v";%n' Acquire | grep -E '^Acquire::(Check-|https?::)' || true
}

# Only unpacked: no script of a package runs. tar gives everything to whoever asks, so that an ordinary user can fetch it too.
unpack() {
  mmdebstrap --quiet --variant=extract --format=tar --aptopt="$new/settings" \
    --include=base-files,coreutils,dash,docker-buildx,docker.io,mount,rootlesskit,slirp4netns "$1" - "$mirror" |
    tar -x --no-same-owner --exclude='./dev/*' -C "$new/root" || return 1
  [ -x "$new/root/usr/sbin/dockerd" ]
}

mirror=$(machine_mirror)
[ -n "$mirror" ] || { echo "apt of this machine has no source of Debian" >&2; exit 1; }
rm -rf "$new"
mkdir -p "$new/root"
trap 'rm -rf "$new"' EXIT
machine_settings >"$new/settings"
unpack forky || unpack sid
(
  cd "$new/root"
  # Where enter.sh mounts something.
  mkdir -p dev proc sys run tmp data mnt
  touch etc/resolv.conf etc/hosts
)
chmod -R a+rX "$new/root"
mv "$new/root" "$folder"
