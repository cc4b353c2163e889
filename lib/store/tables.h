/* tables: the records of the product, one X-macro each: struct, description and order.
 *   X(id, name, kind, flags, default, min, max, words, help) */
#ifndef PB_STORE_TABLES_H
#define PB_STORE_TABLES_H

#include "lib/store/schema.h"

#define DAY_MIN (1440LL)
#define DEC(n) ((n) * 10000LL) /* a whole number as FK_DECIMAL */

#define ACCOUNT_FIELDS(X) \
	X(1, email_address, ADDRESS, FF_KEY | FF_REQUIRED, "", 1, 254, 0, "address, POP3 and SMTP login name; @domain is the domain's catch-all") \
	X(2, user_password, PASSWORD, 0, "", 0, 255, 0, "password of POP3 and SMTP AUTH, plain or {SCHEME}hash; empty: the account's box checks logins") \
	X(3, boxid, NAME, 0, "", 0, 63, 0, "box that holds the mailbox") \
	X(4, to_equals_from, BOOL, 0, "1", 0, 1, 0, "accept mail whose sender is the recipient itself") \
	X(5, null_reverse_path, BOOL, 0, "1", 0, 1, 0, "accept mail with a null sender") \
	X(6, spam_setting, INT, 0, "1", 0, 2, 0, "0 disabled, 1 the cluster's, 2 greylisting") \
	X(7, rcpt_per_mail, INT, FF_MAY_EMPTY, "", 1, 100000, 0, "recipients a mail this user may send to; empty: the cluster's") \
	X(8, auto_reply_subject, TEXT, 0, "", 0, 998, 0, "subject of automatic replies; empty: none are sent") \
	X(9, auto_reply_body, TEXT, 0, "", 0, 65536, 0, "text of automatic replies; empty: none are sent") \
	X(10, auto_reply_copy, BOOL, 0, "1", 0, 1, 0, "deliver as well as reply") \
	X(11, auto_reply_expiry, DATE, FF_MAY_EMPTY, "", 0, INT64_MAX, 0, "end of automatic replies; empty: never") \
	X(12, mail_unlimited, BOOL, 0, "0", 0, 1, 0, "may send any number of mails, to any number of recipients") \
	X(13, mail_unlimited_expiry, DATE, FF_MAY_EMPTY, "", 0, INT64_MAX, 0, "end of unlimited mail; empty: never") \
	X(14, allow_remote_deliveries, BOOL, 0, "1", 0, 1, 0, "strangers may use this address as their sender")

#define ALIAS_FIELDS(X) \
	X(1, alias_address, ADDRESS, FF_KEY | FF_REQUIRED, "", 1, 254, 0, "address of the alias; @domain is the domain's catch-all") \
	X(2, alias_list, MEMBERS, FF_REQUIRED, "", 1, 65536, 0, "comma separated members: accounts, aliases, foreign addresses") \
	X(3, rcpt_per_mail, INT, FF_MAY_EMPTY, "", 1, 100000, 0, "recipients a mail; empty: the cluster's") \
	X(4, mail_unlimited, BOOL, 0, "0", 0, 1, 0, "may send any number of mails, to any number of recipients") \
	X(5, mail_unlimited_expiry, DATE, FF_MAY_EMPTY, "", 0, INT64_MAX, 0, "end of unlimited mail; empty: never") \
	X(6, spam_setting, INT, 0, "1", 0, 2, 0, "0 disabled, 1 the cluster's, 2 greylisting") \
	X(7, allow_remote_deliveries, BOOL, 0, "1", 0, 1, 0, "strangers may use this address as their sender")

