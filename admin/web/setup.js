// What is not right yet: the newcomer's first steps, and clusters that are set up amiss.
import { h } from "./dom.js";
import { rows, values } from "./api.js";

const parts = (list) => rows(list, "clusters").map((c) => ({ ...values(c), boxes: rows(c, "boxes").map(values) }));

// The manual's first four steps, as far as they are done; nothing once there is an SMTP cluster with a green box.
export function firstSteps(list) {
	const smtp = parts(list).filter((c) => c.type === "smtp");
	const box = smtp.find((c) => c.boxes.length), green = smtp.some((c) => c.boxes.some((b) => b.light === "green"));
	const step = (done, text, href) => h("li", { class: done ? "done" : "" }, done ? "✓ " : "", h("a", { href }, text), h("span", { class: "quiet" }, done ? " – done" : ""));
	if (green)
		return null;
	return h("section", { class: "card" }, h("h2", {}, "First steps"), h("ol", {},
		step(smtp.length, "Add SMTP Cluster: where mail comes in", "#/clusters/add/smtp"),
		step(box, "Add box: a mail server behind it", smtp.length ? `#/clusters/box/${encodeURIComponent(smtp[0].clusterid)}` : "#/clusters"),
		step(green, "Turn its light green, once it is ready", "#/clusters"),
		step(false, "Add Email: whose mailbox is on it", "#/emails/add/account"),
		step(false, "Send a test mail, and see under Why? where it goes", "#/why")));
}

function troubleOf(c, all) {
	const out = [], other = { smtp: "pop3", pop3: "smtp" }[c.type];
	const green = c.boxes.filter((b) => b.light === "green");
	if (c.listening === "0")
		out.push("its listener is not open: is another program at that port?");
	if (!c.boxes.length)
		out.push("it has no box: everybody is put off");
	else if (!green.length)
		out.push("none of its boxes is green: everybody is put off");
	if (other && all.some((x) => x.type === other))
		for (const b of c.boxes)
			if (!all.some((x) => x.type === other && x.boxes.some((y) => y.boxid === b.boxid)))
				out.push(`box ${b.boxid} is in no ${other.toUpperCase()} cluster: the same name means the same machine`);
	if (c.warning)
		out.push(c.warning);
	return out.map((t) => [c.clusterid, t]);
}

export function troubles(list) {
	const all = parts(list), found = all.flatMap((c) => troubleOf(c, all));
	if (!found.length)
		return null;
	return h("section", { class: "card warning", "aria-label": "To be looked at" }, h("h2", {}, "To be looked at"),
		h("ul", {}, found.map(([id, t]) => h("li", {}, h("a", { href: "#/clusters" }, id), `: ${t}`))));
}
