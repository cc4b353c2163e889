// Info: how it goes, what was refused and why, and the general settings.
import { h, fill, grid, say, number, bytes, duration } from "./dom.js";
import { ask, rows, text, values } from "./api.js";
import { fields, form } from "./forms.js";
import { counters } from "./tables.js";
import { graph } from "./graph.js";
import { firstSteps, troubles } from "./setup.js";

const EVERY_MS = 5000;

const figure = (name, value, more) => h("div", { class: "figure" }, h("dt", {}, name), h("dd", {}, value, more ? h("small", {}, ` ${more}`) : null));

function sum(clusters, name) {
	return clusters.reduce((n, c) => n + Number(c[name] || 0), 0);
}

function refusals(clusters) {
	const causes = Object.keys(counters).filter((n) => n.startsWith("refused_"))
		.map((n) => [n, sum(clusters, n)]).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
	if (!causes.length)
		return h("p", { class: "quiet" }, "Nothing has been refused since the start.");
	return grid("Refusals since the start, by cause", ["cause", "count", ""],
		causes.map(([n, count]) => [n.slice(8), number(count), h("span", { class: "quiet" }, counters[n])]));
}

function greylisting(clusters) {
	const off = sum(clusters, "refused_greylist"), retry = sum(clusters, "passed_retry");
	return h("dl", { class: "figures" },
		figure("put off", number(off), "recipients"), figure("came again", number(retry), "and passed"),
		figure("passed as known", number(sum(clusters, "passed_known"))), figure("passed by trust", number(sum(clusters, "passed_trust"))),
		figure("refused", number(sum(clusters, "refused_suspicion") + sum(clusters, "refused_early") + sum(clusters, "refused_listed")), "under suspicion, early, listed"));
}

function samples(stats, ring) {
	const history = [...stats.children].find((c) => c.tagName === "history");
	return history ? rows(history, ring).map(values) : [];
}

const perMinute = (s, name) => (Number(s.ms) ? (Number(s[name]) * 60000) / Number(s.ms) : 0);

const spans = { recent: "ten minutes", hour: "hour", day: "day", week: "week" };

function graphs(stats, ring) {
	const s = samples(stats, ring);
	const when = `the last ${spans[ring]}`;
	return [["mails", "mails a minute"], ["refusals", "refusals a minute"], ["sessions", "sessions"]].map(([name, title]) =>
		graph(`${title}, ${when}`, s.map((x) => [x.time, name === "sessions" ? Number(x.sessions) : perMinute(x, name)])));
}

function overview(stats, choice) {
	const clusters = rows(stats, "clusters").map(values);
	const now = samples(stats, choice.ring), last = now[now.length - 1];
	return [
		h("dl", { class: "figures" },
			figure("version", text(stats, "version")), figure("up for", duration(Number(text(stats, "uptime_s")))),
			figure("workers", number(rows(stats, "workers").length)), figure("sessions now", number(sum(clusters, "sessions"))),
			figure("mails a minute", last ? number(Math.round(perMinute(last, "mails"))) : "–"),
			figure("mails", number(sum(clusters, "mails")), "since the start"), figure("logins", number(sum(clusters, "logins"))),
			figure("in, out", `${bytes(sum(clusters, "bytes_in"))}, ${bytes(sum(clusters, "bytes_out"))}`)),
		h("section", {}, h("h2", {}, "Traffic"), choice, h("div", { class: "columns" }, graphs(stats, choice.ring))),
		h("section", {}, h("h2", {}, "Greylisting"), greylisting(clusters)),
		h("section", {}, h("h2", {}, "Refusals"), refusals(clusters)),
		flags(stats),
	];
}

function flags(stats) {
	const f = rows(stats, "flags").map(values);
	if (!f.length)
		return null;
	return h("section", {}, h("h2", {}, "Remarkable accounts"),
		grid("Nobody is refused for it", Object.keys(f[0]), f.map((x) => Object.values(x))));
}

function sisters(info) {
	const line = text(info, "sisters");
	return h("section", {}, h("h2", {}, "Sisters"), h("p", {}, line || "This balancer stands alone."));
}

export async function info(root) {
	const live = h("div", {}), set = h("div", {}), top = h("div", {});
	const settings = await ask("getinfo");
	fill(root, top, live, sisters(settings), set);
	const list = await ask("listclusters");
	fill(top, firstSteps(list), troubles(list));
	const choice = h("p", { class: "buttons", role: "group", "aria-label": "How far back" }, Object.entries(spans).map(([ring, title]) => h("button", {
		class: "plain", "aria-pressed": String(ring === "recent"), onclick: async (e) => {
			for (const b of choice.children)
				b.setAttribute("aria-pressed", String(b === e.target));
			choice.ring = ring;
			await draw().catch((x) => say(x.message, true));
			e.target.focus();
		},
	}, title)));
	choice.ring = "recent";
	const draw = async () => fill(live, overview(await ask("stats", { span: choice.ring }), choice));
	const drawSettings = async () => {
		const part = fields("info", values(await ask("getinfo")));
		fill(set, h("details", {}, h("summary", {}, "General settings"), form("General settings", [part], async (changed) => {
			await ask("commitmodifyinfo", changed);
			await drawSettings();
			say("The settings are saved, and live in all workers.");
		})));
	};
	await draw();
	await drawSettings();
	const timer = setInterval(() => draw().catch(() => {}), EVERY_MS);
	return () => clearInterval(timer);
}
