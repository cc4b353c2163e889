// Clusters and boxes: their lights, and what goes through them.
import { h, s, fill, update, say, confirmed, every, number, many, warned } from "./dom.js";
import { ask, rows, text, values } from "./api.js";
import { accountsOf, boxPage, firstSteps, parts, troubles } from "./setup.js";

const EVERY_MS = 2000;

// A shape each, so that colour is never all there is.
const lights = {
	green: ["takes sessions", () => s("circle", { cx: 8, cy: 8, r: 6 })],
	yellow: ["takes no new sessions", () => s("path", { d: "M8 1.5 15 14H1z" })],
	red: ["takes none, and ends those that run", () => s("rect", { x: 2, y: 2, width: 12, height: 12, rx: 1.5 })],
};

export const lamp = (light) => (lights[light] ? s("svg", { class: `lamp ${light}`, viewBox: "0 0 16 16", width: 12, height: 12, role: "img", "aria-label": light }, lights[light][1]()) : "");

const begun = new Map(); // cluster and box: sessions when its light left green
const name = (c, b) => `${c.clusterid}\n${b.boxid}`;
const inUse = (b) => Math.max(0, Number(b.sessions) - Number(b.idle || 0));

// --- lights ---

async function consequences(c, b, light) {
	const home = c.type === "smtp" || c.type === "pop3" ? await accountsOf(b.boxid).catch(() => 0) : 0;
	const others = c.boxes.filter((x) => x !== b && x.light === "green");
	const instead = c.boxes.find((x) => x.boxid === b.fallover_boxid);
	const work = c.type === "tcp" ? "Its share goes to the other green boxes." : instead && instead.light === "green" ? `What is meant for it goes to its fall-over box ${instead.boxid}.`
		: `What is meant for it is put off with a temporary error: ${b.fallover_boxid ? `its fall-over box ${b.fallover_boxid} is not green` : "it has no fall-over box"}.`;
	return [
		light === "red" ? `${many(inUse(b), "session")} of it ${inUse(b) === 1 ? "is" : "are"} ended at once, with a temporary error.` : `It takes no new sessions. ${inUse(b) ? `${many(inUse(b), "session")} that run now may end.` : "None runs now."}`,
		work,
		home ? `${many(home, "account")} ${home === 1 ? "has its mailbox" : "have their mailboxes"} on ${b.boxid}.` : "",
		others.length ? "" : h("strong", {}, `It is the last green box of ${c.clusterid}: nobody is served there until one is green again.`),
	];
}

// As it is now.
async function anew(c, b) {
	const cluster = parts(await ask("listclusters")).find((x) => x.clusterid === c.clusterid) || c;
	return [cluster, cluster.boxes.find((x) => x.boxid === b.boxid) || b];
}

async function turn(seen, row, light, redraw) {
	const [c, b] = await anew(seen, row);
	if (light !== "green" && !(await confirmed(`Turn ${b.boxid} of ${c.clusterid} ${light}?`, await consequences(c, b, light), `Turn ${light}`)))
		return;
	try {
		begun.set(name(c, b), inUse(b));
		await ask(light, { clusterid: c.clusterid, boxid: b.boxid });
		say(`${b.boxid} of ${c.clusterid} is ${light}: it ${lights[light][0]}.`);
	} catch (e) {
		say(e.message, true);
	}
	await redraw();
}

