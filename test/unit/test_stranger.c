/* stranger: what a client hears, what is counted, logged and learned, for each judgement. */
#include "lib/session/stranger.c"

#include "session/play.h"

#define TRY "C: RCPT TO:<a1@t>"
#define TO_A "A hello", "A> MAIL FROM:<s@t>", "A> RCPT TO:<a1@t>", "A< 250 ok", "A< 250 ok", "S: 250 2.1.5 ok"
#define REFUSED \
	"S: 550 5.7.1 too much from your network 10.11.12.0 looks like spam - contact our site " \
	"administrators for more info"
/* Bits of sightings. */
#define ASKED "25"  /* SIGHTING_TRY, SIGHTING_ENVELOPE, SIGHTING_NAMING */
#define PROVED "11" /* SIGHTING_TRY, SIGHTING_PROOF, SIGHTING_ENVELOPE */
#define ESTABLISHED_MAIL "4" /* CONDUCT_ESTABLISHED */

/* clang-format off */
static const struct play plays[] = {
	PLAY("a first try", "guard on", SCENE_MAIL, TRY, "S: 450 4.7.1 greylisted, try again in 300 seconds",
	     "count refused_greylist 1", "logged guard s@t => a1@t put off: first try, 300 s left, suspicion 0", "saw " ASKED " 0", "saw nothing"),
	PLAY("too early", "guard on", "known waits", SCENE_MAIL, TRY, "S: 450 4.7.1 greylisted, try again in 240 seconds", "saw 9 0"),
	PLAY("in the window", "guard on", "known due", SCENE_MAIL, TRY, TO_A, "count passed_retry 1", "saw " PROVED " 0"),
	PLAY("permanent", "guard on", "known permanent", SCENE_MAIL, TRY, TO_A, "count passed_known 1", "count refused_greylist 0"),
	PLAY("a correspondent", "guard on", "known correspondent", SCENE_MAIL, TRY, TO_A, "count passed_known 1", "saw 24 " ESTABLISHED_MAIL),
	PLAY("trusted", "guard on", "known trusted", SCENE_MAIL, TRY, TO_A, "count passed_trust 1", "saw 28 " ESTABLISHED_MAIL),
	PLAY("doubtful waits longer", "guard on", "known doubtful", SCENE_MAIL, TRY, "S: 450 4.7.1 greylisted, try again in 3750 seconds",
	     "logged suspicion 300 of unknown recipients 10 of 10: 200, early talking 3 of 3: 100"),
	PLAY("suspect, and asks for one that there is not", "guard on", "known suspect", SCENE_MAIL, "C: RCPT TO:<u1@t>", "S: 550 5.1.1*", "saw 0 1",
	     TRY, REFUSED, "count refused_suspicion 1", "count refused_greylist 0", "logged refused for suspicion", "saw 24 0"),
	PLAY("suspect, and asked in its last mail", "guard on", "known suspect", SCENE_MAIL, "C: RCPT TO:<u1@t>", "S: 550 5.1.1*", "C: RSET", "S: 250*",
	     "C: MAIL FROM:<s@t>", "S: 250*", TRY, REFUSED),
	PLAY("suspect, with a bad command", "guard on", "known suspect", "C hello", "C: NONSENSE", "S: 500*", "C: MAIL FROM:<s@t>", "S: 250*",
	     TRY, REFUSED),
	PLAY("suspect for its neighbours", "guard on", "known suspect", SCENE_MAIL, TRY, "S: 450 4.7.1 greylisted, try again in 7200 seconds",
	     "count refused_suspicion 0"),
	PLAY("a factor of nothing", "guard on", "set spread_factor 0", "known suspect", SCENE_MAIL, TRY,
	     "S: 450 4.7.1 greylisted, try again in 300 seconds"),
	PLAY("each recipient by itself", "guard on", SCENE_MAIL, TRY, "S: 450*", "known permanent", TRY, TO_A, "known nothing",
	     "C: RCPT TO:<a2@t>", "S: 450*"),

	PLAY("listed", "guard on", "listed bl.example", SCENE_MAIL, TRY, "S: 550 5.7.1 10.11.12.13 is listed by bl.example",
	     "count refused_listed 1", "logged refused as a DNS list has its address", "saw 24 0", "listed -", TRY, "S: 450*"),
	PLAY("listed, and a correspondent", "guard on", "listed bl.example", "known correspondent", SCENE_MAIL, TRY, TO_A),
	PLAY("listed, and nobody minds", "guard off", "listed bl.example", SCENE_MAIL, TRY, TO_A),
	PLAY("listed, and whitelisted", "guard on", "listed bl.example", "whitelist 10.11.0.0/16", SCENE_MAIL, TRY, TO_A),

	/* --- nobody's business --- */
	PLAY("off", "guard off", "known suspect", SCENE_MAIL, TRY, TO_A, "saw nothing"),
	PLAY("by the cluster", "guard cluster", "set default_spam_setting 2", SCENE_MAIL, TRY, "S: 450*"),
	PLAY("not by the cluster", "guard cluster", "set default_spam_setting 0", SCENE_MAIL, TRY, TO_A),
	PLAY("a relay client", "guard on", "known suspect", "ranges 10.0.0.0/8", SCENE_MAIL, TRY, TO_A, "saw nothing"),
	PLAY("a box", "guard on", "known suspect", "lives A 10.11.12.13", SCENE_MAIL, TRY, TO_A, "saw nothing"),
	PLAY("whitelisted", "guard on", "known suspect", "whitelist 10.11.0.0/16", SCENE_MAIL, TRY, TO_A, "saw nothing"),
	PLAY("a guard that cannot be asked", "guard broken", "known suspect", SCENE_MAIL, TRY, TO_A, "saw nothing"),
	PLAY("a bounce to an address that we have signed", "guard cluster", "set default_spam_setting 2", "relay X", "srs back.t", "C hello",
	     "C: MAIL FROM:<>", "S: 250*", "C bounces to f1@t", "X hello", "X> MAIL FROM:<>", "X> RCPT TO:<f1@t>"),

	/* --- guesses --- */
	PLAY("an address that there is not", SCENE_MAIL, "C: RCPT TO:<u1@t>", "S: 550 5.1.1*", "saw 0 1", "saw nothing"),
	PLAY("by a relay client", "ranges 10.0.0.0/8", SCENE_MAIL, "C: RCPT TO:<u1@t>", "S: 550 5.1.1*", "saw nothing"),
	PLAY("by whom nothing is held against", "whitelist 10.11.0.0/16", SCENE_MAIL, "C: RCPT TO:<u1@t>", "S: 550 5.1.1*", "saw nothing"),
	PLAY("to relay is not to guess", SCENE_MAIL, "C: RCPT TO:<f1@t>", "S: 550 5.7.1*", "saw nothing"),
};
/* clang-format on */

PLAYS_MAIN("stranger", plays)
