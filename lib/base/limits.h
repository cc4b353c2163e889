/* limits: every bound of the product, each with its reason. No such number stands elsewhere.
 * Settings an administrator may change are not here but in the schema (lib/store/tables.h). */
#ifndef PB_BASE_LIMITS_H
#define PB_BASE_LIMITS_H

/* --- the wire --- */
#define LIMIT_COMMAND_LINE 2048     /* RFC 5321 4.5.3.1.4 asks 512; extensions and AUTH add to it */
#define LIMIT_REPLY_LINE 2048	    /* a box's reply line; 512 in RFC 5321 4.5.3.1.5, boxes exceed it */
#define LIMIT_REPLY_LINES 64	    /* lines of one multi-line reply: an EHLO offer has about 20 */
#define LIMIT_TEXT_LINE 998	    /* RFC 5321 4.5.3.1.6 without CRLF; longer ones pass unsplit */
#define LIMIT_BAD_COMMANDS 20	    /* then 421: nobody honest needs more */
#define LIMIT_ADDRESS 254	    /* RFC 5321 4.5.3.1.3: a path of 256 with its brackets */
#define LIMIT_LOCAL_PART 64	    /* RFC 5321 4.5.3.1.1 */
#define LIMIT_DOMAIN 253	    /* RFC 1035 2.3.4, in text */
#define LIMIT_RECEIVED 50	    /* more Received fields are a loop; RFC 5321 6.3 wants at least 100/2 */
#define LIMIT_HEADER_SCAN 65536	    /* bytes of header that are looked at for log and digest */
#define LIMIT_SUBJECT_LOG 100	    /* bytes of a subject in the traffic log */
#define LIMIT_SRS_DAYS 21	    /* a bounce comes within so many days; senders give up after five */

/* --- automatic replies --- */
#define LIMIT_AUTOREPLY_BODY 65536  /* bytes of text, as the field of the account allows */
#define LIMIT_AUTOREPLY_MESSAGE (192u << 10) /* of the worst text 150 KiB come, and 9 of header */
#define LIMIT_AUTOREPLY_ID 250	    /* bytes of a message identifier that is quoted; it cannot be folded */
#define LIMIT_AUTOREPLY_REFERENCES 20 /* of them: the first of the thread and the newest */
#define LIMIT_UNSTRUCTURED 998	    /* bytes of a Subject of ours; as the field of the account allows */

/* --- a transaction --- */
#define LIMIT_RECIPIENTS 1000	    /* accepted recipients; RFC 5321 4.5.3.1.8 asks at least 100 */
#define LIMIT_ASKED (2 * LIMIT_RECIPIENTS) /* RCPTs of one mail, refused ones included */
#define LIMIT_LEGS 64		    /* boxes that one transaction may stream to at once */
#define LIMIT_ALIAS_DEPTH 16	    /* alias within alias */
#define LIMIT_ALIAS_MEMBERS 1000    /* addresses one recipient may expand to */
#define LIMIT_TRANSACTION_MEMORY (4u << 20) /* arena of one envelope: 1000 recipients with members */

/* --- automatic replies --- */
#define LIMIT_RESPONSES 1000	    /* that a worker sends or keeps for another try */
#define LIMIT_RESPONSE_BYTES (16u << 20) /* of them together */
#define RESPONDER_MS 900000	    /* a reply is tried for a quarter of an hour, */
#define RESPONDER_WAIT_MS 5000	    /* first again after this, doubling */
#define RESPONDER_WAIT_MAX_MS 120000 /* up to this */
#define LIMIT_ACCOUNT_MEMORY (1u << 18) /* one account row: its auto-reply text is 64 KiB at most */

/* --- memory --- */
#define LIMIT_SESSION_IN 65536	    /* one read fills it; the fan-out streams out of it */
#define LIMIT_SESSION_OUT 65536	    /* replies waiting for a client that does not read */
#define LIMIT_LEG_IN 16384	    /* a box's replies */
#define LIMIT_LEG_OUT 16384	    /* commands to a box */
#define LIMIT_TUNNEL 65536	    /* per direction of a tunnel */

/* --- time (milliseconds); RFC 5321 4.5.3.2 --- */
#define TIMEOUT_COMMAND 300000	    /* 4.5.3.2.7: waiting for the next command */
#define TIMEOUT_DATA_BLOCK 180000   /* 4.5.3.2.5: waiting for the next piece of data */
#define PACE_MS 30000		    /* a mail may lag behind data_min_bytes_per_s: a link that loses
				       packets stands still for 1 + 2 + 4 + 8 s, RFC 6298 5 */
