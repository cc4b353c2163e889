// Why?: all that is held about an address, where its mail would go, and its last lines in the log; in words first.
import { h, fill, put, grid, say, number, many, duration, date } from "./dom.js";
import { ask, child, rows, text, total, values } from "./api.js";
import { tree } from "./tree.js";
import { logLine } from "./log.js";
import { lamp } from "./clusters.js";

const isIp = (t) => /^[0-9.]+$/.test(t) || /^[0-9a-f:]*:[0-9a-f:.]+$/i.test(t);
const signs = { good: "✓", wait: "▲", bad: "✕", note: "·" };
const finding = ([level, words]) => h("li", { class: level }, h("span", { class: "sign", "aria-hidden": "true" }, signs[level]), h("span", {}, words));
const seconds = (ms) => duration(Math.ceil(Number(ms) / 1000));

// --- findings: [level, what] ---

function block(part) {
	const b = child(part, "blockedip");
	return b ? [["bad", `It is blocked since ${date(text(b, "since"))}: ${text(b, "reason")} (by ${text(b, "by")}). ${many(text(b, "count"), "mail")} of it refused since. It may send no mail through this balancer.`]] : [];
}

function delays(part) {
	const out = [], login = Number(text(part, "login_delay_ms")), key = Number(text(part, "key_delay_ms")), open = rows(part, "sessions").map(values);
	if (login)
		out.push(["wait", `Wrong passwords: answers to its logins are held back for ${seconds(login)}.`]);
	if (key)
		out.push(["wait", `Wrong access keys: answers are held back for ${seconds(key)}.`]);
	if (open.length)
		out.push(["note", `${many(open.length, "session")} of it ${open.length === 1 ? "runs" : "run"} now: ${open.slice(0, 5).map((o) => `${o.clusterid} since ${date(o.since)}`).join(", ")}.`]);
	for (const l of rows(part, "limits").map(values))
		out.push([Number(l.used) >= Number(l.most) ? "bad" : "note", `${l.name.replace(/_/g, " ")}: ${number(l.used)} of ${number(l.most)} used up.`]);
	return out;
}

function guardFindings(client) {
	const g = child(client, "guard"), out = [];
	if (!g)
		return out;
	for (const c of [...g.children].filter((x) => x.tagName === "suspicion").map(values)) {
		const wait = Number(c.greylist_initial_s);
		out.push(c.refused === "1" ? ["bad", `${c.clusterid} refuses its mail for good: suspicion ${number(c.score)} of 1000.`]
			: [Number(c.score) ? "wait" : "good", `${c.clusterid}: ${Number(c.score) ? `suspicion ${number(c.score)} of 1000` : "no suspicion"}; where greylisting is on, a first mail of unknown correspondents waits ${duration(wait)}.`]);
	}
	if (Number(text(g, "established")))
		out.push(["good", `${many(text(g, "established"), "established mail")} came from its network ${text(g, "network")}.`]);
	return out;
}

const about = (client) => [...block(client), ...delays(client),
	...[...client.children].filter((c) => c.tagName === "range").map(values).map((r) => [r.name === "block_ranges" ? "bad" : "good", { block_ranges: `${r.clusterid} refuses it outright: it is in block_ranges.`, relay_ranges: `It may relay at ${r.clusterid} without a login: it is in relay_ranges.`,
		spam_whitelist_ranges: `${r.clusterid} never holds it up: it is in spam_whitelist_ranges.` }[r.name] || `It is in ${r.name} of ${r.clusterid}.`]),
	...rows(client, "connections").map(values).map((c) => ["note", `${c.clusterid}: ${many(c.tries, "connection")} in the running interval, ${number(c.open_sessions)} open${c.last_try_ms ? `, the last ${seconds(c.last_try_ms)} ago` : ""}.`]),
	...guardFindings(client)];

function boxFindings(mail) {
	return [...mail.children].filter((c) => c.tagName === "box").map(values).filter((b) => b.light !== "green" || Number(b.passed_over_ms) || Number(b.failures_in_a_row)).map((b) =>
		[b.light === "green" ? "wait" : "bad", `Its box ${b.boxid} in ${b.clusterid} is ${b.light}${Number(b.passed_over_ms) ? `, passed over for ${seconds(b.passed_over_ms)}` : ""}${b.last_failure ? ` (${b.last_failure})` : ""}${b.fallover_boxid ? `; what is meant for it goes to ${b.fallover_boxid}` : ""}.`]);
}

