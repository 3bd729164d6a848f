dnl GODWIT_FLAGS: warnings, hardening and sanitizers, in GODWIT_CFLAGS and GODWIT_LDFLAGS.
AC_DEFUN([GODWIT_TRY_CFLAG], [
  AC_MSG_CHECKING([whether $CC takes $1])
  godwit_save_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS -Werror $1"
  AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
	[AC_MSG_RESULT([yes]); GODWIT_CFLAGS="$GODWIT_CFLAGS $1"], [AC_MSG_RESULT([no])])
  CFLAGS=$godwit_save_CFLAGS
])
AC_DEFUN([GODWIT_TRY_LDFLAG], [
  AC_MSG_CHECKING([whether the linker takes $1])
  godwit_save_LDFLAGS=$LDFLAGS
  LDFLAGS="$LDFLAGS $1"
  AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
	[AC_MSG_RESULT([yes]); GODWIT_LDFLAGS="$GODWIT_LDFLAGS $1"], [AC_MSG_RESULT([no])])
  LDFLAGS=$godwit_save_LDFLAGS
])
AC_DEFUN([GODWIT_FLAGS], [
AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [warnings are errors])], [], [enable_werror=no])
AC_ARG_ENABLE([hardening], [AS_HELP_STRING([--disable-hardening], [no stack protector, RELRO, PIE, _FORTIFY_SOURCE])], [], [enable_hardening=yes])
AC_ARG_ENABLE([sanitizers], [AS_HELP_STRING([--enable-sanitizers@<:@=LIST@:>@], [build with sanitizers (yes: address,undefined)])], [], [enable_sanitizers=no])
AC_ARG_ENABLE([wide-chacha], [AS_HELP_STRING([--enable-wide-chacha], [our own AVX-512 ChaCha20-Poly1305 for bulk data, where the processor has it; otherwise libcrypto's])], [], [enable_wide_chacha=no])
AS_IF([test "$enable_wide_chacha" = yes], [AC_DEFINE([GODWIT_WIDE_CHACHA], [1], [bulk data may go through src/wg/chapoly.c])])
GODWIT_CFLAGS= GODWIT_LDFLAGS=
for flag in -std=gnu11 -Wall -Wextra -Wswitch-enum -Wstrict-prototypes -Wmissing-prototypes -Wshadow \
    -Wpointer-arith -Wwrite-strings -Wno-unused-parameter -Wno-missing-field-initializers; do
	GODWIT_TRY_CFLAG([$flag])
done
AS_IF([test "$enable_werror" = yes], [GODWIT_TRY_CFLAG([-Werror])])
AS_CASE([$enable_sanitizers], [no], [], [yes], [enable_sanitizers=address,undefined])
AS_IF([test "$enable_sanitizers" != no], [
	GODWIT_CFLAGS="$GODWIT_CFLAGS -fsanitize=$enable_sanitizers -fno-sanitize-recover=all -fno-omit-frame-pointer"
	GODWIT_LDFLAGS="$GODWIT_LDFLAGS -fsanitize=$enable_sanitizers"
], [test "$enable_hardening" = yes], [
	GODWIT_TRY_CFLAG([-fstack-protector-strong])
	GODWIT_TRY_CFLAG([-fPIE])
	AS_CASE(["$CFLAGS"], [*-O@<:@1-3sg@:>@*], [GODWIT_CPPFLAGS="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"])
	GODWIT_TRY_LDFLAG([-pie])
	GODWIT_TRY_LDFLAG([-Wl,-z,relro,-z,now])
])
GODWIT_TRY_CFLAG([-ffile-prefix-map=\$(srcdir)/=])
AC_SUBST([GODWIT_CFLAGS])
AC_SUBST([GODWIT_LDFLAGS])
AC_SUBST([GODWIT_CPPFLAGS])
])
