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

dnl GODWIT_WSLAY: Debian's package brings no .pc file.
AC_DEFUN([GODWIT_WSLAY], [
AC_ARG_VAR([wslay_CFLAGS], [compiler flags for wslay])
AC_ARG_VAR([wslay_LIBS], [linker flags for wslay])
AC_CHECK_HEADER([wslay/wslay.h], [], [AC_MSG_ERROR([wslay (libwslay-dev) is needed])])
AS_IF([test -z "$wslay_LIBS"], [
	AC_CHECK_LIB([wslay], [wslay_event_context_client_init], [wslay_LIBS=-lwslay],
		[AC_MSG_ERROR([wslay (libwslay-dev) is needed])])
])
])
