/* SPDX-License-Identifier: ISC */
/*
 * noise.c -- the handshake of the WireGuard paper, section 5.4, step by step.
 *
 * A struct sym carries the chaining key and the hash through a message; it is
 * copied into the peer only when the whole message was good.
 */
#include "wg/noise.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include "wg/blake2s.h"

#define CONSTRUCTION	"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"
#define IDENTIFIER	"WireGuard v1 zx2c4 Jason@zx2c4.com"

/* Where things lie in the two messages. */
enum {
	INIT_SENDER = 4, INIT_EPHEMERAL = 8, INIT_STATIC = 40, INIT_STAMP = 88,
	RESP_SENDER = 4, RESP_RECEIVER = 8, RESP_EPHEMERAL = 12, RESP_EMPTY = 44
};

struct sym {
	uint8_t chain[NOISE_HASH], hash[NOISE_HASH], key[NOISE_KEY];
};

uint32_t
wg_le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint64_t
wg_le64(const uint8_t *p)
{
	return wg_le32(p) | (uint64_t)wg_le32(p + 4) << 32;
}

void
wg_put_le32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

void
wg_put_le64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

/* HKDF of the paper: up to three outputs; b and c may be NULL. */
static void
kdf(const uint8_t key[NOISE_HASH], const void *in, size_t len, uint8_t *a, uint8_t *b, uint8_t *c)
{
	uint8_t prk[BLAKE2S_LEN], step[BLAKE2S_LEN + 1];

	blake2s_hmac(prk, key, NOISE_HASH, in, len);
	step[0] = 1;
	blake2s_hmac(step, prk, sizeof prk, step, 1);
	memcpy(a, step, BLAKE2S_LEN);
	if (b != NULL) {
		step[BLAKE2S_LEN] = 2;
		blake2s_hmac(step, prk, sizeof prk, step, sizeof step);
		memcpy(b, step, BLAKE2S_LEN);
	}
	if (c != NULL) {
		step[BLAKE2S_LEN] = 3;
		blake2s_hmac(step, prk, sizeof prk, step, sizeof step);
		memcpy(c, step, BLAKE2S_LEN);
	}
	sodium_memzero(prk, sizeof prk);
	sodium_memzero(step, sizeof step);
}

static void
mix_hash(struct sym *s, const void *in, size_t len)
{
	struct blake2s b;

	blake2s_init(&b, NOISE_HASH, NULL, 0);
	blake2s_update(&b, s->hash, NOISE_HASH);
	blake2s_update(&b, in, len);
	blake2s_final(&b, s->hash);
}

static void
mix_public(struct sym *s, const uint8_t point[NOISE_KEY])
{
	mix_hash(s, point, NOISE_KEY);
	kdf(s->chain, point, NOISE_KEY, s->chain, NULL, NULL);
}

/* chain and key from a Diffie-Hellman result already at hand */
static void
mix_shared(struct sym *s, const uint8_t shared[NOISE_KEY])
{
	kdf(s->chain, shared, NOISE_KEY, s->chain, s->key, NULL);
}

static int
mix_dh(struct sym *s, const uint8_t secret[NOISE_KEY], const uint8_t point[NOISE_KEY])
{
	uint8_t shared[NOISE_KEY];
	int bad = crypto_scalarmult_curve25519(shared, secret, point);

	if (!bad)
		mix_shared(s, shared);
	sodium_memzero(shared, sizeof shared);
	return bad ? -EBADMSG : 0;
}

static void
mix_psk(struct sym *s, const uint8_t psk[NOISE_KEY])
{
	uint8_t tau[NOISE_HASH];

	kdf(s->chain, psk, NOISE_KEY, s->chain, tau, s->key);
	mix_hash(s, tau, sizeof tau);
	sodium_memzero(tau, sizeof tau);
}

/* Every key is used once, so the nonce is zero. */
static void
seal(struct sym *s, uint8_t *out, const void *in, size_t len)
{
	static const uint8_t nonce[12];

	crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, in, len, s->hash, NOISE_HASH, NULL, nonce, s->key);
	mix_hash(s, out, len + NOISE_TAG);
}

