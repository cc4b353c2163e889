/* autoreply: a row for each reason not to answer, and the message that answers. */
#include "lib/wire/autoreply.c"

#include <stdio.h>

#include "test/unit/property.h"

static const struct str own[] = { STR_INIT("anna@example.com"),
				  STR_INIT("Info@Example.com") };

static struct autoreply_mail mail(const char *sender, struct str header)
{
	struct autoreply_mail m = { .header = header,
				    .own = own,
				    .n_own = ARRAY_LEN(own) };

	if (*sender)
		ck_assert_int_eq(address_parse(str_z(sender), &m.sender), ADDRESS_OK);
	return m;
}

#define TO "To: anna@example.com\r\n"

/* --- by the sender --- */

static const struct {
	const char *sender;
	enum autoreply_verdict want;
} senders[] = {
	{ "bert@example.org", AUTOREPLY_SEND },
	{ "", AUTOREPLY_NULL_SENDER },
	{ "anna@example.com", AUTOREPLY_OWN_SENDER },
	{ "ANNA@Example.COM", AUTOREPLY_OWN_SENDER },
	{ "info@example.com", AUTOREPLY_OWN_SENDER },
	{ "anna@example.org", AUTOREPLY_SEND },
	{ "prvs=0123456789=anna@example.com", AUTOREPLY_OWN_SENDER },
	{ "SRS0=HHHH=TT=example.com=anna@fwd.example", AUTOREPLY_OWN_SENDER },
	{ "SRS1=HH=first.example==HHHH=TT=example.com=anna@fwd.example",
	  AUTOREPLY_OWN_SENDER },
	{ "SRS0=HHHH=TT=example.com=bert@fwd.example", AUTOREPLY_SEND },
	/* RFC 3834 2 */
	{ "MAILER-DAEMON@example.org", AUTOREPLY_ROBOT },
	{ "mailer-daemon@example.org", AUTOREPLY_ROBOT },
	{ "owner-list@example.org", AUTOREPLY_ROBOT },
	{ "Owner-List@example.org", AUTOREPLY_ROBOT },
	{ "list-request@example.org", AUTOREPLY_ROBOT },
	{ "SRS0=HHHH=TT=example.org=list-request@fwd.example", AUTOREPLY_ROBOT },
	/* and those like them */
	{ "listserv@example.org", AUTOREPLY_ROBOT },
	{ "majordomo@example.org", AUTOREPLY_ROBOT },
	{ "list-owner@example.org", AUTOREPLY_ROBOT },
	{ "list-bounces@example.org", AUTOREPLY_ROBOT },
	{ "list-bounces+bert=example.net@example.org", AUTOREPLY_ROBOT },
	{ "bounce@example.org", AUTOREPLY_ROBOT },
	{ "bounces@example.org", AUTOREPLY_ROBOT },
	{ "bounces+123@example.org", AUTOREPLY_ROBOT },
	{ "bounce-123@example.org", AUTOREPLY_ROBOT },
	{ "bounces-123@example.org", AUTOREPLY_ROBOT },
	{ "noreply@example.org", AUTOREPLY_ROBOT },
	{ "No-Reply@example.org", AUTOREPLY_ROBOT },
	{ "donotreply@example.org", AUTOREPLY_ROBOT },
	{ "do-not-reply@example.org", AUTOREPLY_ROBOT },
	{ "noreply-shop@example.org", AUTOREPLY_ROBOT },
	{ "shop-noreply@example.org", AUTOREPLY_ROBOT },
	{ "no-reply-shop@example.org", AUTOREPLY_ROBOT },
	{ "shop-no-reply@example.org", AUTOREPLY_ROBOT },
	/* people */
	{ "postmaster@example.org", AUTOREPLY_SEND },
	{ "owner@example.org", AUTOREPLY_SEND },
	{ "request@example.org", AUTOREPLY_SEND },
	{ "requests-list@example.org", AUTOREPLY_SEND },
	{ "jo-owner-x@example.org", AUTOREPLY_SEND },
	{ "bouncer@example.org", AUTOREPLY_SEND },
	{ "noreplying@example.org", AUTOREPLY_SEND },
	{ "bert@noreply.example", AUTOREPLY_SEND },
	{ "+noreply@example.org", AUTOREPLY_SEND },
	{ "\xe4@example.org", AUTOREPLY_NOT_ASCII },
};

