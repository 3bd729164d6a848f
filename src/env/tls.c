/* SPDX-License-Identifier: ISC */
/*
 * tls.c -- OpenSSL, and nothing of it outside this file.
 *
 * TLS 1.2 at least.  A client checks the chain and the name it dialled (or the
 * address, when it dialled one); ALPN that was asked for must be agreed on
 * (RFC 7301).  Contexts for clients are shared by CA file, since each may hold
 * a copy of all trusted roots; the system's default is a hashed folder, which
 * OpenSSL reads only as far as a chain needs it.
 */
#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include "base/log.h"
#include "env/stream.h"

struct tls_ctx {
	struct list node;
	char *ca_file;		/* NULL: the system's roots */
	bool insecure;
	SSL_CTX *ctx;
};

struct tls_server {
	SSL_CTX *ctx;
};

/* The first error in OpenSSL's queue, in words. */
static const char *
queued_error(char *out, size_t len)
{
	unsigned long e = ERR_get_error();
	const char *reason = e ? ERR_reason_error_string(e) : NULL;

	ERR_clear_error();
	if (reason == NULL && e != 0 && ERR_SYSTEM_ERROR(e))
		reason = strerror(ERR_GET_REASON(e));
	snprintf(out, len, "%s", reason ? reason : "unknown TLS error");
	return out;
}

static SSL_CTX *
new_ctx(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	/* Idle connections keep no buffers; a write may be taken in part. */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	return ctx;
}

static struct tls_ctx *
client_ctx(struct env *env, const struct env_tls_client *t, char *why, size_t len)
{
	struct tls_ctx *c;

	LIST_EACH(it, &env->tls) {
		c = LIST_OF(it, struct tls_ctx, node);
		if (c->insecure == t->insecure && (c->ca_file == NULL) == (t->ca_file == NULL) &&
		    (c->ca_file == NULL || strcmp(c->ca_file, t->ca_file) == 0))
			return c;
	}
	ERR_clear_error();
	c = calloc(1, sizeof *c);
	if (c == NULL || (c->ctx = new_ctx(TLS_client_method())) == NULL)
		goto fail;
	c->insecure = t->insecure;
	if (t->ca_file != NULL && (c->ca_file = strdup(t->ca_file)) == NULL)
		goto fail;
	if (t->ca_file != NULL ? SSL_CTX_load_verify_locations(c->ctx, t->ca_file, NULL) != 1 :
	    SSL_CTX_set_default_verify_paths(c->ctx) != 1)
		goto fail;
	SSL_CTX_set_verify(c->ctx, t->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	list_append(&env->tls, &c->node);
	return c;
fail:
	snprintf(why, len, "%s: ", t->ca_file ? t->ca_file : "trusted roots");
	queued_error(why + strlen(why), len - strlen(why));
	if (c != NULL) {
		SSL_CTX_free(c->ctx);
		free(c->ca_file);
		free(c);
	}
	return NULL;
}

void
tls_free(struct env *env)
{
	while (!list_empty(&env->tls)) {
		struct tls_ctx *c = LIST_OF(env->tls.next, struct tls_ctx, node);

		list_remove(&c->node);
		SSL_CTX_free(c->ctx);
		free(c->ca_file);
		free(c);
	}
}

/* The name for SNI and for the check of the certificate. */
static int
expect_name(SSL *ssl, const char *name)
{
	struct addr literal;

	if (name == NULL)
		return 1;
	if (addr_parse(&literal, name) == 0)	/* RFC 6066 section 3: no address in SNI */
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, name) && SSL_set_tlsext_host_name(ssl, name);
}

int
tls_client(struct env_stream *s, const struct env_tls_client *t, char *why, size_t len)
{
	struct tls_ctx *c = client_ctx(s->env, t, why, len);
	uint8_t alpn[sizeof s->alpn + 1];

	if (c == NULL)
		return -EINVAL;
	ERR_clear_error();
	s->ssl = SSL_new(c->ctx);
	if (s->ssl == NULL || !expect_name(s->ssl, t->server_name))
		goto fail;
	if (t->alpn != NULL) {
		size_t n = strlen(t->alpn);

		if (n == 0 || n >= sizeof s->alpn)
			goto fail;
		memcpy(s->alpn, t->alpn, n + 1);
		alpn[0] = (uint8_t)n;
		memcpy(alpn + 1, t->alpn, n);
		if (SSL_set_alpn_protos(s->ssl, alpn, (unsigned)n + 1) != 0)
			goto fail;
	}
	SSL_set_connect_state(s->ssl);
	return 0;
fail:
	queued_error(why, len);
	return -EINVAL;
}

/* ---- servers ---------------------------------------------------------------- */