function trafficLight(c, b, redraw) {
	return h("span", { class: "lights", role: "group", "aria-label": `Light of ${b.boxid} in ${c.clusterid}` }, Object.entries(lights).map(([light, [words, shape]]) => h("button", {
		class: `light ${light}`, "aria-pressed": String(b.light === light), title: `${light}: ${words}`,
		onclick: () => b.light !== light && turn(c, b, light, redraw).catch((e) => say(e.message, true)),
	}, s("svg", { viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true" }, shape()), h("span", { class: b.light === light ? "" : "unseen" }, light))));
}

// --- boxes ---

function sessions(c, b) {
	const n = inUse(b), key = name(c, b);
	if (b.light === "green") {
		begun.delete(key);
		return [number(n), Number(b.max_sessions) ? h("small", {}, ` of ${number(b.max_sessions)}`) : null, Number(b.idle) ? h("small", { class: "block" }, `${number(b.idle)} idle`) : null];
	}
	const most = Math.max(begun.get(key) || 0, n);
	begun.set(key, most);
	return n ? [h("strong", {}, number(n)), h("small", {}, most > n ? ` of ${number(most)} left` : " left"), h("progress", { class: "drain", max: most, value: n, "aria-label": `Sessions left on ${b.boxid}` })]
		: [h("strong", {}, "0"), h("small", { class: "block" }, "drained")];
}

// Below which time a part of the answers was.
function quantile(buckets, part) {
	const all = buckets.reduce((n, x) => n + Number(x.answers), 0);
	let n = 0;
	for (const x of buckets)
		if ((n += Number(x.answers)) >= all * part && all)
			return x.below_ms ? `< ${number(x.below_ms)} ms` : "> 16 s";
	return "–";
}

function health(b) {
	if (Number(b.passed_over_ms) > 0)
		return h("span", { class: "bad" }, `▲ passed over for ${number(Math.ceil(b.passed_over_ms / 1000))} s: ${b.last_failure}`);
	if (Number(b.failures_in_a_row) > 0)
		return h("span", { class: "bad" }, `▲ ${many(b.failures_in_a_row, "failure")} in a row: ${b.last_failure}`);
	return b.last_failure ? h("span", {}, "works", h("small", { class: "block" }, `last failure: ${b.last_failure}`)) : Number(b.sessions_total) ? "works" : h("span", { class: "quiet" }, "unused");
}

// What the prober found when it looked last.
function check(b) {
	if (b.check === "none")
		return h("small", { class: "block quiet" }, Number(b.probe_interval_s) ? "not checked yet" : "no checks");
	const ago = `${number(Math.round(b.check_ago_ms / 1000))} s ago`;
	if (b.check === "well")
		return h("small", { class: "block quiet", title: b.check_text ? `offers ${b.check_text}` : null }, h("span", { class: "unseen" }, "health check: "), `✓ ${number((b.check_took_us / 1000).toFixed(1))} ms, ${ago}`);
	return h("small", { class: "block bad" }, `▲ check, ${ago}: ${b.check_text}`);
}

const heads = ["Box", "Light", "Address", "#Sessions", "#Answers in", "#Mails", "#Errors", "Health", ""];

function boxRow(c, b, buckets, redraw) {
	const cells = [
		[h("strong", {}, b.boxid), b.comment ? h("small", { class: "block" }, b.comment) : null],
		trafficLight(c, b, redraw),
		[h("span", { class: "address" }, `${b.connect_address}:${b.connect_port}`), h("small", { class: "block" }, [b.protocol, b.smtp_relay === "1" ? "relay" : "", b.fallover_boxid ? `falls over to ${b.fallover_boxid}` : ""].filter((x) => x).join(", "))],
		sessions(c, b),
		[quantile(buckets, 0.5), h("small", { class: "block" }, `95 %: ${quantile(buckets, 0.95)}`)],
		number(c.type === "smtp" ? b.mails : c.type === "pop3" ? b.logins : b.sessions_total),
		[number(b.failures), Number(b.refused) ? h("small", { class: "block" }, `${number(b.refused)} refused`) : null],
		[health(b), check(b)],
		h("span", { class: "actions" }, h("a", { href: boxPage(c.clusterid, b.boxid), "aria-label": `Edit box ${b.boxid} of ${c.clusterid}` }, "Edit"),
			h("button", { class: "plain small", "aria-label": `Delete box ${b.boxid} of ${c.clusterid}`, onclick: () => removeBox(c, b, redraw) }, "Delete")),
	];
	return h("tr", { role: "row", "data-key": b.boxid }, cells.map((x, i) => h("td", { role: "cell", "data-head": heads[i].replace("#", ""), class: heads[i][0] === "#" ? "n" : null }, x)));
}

async function remove(what, lines, command, params, redraw) {
	if (!(await confirmed(`Delete ${what}?`, lines, "Delete")))
		return;
	try {
		say(warned(`${what} is deleted.`, await ask(command, params)));
	} catch (e) {
		say(e.message, true);
	}
	await redraw();
}

async function removeBox(seen, row, redraw) {
	const [c, b] = await anew(seen, row);
	const home = await accountsOf(b.boxid).catch(() => 0);
	await remove(`box ${b.boxid} of ${c.clusterid}`, [`${many(inUse(b), "session")} of it ${inUse(b) === 1 ? "runs" : "run"} now, and ${inUse(b) === 1 ? "is" : "are"} ended.`,
		home ? `${many(home, "account")} ${home === 1 ? "has its mailbox" : "have their mailboxes"} there.` : "", "Its settings are lost."], "deletebox", { clusterid: c.clusterid, boxid: b.boxid }, redraw);
}

// --- clusters ---

const kinds = { smtp: "SMTP", pop3: "POP3", imap: "IMAP", tcp: "TCP" };

function card(c, latency, redraw) {
	const id = encodeURIComponent(c.clusterid), head = (t) => h("th", { scope: "col", role: "columnheader", class: t[0] === "#" ? "n" : null }, (t === "#Mails" ? { pop3: "Logins", tcp: "Sessions in all" }[c.type] : 0) || t.replace("#", "") || h("span", { class: "unseen" }, "more"));
	const refused = Object.keys(c).filter((k) => k.startsWith("refused_")).reduce((n, k) => n + Number(c[k]), 0);
	const facts = [`${number(c.sessions)} of ${number(c.max_connections)} sessions`, c.type === "pop3" ? many(c.logins, "login") : c.type === "smtp" ? many(c.mails, "mail") : many(c.sessions_total, "session in all", "sessions in all"), many(refused, "refusal"),
		c.tls && c.tls !== "none" ? `TLS: ${c.tls}` : ""];
	return h("section", { class: "card cluster", "data-key": c.clusterid, "aria-label": `Cluster ${c.clusterid}` },
		h("div", { class: "head" }, h("div", {}, h("h2", {}, c.clusterid, " ", h("span", { class: "kind" }, kinds[c.type] || c.type)),
			h("p", { class: "quiet" }, h("span", { class: "address" }, `${c.listen_address}:${c.listen_port}`), c.listening === "0" ? h("strong", { class: "bad" }, " ▲ not listening") : null, ` · ${facts.filter((f) => f).join(" · ")}`),
			c.comment ? h("p", {}, c.comment) : null,
			c.type === "smtp" && c.relay_box_choice === "0" && c.boxes.length && !c.boxes.some((b) => b.smtp_relay === "1") ? h("p", { class: "wait" }, "▲ No box takes outgoing mail (relay): mail to the world is put off.") : null),
		h("p", { class: "buttons" }, h("a", { class: "button", href: boxPage(c.clusterid) }, "Add box"), h("a", { class: "button", href: `#/clusters/edit/${id}`, "aria-label": `Edit cluster ${c.clusterid}` }, "Edit"),
			h("button", { class: "plain", "aria-label": `Delete cluster ${c.clusterid}`, onclick: () => remove(`cluster ${c.clusterid}`, ["Its listener is closed, its settings are lost.", c.boxes.length ? "It still has boxes: they have to be deleted first." : ""], "deletecluster", { clusterid: c.clusterid }, redraw) }, "Delete"))),
		c.boxes.length ? h("table", { class: "boxes many", role: "table", "aria-label": `Boxes of ${c.clusterid}` }, h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads.map(head))),
			h("tbody", { role: "rowgroup" }, c.boxes.map((b) => boxRow(c, b, latency[name(c, b)] || [], redraw)))) : h("p", { class: "quiet" }, "No box yet."));
}

// Of stats: the buckets of each box.
function latencies(stats) {
	const out = {};
	for (const c of rows(stats, "clusters"))
		for (const b of rows(c, "boxes"))
			out[`${text(c, "clusterid")}\n${text(b, "boxid")}`] = rows(b, "latency").map(values);
	return out;
}

export async function clusters(root) {
	const list = h("div", {});
	const redraw = async () => {
		const [answer, stats] = await Promise.all([ask("listclusters"), ask("stats", { span: "none" })]);
		const all = parts(answer), latency = latencies(stats);
		update(list, await firstSteps(answer), await troubles(answer), all.length ? all.map((c) => card(c, latency, redraw)) : h("p", { class: "card" }, "There is no cluster yet: begin with an SMTP cluster."));
	};
	fill(root, h("p", { class: "buttons" }, [["smtp", "Add SMTP Cluster"], ["pop3", "Add POP3 Cluster"], ["tcp", "Add Cluster"]].map(([type, title]) =>
		h("a", { class: "button", href: `#/clusters/add/${type}` }, title))), list);
	await redraw();
	return every(EVERY_MS, redraw);
}
