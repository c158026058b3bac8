#!/bin/sh
# What rootlesskit runs in its namespaces: enters the folder of fetch.sh as the root of the file system, and becomes dockerd.
# sh enter.sh FOLDER DATA: the daemon keeps everything in DATA, and listens on DATA/docker.sock.
set -eu
root=$1
data=$2
mount --rbind "$root" "$root"
cd "$root"
mount --rbind /dev dev
mount --rbind /sys sys
mount -t proc proc proc
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount --bind "$data" data
for file in resolv.conf hosts; do
  [ ! -e "/etc/$file" ] || mount --bind "/etc/$file" "etc/$file"
done
pivot_root . mnt
exec /usr/bin/sh -euc '
  cd /
  umount -l /mnt
  export PATH=/usr/sbin:/usr/bin HOME=/run XDG_RUNTIME_DIR=/run ROOTLESSKIT_STATE_DIR=/data/rootlesskit
  exec dockerd --rootless --config-file /data/daemon.json --data-root /data/docker --exec-root /run/docker \
    --pidfile /run/dockerd.pid --host unix:///data/docker.sock --bridge none --iptables=false --ip6tables=false'
