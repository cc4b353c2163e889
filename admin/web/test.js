// A real mail through a listener of ours: the dialogue, and what the log says of it.
import { h, fill, put } from "./dom.js";
import { ask, rows, text, values } from "./api.js";
import { parts } from "./setup.js";
import { lines } from "./why.js";

const signs = { client: "→", server: "←" };

export async function test(root) {
	const smtp = parts(await ask("listclusters")).filter((c) => c.type === "smtp"), out = h("div", { "aria-live": "polite" });
	if (!smtp.length)
		return void put(root, h("p", { class: "card" }, "There is no SMTP cluster yet. ", h("a", { href: "#/clusters/add/smtp" }, "Add SMTP Cluster")));
	const first = rows(await ask("searchemail", { limit: "1" }), "emails").map(values)[0];
	const one = (id, title, value, hint) => h("span", { class: "pair" }, h("label", { for: id }, title), h("input", { id, name: id, autocomplete: "off", spellcheck: "false", value, placeholder: hint }));
	const button = h("button", {}, "Send test mail");
	const send = async (e) => {
		e.preventDefault();
		const f = e.target.elements, to = f.tto.value.trim();
		button.disabled = true;
		fill(out, h("p", { class: "card" }, "It is on its way; a refusal may take a while …"));
		try {
			const a = await ask("sendtest", { clusterid: f.tc.value, email_address: to, sender: f.tfrom.value.trim() }), taken = text(a, "taken") === "1";
			fill(out, h("section", { class: "card" }, h("h2", { class: taken ? "good" : "bad" }, taken ? "✓ The mail was taken." : "✕ The mail was not taken."),
				taken ? null : h("p", {}, "The last answers say why. ", h("a", { href: `#/why/${encodeURIComponent(to)}` }, "Why?")),
				h("ol", { class: "log", tabindex: 0, "aria-label": "The dialogue" }, rows(a, "dialogue").map(values).map((x) => h("li", {}, `${signs[x.by] || "·"} ${x.text}`)))), await lines(to, "Its lines in the log"));
		} catch (x) {
			fill(out, h("p", { class: "card bad" }, `▲ ${x.message}`));
		}
		button.disabled = false;
	};
	put(root, h("p", { class: "lead" }, "A real mail through a listener of this balancer, as a stranger would send it: it arrives in the mailbox if all is well."),
		h("form", { class: "card bar", onsubmit: send }, h("span", { class: "pair" }, h("label", { for: "tc" }, "Cluster"), h("select", { id: "tc", name: "tc" }, smtp.map((c) => h("option", { value: c.clusterid }, c.clusterid)))),
			one("tto", "To", first ? first.email_address : "", "anna@example.com"), one("tfrom", "From", "", "empty: a bounce"), button), out);
}