START_TEST(by_sender)
{
	struct autoreply_mail m = mail(senders[_i].sender, STR(TO "\r\n"));
	enum autoreply_verdict v = autoreply_decide(&m);

	ck_assert_msg(v == senders[_i].want, "%s: %s", senders[_i].sender,
		      autoreply_text(v));
}
END_TEST

/* --- by the header --- */

static const struct {
	struct str header;
	enum autoreply_verdict want;
} headers[] = {
	/* Auto-Submitted (RFC 3834 2, 5) */
	{ STR_INIT(TO "Auto-Submitted: no\r\n"), AUTOREPLY_SEND },
	{ STR_INIT(TO "auto-submitted:NO\r\n"), AUTOREPLY_SEND },
	{ STR_INIT(TO "Auto-Submitted: (a (b) \\) c)\r\n no (d) ; x=y\r\n"),
	  AUTOREPLY_SEND },
	{ STR_INIT(TO "Auto-Submitted: auto-replied\r\n"), AUTOREPLY_SUBMITTED },
	{ STR_INIT(TO "Auto-Submitted: auto-generated\r\n"), AUTOREPLY_SUBMITTED },
	{ STR_INIT(TO "Auto-Submitted: auto-notified; owner-email=\"a@b\"\r\n"),
	  AUTOREPLY_SUBMITTED },
	{ STR_INIT(TO "Auto-Submitted: (no) auto-replied\r\n"), AUTOREPLY_SUBMITTED },
	{ STR_INIT(TO "Auto-Submitted: no way\r\n"), AUTOREPLY_SUBMITTED },
	{ STR_INIT(TO "Auto-Submitted: nonsense\r\n"), AUTOREPLY_SUBMITTED },
	{ STR_INIT(TO "Auto-Submitted:\r\n"), AUTOREPLY_SUBMITTED },
	{ STR_INIT(TO "Auto-Submitted: (no\r\n"), AUTOREPLY_SUBMITTED },
	{ STR_INIT(TO "Auto-Submitted: no\r\nAuto-Submitted: auto-replied\r\n"),
	  AUTOREPLY_SUBMITTED },
	{ STR_INIT("Auto-Submitted: auto-replied\r\n" TO), AUTOREPLY_SUBMITTED },
	{ STR_INIT(TO "\r\nAuto-Submitted: auto-replied\r\n"),
	  AUTOREPLY_SEND }, /* body */
	/* List-* (RFC 2369, 2919, 8058) */
	{ STR_INIT(TO "List-Id: <l.example.org>\r\n"), AUTOREPLY_LIST },
	{ STR_INIT(TO "List-Help: <mailto:a@b>\r\n"), AUTOREPLY_LIST },
	{ STR_INIT(TO "List-Subscribe: <mailto:a@b>\r\n"), AUTOREPLY_LIST },
	{ STR_INIT(TO "LIST-UNSUBSCRIBE: <mailto:a@b>\r\n"), AUTOREPLY_LIST },
	{ STR_INIT(TO "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"),
	  AUTOREPLY_LIST },
	{ STR_INIT(TO "List-Post: NO\r\n"), AUTOREPLY_LIST },
	{ STR_INIT(TO "List-Owner: <mailto:a@b>\r\n"), AUTOREPLY_LIST },
	{ STR_INIT(TO "List-Archive:\r\n"), AUTOREPLY_LIST },
	{ STR_INIT(TO "X-List-Id: x\r\nListing: y\r\nList: z\r\n"), AUTOREPLY_SEND },
	/* Precedence */
	{ STR_INIT(TO "Precedence: bulk\r\n"), AUTOREPLY_PRECEDENCE },
	{ STR_INIT(TO "precedence: LIST\r\n"), AUTOREPLY_PRECEDENCE },
	{ STR_INIT(TO "Precedence:junk (mail)\r\n"), AUTOREPLY_PRECEDENCE },
	{ STR_INIT(TO "Precedence: first-class\r\n"), AUTOREPLY_SEND },
	{ STR_INIT(TO "Precedence: (bulk) normal\r\n"), AUTOREPLY_SEND },
	{ STR_INIT(TO "Precedence:\r\nX-Precedence: bulk\r\n"), AUTOREPLY_SEND },
	/* X-Auto-Response-Suppress */
	{ STR_INIT(TO "X-Auto-Response-Suppress: All\r\n"), AUTOREPLY_SUPPRESS },
	{ STR_INIT(TO "X-Auto-Response-Suppress: autoreply\r\n"), AUTOREPLY_SUPPRESS },
	{ STR_INIT(TO "X-Auto-Response-Suppress: OOF\r\n"), AUTOREPLY_SUPPRESS },
	{ STR_INIT(TO "X-Auto-Response-Suppress: DR\r\n"), AUTOREPLY_SUPPRESS },
	{ STR_INIT(TO "X-Auto-Response-Suppress: RN, NRN,\r\n AutoReply\r\n"),
	  AUTOREPLY_SUPPRESS },
	{ STR_INIT(TO "X-Auto-Response-Suppress: RN, NRN\r\n"), AUTOREPLY_SEND },
	{ STR_INIT(TO "X-Auto-Response-Suppress: None\r\n"), AUTOREPLY_SEND },
	/* what has passed here before */
	{ STR_INIT(TO "X-Loop: anna@example.com\r\n"), AUTOREPLY_LOOP },
	{ STR_INIT(TO "X-Loop: other\r\nX-Loop: <INFO@example.com>\r\n"),
	  AUTOREPLY_LOOP },
	{ STR_INIT(TO "X-Loop: bert@example.org\r\n"), AUTOREPLY_SEND },
	{ STR_INIT("Return-Path: <anna@example.com>\r\n" TO), AUTOREPLY_LOOP },
	{ STR_INIT("Return-Path: <>\r\n" TO), AUTOREPLY_NULL_SENDER },
	{ STR_INIT("Return-Path: (none) < >\r\n" TO), AUTOREPLY_NULL_SENDER },
	{ STR_INIT("Return-Path: <bert@example.org>\r\n" TO), AUTOREPLY_SEND },
	/* recipients (RFC 3834 2) */
	{ STR_INIT(""), AUTOREPLY_NOT_ADDRESSED },
	{ STR_INIT("To: bert@example.org\r\n"), AUTOREPLY_NOT_ADDRESSED },
	{ STR_INIT("To: undisclosed-recipients:;\r\n"), AUTOREPLY_NOT_ADDRESSED },
	{ STR_INIT("X-To: anna@example.com\r\n"), AUTOREPLY_NOT_ADDRESSED },
	{ STR_INIT("From: anna@example.com\r\n"), AUTOREPLY_NOT_ADDRESSED },
	{ STR_INIT("Cc: anna@example.com\r\n"), AUTOREPLY_SEND },
	{ STR_INIT("bcc: anna@example.com\r\n"), AUTOREPLY_SEND },
	{ STR_INIT("Resent-To: anna@example.com\r\n"), AUTOREPLY_SEND },
	{ STR_INIT("Resent-Cc: anna@example.com\r\n"), AUTOREPLY_SEND },
	{ STR_INIT("Resent-Bcc: anna@example.com\r\n"), AUTOREPLY_SEND },
	{ STR_INIT("To: bert@example.org\r\nCc: c@d\r\nTo: info@example.com\r\n"),
	  AUTOREPLY_SEND },
	{ STR_INIT("To: Anna <ANNA@EXAMPLE.COM>\r\n"), AUTOREPLY_SEND },
	{ STR_INIT("To: bert@example.org,\r\n\t\"A, B\" (x) <anna@example.com>\r\n"),
	  AUTOREPLY_SEND },
	{ STR_INIT("To: team: bert@example.org,anna@example.com;\r\n"), AUTOREPLY_SEND },
	{ STR_INIT("To: <@relay.example:anna@example.com>\r\n"), AUTOREPLY_SEND },
	{ STR_INIT("To: anna@example.com.org\r\n"), AUTOREPLY_NOT_ADDRESSED },
	{ STR_INIT("To: joanna@example.com\r\n"), AUTOREPLY_NOT_ADDRESSED },
	{ STR_INIT("To: \"anna@example.com\" <bert@example.org>\r\n"),
	  AUTOREPLY_NOT_ADDRESSED },
	{ STR_INIT("To: bert@example.org (for (now) anna@example.com)\r\n"),
	  AUTOREPLY_NOT_ADDRESSED },
	{ STR_INIT("To: \"a\\\" anna@example.com\" <bert@example.org>\r\n"),
	  AUTOREPLY_NOT_ADDRESSED },
	{ STR_INIT("To: \"never closed anna@example.com\r\n"), AUTOREPLY_NOT_ADDRESSED },
	{ STR_INIT("\r\nTo: anna@example.com\r\n"), AUTOREPLY_NOT_ADDRESSED }, /* body */
};