static int
unseal(struct sym *s, uint8_t *out, const uint8_t *in, size_t len)
{
	static const uint8_t nonce[12];
	uint8_t none[1];

	if (crypto_aead_chacha20poly1305_ietf_decrypt(out != NULL ? out : none, NULL, NULL, in, len, s->hash,
	    NOISE_HASH, nonce, s->key) != 0)
		return -EBADMSG;
	mix_hash(s, in, len);
	return 0;
}

static void
begin(struct sym *s, const uint8_t responder[NOISE_KEY])
{
	memset(s, 0, sizeof *s);
	blake2s(s->chain, NOISE_HASH, CONSTRUCTION, sizeof CONSTRUCTION - 1, NULL, 0);
	memcpy(s->hash, s->chain, NOISE_HASH);
	mix_hash(s, IDENTIFIER, sizeof IDENTIFIER - 1);
	mix_hash(s, responder, NOISE_KEY);
}

static void
finish(struct sym *s, uint32_t local, uint32_t remote, bool initiator, struct noise_keys *out)
{
	uint8_t a[NOISE_KEY], b[NOISE_KEY];

	kdf(s->chain, NULL, 0, a, b, NULL);
	memcpy(out->send, initiator ? a : b, NOISE_KEY);
	memcpy(out->recv, initiator ? b : a, NOISE_KEY);
	out->local_index = local;
	out->remote_index = remote;
	out->initiator = initiator;
	sodium_memzero(a, sizeof a);
	sodium_memzero(b, sizeof b);
}

void
noise_self_init(struct noise_self *self, const uint8_t secret[NOISE_KEY])
{
	memcpy(self->secret, secret, NOISE_KEY);
	self->secret[0] &= 248;
	self->secret[31] = (self->secret[31] & 127) | 64;
	crypto_scalarmult_curve25519_base(self->public, self->secret);
}

void
noise_self_wipe(struct noise_self *self)
{
	sodium_memzero(self, sizeof *self);
}

void
noise_peer_init(struct noise_peer *p, const uint8_t remote[NOISE_KEY])
{
	memset(p, 0, sizeof *p);
	memcpy(p->remote, remote, NOISE_KEY);
}

static int
mix_statics(struct sym *s, struct noise_peer *p, const struct noise_self *self)
{
	if (!p->have_shared && crypto_scalarmult_curve25519(p->shared, self->secret, p->remote) != 0)
		return -EBADMSG;
	p->have_shared = true;
	mix_shared(s, p->shared);
	return 0;
}

void
noise_peer_forget(struct noise_peer *p)
{
	sodium_memzero(p->ephemeral, sizeof p->ephemeral);
	sodium_memzero(p->chain, sizeof p->chain);
	sodium_memzero(p->hash, sizeof p->hash);
	p->local_index = 0;
	p->asked = false;
}

int
noise_write_initiation(struct noise_peer *p, const struct noise_self *self, const uint8_t ephemeral[NOISE_KEY],
    const uint8_t stamp[NOISE_STAMP], uint32_t index, uint8_t out[WG_INITIATION_LEN])
{
	struct sym s;
	int err;

	memset(out, 0, WG_INITIATION_LEN);
	out[0] = WG_MSG_INITIATION;
	wg_put_le32(out + INIT_SENDER, index);
	begin(&s, p->remote);
	crypto_scalarmult_curve25519_base(out + INIT_EPHEMERAL, ephemeral);
	mix_public(&s, out + INIT_EPHEMERAL);
	if ((err = mix_dh(&s, ephemeral, p->remote)) != 0)
		goto out;
	seal(&s, out + INIT_STATIC, self->public, NOISE_KEY);
	if ((err = mix_statics(&s, p, self)) != 0)
		goto out;
	seal(&s, out + INIT_STAMP, stamp, NOISE_STAMP);
	memcpy(p->chain, s.chain, NOISE_HASH);
	memcpy(p->hash, s.hash, NOISE_HASH);
	memcpy(p->ephemeral, ephemeral, NOISE_KEY);
	p->local_index = index;
	p->asked = true;
out:
	sodium_memzero(&s, sizeof s);
	return err;
}