#define CLUSTER_FIELDS(X) \
	X(1, clusterid, NAME, FF_KEY | FF_REQUIRED, "", 1, 63, 0, "unique name of the cluster") \
	X(2, type, ENUM, FF_REQUIRED | FF_FIXED, "", 0, 0, "smtp|pop3|imap|tcp", "protocol of the listener; fixed once added") \
	X(3, smtp_host_name, HOST, 0, "", 0, 253, 0, "official name in greetings and Received fields; empty: the machine's") \
	X(4, listen_address, IP, 0, "0.0.0.0", 1, 45, 0, "address to listen on; :: for both families") \
	X(5, listen_port, INT, FF_REQUIRED, "", 1, 65535, 0, "TCP port to listen on") \
	X(6, comment, TEXT, 0, "", 0, 1000, 0, "free text") \
	X(7, relay_box_choice, INT, FF_SMTP, "0", 0, 1, 0, "0: load balance over boxes with smtp_relay; 1: the sender's own box") \
	X(8, max_mail_size_kb, INT, FF_SMTP, "9000", 1, 4000000, 0, "largest mail in kB; below that of every box") \
	X(9, allow_relay_notifications, BOOL, FF_SMTP, "0", 0, 1, 0, "relay clients may use a null sender") \
	X(10, default_spam_setting, INT, FF_SMTP, "2", 0, 2, 0, "0 disabled, 2 greylisting, for accounts whose spam_setting is 1") \
	X(11, error_sleep_s, DECIMAL, FF_SMTP, "15", 0, DEC(600), 0, "seconds that suspicious or erroneous replies are held back") \
	X(12, relay_ranges, RANGES, FF_SMTP, "", 0, 65536, 0, "addresses that may relay without a login") \
	X(13, spam_whitelist_ranges, RANGES, 0, "", 0, 65536, 0, "addresses of foreign servers that are never held up") \
	X(14, rcpt_per_mail, INT, FF_SMTP, "100", 1, 100000, 0, "recipients a mail; stranger senders a relay address may use") \
	X(15, spread_factor, DECIMAL, FF_SMTP, "1.0", 0, DEC(100), 0, "scales the suspicion score; 0: off") \
	X(16, block_ranges, RANGES, 0, "", 0, 65536, 0, "addresses refused outright") \
	X(17, box_connect_timeout_ms, INT, 0, "5000", 10, 120000, 0, "connect time-out of new boxes in ms") \
	X(18, max_connections, INT, 0, "2000", 1, 1000000, 0, "sessions at once") \
	X(19, max_client_connections, INT, 0, "600", 1, 1000000, 0, "connections of one client in the interval") \
	X(20, max_client_connections_interval_s, DECIMAL, 0, "60", DEC(1) / 100, DEC(86400), 0, "that interval in seconds") \
	X(21, max_client_concurrent, INT, 0, "50", 1, 1000000, 0, "sessions of one client at once") \
	X(22, tls, ENUM, 0, "none", 0, 0, "none|starttls|implicit", "encryption towards clients") \
	X(23, tls_required, BOOL, 0, "0", 0, 1, 0, "refuse mail and logins without encryption") \
	X(24, tls_certificate, PATH, 0, "", 0, 1000, 0, "file of the certificate chain (PEM)") \
	X(25, tls_key, PATH, 0, "", 0, 1000, 0, "file of its key (PEM)") \
	X(26, accept_proxy_protocol, RANGES, 0, "", 0, 65536, 0, "addresses allowed to send a PROXY header") \
	X(27, auth_required, BOOL, FF_SMTP, "0", 0, 1, 0, "accept no mail without a login") \
	X(28, received_header, BOOL, FF_SMTP, "1", 0, 1, 0, "add a Received field") \
	X(29, bare_newline, ENUM, FF_SMTP, "reject", 0, 0, "reject|normalize", "what to do with bare CR and LF in mail") \
	X(30, multi_box, ENUM, FF_SMTP, "fanout", 0, 0, "fanout|one_per_transaction", "serve several boxes in one transaction, or put the others off") \
	X(31, plus_addressing, BOOL, FF_SMTP, "0", 0, 1, 0, "user+tag@ falls back to user@") \
	X(32, sender_must_match, BOOL, FF_SMTP, "1", 0, 1, 0, "an authenticated sender must be its login or an alias of it") \
	X(33, pregreet_ms, INT, FF_SMTP, "0", 0, 10000, 0, "pause before the greeting in ms; 0: off") \
	X(34, dns_lists, HOSTS, FF_SMTP, "", 0, 4096, 0, "DNS lists whose addresses are refused, comma separated") \
	X(35, session_max_s, DECIMAL, 0, "3600", DEC(1), DEC(86400), 0, "longest SMTP session, and longest time before a POP3 login, in seconds") \
	X(36, data_min_bytes_per_s, INT, FF_SMTP, "64", 0, 1000000, 0, "slowest mail in bytes a second; 0: off") \
	X(37, method, ENUM, FF_TCP, "round_robin", 0, 0, "round_robin|least_sessions|client_hash", "tcp: how the box is chosen") \
	X(38, affinity_s, DECIMAL, FF_TCP, "0", 0, DEC(86400), 0, "tcp: a client keeps its box this many seconds") \
	X(39, idle_timeout_s, DECIMAL, FF_TCP, "1800", DEC(1) / 10, DEC(86400), 0, "tcp: an idle session ends after this many seconds") \
	X(40, srs_domain, HOST, FF_WHEN_SET | FF_SMTP, "", 0, 253, 0, "domain for rewritten senders (SRS) of mail that aliases send abroad; empty: none, and not answered") \
	X(41, reverse_names, BOOL, FF_WHEN_SET | FF_SMTP, "0", 0, 1, 0, "clients without a name that leads back to them are suspicious; 0: not looked for, and not answered")

