// Live log: the last lines of the traffic log, those that match, following.
import { h, fill, put, say, every } from "./dom.js";
import { ask, rows, text } from "./api.js";

const EVERY_MS = 1500, KEPT = 1000, WAIT_MS = 250;

// Mail and IP addresses within a line lead to what is known about them.
const known = /[\w.+#-]+@[\w.-]+\.\w+|\b\d{1,3}(?:\.\d{1,3}){3}\b/g;

function level(line) {
	return / success - /.test(line) ? "good" : / refused - 5| - 5\d\d |login refused/.test(line) ? "bad" : / refused - 4| - 4\d\d |put off/.test(line) ? "wait" : /connected/.test(line) ? "faint" : "";
}

export function logLine(line) {
	const parts = [];
	let at = 0;
	for (const m of line.matchAll(known)) {
		parts.push(line.slice(at, m.index), h("a", { href: `#/why/${encodeURIComponent(m[0])}` }, m[0]));
		at = m.index + m[0].length;
	}
	return h("li", { class: level(line) || null }, parts, line.slice(at));
}

export async function log(root, [start]) {
	const list = h("ol", { class: "log tall", tabindex: 0, "aria-label": "Lines of the traffic log" });
	const match = h("input", { id: "match", type: "search", autocomplete: "off", spellcheck: "false", placeholder: "any text: an address, a cluster, 450", value: start || "" });
	const follow = h("input", { id: "follow", type: "checkbox", checked: true }), count = h("p", { class: "quiet", role: "status" });
	let after, turn = 0, timer = 0;
	const more = async () => {
		const mine = turn, answer = await ask("tail", { after, match: match.value, limit: "200" });
		if (mine !== turn)
			return;
		after = text(answer, "after") || after;
		put(list, rows(answer, "lines").map((l) => logLine(l.textContent)));
		while (list.children.length > KEPT)
			list.firstChild.remove();
		count.textContent = list.children.length ? `${list.children.length} lines` : "No line yet.";
		if (follow.checked)
			list.scrollTop = list.scrollHeight;
	};
	const anew = async () => {
		turn++;
		after = undefined;
		fill(list);
		await more();
	};
	match.addEventListener("input", () => {
		clearTimeout(timer);
		timer = setTimeout(() => anew().catch((e) => say(e.message, true)), WAIT_MS);
	});
	list.addEventListener("wheel", (e) => e.deltaY < 0 && (follow.checked = false), { passive: true });
	put(root, h("section", { class: "card" }, h("form", { class: "bar", role: "search", onsubmit: (e) => e.preventDefault() },
		h("span", { class: "pair grow" }, h("label", { for: "match" }, "Lines with"), match), h("label", { class: "pair" }, follow, " Follow"), count), list));
	await anew();
	return every(EVERY_MS, async () => follow.checked && more());
}
