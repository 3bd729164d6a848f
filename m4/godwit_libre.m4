dnl GODWIT_LIBRE: libre's headers want to be told what system they are on.
AC_DEFUN([GODWIT_LIBRE], [
PKG_CHECK_MODULES([libre], [libre])
AS_CASE([$host_os],
	[linux*], [libre_CFLAGS="$libre_CFLAGS -DLINUX"],
	[freebsd*], [libre_CFLAGS="$libre_CFLAGS -DFREEBSD"],
	[openbsd*], [libre_CFLAGS="$libre_CFLAGS -DOPENBSD"],
	[netbsd*], [libre_CFLAGS="$libre_CFLAGS -DNETBSD"])
libre_CFLAGS="$libre_CFLAGS -DHAVE_INTTYPES_H -DHAVE_STDBOOL_H -DHAVE_INET6"
])
