// What forms call the settings, in which order and groups. A setting that stands nowhere here is on its form all the
// same, in the last group, under its tag.

const relay = ["rcpt_per_mail", "relay_ranges", "relay_box_choice", "allow_relay_notifications", "auth_required", "sender_must_match", "srs_domain"];
const door = ["max_connections", "max_client_connections", "max_client_connections_interval_s", "max_client_concurrent", "block_ranges", "accept_proxy_protocol", "session_max_s", "data_min_bytes_per_s"];

// [title, settings]; the first group of a form is open.
export const groups = {
	cluster: [
		["Listener", ["clusterid", "smtp_host_name", "listen_address", "listen_port", "max_mail_size_kb", "default_spam_setting", "comment"]],
		["Relaying and senders", relay],
		["Spam", ["spam_whitelist_ranges", "spread_factor", "error_sleep_s", "pregreet_ms", "dns_lists", "reverse_names"]],
		["Limits of clients", door],
		["Encryption", ["tls", "tls_required", "tls_certificate", "tls_key"]],
		["Mail and boxes", ["multi_box", "plus_addressing", "received_header", "bare_newline", "box_connect_timeout_ms", "method", "affinity_s", "idle_timeout_s"]],
	],
	box: [
		["Box", ["boxid", "connect_address", "connect_port", "smtp_relay", "fallover_boxid", "comment"]],
		["Load", ["weight", "max_sessions", "connect_timeout_ms"]],
		["Protocol and encryption", ["protocol", "client_info", "ehlo_name", "tls", "tls_verify"]],
		["Health checks", ["probe_interval_s", "probe_address", "probe_password"]],
	],
	account: [
		["Account", ["email_address", "boxid", "user_password", "spam_setting"]],
		["What is accepted", ["to_equals_from", "null_reverse_path", "allow_remote_deliveries"]],
		["What it may send", ["rcpt_per_mail", "mail_unlimited", "mail_unlimited_expiry"]],
		["Automatic replies", ["auto_reply_subject", "auto_reply_body", "auto_reply_copy", "auto_reply_expiry"]],
	],
	alias: [
		["Alias", ["alias_address", "alias_list", "spam_setting"]],
		["What is accepted, what it may send", ["allow_remote_deliveries", "rcpt_per_mail", "mail_unlimited", "mail_unlimited_expiry"]],
	],
	info: [
		["Greylisting", ["greylist_initial_min", "greylist_initial_suspicious_min", "greylist_first_window_min", "greylist_max_age_min", "whitelist_max_age_min", "spreadlist_max_age_min"]],
		["Limits of relay clients", ["recipient_exceeded_quota", "recipient_exceeded_interval_min", "mail_from_quota", "mail_from_interval_min", "distinct_from_emails",
			"distinct_from_emails_interval_min", "distinct_from_domains", "distinct_from_domains_interval_min"]],
		["IP dictionary", ["ip_dictionary_max_mb", "ip_dictionary_expiry_s"]],
		["Sisters", ["sister_list", "sister_discovery", "sister_wait", "sister_share_clusters", "sister_transport", "nats_url"]],
	],
};