function aboutMail(mail) {
	const kind = ["account", "alias", "catch_all_account", "catch_all_alias"].find((k) => child(mail, k)), access = child(mail, "access") && values(child(mail, "access"));
	const words = { account: "It is an account", alias: "It is an alias", catch_all_account: "There is no such account; the catch-all of its domain, an account, gets its mail", catch_all_alias: "There is no such account; the catch-all of its domain, an alias, gets its mail" };
	const box = child(mail, "account") && text(child(mail, "account"), "boxid");
	const out = [kind ? ["good", `${words[kind]}${box ? ` on ${box}` : ""}.`] : ["note", "It is no account or alias of this site."]];
	if (kind === "account" && !box)
		out.push(["bad", "It has no box: mail to it is put off."]);
	if (access)
		out.push(["note", `Last login ${access.last_login ? `${date(access.last_login)} by ${access.last_protocol} from ${access.last_network}` : "never"}${access.last_failure ? `; last failed one ${date(access.last_failure)}` : ""}.`]);
	return [...out, ...block(mail), ...boxFindings(mail), ...delays(mail)];
}

// What route says of all clusters: the same of several is said once.
function routed(clusters) {
	const said = new Map();
	const add = (c, level, key, words) => (said.has(key) ? said.get(key) : said.set(key, { level, words, names: [] }).get(key)).names.push(text(c, "clusterid"));
	for (const c of clusters) {
		if (text(c, "result") !== "ok")
			add(c, "bad", text(c, "words"), `mail to it: ${text(c, "words")}`);
		for (const t of rows(c, "targets").map(values))
			add(c, t.result === "ok" ? "good" : t.result === "unknown" || t.result === "foreign" ? "bad" : "wait", Object.values(t).join("\n"),
				[`${t.email_address}${t.result === "ok" ? "" : ":"} ${t.result === "ok" && !/world/.test(t.words) ? "goes to" : t.words}${t.to ? " " : ""}`, t.to ? [lamp(t.light), " ", h("strong", {}, t.to), t.boxid && t.to !== t.boxid ? `, in place of ${t.boxid}` : ""] : ""]);
		if (child(c, "guard"))
			add(c, ...guarded(child(c, "guard")));
	}
	return [...said.values()].map(({ level, words, names }) => [level, [h("span", { class: "quiet" }, `${names.join(", ")} – `), words, "."]]);
}

function guarded(g) {
	const door = text(g, "door"), judged = text(g, "judgement"), left = Number(text(g, "seconds_left")), score = Number(text(g, "score")), why = text(g, "why");
	const passes = text(g, "would_pass") === "1" || /relay client/.test(door);
	const words = `from that sender and client it would ${passes ? "pass now" : left ? `be put off; a retry passes in ${duration(left)}` : "be held up"}. The client is ${door}${judged ? `; ${judged}` : ""}${score ? `; suspicion ${number(score)} of 1000${why ? ` (${why})` : ""}` : ""}`;
	return [passes ? "good" : /refus/.test(door + judged) ? "bad" : "wait", words, words];
}

// --- all that is held, for those who want to see for themselves ---

const readable = (tag) => tag.replace(/_/g, " ");

function shown(e) {
	const list = [...e.children];
	if (!list.length)
		return e.textContent ? h("span", { class: "anywhere" }, /^\d{4}-\d\d-\d\dT/.test(e.textContent) ? date(e.textContent) : e.textContent) : h("span", { class: "quiet" }, "–");
	if (list.every((c) => c.tagName === list[0].tagName && c.children.length && ![...c.children].some((x) => x.children.length)) && (list.length > 1 || e.hasAttribute("total"))) {
		const heads = Object.keys(values(list[0]));
		return grid("", heads.map(readable), list.map((c) => heads.map((n) => text(c, n))));
	}
	return h("dl", { class: "facts" }, list.filter((c) => c.textContent || c.children.length).map((c) => [h("dt", {}, readable(c.tagName)), h("dd", {}, shown(c))]));
}

function record(part) {
	return [...part.children].filter((c) => c.children.length).map((c) => h("details", { class: "group" }, h("summary", {}, readable(c.tagName), h("span", { class: "quiet" }, c.hasAttribute("total") ? ` ${number(c.getAttribute("total"))}` : text(c, "clusterid") ? ` ${text(c, "clusterid")}` : "")), shown(c)));
}

