// Info: how it goes, what was refused and why; the general settings; who changed what.
import { h, fill, update, put, grid, bar, say, every, number, many, rate, bytes, duration, date, warned } from "./dom.js";
import { ask, child, rows, text, total, values } from "./api.js";
import { fields, form } from "./forms.js";
import { counters } from "./tables.js";
import { graph } from "./graph.js";
import { firstSteps, troubles } from "./setup.js";

const EVERY_MS = 5000, PAGE = 50;

// What the graphs may show: title, ring of the history, ms.
const spans = { minute: ["Minute", "recent", 60000], recent: ["10 min", "recent", 600000], hour: ["Hour", "hour", 3600000], day: ["Day", "day", 86400000], week: ["Week", "week", 604800000] };

const figure = (name, value, more) => h("div", { class: "figure" }, h("dt", {}, name), h("dd", {}, value, more ? h("small", {}, more) : null));
const sum = (clusters, ...names) => clusters.reduce((n, c) => n + names.reduce((m, name) => m + Number(c[name] || 0), 0), 0);

function samples(stats, ring) {
	const history = child(stats, "history");
	return history ? rows(history, ring).map(values) : [];
}

const perSecond = (x, name) => (Number(x.ms) ? (Number(x[name]) * 1000) / Number(x.ms) : 0);

const speedOf = (a, b) => Object.fromEntries(["mails", "refusals"].map((n) => [n, Math.max(0, b[n] - a[n]) / Math.max(0.5, (b.at - a.at) / 1000)]));

// --- parts of the overview ---

function figures(stats, clusters, speed) {
	const workers = rows(stats, "workers").map(values);
	return h("dl", { class: "figures" },
		figure("Mails/s", speed ? rate(speed.mails) : "–", `${number(sum(clusters, "mails"))} in all`),
		figure("Sessions now", number(sum(clusters, "sessions")), `${number(sum(clusters, "sessions_total"))} in all`),
		figure("Refusals/s", speed ? rate(speed.refusals) : "–", `${number(sum(clusters, ...causes))} in all`),
		figure("Logins", number(sum(clusters, "logins")), `${number(sum(clusters, "refused_login"))} failed`),
		figure("Traffic", bytes(sum(clusters, "bytes_in")), `in, ${bytes(sum(clusters, "bytes_out"))} out`),
		figure("Workers", number(workers.filter((w) => w.pid !== "0").length), many(sum(workers, "restarts"), "restart")),
		figure("Up for", duration(Number(text(stats, "uptime_s"))), `version ${text(stats, "version")}`));
}

const causes = Object.keys(counters).filter((n) => n.startsWith("refused_"));

function refusals(clusters) {
	const counted = causes.map((n) => [n, sum(clusters, n)]).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
	const all = sum(clusters, ...causes);
	return h("section", { class: "card" }, h("h2", {}, "Refusals by cause"), counted.length ? grid("", ["Cause", "#Count", ""], counted.map(([n, count]) => [
		[h("strong", {}, n.slice(8).replace(/_/g, " ")), h("small", { class: "block" }, counters[n])], number(count), bar(count / all)]))
		: h("p", { class: "quiet" }, "Nothing has been refused since the start."));
}

function greylisting(clusters) {
	const off = sum(clusters, "refused_greylist"), retry = sum(clusters, "passed_retry");
	const known = sum(clusters, "passed_known"), trust = sum(clusters, "passed_trust"), most = Math.max(1, off, retry, known, trust);
	const row = (name, help, n) => [[h("strong", {}, name), h("small", { class: "block" }, help)], number(n), bar(n / most)];
	return h("section", { class: "card" }, h("h2", {}, "Greylisting"),
		h("p", {}, off ? `Of ${many(off, "recipient")} put off, ${number(retry)} came again and passed: ${Math.round((100 * retry) / off)} %. Programs that send spam hardly ever do.` : "Nobody has been put off since the start."),
		grid("", ["Effect", "#Count", ""], [
			row("put off", counters.refused_greylist, off), row("passed, came again", counters.passed_retry, retry),
			row("passed, known", counters.passed_known, known), row("passed, trusted", counters.passed_trust, trust)]));
}

function traffic(stats, choice) {
	const [, ring, span] = spans[choice], list = samples(stats, ring);
	const drawn = (title, name, shown) => graph(title, list.map((x) => [x.time, name === "sessions" ? Number(x.sessions) : perSecond(x, name)]), span, shown);
	return h("div", { class: "columns" }, drawn("Mails/s", "mails"), drawn("Refusals/s", "refusals"), drawn("Sessions", "sessions", (n) => (Number.isInteger(n) ? number(n) : n.toFixed(1))), drawn("Bytes/s in", "bytes_in", bytes));
}

function flags(stats) {
	const list = rows(stats, "flags").map(values);
	return list.length ? h("section", { class: "card" }, h("h2", {}, "Remarkable accounts"), h("p", { class: "quiet" }, "Nobody is refused for it."),
		grid("", ["Account", "Why", "When"], list.map((f) => [h("a", { href: `#/why/${encodeURIComponent(f.email_address)}` }, f.email_address), f.reason, date(f.time)]))) : null;
}