START_TEST(by_header)
{
	struct autoreply_mail m = mail("bert@example.org", headers[_i].header);
	enum autoreply_verdict v = autoreply_decide(&m);

	ck_assert_msg(v == headers[_i].want, "%s: %s", headers[_i].header.p,
		      autoreply_text(v));
	m.sender = (struct address){ .full = { NULL, 0 } }; /* the envelope comes first */
	ck_assert_int_eq(autoreply_decide(&m), AUTOREPLY_NULL_SENDER);
}
END_TEST

/* The header as header_scan hands it out. */
struct collected {
	char p[LIMIT_HEADER_SCAN + 1];
	size_t n;
};

static void collect(void *arg, enum header_part part, struct str bytes)
{
	struct collected *c = arg;

	if (part == HEADER_BODY)
		return;
	memcpy(c->p + c->n, bytes.p, bytes.n);
	c->n += bytes.n;
}

/* One that is cut short is never taken for a whole one, wherever the limit falls. */
START_TEST(cut_header)
{
	static char m[LIMIT_HEADER_SCAN + 300];
	static struct collected c;

	for (size_t shift = 0; shift < 200; shift++) {
		struct header_scan h;
		struct autoreply_mail a;
		size_t n = (size_t)sprintf(m, TO "X: %0*d\r\n", (int)(1 + shift), 0);

		while (n < LIMIT_HEADER_SCAN + 1)
			n += (size_t)sprintf(m + n, "X-%070d: y\r\n", 0);
		header_scan_init(&h);
		c.n = 0;
		header_scan(&h, (struct str){ m, n }, collect, &c);
		a = mail("bert@example.org", (struct str){ c.p, c.n });
		must(autoreply_decide(&a) == AUTOREPLY_LONG_HEADER, "cut");
	}
}
END_TEST