#define BOX_FIELDS(X) \
	X(1, clusterid, NAME, FF_KEY | FF_REQUIRED, "", 1, 63, 0, "cluster of the box") \
	X(2, boxid, NAME, FF_KEY | FF_REQUIRED, "", 1, 63, 0, "name of the box; the same name in several clusters is the same machine") \
	X(3, connect_address, IP, FF_REQUIRED, "", 1, 45, 0, "address of the box") \
	X(4, connect_port, INT, FF_REQUIRED, "", 1, 65535, 0, "TCP port of the box") \
	X(5, connect_timeout_ms, INT, FF_MAY_EMPTY, "", 10, 120000, 0, "connect time-out in ms; when added: the cluster's") \
	X(6, fallover_boxid, NAME, 0, "", 0, 63, 0, "box that takes over when this one cannot") \
	X(7, smtp_relay, BOOL, 0, "0", 0, 1, 0, "takes outgoing mail") \
	X(8, weight, INT, 0, "1", 1, 1000, 0, "share when load is balanced") \
	X(9, max_sessions, INT, 0, "0", 0, 1000000, 0, "connections at once; 0: no limit") \
	X(10, protocol, ENUM, 0, "", 0, 0, "|smtp|lmtp|pop3|imap|tcp", "what the box speaks; when added: the cluster's type") \
	X(11, tls, ENUM, 0, "none", 0, 0, "none|starttls|implicit", "encryption towards the box") \
	X(12, tls_verify, BOOL, 0, "0", 0, 1, 0, "check the certificate of the box") \
	X(13, client_info, ENUM, 0, "none", 0, 0, "none|xclient|xforward|proxy_v1|proxy_v2", "how the box learns the client's address") \
	X(14, ehlo_name, ENUM, 0, "ours", 0, 0, "ours|client", "name in our EHLO to the box") \
	X(15, probe_interval_s, DECIMAL, 0, "10", 0, DEC(86400), 0, "seconds between health checks; 0: none") \
	X(16, probe_address, ADDRESS, 0, "", 0, 254, 0, "account for the probe login") \
	X(17, probe_password, SECRET, 0, "", 0, 255, 0, "its password") \
	X(18, comment, TEXT, 0, "", 0, 1000, 0, "free text") \
	X(19, light, ENUM, FF_HIDDEN, "yellow", 0, 0, "green|yellow|red", "takes sessions; drains; off")