function processes(stats) {
	const workers = rows(stats, "workers").map(values), others = rows(stats, "processes").map(values).filter((p) => p.role);
	const journal = values(child(stats, "journal") || h("x"));
	return h("details", { class: "card" }, h("summary", {}, "Processes"),
		grid("Workers serve the sessions", ["Worker", "#Pid", "#Restarts", "#Sessions", "#Sessions in all", "#Mails"],
			workers.map((w) => [Number(w.slot) + 1, w.pid, number(w.restarts), number(w.sessions), number(w.sessions_total), number(w.mails)])),
		grid("The others", ["Process", "#Pid", "#Restarts"], others.map((p) => [p.role, p.pid, number(p.restarts)])),
		h("p", { class: "quiet" }, `Facts for the disk: ${bytes(journal.applied_bytes)} of ${bytes(journal.published_bytes)} written, ${number(journal.dropped)} dropped.`));
}

// The manual's form: 12.13.14.15(tx43516,rx92675,q13,a3244).
const sisterLine = (x) => `${x.address}(tx${x.tx},rx${x.rx},q${x.q},a${x.a})`;

async function standing() {
	const [info, sisters, conflicts] = await Promise.all([ask("getinfo"), ask("listsisters"), ask("conflicts", { limit: "20" })]);
	const list = rows(sisters, "sisters").map(values), fought = rows(conflicts, "conflicts").map(values);
	return [h("section", { class: "card" }, h("h2", {}, "Sisters"),
		h("p", {}, list.length ? h("code", {}, list.map(sisterLine).join(" ")) : text(info, "sisters") || "This balancer stands alone."),
		list.length ? grid("tx: sent, rx: received, q: waiting to be sent, a: bytes that takes", ["Sister", "State", "#tx", "#rx", "#q", "#a"],
			list.map((x) => [x.address, x.state, number(x.tx), number(x.rx), number(x.q), number(x.a)])) : null,
		fought.length ? grid("Fields that two sisters changed at once", Object.keys(fought[0]), fought.map((c) => Object.values(c))) : null),
	h("details", { class: "card" }, h("summary", {}, "Databases"), grid("Rows that they hold", ["Table", "#Rows"], rows(info, "tables").map(values).map((t) => [t.name, number(t.rows)])))];
}

// --- pages ---

export async function info(root) {
	const top = h("div", {}), head = h("div", {}), graphs = h("div", {}), live = h("div", {}), still = h("div", {});
	let choice = "recent", before = null;
	const pick = h("div", { class: "segments", role: "group", "aria-label": "How far back" }, Object.entries(spans).map(([name, [title]]) => h("button", {
		class: "plain", "aria-pressed": String(name === choice), onclick: async (e) => {
			choice = name;
			for (const b of pick.children)
				b.setAttribute("aria-pressed", String(b === e.currentTarget));
			await draw().catch((x) => say(x.message, true));
		},
	}, title)));
	const draw = async () => {
		const stats = await ask("stats", { span: spans[choice][1] });
		const clusters = rows(stats, "clusters").map(values), ring = samples(stats, "recent"), last = ring[ring.length - 1];
		const now = { at: performance.now(), mails: sum(clusters, "mails"), refusals: sum(clusters, ...causes) };
		update(head, figures(stats, clusters, before ? speedOf(before, now) : last && { mails: perSecond(last, "mails"), refusals: perSecond(last, "refusals") }));
		before = now;
		update(graphs, traffic(stats, choice));
		update(live, h("div", { class: "columns" }, refusals(clusters), greylisting(clusters)), flags(stats), processes(stats));
	};
	const setup = async () => {
		const list = await ask("listclusters");
		update(top, await firstSteps(list), await troubles(list));
	};
	await Promise.all([draw(), setup(), standing().then((parts) => fill(still, parts))]);
	fill(root, top, head, h("section", { class: "card" }, h("div", { class: "head" }, h("h2", {}, "Traffic"), pick), graphs), live, still);
	const stops = [every(EVERY_MS, draw), every(3 * EVERY_MS, setup)];
	return () => stops.forEach((stop) => stop());
}

export async function settings(root) {
	const part = fields("info", values(await ask("getinfo")), { allOpen: true });
	put(root, h("p", { class: "lead" }, "They hold for all clusters, and are live in all workers when they are saved."), form(part, async (changed) => {
		const answer = await ask("commitmodifyinfo", changed);
		say(warned("The settings are saved.", answer));
	}, h("a", { class: "button", href: "#/info" }, "Back")));
}

// Who changed what, the newest first.
export async function changes(root) {
	const list = h("div", {}), more = h("button", { class: "plain" }, "Older changes");
	const shown = [];
	let after;
	const draw = async () => {
		const answer = await ask("audit", { after, limit: String(PAGE) }), page = rows(answer, "changes").map(values);
		shown.push(...page);
		after = page.length ? page[page.length - 1].number : after;
		more.hidden = shown.length >= total(answer, "changes") || !page.length;
		fill(list, shown.length ? grid(`${number(shown.length)} of ${number(total(answer, "changes"))} changes`, ["Time", "Who", "From", "Command", "What"],
			shown.map((c) => [h("span", { class: "time" }, date(c.time)), c.who, c.from, c.command, h("span", { class: "anywhere" }, c.what)])) : h("p", {}, "Nothing has been changed yet."));
	};
	more.addEventListener("click", () => draw().catch((e) => say(e.message, true)));
	await draw();
	put(root, h("section", { class: "card" }, list, h("p", { class: "buttons" }, more)));
}
