# SPDX-License-Identifier: ISC
# install.sh -- sourced by check and quickstart: what a fresh Debian 12 lacks, from
# Debian's own packages.  Asks apt only for what is missing, so that a second run
# needs no network.

BUILD_PACKAGES="autoconf automake gcc make pkg-config libc6-dev libevent-dev libssl-dev
	libnghttp2-dev libprotobuf-c-dev protobuf-c-compiler libre-dev libsodium-dev
	libwslay-dev libjansson-dev libsqlite3-dev"
MAIN_PACKAGES="iproute2 nftables iputils-ping iperf3 procps"
CHECK_PACKAGES="spin valgrind clang llvm libclang-rt-14-dev mandoc mawk gawk busybox original-awk
	wireguard-go wireguard-tools conntrack coturn tcpdump haproxy nginx-light curl openssl python3 python3-pip
	netcat-openbsd strace e2fsprogs gdb git"

install_missing() {
	missing=
	for p in "$@"; do
		dpkg-query -W -f '${Status}\n' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
	done
	[ -n "$missing" ] || return 0
	echo "installing:$missing"
	[ "$(id -u)" = 0 ] || { echo "root is needed to install packages" >&2; return 1; }
	export DEBIAN_FRONTEND=noninteractive
	# a list of packages that is days old names versions that are gone
	apt-get -qq update && apt-get -qq install -y --no-install-recommends $missing >/dev/null
}