#define SETTINGS_FIELDS(X) \
	X(1, settingsid, NAME, FF_KEY | FF_HIDDEN, "general", 1, 63, 0, "there is one row") \
	X(2, ip_dictionary_expiry_s, DECIMAL, 0, "3600", DEC(1), DEC(864000), 0, "seconds after which a silent address is forgotten") \
	X(3, ip_dictionary_max_mb, INT, 0, "64", 1, 4096, 0, "memory of the address dictionary in MB") \
	X(4, greylist_initial_min, DECIMAL, 0, "5", 0, DEC(1440), 0, "minutes a first delivery is put off") \
	X(5, greylist_initial_suspicious_min, DECIMAL, 0, "120", 0, DEC(1440), 0, "the same for suspicious mail") \
	X(6, greylist_first_window_min, DECIMAL, 0, "360", 0, DEC(14400), 0, "minutes within which a retry is accepted") \
	X(7, greylist_max_age_min, DECIMAL, 0, "172800", 0, DEC(5256000), 0, "minutes a permanent record is kept") \
	X(8, whitelist_max_age_min, DECIMAL, 0, "172800", 0, DEC(5256000), 0, "minutes a correspondent is remembered") \
	X(9, spreadlist_max_age_min, DECIMAL, 0, "43200", 0, DEC(5256000), 0, "minutes evidence of spam is kept") \
	X(10, recipient_exceeded_quota, INT, 0, "5", 1, 100000, 0, "times a relay client may exceed its recipients") \
	X(11, recipient_exceeded_interval_min, DECIMAL, 0, "5", 0, DEC(14400), 0, "minutes after which that is forgotten") \
	X(12, mail_from_quota, INT, 0, "200", 1, 1000000, 0, "MAIL commands of a relay client") \
	X(13, mail_from_interval_min, DECIMAL, 0, "5", 0, DEC(14400), 0, "minutes after which that is forgotten") \
	X(14, distinct_from_emails, INT, 0, "10", 1, 1000000, 0, "sender addresses of a relay client") \
	X(15, distinct_from_emails_interval_min, DECIMAL, 0, "120", 0, DEC(14400), 0, "minutes after which that is forgotten") \
	X(16, distinct_from_domains, INT, 0, "5", 1, 1000000, 0, "sender domains of a relay client") \
	X(17, distinct_from_domains_interval_min, DECIMAL, 0, "120", 0, DEC(14400), 0, "minutes after which that is forgotten") \
	X(18, sister_list, TEXT, 0, "", 0, 4096, 0, "addresses of sisters beyond the own network, comma separated") \
	X(19, sister_discovery, BOOL, 0, "1", 0, 1, 0, "look for sisters on the own network") \
	X(20, sister_wait, BOOL, 0, "1", 0, 1, 0, "answer a change when one sister has it too") \
	X(21, sister_share_clusters, BOOL, 0, "0", 0, 1, 0, "sisters share clusters, boxes and lights") \
	X(22, sister_transport, ENUM, 0, "mesh", 0, 0, "mesh|nats", "how changes travel") \
	X(23, nats_url, URL, 0, "", 0, 1000, 0, "address of the NATS server; a password in it is shown as ***")

/* Written by changepassword and first start: salted hashes of what must only be recognised
 * (password, accesskey), and keys that must be used: the sisters' (sisterkey), and what signs
 * rewritten senders where there is none (srskey). Not replicated. */
#define CREDENTIAL_FIELDS(X) \
	X(1, credential, NAME, FF_KEY | FF_REQUIRED, "", 1, 63, 0, "password, accesskey, sisterkey or srskey") \
	X(2, hash, TEXT, FF_REQUIRED, "", 1, 255, 0, "salted hash; of sisterkey and srskey the key itself")

/* Who changed what on this machine (admin/change.h): bounded, not replicated. */
#define AUDIT_FIELDS(X) \
	X(1, number, TEXT, FF_KEY | FF_REQUIRED, "", 16, 16, 0, "counts down, so that the newest comes first") \
	X(2, time, DATE, 0, "", 0, INT64_MAX, 0, "when") \
	X(3, who, TEXT, 0, "", 0, 63, 0, "key, uid N, or a sister") \
	X(4, from, TEXT, 0, "", 0, 63, 0, "address of the client, or local") \
	X(5, command, TEXT, 0, "", 0, 63, 0, "which command") \
	X(6, what, TEXT, 0, "", 0, 1000, 0, "what it named, without secrets")

/* Blocked accounts and client addresses (traffic.mdb): by the guard, or by an administrator. */
#define BLOCKED_FIELDS(X) \
	X(1, subject, TEXT, FF_KEY | FF_REQUIRED, "", 1, 254, 0, "mail address or IP address") \
	X(2, reason, TEXT, 0, "", 0, 200, 0, "why, in words") \
	X(3, since, DATE, 0, "", 0, INT64_MAX, 0, "when it was blocked") \
	X(4, count, INT, 0, "0", 0, INT64_MAX, 0, "how often it has tried since") \
	X(5, who, TEXT, 0, "", 0, 63, 0, "guard, key or uid N")

/* Delivered ledger (HACKING.md). pair is the first 16 bytes of
 * SHA-256 over sender, NUL, recipient (both in lower case), digest the first 16 of the
 * message digest, both as hex. */