// The manual's names, and better ones than the tags make by themselves.
const names = {
	clusterid: "Unique Identifier", "box.boxid": "Unique Identifier", "account.boxid": "Box name", boxid: "Box name",
	smtp_host_name: "SMTP host name", listen_address: "Listen interface address", listen_port: "TCP listen port",
	max_mail_size_kb: "Max mail size", default_spam_setting: "Default spam filtering", spam_setting: "Spam filtering",
	relay_ranges: "Client relay address ranges", relay_box_choice: "How to choose relay box", allow_relay_notifications: "Allow notifications from relay clients",
	"cluster.rcpt_per_mail": "Recipients per MAIL FROM", rcpt_per_mail: "Recipients per MAIL FROM", auth_required: "Login required",
	spam_whitelist_ranges: "Foreign SMTP server SPAM whitelist", spread_factor: "Spam spread factor", error_sleep_s: "Sleep on certain SMTP errors",
	pregreet_ms: "Pause before the greeting", dns_lists: "DNS lists", reverse_names: "Look up reverse names",
	max_connections: "Maximum number of connections", max_client_connections: "Maximum number of per-client connections",
	max_client_connections_interval_s: "Interval of that maximum", max_client_concurrent: "Maximum number of per-client concurrent",
	block_ranges: "Client block address ranges", accept_proxy_protocol: "Accept the PROXY protocol from", session_max_s: "Longest session",
	data_min_bytes_per_s: "Slowest mail", tls: "TLS", tls_required: "TLS required", tls_certificate: "TLS certificate", tls_key: "TLS key",
	tls_verify: "Verify the certificate", multi_box: "Several boxes in one mail", plus_addressing: "Plus addressing", received_header: "Received field",
	bare_newline: "Bare newlines", box_connect_timeout_ms: "Box connect timeout", method: "How to choose the box", affinity_s: "Clients keep their box for",
	idle_timeout_s: "Idle timeout", srs_domain: "Domain of rewritten senders (SRS)", sender_must_match: "Sender must match the login",
	connect_address: "TCP connect address", connect_port: "TCP connect port", smtp_relay: "Takes outgoing mail (relay)", fallover_boxid: "Fall-over box",
	max_sessions: "Maximum number of connections", connect_timeout_ms: "Connect timeout", client_info: "Tell the client's address by", ehlo_name: "Name in EHLO",
	probe_interval_s: "Check every", probe_address: "Login for the check", probe_password: "Its password",
	user_password: "Password", to_equals_from: "Return path equals recipient address", null_reverse_path: "Null return path",
	allow_remote_deliveries: "Remote deliveries", mail_unlimited: "Unlimited email", mail_unlimited_expiry: "Unlimited email expiry date",
	auto_reply_subject: "Auto-reply subject", auto_reply_body: "Auto-reply message body", auto_reply_copy: "Auto-reply keep copy", auto_reply_expiry: "Auto-reply expiry date",
	alias_address: "Alias address", alias_list: "Alias list",
	greylist_initial_min: "Greylisting initial time", greylist_initial_suspicious_min: "Greylisting initial time for suspicious email",
	greylist_first_window_min: "Greylisting first window", greylist_max_age_min: "Greylisting max record age",
	whitelist_max_age_min: "Whitelist max record age", spreadlist_max_age_min: "Spreadlist max record age",
	recipient_exceeded_quota: "Recipient exceeded quota", recipient_exceeded_interval_min: "Interval of recipient exceeded",
	mail_from_quota: "MAIL FROM total quota", mail_from_interval_min: "Interval of MAIL FROM", distinct_from_emails: "Distinct FROM emails per IP address",
	distinct_from_emails_interval_min: "Interval of FROM emails", distinct_from_domains: "Distinct FROM domains per IP address",
	distinct_from_domains_interval_min: "Interval of FROM domains", ip_dictionary_max_mb: "Max dictionary size", ip_dictionary_expiry_s: "Dictionary expiry", nats_url: "NATS URL",
};

export function label(table, tag) {
	const t = names[`${table}.${tag}`] || names[tag] || tag.replace(/_(min|s|ms|kb|mb)$/, "").replace(/_/g, " ");
	return t[0].toUpperCase() + t.slice(1);
}

const units = [[/_bytes_per_s$/, "bytes/s"], [/_min$/, "min"], [/_ms$/, "ms"], [/_s$/, "s"], [/_kb$/, "kB"], [/_mb$/, "MB"], [/_expiry$/, "UTC"]];
export const unit = (tag) => (units.find(([end]) => end.test(tag)) || [])[1] || "";

// Sentences for those whose own speak of the numbers below.
export const helps = {
	default_spam_setting: "for accounts and aliases that leave it to the cluster",
	spam_setting: "whether mail from strangers to this address is greylisted",
	relay_box_choice: "which box takes outgoing mail",
};

// Numbers that stand for something.
export const choices = {
	relay_box_choice: [["0", "load balance over relay boxes"], ["1", "the sender's own box"]],
	default_spam_setting: [["2", "Greylisting"], ["0", "Disabled"]],
	spam_setting: [["1", "Default (as the cluster)"], ["2", "Greylisting"], ["0", "Disabled"]],
};

// Settings that are stored and do nothing yet, as README.md has them (test_docs.py): * is any rest of a name.
const later = ["tls*", "accept_proxy_protocol", "client_info", "ehlo_name", "sister_*", "nats_url"];
export const isLater = (tag) => later.some((l) => (l.endsWith("*") ? tag.startsWith(l.slice(0, -1)) : tag === l));