int
noise_open_initiation(const struct noise_self *self, const uint8_t in[WG_INITIATION_LEN], struct noise_opened *o)
{
	struct sym s;
	int err;

	begin(&s, self->public);
	mix_public(&s, in + INIT_EPHEMERAL);
	if ((err = mix_dh(&s, self->secret, in + INIT_EPHEMERAL)) == 0)
		err = unseal(&s, o->remote, in + INIT_STATIC, NOISE_KEY + NOISE_TAG);
	if (err == 0) {
		memcpy(o->remote_ephemeral, in + INIT_EPHEMERAL, NOISE_KEY);
		memcpy(o->chain, s.chain, NOISE_HASH);
		memcpy(o->hash, s.hash, NOISE_HASH);
		o->remote_index = wg_le32(in + INIT_SENDER);
	}
	sodium_memzero(&s, sizeof s);
	return err;
}

int
noise_read_initiation(struct noise_peer *p, const struct noise_self *self, struct noise_opened *o,
    const uint8_t in[WG_INITIATION_LEN])
{
	struct sym s = { 0 };
	uint8_t stamp[NOISE_STAMP];
	int err;

	memcpy(s.chain, o->chain, NOISE_HASH);
	memcpy(s.hash, o->hash, NOISE_HASH);
	if ((err = mix_statics(&s, p, self)) == 0)
		err = unseal(&s, stamp, in + INIT_STAMP, NOISE_STAMP + NOISE_TAG);
	if (err == 0 && memcmp(stamp, p->last_stamp, NOISE_STAMP) <= 0)	/* not secret: authentic by now */
		err = -EALREADY;
	if (err == 0) {
		memcpy(p->last_stamp, stamp, NOISE_STAMP);
		memcpy(o->chain, s.chain, NOISE_HASH);
		memcpy(o->hash, s.hash, NOISE_HASH);
	}
	sodium_memzero(&s, sizeof s);
	return err;
}

int
noise_write_response(const struct noise_peer *p, struct noise_opened *o, const uint8_t ephemeral[NOISE_KEY], uint32_t index,
    uint8_t out[WG_RESPONSE_LEN], struct noise_keys *keys)
{
	struct sym s = { 0 };
	int err;

	memcpy(s.chain, o->chain, NOISE_HASH);
	memcpy(s.hash, o->hash, NOISE_HASH);
	memset(out, 0, WG_RESPONSE_LEN);
	out[0] = WG_MSG_RESPONSE;
	wg_put_le32(out + RESP_SENDER, index);
	wg_put_le32(out + RESP_RECEIVER, o->remote_index);
	crypto_scalarmult_curve25519_base(out + RESP_EPHEMERAL, ephemeral);
	mix_public(&s, out + RESP_EPHEMERAL);
	if ((err = mix_dh(&s, ephemeral, o->remote_ephemeral)) != 0 ||
	    (err = mix_dh(&s, ephemeral, p->remote)) != 0)
		goto out;
	mix_psk(&s, p->psk);
	seal(&s, out + RESP_EMPTY, NULL, 0);
	finish(&s, index, o->remote_index, false, keys);
out:
	sodium_memzero(&s, sizeof s);
	sodium_memzero(o, sizeof *o);
	return err;
}

int
noise_read_response(struct noise_peer *p, const struct noise_self *self, const uint8_t in[WG_RESPONSE_LEN],
    struct noise_keys *keys)
{
	struct sym s = { 0 };
	int err;

	if (!p->asked || wg_le32(in + RESP_RECEIVER) != p->local_index)
		return -EINVAL;
	memcpy(s.chain, p->chain, NOISE_HASH);
	memcpy(s.hash, p->hash, NOISE_HASH);
	mix_public(&s, in + RESP_EPHEMERAL);
	if ((err = mix_dh(&s, p->ephemeral, in + RESP_EPHEMERAL)) != 0 ||
	    (err = mix_dh(&s, self->secret, in + RESP_EPHEMERAL)) != 0)
		goto out;
	mix_psk(&s, p->psk);
	if ((err = unseal(&s, NULL, in + RESP_EMPTY, NOISE_TAG)) != 0)
		goto out;
	finish(&s, p->local_index, wg_le32(in + RESP_SENDER), true, keys);
	noise_peer_forget(p);
out:
	sodium_memzero(&s, sizeof s);
	return err;
}