START_TEST(words)
{
	for (int v = 0; v < AUTOREPLY_VERDICTS; v++)
		ck_assert(autoreply_text((enum autoreply_verdict)v)[0] != '\0');
	ck_assert_str_eq(autoreply_text(AUTOREPLY_VERDICTS), "unknown");
}
END_TEST

/* --- what is remembered --- */

static const struct {
	const char *sender;
	bool same; /* as bert@example.org */
} keys[] = {
	{ "bert@example.org", true },
	{ "Bert@EXAMPLE.org", true },
	{ "prvs=1234567890=bert@example.org", true },
	{ "PRVS=1=Bert@example.org", true },
	{ "SRS0=HHHH=TT=example.org=bert@fwd.example", true },
	{ "SRS0+XXXX=YY=example.org=bert@other.example", true },
	{ "SRS1=H=first==HHHH=TT=example.org=bert@fwd", true },
	{ "SRS0=H=T=example.org=prvs=12=bert@fwd", true },
	{ "bert@example.net", false },
	{ "bert+x@example.org", false },
	{ "prvs=bert@example.org", false },
	{ "SRS0.HHHH=TT=example.org=bert@fwd", false },
	{ "SRS0=HHHH=TT=example.org@fwd", false },
	{ "SRS1=H=f=@fwd", false },
};

START_TEST(key)
{
	struct address a;
	char text[LIMIT_ADDRESS + 1];

	ck_assert_int_eq(address_parse(str_z(keys[_i].sender), &a), ADDRESS_OK);
	ck_assert_int_eq(str_eq(autoreply_sender(&a, text), STR("bert@example.org")), keys[_i].same);
}
END_TEST

/* --- the message --- */

static struct buf out;

static void setup(void)
{
	buf_init(&out, LIMIT_AUTOREPLY_MESSAGE);
}

static void teardown(void)
{
	buf_release(&out);
}

static struct autoreply_letter letter(struct str header)
{
	return (struct autoreply_letter){ .from = STR("anna@example.com"),
					  .to = STR("bert@example.org"),
					  .subject = STR("I am away"),
					  .body = STR("Back on Monday.\n"),
					  .message_id = STR("<1@us.example>"),
					  .wall_ms = 1795766400000,
					  .header = header };
}