// --- the page ---

export async function lines(match, title = "Last lines in the log") {
	let list;
	try {
		const answer = await ask("tail", { match, limit: "30" }), found = rows(answer, "lines");
		list = found.length ? [h("ol", { class: "log", tabindex: 0, "aria-label": title }, found.map((l) => logLine(l.textContent))), h("p", { class: "quiet" }, `${number(found.length)} of ${number(total(answer, "lines"))} today. `, h("a", { href: `#/log/${encodeURIComponent(match)}` }, "Follow them in the live log"))] : h("p", { class: "quiet" }, "None today.");
	} catch (e) {
		list = h("p", { class: "quiet" }, e.message);
	}
	return h("section", { class: "card" }, h("h2", {}, title), list);
}

function parted(subject, findings, actions) {
	return h("section", { class: "card" }, h("div", { class: "head" }, h("h2", {}, subject), h("p", { class: "buttons" }, actions)), h("ul", { class: "findings" }, findings.map(finding)));
}

async function act(command, params, done, again) {
	await ask(command, params).then(() => say(done), (e) => say(e.message, true));
	await again();
}

async function look(out, subject, sender, client) {
	const ip = isIp(subject), again = () => look(out, subject, sender, client);
	const [where, held] = await Promise.all([ip ? null : ask("route", { email_address: subject, sender, address: client || undefined }), ask("trace", ip ? { address: subject } : { email_address: subject })]);
	const part = child(held, ip ? "client" : "mail"), isBlocked = !!child(part, "blockedip");
	const warnings = [...held.children].filter((c) => c.tagName === "warning").map((c) => ["wait", `${c.textContent}.`]);
	const blocking = h("button", { class: "plain small", onclick: () => act("setblockip", ip ? { address: subject, block_ip: isBlocked ? "0" : "1" } : { email_address: subject, block_email: isBlocked ? "0" : "1" }, `${subject} is ${isBlocked ? "un" : ""}blocked.`, again) }, isBlocked ? "Unblock" : "Block");
	const own = !ip && ["account", "alias"].find((k) => child(part, k));
	fill(out, ip ? parted(subject, [...warnings, ...about(part)].length ? [...warnings, ...about(part)] : [["good", "Nothing is held against it."]],
		[blocking, h("button", { class: "plain small", onclick: () => act("clearip", { address: subject }, `${subject} is deleted from the IP dictionary.`, again) }, "Delete from the dictionary")])
		: [parted(subject, [...warnings, ...aboutMail(part)], [own ? h("a", { class: "button small", href: `#/emails/edit/${own}/${encodeURIComponent(subject)}` }, "Edit") : null, blocking]),
			h("section", { class: "card" }, h("h2", {}, "Where its mail would go"), tree(where), h("ul", { class: "findings" }, routed(rows(where, "clusters")).map(finding)))],
	await lines(subject), h("section", { class: "card" }, h("h2", {}, "All that is held about it"), record(part)));
}

const one = (id, title, hint, value) => h("span", { class: "pair" }, h("label", { for: id }, title), h("input", { id, name: id, autocomplete: "off", spellcheck: "false", placeholder: hint, value }));

export async function why(root, [subject]) {
	const out = h("div", {}), told = h("p", { class: "unseen", role: "status" });
	const form = h("form", {
		class: "card bar", role: "search", onsubmit: async (e) => {
			e.preventDefault();
			const f = form.elements, about = f.about.value.trim();
			if (about !== subject)
				history.replaceState(null, "", `#/why/${encodeURIComponent(subject = about)}`);
			try {
				await look(out, about, f.sender.value.trim(), f.client.value.trim());
				told.textContent = [...out.querySelectorAll(".findings li")].slice(0, 3).map((li) => li.textContent).join(" ");
			} catch (x) {
				fill(out, h("p", { class: "card bad" }, `▲ ${x.message}`));
			}
		},
	}, one("about", "Mail or IP address", "anna@example.com, 192.0.2.7", subject || ""), one("sender", "Sender (if mail was delayed)", "bob@example.org"), one("client", "Sender's IP address", "192.0.2.7"), h("button", {}, "Why?"));
	put(root, h("p", { class: "lead" }, "Why is mail delayed or refused, where would it go? Name an address, yours or a stranger's. Nothing is sent."), form, told, out);
	if (subject)
		form.requestSubmit();
	form.elements.about.focus({ preventScroll: true });
}