#define LEDGER_FIELDS(X) \
	X(1, pair, TEXT, FF_KEY | FF_REQUIRED, "", 32, 32, 0, "sender and recipient, hashed") \
	X(2, digest, TEXT, FF_KEY | FF_REQUIRED, "", 32, 32, 0, "message digest") \
	X(3, outcome, INT, 0, "1", 1, 2, 0, "1: a box has it; 2: a box refused it for good") \
	X(4, boxid, TEXT, 0, "", 0, 63, 0, "which box") \
	X(5, expiry, DATE, 0, "", 0, INT64_MAX, 0, "when the row goes")

/* Whom local senders have written to (lib/guard/correspondents.h); addresses in lower case. A row
 * goes whitelist_max_age_min after last_seen. Merged as max of last_seen and count, min of
 * first_seen. */
#define WHITELIST_FIELDS(X) \
	X(1, local_address, TEXT, FF_KEY | FF_REQUIRED, "", 1, 254, 0, "who has sent") \
	X(2, remote_address, TEXT, FF_KEY | FF_REQUIRED, "", 1, 254, 0, "to whom") \
	X(3, first_seen, DATE, 0, "", 0, INT64_MAX, 0, "the first mail") \
	X(4, last_seen, DATE, 0, "", 0, INT64_MAX, 0, "the last one, to the hour") \
	X(5, count, INT, 0, "0", 0, INT64_MAX, 0, "hours in which there were some")

/* To whom an account has replied automatically (lib/guard/replied.h). sender_hash is the first 16
 * bytes of SHA-256 over the address in lower case, as hex. A row goes REPLIED_KEEP_MS after
 * replied_at. Merged as its max. */
#define REPLIED_FIELDS(X) \
	X(1, email_address, TEXT, FF_KEY | FF_REQUIRED, "", 1, 254, 0, "the account, in lower case") \
	X(2, sender_hash, TEXT, FF_KEY | FF_REQUIRED, "", 32, 32, 0, "to whom it has replied") \
	X(3, replied_at, DATE, 0, "", 0, INT64_MAX, 0, "when")

/* How far each process' journal has been applied, in the very transaction that did it: a replicator
 * that is killed before it says so does not count facts twice. Not replicated. */
#define APPLIED_FIELDS(X) \
	X(1, slot, NAME, FF_KEY | FF_REQUIRED, "", 1, 63, 0, "whose journal") \
	X(2, started, INT, 0, "0", 0, INT64_MAX, 0, "which shared memory: when it was made, wall ms") \
	X(3, position, INT, 0, "0", 0, INT64_MAX, 0, "bytes applied")

/* What the guard has learned (lib/guard): records packed by greylist.h, trust.h, spread.h,
 * naming.h, under
 * the keys of envelope_key.h, merged by the functions of those. */
#define GREYLIST_FIELDS(X) \
	X(1, key, BYTES, FF_KEY | FF_REQUIRED, "", COMPACT_KEY, COMPACT_KEY, 0, "client network, sender and recipient") \
	X(2, record, BYTES, 0, "", 0, 2048, 0, "window, tries and passes")
#define TRUST_FIELDS(X) \
	X(1, key, BYTES, FF_KEY | FF_REQUIRED, "", COMPACT_KEY, COMPACT_KEY, 0, "client network and sender domain") \
	X(2, record, BYTES, 0, "", 0, 2048, 0, "proofs")
#define NAMING_FIELDS(X) \
	X(1, key, BYTES, FF_KEY | FF_REQUIRED, "", COMPACT_KEY, COMPACT_KEY, 0, "sender domain") \
	X(2, record, BYTES, 0, "", 0, 16384, 0, "from how many networks it is named")
#define SPREAD_FIELDS(X) \
	X(1, key, BYTES, FF_KEY | FF_REQUIRED, "", COMPACT_KEY, COMPACT_KEY, 0, "client network") \
	X(2, record, BYTES, 0, "", 0, 65536, 0, "what it did, and to how many")


/* How an account is used (lib/guard/access.h), noted once an hour at most. A row goes ACCESS_KEEP_MS
 * behind its last time. */
