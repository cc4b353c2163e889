// What is not right yet: the newcomer's first steps, and what is set up amiss.
import { h, number } from "./dom.js";
import { ask, rows, total, values } from "./api.js";

const COUNT_EVERY_MS = 30000, NAMES_MOST = 100;

export const parts = (list) => rows(list, "clusters").map((c) => ({ ...values(c), boxes: rows(c, "boxes").map(values) }));
export const boxPage = (clusterid, boxid) => `#/clusters/box/${[clusterid, boxid].filter((x) => x).map(encodeURIComponent).join("/")}`;

// Accounts of a box; of all boxes: "".
export const accountsOf = async (boxid) => total(await ask("searchemail", { boxid: boxid || undefined, limit: "1" }), "emails");

// The manual's four steps; nothing once a test mail can be sent by whoever wants to.
export async function firstSteps(list) {
	const all = parts(list), smtp = all.find((c) => c.type === "smtp");
	const box = all.find((c) => c.type === "smtp" && c.boxes.length), green = all.some((c) => c.type === "smtp" && c.boxes.some((b) => b.light === "green"));
	const mails = all.some((c) => c.type === "smtp" && Number(c.mails) > 0);
	if (green && mails || !smtp && all.some((c) => c.boxes.some((b) => b.light === "green"))) // only other protocols
		return null;
	const accounts = await accountsOf(""), account = accounts > 0;
	if (green && accounts > 1) // set up long ago, and started just now
		return null;
	const steps = [
		[!!smtp, "Add SMTP Cluster", "where mail comes in", "#/clusters/add/smtp"],
		[green, box ? "Turn the light of its box green" : "Add box", box ? "once the mail server behind it is ready" : "the mail server behind it; then turn its light green",
			box || !smtp ? "#/clusters" : boxPage(smtp.clusterid)],
		[account, "Add Email", "an account whose mailbox is on that box", "#/emails/add/account"],
		[mails, "Send a test mail", "and see where it goes", "#/clusters/test"],
	];
	const next = steps.findIndex(([done]) => !done);
	return h("section", { class: "card steps", "aria-label": "First steps" }, h("h2", {}, "First steps"), h("ol", {}, steps.map(([done, title, words, href], i) =>
		h("li", { class: done ? "done" : i === next ? "next" : "", "aria-current": i === next ? "step" : null },
			h("a", { href, class: i === next ? "button primary" : null }, title), h("span", { class: "quiet" }, done ? " ✓ done" : ` ${words}`)))));
}

// --- set up amiss ---

// What troubles one cluster: [what, where to mend it].
function troubleOf(c, all) {
	const out = [], edit = `#/clusters/edit/${encodeURIComponent(c.clusterid)}`, other = { smtp: "pop3", pop3: "smtp" }[c.type];
	const green = c.boxes.filter((b) => b.light === "green");
	if (c.listening === "0")
		out.push(["its listener is not open: is another program at that port?", edit]);
	if (!c.boxes.length)
		out.push(["it has no box: everybody is put off", boxPage(c.clusterid)]);
	else if (!green.length)
		out.push(["none of its boxes is green: everybody is put off", "#/clusters"]);
	if (other && all.some((x) => x.type === other))
		for (const b of c.boxes)
			if (!all.some((x) => x.type === other && x.boxes.some((y) => y.boxid === b.boxid)))
				out.push([`box ${b.boxid} is in no ${other.toUpperCase()} cluster: who has a mailbox there ${c.type === "smtp" ? "cannot fetch mail" : "gets none"}`, "#/clusters"]);
	for (const b of c.boxes)
		if (b.fallover_boxid && !c.boxes.some((x) => x.boxid === b.fallover_boxid))
			out.push([`box ${b.boxid} falls over to ${b.fallover_boxid}, which is not in it`, boxPage(c.clusterid, b.boxid)]);
	if (c.warning)
		out.push([c.warning, edit]);
	return out.map(([text, href]) => [c.clusterid, text, href]);
}

let counted = { at: -Infinity, homeless: 0, boxless: 0 };

// Accounts that are on no box of an SMTP cluster: all, less those of each box; those without any are some of them.
async function homeless(all) {
	const names = new Set(all.filter((c) => c.type === "smtp").flatMap((c) => c.boxes.map((b) => b.boxid)));
	if (!names.size || names.size > NAMES_MOST)
		return { homeless: 0 };
	if (performance.now() - counted.at < COUNT_EVERY_MS)
		return counted;
	let n = await accountsOf("");
	for (const name of names)
		n -= await accountsOf(name);
	const boxless = total(await ask("searchemail", { no_box: "1", limit: "1" }), "emails");
	counted = { at: performance.now(), boxless, homeless: Math.max(0, n) };
	return counted;
}

export const countAnew = () => (counted.at = -Infinity);

export async function troubles(list) {
	const all = parts(list), found = all.flatMap((c) => troubleOf(c, all)), { homeless: n, boxless } = await homeless(all);
	if (n)
		found.push(["Email Database", `${number(n)} ${n === 1 ? "account has" : "accounts have"} no box of an SMTP cluster${boxless && boxless < n ? `, ${number(boxless)} of them none at all` : ""}: mail to ${n === 1 ? "it" : "them"} is put off`,
			boxless ? "#/emails/search/no-box" : "#/emails/move"]);
	if (!found.length)
		return null;
	return h("section", { class: "card warning", "aria-label": "To be looked at" }, h("h2", {}, h("span", { "aria-hidden": "true" }, "▲ "), "To be looked at"),
		h("ul", {}, found.map(([id, t, href]) => h("li", {}, h("strong", {}, id), `: ${t}. `, h("a", { href, "aria-label": `Mend: ${id}, ${t}` }, "Mend")))));
}