/* The lines from the one that starts with name on, up to the next field; "" without. */
static const char *field(const char *name)
{
	static char text[70000];
	const char *at, *end;

	ck_assert_int_lt((int)buf_len(&out), (int)sizeof(text));
	memcpy(text, buf_str(&out).p, buf_len(&out));
	text[buf_len(&out)] = '\0';
	at = strstr(text, name);
	if (!at)
		return "";
	for (end = at; (end = strchr(end, '\n')) != NULL && char_blank(end[1]);)
		end++;
	ck_assert_ptr_nonnull(end);
	text[end + 1 - text] = '\0';
	return at;
}

START_TEST(whole_message)
{
	struct autoreply_letter l = letter(
		STR("Subject: hello\r\nMessage-ID: <9@x>\r\n\r\n"));

	ck_assert_int_eq(autoreply_compose(&l, &out, NULL), 0);
	ck_assert_int_eq(buf_addc(&out, '\0'), 0);
	ck_assert_str_eq(buf_str(&out).p, "Date: Fri, 27 Nov 2026 08:00:00 +0000\r\n"
					  "From: anna@example.com\r\n"
					  "To: bert@example.org\r\n"
					  "Subject: I am away\r\n"
					  "Message-ID: <1@us.example>\r\n"
					  "In-Reply-To: <9@x>\r\n"
					  "References: <9@x>\r\n"
					  "Auto-Submitted: auto-replied\r\n"
					  "MIME-Version: 1.0\r\n"
					  "Content-Type: text/plain; charset=UTF-8\r\n"
					  "Content-Transfer-Encoding: 7bit\r\n"
					  "\r\n"
					  "Back on Monday.\r\n");
}
END_TEST

#define ID50 "<aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@x>"
#define A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	struct str header;
	const char *reply_to, *references;
} threads[] = {
	/* RFC 5322 3.6.4 */
	{ STR_INIT(""), "", "" },
	{ STR_INIT("Message-ID: <2@x>\r\n"), "<2@x>", "<2@x>" },
	{ STR_INIT("message-id : <2@x> (c)\r\n"), "<2@x>", "<2@x>" },
	{ STR_INIT("Message-ID:\r\n <2@x>\r\nMessage-ID: <3@x>\r\n"), "<2@x>", "<2@x>" },
	{ STR_INIT("Message-ID: <2@x>\r\nReferences: <0@x> <1@x>\r\n"), "<2@x>",
	  "<0@x>\r\n <1@x>\r\n <2@x>" },
	{ STR_INIT("Message-ID: <2@x>\r\nReferences: <0@x>\r\nIn-Reply-To: <1@x>\r\n"),
	  "<2@x>", "<0@x>\r\n <2@x>" },
	{ STR_INIT("Message-ID: <2@x>\r\nIn-Reply-To: <1@x>\r\n"), "<2@x>",
	  "<1@x>\r\n <2@x>" },
	{ STR_INIT("Message-ID: <2@x>\r\nIn-Reply-To: your mail \"<0@x>\" <1@x>\r\n"),
	  "<2@x>", "<1@x>\r\n <2@x>" },
	{ STR_INIT("Message-ID: <2@x>\r\nIn-Reply-To: <0@x> <1@x>\r\n"), "<2@x>",
	  "<2@x>" },
	{ STR_INIT("References: <0@x> <1@x>\r\nIn-Reply-To: <1@x>\r\n"), "",
	  "<0@x>\r\n <1@x>" },
	{ STR_INIT("In-Reply-To: <1@x>\r\n"), "", "<1@x>" },
	/* what is no identifier is left out */
	{ STR_INIT("Message-ID: 2@x\r\n"), "", "" },
	{ STR_INIT("Message-ID: <2x>\r\n"), "", "" },
	{ STR_INIT("Message-ID: <@x>\r\n"), "", "" },
	{ STR_INIT("Message-ID: <2@>\r\n"), "", "" },
	{ STR_INIT("Message-ID: <2 @x>\r\n"), "", "" },
	{ STR_INIT("Message-ID: <2@x\r\n >\r\n"), "", "" },
	{ STR_INIT("Message-ID: <2\xe4@x>\r\n"), "", "" },
	{ STR_INIT("Message-ID: <2\0@x>\r\n"), "", "" },
	{ STR_INIT("Message-ID: <2@x\rBcc:y>\r\n"), "", "" },
	{ STR_INIT("Message-ID: <<2@x>\r\n"), "<2@x>", "<2@x>" },
	{ STR_INIT("Message-ID: <2@x\r\n"), "", "" },
	{ STR_INIT("References: (<0@x>) <b> <1@x>,<2@x\r\n"), "", "<1@x>" },
	{ STR_INIT("References: <" A50 A50 A50 A50 A50 "@x> " ID50 "\r\n"), "", ID50 },
};

