dnl GODWIT_OS: one AM_CONDITIONAL a system; features are tested, not named.
AC_DEFUN([GODWIT_OS], [
os=unknown
AS_CASE([$host_os],
	[linux*], [os=linux],
	[freebsd*], [os=freebsd],
	[openbsd*], [os=openbsd],
	[netbsd*], [os=netbsd])
AS_IF([test $os = unknown], [AC_MSG_ERROR([no files for $host_os in src/sys])])
AM_CONDITIONAL([OS_LINUX], [test $os = linux])
AM_CONDITIONAL([OS_FREEBSD], [test $os = freebsd])
AM_CONDITIONAL([OS_OPENBSD], [test $os = openbsd])
AM_CONDITIONAL([OS_NETBSD], [test $os = netbsd])
AM_CONDITIONAL([OS_BSD], [test $os != linux])
AC_CHECK_FUNCS([explicit_bzero recvmmsg sendmmsg getrandom])
])
