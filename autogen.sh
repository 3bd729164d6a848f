#!/bin/sh
# From a git checkout: makes configure.  Needs autoconf, automake and pkg-config's m4.
cd "$(dirname "$0")" && exec autoreconf -fi