#define ACCESS_FIELDS(X) \
	X(1, email_address, TEXT, FF_KEY | FF_REQUIRED, "", 1, 254, 0, "the account, in lower case") \
	X(2, last_login, DATE, FF_MAY_EMPTY, "", 0, INT64_MAX, 0, "the last login that succeeded, to the hour") \
	X(3, last_network, TEXT, 0, "", 0, 45, 0, "from which network (/24 or /64)") \
	X(4, last_protocol, TEXT, 0, "", 0, 15, 0, "by which protocol") \
	X(5, successes, INT, 0, "0", 0, INT64_MAX, 0, "hours with logins, of each network") \
	X(6, failures, INT, 0, "0", 0, INT64_MAX, 0, "hours with failed logins") \
	X(7, last_failure, DATE, FF_MAY_EMPTY, "", 0, INT64_MAX, 0, "the last failed login, to the hour") \
	X(8, networks, TEXT, 0, "", 0, 400, 0, "networks used successfully, the last one first") \
	X(9, recipients_hour, INT, 0, "0", 0, INT64_MAX, 0, "recipients an hour on average, in thousandths") \
	X(10, recipients_at, INT, 0, "0", 0, INT64_MAX, 0, "the last hour that is in it, from 1970 on")

#define FIELD_C_TEXT struct str
#define FIELD_C_NAME struct str
#define FIELD_C_ADDRESS struct str
#define FIELD_C_MEMBERS struct str
#define FIELD_C_SECRET struct str
#define FIELD_C_PASSWORD struct str
#define FIELD_C_RANGES struct str
#define FIELD_C_IP struct str
#define FIELD_C_HOST struct str
#define FIELD_C_HOSTS struct str
#define FIELD_C_PATH struct str
#define FIELD_C_BYTES struct str
#define FIELD_C_URL struct str
#define FIELD_C_ENUM struct str
#define FIELD_C_BOOL int64_t
#define FIELD_C_INT int64_t
#define FIELD_C_DECIMAL int64_t
#define FIELD_C_DATE int64_t
#define FIELD_MEMBER(id, name, kind, flags, dflt, min, max, words, help) FIELD_C_##kind name;

struct account { ACCOUNT_FIELDS(FIELD_MEMBER) };
struct alias { ALIAS_FIELDS(FIELD_MEMBER) };
struct cluster { CLUSTER_FIELDS(FIELD_MEMBER) };
struct box { BOX_FIELDS(FIELD_MEMBER) };
struct settings { SETTINGS_FIELDS(FIELD_MEMBER) };
struct credential { CREDENTIAL_FIELDS(FIELD_MEMBER) };
struct audit { AUDIT_FIELDS(FIELD_MEMBER) };
struct blocked { BLOCKED_FIELDS(FIELD_MEMBER) };
struct ledger { LEDGER_FIELDS(FIELD_MEMBER) };
struct whitelist { WHITELIST_FIELDS(FIELD_MEMBER) };
struct replied { REPLIED_FIELDS(FIELD_MEMBER) };
struct applied { APPLIED_FIELDS(FIELD_MEMBER) };
struct greylist_row { GREYLIST_FIELDS(FIELD_MEMBER) };
struct trust_row { TRUST_FIELDS(FIELD_MEMBER) };
struct naming_row { NAMING_FIELDS(FIELD_MEMBER) };
struct spread_row { SPREAD_FIELDS(FIELD_MEMBER) };
struct access { ACCESS_FIELDS(FIELD_MEMBER) };

/* spam_setting of accounts and aliases, default_spam_setting of clusters */
enum spam_setting { SPAM_OFF, SPAM_CLUSTER, SPAM_GREYLISTING };
enum ledger_outcome { LEDGER_DELIVERED = 1, LEDGER_REFUSED = 2 };

/* accounts.mdb */
extern const struct table table_accounts, table_aliases, table_clusters, table_boxes,
	table_settings, table_credentials, table_audit;
/* traffic.mdb */
extern const struct table table_ledger, table_blocked, table_whitelist, table_replied,
	table_greylist, table_trust, table_spread, table_naming, table_access,
	table_applied;
/* NULL-terminated, by environment. */
extern const struct table *const accounts_tables[];
extern const struct table *const traffic_tables[];

/* FK_DECIMAL to milliseconds. */
static inline int64_t decimal_s_ms(int64_t v)
{
	return v / 10;
}
static inline int64_t decimal_min_ms(int64_t v)
{
	return v * 6;
}

#endif
