/* SPDX-License-Identifier: ISC
 * head.pml -- what a world of one machine begins with; alone.pml is its end.
 * README in this folder says what is modelled and what is not. */
#define AGENTS 1
#ifndef FAULTS
#define FAULTS 2		/* how many bad things may happen in all, of any kind */
#endif
#ifndef ASKS
#define ASKS 3			/* how many things others may ask of the machine */
#endif
#define QMAX 3			/* events that wait, self-sends not counted */
#ifndef SELF
#define SELF 0			/* self-sends that may wait beside them */
#endif
#define ROW(a, text) printf(text)
#define STALE(a, e) skip

chan q = [QMAX + SELF] of { byte, byte, byte };	/* event, generation of its resource, argument */
byte faults = FAULTS, asks = ASKS;
byte fired;			/* timers that fired in this round, a bit each */
byte dead;			/* those that expired, and neither the state was entered again nor they restarted */
hidden byte ev, g, arg, coin, maybe;
#define room (len(q) < QMAX)
#define QUIET (len(q) == 0 && !(BUSY))
#define COIN(n) ((coin >> n) & 1)

/* One thing that may happen.  FAR: the far end says e over resource r, as it
 * should; BAD: as it should not, at the price of a fault; ROLE: another machine or
 * a person asks; LUCK: the world changes for the worse and says nothing. */
#define FAR(cond, r, e, then)	:: atomic { (cond) && room && HOLDS(r) -> then; q!EV(e),GEN(r),0 }
#define BAD(cond, r, e, then)	:: atomic { faults > 0 && (cond) && room && HOLDS(r) -> faults--; then; q!EV(e),GEN(r),0 }
#define ROLE(cond, e, then)	:: atomic { asks > 0 && (cond) && room -> asks--; then; q!EV(e),0,0 }
#define NEWS(cond, e, then)	:: atomic { (cond) && room -> then; q!EV(e),0,0 }
#define BADNEWS(cond, e, then)	:: atomic { faults > 0 && (cond) && room -> faults--; then; q!EV(e),0,0 }
#define LUCK(cond, then)	:: atomic { faults > 0 && (cond) -> faults--; then }
#define OPEN(r)			GEN(r) = (GEN(r) + 1) % 3