#define TIMEOUT_BOX_GREETING 60000  /* 4.5.3.2.1 allows 300 s; a balancer knows its boxes */
#define TIMEOUT_BOX_REPLY 300000    /* 4.5.3.2.2-3: MAIL, RCPT */
#define TIMEOUT_BOX_DATA 120000	    /* 4.5.3.2.4: 354 */
#define TIMEOUT_BOX_BLOCK 180000    /* 4.5.3.2.5: a box that takes no bytes */
#define TIMEOUT_BOX_END 600000	    /* 4.5.3.2.6: the reply to the end mark */
#define TIMEOUT_BOX_QUIT 5000	    /* QUIT is a courtesy */
#define TIMEOUT_LEDGER 3000	    /* a 451 waits this long for its ledger row to be durable */
#define TIMEOUT_POP3_IDLE 600000    /* RFC 1939 3: at least ten minutes */
#define TIMEOUT_POP3_LOGIN 120000   /* before login, less patience */
#define TIMEOUT_VERIFY 10000	    /* an answer of the verifier */

/* --- leg pool --- */
#define POOL_IDLE_MS 20000	    /* below the 30 s that common boxes grant an idle client... */
#define POOL_AGE_MS 300000	    /* a leg is renewed, so that a drained box empties */
#define POOL_PER_BOX 64		    /* idle legs a worker keeps to one box */
#define POOL_USES 1000		    /* transactions over one leg; Postfix counts mails a session too */
#define POOL_USES_EXIM 10	    /* beyond it Exim leaves mail to its next queue run
				       (smtp_accept_queue_per_connection) */

/* --- boxes that fail --- */
#define BOX_PASSOVER_FIRST_MS 1000  /* a box that fails to connect is passed over for this long, */
#define BOX_PASSOVER_MAX_MS 60000   /* doubling up to this */
#define BOX_CHECK_MS 30000	    /* of a look at a box, behind the connect */
#define BOX_CHECKS_MOST 64	    /* looks at once */

/* --- processes and shared memory --- */
#define MAX_WORKERS 64
#define MAX_SLOTS (MAX_WORKERS + 5) /* workers, admin, replicator, verifier, prober, supervisor */
#define MAX_CLUSTERS 64
#define MAX_BOXES 512		    /* boxes of all clusters */
#define MAX_LISTENERS MAX_CLUSTERS
#define CLIENT_PLACES 65536	    /* of a worker's table of clients: 512 KiB, three times SESSION_ROWS */
#define CLIENT_PATIENCE 1000	    /* looks at a place that two workers want: some 100 us */
#define LIMIT_DOOR_LOG 10	    /* lines a second and worker about refused connections: 100 MB a day */
#define DICTIONARY_MB 64	    /* before the setting is read; its default */
#define DICTIONARY_MB_MOST 4096	    /* its upper end; address space that costs nothing */
#define LIMIT_NAME 63		    /* clusterid, boxid */
#define JOURNAL_RING (1u << 20)	    /* bytes of one slot's ring */
#define JOURNAL_OFFERED (JOURNAL_RING / 4) /* of it for facts that may be dropped */
#define LIMIT_JOURNAL_ENTRY 2048
#define CONFIRM_MS 1000		    /* workers confirm a generation within this */
#define BEAT_MS 500		    /* each process shows this often that it does not hang; */
#define BEAT_STALE_MS 3000	    /* one that has not for so long does */
#define DRAIN_MS 30000		    /* TERM lets sessions go on this long */

/* --- replies to a guesser of passwords --- */
#define PENALTY_FIRST_MS 1000	    /* first failure; doubles */
#define PENALTY_MAX_MS 16000
#define PENALTY_FORGET_MS 600000    /* a quiet time after which it is forgotten */
#define PENALTY_SITE_MS 600000	    /* failures of the whole site count in windows of this length */
#define PENALTY_SITE_FREE 100	    /* so many cost nothing: mail programs with old passwords */
#define LIMIT_LOGIN_TRIES 5	    /* failed logins a session */
#define LIMIT_PASSWORD 255	    /* bytes */
/* What a check of one stored hash may take: half a second of a core, below PENALTY_FIRST_MS. */
#define LIMIT_CRYPT_ROUNDS 1000000  /* SHA-crypt: 0.3 s, with a password of 255 bytes 2.5 s */
#define LIMIT_BCRYPT_COST 13	    /* 0.5 s */
#define LIMIT_YESCRYPT_BYTES (64u << 20) /* 0.3 s, and so much memory for each thread */

/* --- ledger --- */
#define LEDGER_KEEP_MS (5LL * 24 * 3600 * 1000) /* senders give up after five days, RFC 5321 4.5.4.1 */