START_TEST(thread)
{
	struct autoreply_letter l = letter(threads[_i].header);
	char want[600] = "";

	ck_assert_int_eq(autoreply_compose(&l, &out, NULL), 0);
	if (threads[_i].reply_to[0])
		sprintf(want, "In-Reply-To: %s\r\n", threads[_i].reply_to);
	ck_assert_str_eq(field("In-Reply-To:"), want);
	want[0] = '\0';
	if (threads[_i].references[0])
		sprintf(want, "References: %s\r\n", threads[_i].references);
	ck_assert_str_eq(field("References:"), want);
}
END_TEST

/* Of a thread of any length the first and the newest. */
START_TEST(long_thread)
{
	for (int n = 0; n < 60; n++) {
		char header[2000], want[2000];
		int at = sprintf(header, "Message-ID: <new@x>\r\nReferences:"), to;
		struct autoreply_letter l;
		int from = n > LIMIT_AUTOREPLY_REFERENCES - 1 ?
				   n - (LIMIT_AUTOREPLY_REFERENCES - 2) :
				   1;

		for (int i = 0; i < n; i++)
			at += sprintf(header + at, "\r\n <%d@x>", i);
		sprintf(header + at, "\r\n");
		to = sprintf(want, "References: %s", n ? "<0@x>\r\n" : "<new@x>\r\n");
		for (int i = from; i < n; i++)
			to += sprintf(want + to, " <%d@x>\r\n", i);
		if (n)
			sprintf(want + to, " <new@x>\r\n");
		l = letter(str_z(header));
		buf_release(&out);
		ck_assert_int_eq(autoreply_compose(&l, &out, NULL), 0);
		ck_assert_str_eq(field("References:"), want);
	}
}
END_TEST

static const struct {
	struct str subject, header;
	const char *want;
} subjects[] = {
	{ STR_INIT("away"), STR_INIT("Subject: hi\r\n"), "away" },
	{ STR_INIT(""), STR_INIT("Subject: hi\r\n"), "Auto: hi" },
	{ STR_INIT(" \r\n"), STR_INIT("Subject: hi\r\n"), "Auto: hi" },
	{ STR_INIT(""), STR_INIT("X: y\r\n"), "Auto:" },
	{ STR_INIT(""), STR_INIT("Subject:\r\nSubject: two\r\n"), "Auto:" },
	{ STR_INIT(""), STR_INIT("subject: =?utf-8?q?=C3=A4?=\r\n =?utf-8?q?b?=\r\n"),
	  "Auto: =?utf-8?q?=C3=A4?= =?utf-8?q?b?=" },
	{ STR_INIT("a\r\nBcc: c@d"), STR_INIT(""), "a Bcc: c@d" },
	{ STR_INIT(""), STR_INIT("Subject: a\rBcc: c@d\r\n"), "Auto: a Bcc: c@d" },
};

START_TEST(subject)
{
	struct autoreply_letter l = letter(subjects[_i].header);
	char want[200];

	l.subject = subjects[_i].subject;
	ck_assert_int_eq(autoreply_compose(&l, &out, NULL), 0);
	sprintf(want, "Subject: %s\r\n", subjects[_i].want);
	ck_assert_str_eq(field("Subject:"), want);
}
END_TEST

