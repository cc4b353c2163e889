// What an address leads to, each step below the one it comes from.
import { h } from "./dom.js";
import { rows, values } from "./api.js";
import { lamp } from "./clusters.js";

const kind = { alias: "alias", foreign: "elsewhere", account: "" };

// Lights by box, as route has found them.
function lightsOf(answer) {
	return Object.fromEntries(rows(answer, "clusters").flatMap((c) => rows(c, "targets").map(values)).filter((t) => t.to).map((t) => [t.to, t.light]));
}

function nested(steps, lights, depth) {
	const items = [];
	while (steps.length && Number(steps[0].depth) >= depth) {
		const step = steps.shift(), below = nested(steps, lights, Number(step.depth) + 1);
		items.push(h("li", {}, step.kind === "foreign" ? h("strong", {}, step.email_address) : h("a", { href: `#/emails/edit/${step.kind === "alias" ? "alias" : "account"}/${encodeURIComponent(step.email_address)}` }, step.email_address), " ",
			h("span", { class: "quiet" }, kind[step.kind] ?? step.kind), step.boxid ? [h("span", { class: "quiet" }, " on "), lamp(lights[step.boxid]), " ", h("strong", {}, step.boxid)] : step.kind === "account" ? h("span", { class: "bad" }, " ▲ no box") : null, below));
	}
	return items.length ? h("ul", { class: depth ? null : "tree" }, items) : null;
}

export function tree(answer) {
	const steps = rows(answer, "tree").map(values);
	return steps.length ? nested(steps, lightsOf(answer), 0) : h("p", { class: "bad" }, "▲ There is no such account or alias.");
}
