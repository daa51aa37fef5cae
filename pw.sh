#!/bin/sh
case "$1" in --version) exec /work/wt/speed/build/weird --version;; esac
exec /work/wt/speed/build/weird "$@"