static const struct {
	struct str from, to, id;
} refused[] = {
	{ STR_INIT(""), STR_INIT("a@b"), STR_INIT("<1@x>") },
	{ STR_INIT("a@b"), STR_INIT(""), STR_INIT("<1@x>") },
	{ STR_INIT("a@b\r\nBcc: c@d"), STR_INIT("a@b"), STR_INIT("<1@x>") },
	{ STR_INIT("a@b"), STR_INIT("a\r\n@b"), STR_INIT("<1@x>") },
	{ STR_INIT("a@b"), STR_INIT("a@b,c@d"), STR_INIT("<1@x>") },
	{ STR_INIT("a@b"), STR_INIT("\xe4@b"), STR_INIT("<1@x>") },
	{ STR_INIT("\xe4@b"), STR_INIT("a@b"), STR_INIT("<1@x>") },
	{ STR_INIT("a@b"), STR_INIT("a@b"), STR_INIT("") },
	{ STR_INIT("a@b"), STR_INIT("a@b"), STR_INIT("1@x") },
	{ STR_INIT("a@b"), STR_INIT("a@b"), STR_INIT("<1@x>\r\nBcc: c@d") },
	{ STR_INIT("a@b"), STR_INIT("a@b"), STR_INIT("<1\r\nBcc:@x>") },
};

START_TEST(refusing)
{
	struct autoreply_letter l = letter(STR(""));
	struct err e = { "" };

	l.from = refused[_i].from;
	l.to = refused[_i].to;
	l.message_id = refused[_i].id;
	ck_assert_int_eq(buf_add(&out, STR("before")), 0);
	ck_assert_int_eq(autoreply_compose(&l, &out, &e), -1);
	ck_assert(str_eq(buf_str(&out), STR("before")));
	ck_assert_str_ne(e.text, "");
}
END_TEST

START_TEST(limits)
{
	static char body[LIMIT_AUTOREPLY_BODY + 1];
	struct autoreply_letter l = letter(STR("Subject: x\r\nMessage-ID: <2@x>\r\n"));
	size_t whole;

	memset(body, 'a', sizeof(body));
	l.body = (struct str){ body, sizeof(body) };
	ck_assert_int_eq(autoreply_compose(&l, &out, NULL), -1);
	ck_assert_uint_eq(buf_len(&out), 0);
	l.body.n--;
	ck_assert_int_eq(autoreply_compose(&l, &out, NULL), 0);
	l.body.n = 300;
	buf_release(&out);
	ck_assert_int_eq(autoreply_compose(&l, &out, NULL), 0);
	whole = buf_len(&out);
	for (size_t max = 0; max <= whole; max++) {
		struct buf small;

		buf_init(&small, max);
		must(autoreply_compose(&l, &small, NULL) == (max < whole ? -1 : 0),
		     "room");
		must(buf_len(&small) == (max < whole ? 0 : whole), "all or nothing");
		buf_release(&small);
	}
}
END_TEST

/* Headers that make a reader look far ahead at each byte: must end soon all the same. */
START_TEST(hostile_headers)
{
	static const char *const units[] = { "<",	 "(",	 "\"",
					     "\\",	 "a@b,", "<a",
					     "()",	 "<@>",	 "Message-ID: <\r\n",
					     "To:(\r\n", ",",	 "\r\n " };
	static const char *const names[] = { "To:", "References:", "Auto-Submitted:" };
	static char header[LIMIT_HEADER_SCAN];

	for (size_t i = 0; i < ARRAY_LEN(units) * ARRAY_LEN(names); i++) {
		const char *unit = units[i / ARRAY_LEN(names)];
		size_t n = (size_t)sprintf(header, "%s", names[i % ARRAY_LEN(names)]);
		struct autoreply_letter l;
		struct autoreply_mail m;

		while (n + 20 < sizeof(header) - HEADER_NAME)
			n += (size_t)sprintf(header + n, "%s", unit);
		m = mail("bert@example.org", (struct str){ header, n });
		must(autoreply_decide(&m) != AUTOREPLY_SEND, unit);
		l = letter(m.header);
		buf_release(&out);
		must(autoreply_compose(&l, &out, NULL) == 0, unit);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("autoreply");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, by_sender, 0, (int)ARRAY_LEN(senders));
	tcase_add_loop_test(t, by_header, 0, (int)ARRAY_LEN(headers));
	tcase_add_test(t, cut_header);
	tcase_add_test(t, words);
	tcase_add_loop_test(t, key, 0, (int)ARRAY_LEN(keys));
	tcase_add_test(t, whole_message);
	tcase_add_loop_test(t, thread, 0, (int)ARRAY_LEN(threads));
	tcase_add_test(t, long_thread);
	tcase_add_loop_test(t, subject, 0, (int)ARRAY_LEN(subjects));
	tcase_add_loop_test(t, refusing, 0, (int)ARRAY_LEN(refused));
	tcase_add_test(t, limits);
	tcase_add_test(t, hostile_headers);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