/* We speak both; h2 first.  A client that offers neither goes on without. */
static int
choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned in_len, void *arg)
{
	static const unsigned char ours[] = "\x02h2\x08http/1.1";
	unsigned char *chosen;

	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof ours - 1, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

struct tls_server *
tls_server_new(const struct env_tls_server *t, char *why, size_t len)
{
	struct tls_server *s = calloc(1, sizeof *s);
	const char *file = t->cert_file;

	ERR_clear_error();
	if (s == NULL || (s->ctx = new_ctx(TLS_server_method())) == NULL)
		goto fail;
	if (SSL_CTX_use_certificate_chain_file(s->ctx, t->cert_file) != 1)
		goto fail;
	file = t->key_file;
	if (SSL_CTX_use_PrivateKey_file(s->ctx, t->key_file, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(s->ctx) != 1)
		goto fail;
	SSL_CTX_set_alpn_select_cb(s->ctx, choose_alpn, NULL);
	SSL_CTX_set_session_cache_mode(s->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(s->ctx, 0);	/* our clients never resume */
	return s;
fail:
	snprintf(why, len, "%s: ", file);
	queued_error(why + strlen(why), len - strlen(why));
	tls_server_free(s);
	return NULL;
}

void
tls_server_free(struct tls_server *s)
{
	if (s == NULL)
		return;
	SSL_CTX_free(s->ctx);
	free(s);
}

int
tls_server_stream(struct tls_server *t, struct env_stream *s)
{
	s->ssl = SSL_new(t->ctx);
	if (s->ssl == NULL)
		return -ENOMEM;
	SSL_set_accept_state(s->ssl);
	return 0;
}

/* ---- steps -------------------------------------------------------------------- */

int
tls_attach(struct env_stream *s)
{
	return SSL_set_fd(s->ssl, s->fd) == 1 ? 0 : -ENOMEM;
}

/* What a step that gave no bytes means.  The error queue is left for tls_why. */
static int
outcome(struct env_stream *s, int ret)
{
	int saved = errno;

	switch (SSL_get_error(s->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_CLOSED;
	case SSL_ERROR_SYSCALL:
		errno = saved;
		/* OpenSSL 1.1.1 tells a missing close_notify like this. */
		return ERR_peek_error() == 0 && saved == 0 ? TLS_TRUNCATED : TLS_FAILED;
	case SSL_ERROR_SSL:
		errno = EPROTO;
#ifdef SSL_R_UNEXPECTED_EOF_WHILE_READING
		if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
			return TLS_TRUNCATED;
#endif
		return TLS_FAILED;
	default:
		errno = EPROTO;
		return TLS_FAILED;
	}
}

int
tls_handshake(struct env_stream *s)
{
	const unsigned char *proto;
	unsigned len;
	int ret;

	ERR_clear_error();
	errno = 0;
	ret = SSL_do_handshake(s->ssl);
	if (ret != 1)
		return outcome(s, ret);
	SSL_get0_alpn_selected(s->ssl, &proto, &len);
	if (s->alpn[0] != '\0' && (len != strlen(s->alpn) || memcmp(proto, s->alpn, len) != 0)) {
		errno = ENOPROTOOPT;
		return TLS_FAILED;
	}
	if (len > 0 && len < sizeof s->alpn) {
		memcpy(s->alpn, proto, len);
		s->alpn[len] = '\0';
	}
	return 1;
}

long
tls_read(struct env_stream *s, uint8_t *out, size_t len)
{
	int ret;

	ERR_clear_error();
	errno = 0;
	ret = SSL_read(s->ssl, out, (int)len);
	return ret > 0 ? ret : outcome(s, ret);
}

long
tls_write(struct env_stream *s, const uint8_t *bytes, size_t len)
{
	int ret;

	ERR_clear_error();
	errno = 0;
	ret = SSL_write(s->ssl, bytes, len > INT32_MAX ? INT32_MAX : (int)len);
	return ret > 0 ? ret : outcome(s, ret);
}

bool
tls_pending(const struct env_stream *s)
{
	return SSL_has_pending(s->ssl) == 1;
}

void
tls_goodbye(struct env_stream *s)
{
	ERR_clear_error();
	SSL_shutdown(s->ssl);
	ERR_clear_error();
}

void
tls_drop(struct env_stream *s)
{
	SSL_free(s->ssl);
	s->ssl = NULL;
}

const char *
tls_why(struct env_stream *s, char *out, size_t len)
{
	long verify = SSL_get_verify_result(s->ssl);

	if (errno == ENOPROTOOPT)
		snprintf(out, len, "the server does not speak %s", s->alpn);
	else if (verify != X509_V_OK && SSL_get_verify_mode(s->ssl) != SSL_VERIFY_NONE)
		snprintf(out, len, "certificate: %s", X509_verify_cert_error_string(verify));
	else if (ERR_peek_error() != 0)
		return queued_error(out, len);
	else
		snprintf(out, len, "%s", errno ? strerror(errno) : "connection closed");
	ERR_clear_error();
	return out;
}
