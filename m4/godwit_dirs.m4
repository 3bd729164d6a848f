dnl GODWIT_DIRS: where things live at run time; expanded in make, not here.
AC_DEFUN([GODWIT_DIRS], [
AS_IF([test -z "$runstatedir"], [runstatedir='${localstatedir}/run'])
AC_SUBST([runstatedir])
AC_ARG_WITH([statedir], [AS_HELP_STRING([--with-statedir=DIR], [keys, profile, last map])], [statedir=$withval],
	[AS_IF([test $os = linux], [statedir='${localstatedir}/lib/godwit'], [statedir='${localstatedir}/db/godwit'])])
AC_ARG_WITH([ctl-socket], [AS_HELP_STRING([--with-ctl-socket=PATH], [the daemon's control socket])],
	[ctlsocket=$withval], [ctlsocket='${runstatedir}/godwit.sock'])
AC_ARG_WITH([systemdsystemunitdir], [AS_HELP_STRING([--with-systemdsystemunitdir=DIR], [systemd units; no: none])],
	[systemdsystemunitdir=$withval],
	[systemdsystemunitdir=`$PKG_CONFIG --variable=systemdsystemunitdir systemd 2>/dev/null || echo no`])
AS_IF([test -z "$systemdsystemunitdir"], [systemdsystemunitdir=no])
AM_CONDITIONAL([WITH_SYSTEMD], [test "$systemdsystemunitdir" != no])
AC_SUBST([statedir])
AC_SUBST([ctlsocket])
AC_SUBST([systemdsystemunitdir])
])
AC_DEFUN([GODWIT_SUMMARY], [
AC_MSG_NOTICE([
  godwit $PACKAGE_VERSION for $os
    prefix            $prefix
    state             $statedir
    control socket    $ctlsocket
    systemd units     $systemdsystemunitdir
    sanitizers        $enable_sanitizers
    hardening         $enable_hardening
    wide ChaCha20     $enable_wide_chacha
])
])
