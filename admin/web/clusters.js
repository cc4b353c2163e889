// Clusters and boxes: their lights, what goes through them, every setting.
import { h, fill, put, say, confirmed, number } from "./dom.js";
import { ask, rows, values } from "./api.js";
import { fields, form } from "./forms.js";
import { troubles } from "./setup.js";

const EVERY_MS = 3000;
const lights = {
	green: ["●", "takes sessions"],
	yellow: ["◐", "takes no new sessions"],
	red: ["■", "takes none, and ends those that run"],
};

const onlyOf = {
	smtp: new Set(["method", "affinity_s", "idle_timeout_s"]),
	tcp: new Set(["smtp_host_name", "relay_box_choice", "max_mail_size_kb", "allow_relay_notifications", "default_spam_setting", "error_sleep_s", "relay_ranges",
		"spam_whitelist_ranges", "rcpt_per_mail", "spread_factor", "auth_required", "received_header", "bare_newline", "multi_box", "plus_addressing",
		"sender_must_match", "pregreet_ms", "dns_lists", "reverse_names", "srs_domain", "data_min_bytes_per_s"]),
};
onlyOf.pop3 = new Set([...onlyOf.tcp, ...onlyOf.smtp]);
const fits = (type) => (f) => !(onlyOf[type] || new Set()).has(f.name);

async function turn(cluster, box, light, redraw) {
	const running = `${number(box.sessions)} session${box.sessions === "1" ? "" : "s"} of it ${box.sessions === "1" ? "runs" : "run"} now.`;
	const what = {
		yellow: ["It takes no new sessions. Those that run may end; mail for it goes to its fall-over box, or is put off.", running],
		red: ["Its sessions are ended with a temporary error; mail for it goes to its fall-over box, or is put off.", running],
	}[light];
	if (what && !(await confirmed(`Turn ${box.boxid} of ${cluster.clusterid} ${light}?`, what, `Turn ${light}`)))
		return;
	try {
		await ask(light, { clusterid: cluster.clusterid, boxid: box.boxid });
		say(`${box.boxid} of ${cluster.clusterid} is ${light}.`);
	} catch (e) {
		say(e.message, true);
	}
	await redraw();
}

function trafficLight(cluster, box, redraw) {
	return h("span", { class: "lights", role: "group", "aria-label": `Light of ${box.boxid} in ${cluster.clusterid}` },
		Object.entries(lights).map(([light, [sign, words]]) => h("button", {
			class: `light ${light}`, "aria-pressed": String(box.light === light), title: words,
			onclick: () => box.light !== light && turn(cluster, box, light, redraw),
		}, `${sign} ${light}`)));
}

async function remove(what, command, params, redraw) {
	if (!(await confirmed(`Delete ${what}?`, ["It cannot be undone."], "Delete")))
		return;
	try {
		await ask(command, params);
		say(`${what} is deleted.`);
	} catch (e) {
		say(e.message, true);
	}
	await redraw();
}

function state(box) {
	const n = Number(box.sessions);
	if (box.light === "yellow" && n > 0)
		return `drains: ${number(n)} left`;
	if (Number(box.passed_over_ms) > 0)
		return `passed over: ${box.last_failure}`;
	return box.last_failure ? `last failure: ${box.last_failure}` : "";
}

function boxRow(cluster, box, redraw) {
	return h("tr", {}, h("th", { scope: "row" }, box.boxid, box.comment ? h("small", { class: "quiet" }, ` ${box.comment}`) : null),
		h("td", {}, trafficLight(cluster, box, redraw)),
		h("td", {}, `${box.connect_address}:${box.connect_port}`, h("small", { class: "quiet" }, ` ${box.protocol}`)),
		h("td", { class: "n" }, number(box.sessions)), h("td", { class: "n" }, number(box.mails || box.sessions_total)),
		h("td", { class: "n" }, number(box.failures)), h("td", {}, state(box)),
		h("td", { class: "actions" }, h("a", { href: `#/clusters/box/${encodeURIComponent(cluster.clusterid)}/${encodeURIComponent(box.boxid)}` }, "Edit"),
			h("button", { class: "plain", onclick: () => remove(`box ${box.boxid}`, "deletebox", { clusterid: cluster.clusterid, boxid: box.boxid }, redraw) }, "Delete")));
}

