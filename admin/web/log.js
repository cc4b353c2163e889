// Live log: the last lines of the traffic log, those that match, following.
import { h, fill, put, say } from "./dom.js";
import { ask, rows, text } from "./api.js";

const EVERY_MS = 2000, KEPT = 1000;

export async function log(root) {
	const list = h("ol", { class: "log", tabindex: 0, "aria-label": "Lines of the traffic log" });
	const match = h("input", { id: "match", type: "search", autocomplete: "off" });
	const follow = h("input", { id: "follow", type: "checkbox", checked: true });
	let after;
	const more = async () => {
		const answer = await ask("tail", { after, match: match.value, limit: "200" });
		after = text(answer, "after");
		put(list, rows(answer, "lines").map((l) => h("li", {}, l.textContent)));
		while (list.children.length > KEPT)
			list.firstChild.remove();
		if (follow.checked)
			list.scrollTop = list.scrollHeight;
	};
	const anew = async () => {
		after = undefined;
		fill(list);
		await more();
	};
	match.addEventListener("change", () => anew().catch((e) => say(e.message, true)));
	fill(root, h("form", { class: "bar", onsubmit: (e) => e.preventDefault() },
		h("label", { for: "match" }, "Lines with"), match, h("label", {}, follow, " follow")), list);
	await anew();
	const timer = setInterval(() => follow.checked && more().catch(() => {}), EVERY_MS);
	return () => clearInterval(timer);
}
