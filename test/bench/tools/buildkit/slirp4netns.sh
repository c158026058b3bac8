#!/bin/sh
# slirp4netns with the libraries of the folder of fetch.sh, whose name is in BUILDKIT_ROOT.
set -eu
set -- "$(echo "$BUILDKIT_ROOT"/usr/lib/*-linux-gnu*)" "$BUILDKIT_ROOT/usr/bin/slirp4netns" "$@"
loader=$(echo "$1"/ld-linux-*.so.*)
exec "$loader" --library-path "$@"