function card(cluster, redraw) {
	const id = encodeURIComponent(cluster.clusterid), heads = ["box", "light", "address", "sessions", "mails", "failures", "", ""];
	return h("section", { class: "card", "aria-label": `Cluster ${cluster.clusterid}` },
		h("h2", {}, cluster.clusterid, h("small", { class: "quiet" }, ` ${cluster.type} at ${cluster.listen_address}:${cluster.listen_port}`)),
		cluster.comment ? h("p", {}, cluster.comment) : null,
		h("p", { class: "quiet" }, `${number(cluster.sessions)} sessions now, ${number(cluster.mails)} mails, ${number(cluster.logins)} logins since the start`),
		cluster.boxes.length ? h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Boxes of ${cluster.clusterid}` }, h("table", {},
			h("thead", {}, h("tr", {}, heads.map((t) => h("th", { scope: "col" }, t || h("span", { class: "skip" }, "more"))))),
			h("tbody", {}, cluster.boxes.map((b) => boxRow(cluster, b, redraw))))) : h("p", {}, "No box yet."),
		h("p", { class: "buttons" }, h("a", { class: "button", href: `#/clusters/box/${id}` }, "Add box"), h("a", { class: "button", href: `#/clusters/edit/${id}` }, "Edit"),
			h("button", { class: "plain", onclick: () => remove(`cluster ${cluster.clusterid}`, "deletecluster", { clusterid: cluster.clusterid }, redraw) }, "Delete")));
}

async function overview(root) {
	const list = h("div", {});
	const redraw = async () => {
		const answer = await ask("listclusters");
		const all = rows(answer, "clusters").map((c) => ({ ...values(c), boxes: rows(c, "boxes").map(values) }));
		const focused = document.activeElement && list.contains(document.activeElement) ? [...list.querySelectorAll("button, a")].indexOf(document.activeElement) : -1;
		fill(list, troubles(answer), all.length ? all.map((c) => card(c, redraw)) : h("p", {}, "There is no cluster yet: begin with an SMTP cluster."));
		if (focused >= 0 && list.querySelectorAll("button, a")[focused])
			list.querySelectorAll("button, a")[focused].focus();
	};
	fill(root, h("p", { class: "buttons" }, [["smtp", "Add SMTP Cluster"], ["pop3", "Add POP3 Cluster"], ["tcp", "Add Cluster"]].map(([type, title]) =>
		h("a", { class: "button", href: `#/clusters/add/${type}` }, title))), list);
	await redraw();
	const timer = setInterval(() => document.querySelector("dialog") || redraw().catch(() => {}), EVERY_MS);
	return () => clearInterval(timer);
}

const back = () => h("a", { class: "button", href: "#/clusters" }, "Back");

function add(root, type) {
	const part = fields("cluster", null, (f) => f.name !== "type" && fits(type)(f));
	const title = { smtp: "Add SMTP Cluster", pop3: "Add POP3 Cluster" }[type] || "Add Cluster";
	put(root, form(title, [part], async (v) => {
		await ask("addcluster", { ...v, type });
		location.hash = "#/clusters";
	}, back()));
}

async function edit(root, clusterid) {
	const before = values(await ask("getcluster", { clusterid }));
	const part = fields("cluster", before, fits(before.type));
	put(root, form(`Cluster ${clusterid}`, [part], async (v) => {
		await ask("commitmodifycluster", v);
		say(`${clusterid} is saved, and live in all workers.`);
		location.hash = "#/clusters";
	}, back()));
}

async function box(root, clusterid, boxid) {
	const before = boxid ? values(await ask("getbox", { clusterid, boxid })) : null;
	const part = fields("box", before, (f) => f.name !== "clusterid");
	put(root, form(boxid ? `Box ${boxid} of ${clusterid}` : `Add box to ${clusterid}`, [part], async (v) => {
		await ask(boxid ? "commitmodifybox" : "addbox", { ...v, clusterid });
		location.hash = "#/clusters";
	}, back()));
}

export async function clusters(root, [what, a, b]) {
	if (what === "add")
		return add(root, a);
	if (what === "edit")
		return edit(root, a);
	if (what === "box")
		return box(root, a, b);
	return overview(root);
}