/* --- the guard --- */
#define WHITELIST_REFRESH_MS 3600000 /* a correspondent's row is written anew at most so often */
#define REPLIED_KEEP_MS (7LL * 24 * 3600 * 1000) /* one automatic reply a sender; RFC 3834 2 */
#define REPLIED_HOLD_MS 60000	     /* a claim on one, beyond the time its row takes to the disk */
#define ACCESS_KEEP_MS (400LL * 24 * 3600 * 1000) /* an account's row, behind its last use */
#define LIMIT_TARPIT 1000	     /* sleepers of a worker: their answers take 4 KiB each */
#define GUARD_ROWS (1u << 25)	     /* of each table that strangers fill; greylist: 4.3 GB. room.h */
#define TRIED_MS 60000		     /* tries of the blocked are written at most so often, a worker */
#define QUOTA_LINES 16384	     /* 4 MiB with their ways: 131,072 values before the first is lost */
#define QUOTA_WAYS 32
#define SUM_LINES 16384	     /* 4 MiB with their ways: 524,288 sums */
#define CLAIM_PLACES 65536	     /* 512 KiB; with 100 claims held one in 650 meets another */

/* --- store --- */
#define TOMBSTONE_KEEP_MS (24LL * 3600 * 1000) /* a late sister may still ask for them */

/* --- admin --- */
#define LIMIT_XML_BODY (1u << 20)
#define LIMIT_XML_IMPORT (16u << 20) /* importconfig: all clusters, boxes and settings */
#define LIMIT_XML_CHILDREN 128
#define LIMIT_XML_CONFIG (16u << 20) /* body of importconfig: what exportconfig may answer */
#define LIMIT_XML_ROWS 100000	     /* its elements: 64 clusters and 512 boxes have 14,000 */
#define LIMIT_XML_ATTRIBUTES 65536   /* bytes of tags behind their names: exportconfig's totals are
					14,000; a stranger's MiB of them took half a second */
#define LIMIT_XML_DEPTH 6	     /* importconfig, clusters, cluster, boxes, box, field */
#define LIMIT_XML_ANSWER (64u << 20) /* all clusters with the longest ranges stay below 32 MiB */
#define LIMIT_XML_PAGE (LIMIT_XML_ANSWER - 65536) /* rows of a page, with room for what stands around */
#define LIMIT_HTTP_CONNECTIONS 400
#define LIMIT_HTTP_PER_ADDRESS 300  /* of those: one address cannot shut out all others */
#define TIMEOUT_HTTP_S 30	    /* without a byte */
#define DEADLINE_HTTP_MS 60000	    /* for a whole request, or a whole answer, */
#define LIMIT_HTTP_PACE (1u << 20)  /* and as much again for so many bytes of it: 17 kB/s */
#define LIMIT_HTTP_BODIES (64u << 20) /* all bodies under way together: strangers may send them */
#define LIMIT_HTTP_SMALL 65536	    /* but bodies up to this always find room: 25 MiB of all */
#define LIMIT_HTTP_LARGE 2	    /* of them above LIMIT_XML_BODY: the others need room as well */
#define LIMIT_HTTP_LOG 20	    /* lines a minute about clients that speak no HTTP or TLS */
#define LIMIT_HTTP_DISCARD (32u << 20) /* read and dropped of a request that is refused anyway:
					  who sends a little too much still hears why */
#define LIMIT_HTTP_MEMORY 32768	    /* request line and headers */
#define LIMIT_HTTP_HELD_BACK 8	    /* answers to wrong keys a client network may wait for at once */
#define LIMIT_METRICS (16u << 20)   /* all boxes with names full of quotes make 8 MiB */
#define LIMIT_PEM_FILE (1u << 20)   /* a certificate with its chain, or a key: some kilobytes */
#define LIMIT_HEALTH 16384	    /* a line for each process, and for some more things */
#define LIMIT_CALL_MEMORY (128u << 20) /* arena of one authorised request: twice the largest answer */
#define PUBLISH_RECHECK_MS 25	    /* a bell may be lost with the process that would ring it */
#define LIMIT_AUDIT_ROWS 10000	    /* the oldest go; about 2 MiB */
#define LIMIT_AUDIT_WHAT 400	    /* bytes of one row's account of what was changed, */
#define LIMIT_AUDIT_VALUE 100	    /* and of one value in it; longer ones are cut */
#define TIMEOUT_LONG_TURN 120000    /* a change waits so long for a long command to end */
#define TIMEOUT_JOURNAL 3000	    /* a change waits so long for the replicator */
#define AUTH_ROUNDS 210000u	    /* PBKDF2: 70 ms a guess on today's cores */
#define AUTH_SECRET_CHARS 24	    /* of 32: 120 bits in what first start makes */
#define TIMEOUT_PBCTL_CONNECT_MS 10000
#define LIMIT_CSV_FILE (512u << 20) /* of pbctl import: ten million accounts */
#define TIMEOUT_PBCTL_S 300	    /* a bulk command may take minutes */

#endif
