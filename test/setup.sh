#!/bin/sh
# Prepares a machine for the tests. As root on Debian or Ubuntu it installs what is missing, makes the two users that the tests run as, and
# opens the devices. It says what it is about to change, and changes only what is not so yet. As anybody else it says what is missing.
set -eu

# package:command that shows it is there
wanted='
uidmap:newuidmap
fuse-overlayfs:fuse-overlayfs
docker-registry:docker-registry
skopeo:skopeo
umoci:umoci
busybox-static:busybox
podman:podman
buildah:buildah
crun:crun
mmdebstrap:mmdebstrap
qemu-user-static:qemu-aarch64-static
apache2-utils:htpasswd
passt:pasta
slirp4netns:slirp4netns
iproute2:ip
strace:strace
openssh-client:ssh-keygen
openssh-server:sshd
tmux:tmux
xz-utils:xz
python3-minimal:py3compile
attr:setfattr
'

missing_packages() {
  for pair in $wanted; do
    command -v "${pair#*:}" >/dev/null 2>&1 || printf '%s ' "${pair%%:*}"
  done
}

# Daemons that Debian would start by itself stay down.
install_packages() {
  export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
  apt-get -qq update >/dev/null || return 1
  # shellcheck disable=SC2086
  apt-get -qq -y --no-install-recommends install $1 >/dev/null 2>&1 && return 0
  for package in $1; do
    apt-get -qq -y --no-install-recommends install "$package" >/dev/null 2>&1 || echo "setup: cannot install $package" >&2
  done
}

# A range of 65536 ids that nobody has yet.
free_range_start() {
  awk -F: 'BEGIN { top = 100000 } NF == 3 && $2 + $3 > top { top = $2 + $3 } END { print top }' /etc/subuid /etc/subgid
}

make_user() {
  id "$1" >/dev/null 2>&1 && return
  echo "setup: adding the user $1"
  useradd --create-home --shell /bin/sh "$1"
}

make_users() {
  for ids in /etc/subuid /etc/subgid; do [ -e "$ids" ] || touch "$ids"; done
  make_user tsbuild-subids
  if ! grep -q '^tsbuild-subids:' /etc/subuid || ! grep -q '^tsbuild-subids:' /etc/subgid; then
    start=$(free_range_start)
    echo "setup: giving tsbuild-subids the 65536 ids from $start on, in /etc/subuid and /etc/subgid"
    sed -i '/^tsbuild-subids:/d' /etc/subuid /etc/subgid
    echo "tsbuild-subids:$start:65536" | tee -a /etc/subuid >>/etc/subgid
  fi
  make_user tsbuild-single
  # useradd may have given it some.
  if grep -q '^tsbuild-single:' /etc/subuid /etc/subgid; then
    echo "setup: taking the ids of tsbuild-single out of /etc/subuid and /etc/subgid"
    sed -i '/^tsbuild-single:/d' /etc/subuid /etc/subgid
  fi
}

open_devices() {
  for device in /dev/fuse /dev/net/tun; do
    [ -e "$device" ] || continue
    [ "$(stat -c %a "$device")" = 666 ] && continue
    echo "setup: opening $device to all users"
    chmod 0666 "$device" 2>/dev/null || true
  done
}

# A shell for another processor, as busybox-arm64 (busybox-amd64 on arm64). Its packages are listed apart: the machine stays as it is.
fetch_foreign_busybox() {
  echo "setup: fetching busybox-static for $1 to /usr/local/bin/busybox-$1"
  lists=$(mktemp -d)
  (
    set -e
    mkdir "$lists/partial"
    chmod 755 "$lists"
    cd "$lists"
    apt="apt-get -qq -o APT::Architecture=$1 -o APT::Architectures=$1 -o APT::Sandbox::User=root -o Dir::State::Lists=$lists
      -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache="
    $apt update
    $apt download "busybox-static:$1"
    dpkg-deb -x busybox-static_*.deb .
    install -m 755 bin/busybox "/usr/local/bin/busybox-$1"
  ) >/dev/null 2>&1 || echo "setup: cannot fetch busybox-static for $1" >&2
  rm -rf "$lists"
}

missing=$(missing_packages)
if [ "$(id -u)" -ne 0 ]; then
  [ -z "$missing" ] || echo "setup: missing here, so some tests are skipped: $missing(apt-get install $missing)" | sed 's/ )/)/'
  exit 0
fi
if [ -n "$missing" ]; then
  if command -v apt-get >/dev/null 2>&1; then
    echo "setup: installing with apt-get: $missing"
    install_packages "$missing" || echo "setup: apt-get failed; some tests are skipped" >&2
  else
    echo "setup: missing here, so some tests are skipped: $missing" >&2
  fi
fi
make_users
open_devices
case "$(uname -m)" in aarch64) foreign=amd64 ;; *) foreign=arm64 ;; esac
if ! command -v "busybox-$foreign" >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1; then
  fetch_foreign_busybox "$foreign"
fi
