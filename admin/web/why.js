// Why?: all that is held about an address, where its mail would go, and its last lines in the log.
import { h, fill, say, grid } from "./dom.js";
import { ask, rows, text, values } from "./api.js";

const isIp = (s) => /^[0-9.]+$/.test(s) || /^[0-9a-f:]*:[0-9a-f:.]+$/i.test(s);

// Nested answers as nested lists: tag, value.
function shown(e) {
	const leaf = (c) => [h("dt", {}, c.tagName.replace(/_/g, " ")), h("dd", {}, c.textContent || "–")];
	const branch = (c) => [h("dt", {}, c.tagName.replace(/_/g, " ")), h("dd", {}, shown(c))];
	const same = e.children.length > 1 && [...e.children].every((c) => c.tagName === e.children[0].tagName && c.children.length && ![...c.children].some((x) => x.children.length));
	if (same) {
		const heads = Object.keys(values(e.children[0]));
		return grid(e.tagName, heads.map((x) => x.replace(/_/g, " ")), [...e.children].map((c) => heads.map((n) => text(c, n))));
	}
	return h("dl", { class: "facts" }, [...e.children].map((c) => (c.children.length ? branch(c) : leaf(c))));
}

function tree(answer) {
	return h("ul", { class: "tree" }, rows(answer, "tree").map(values).map((s) =>
		h("li", { class: `depth${Math.min(8, Number(s.depth))}` }, h("strong", {}, s.email_address), ` – ${s.kind}`, s.boxid ? ` on ${s.boxid}` : "")));
}

function verdict(c) {
	const g = [...c.children].find((x) => x.tagName === "guard");
	const targets = rows(c, "targets").map(values);
	return h("section", { class: "card" }, h("h3", {}, `At ${text(c, "clusterid")}`),
		h("p", {}, text(c, "result") === "ok" ? null : `The address ${text(c, "words")}.`),
		h("ul", {}, targets.map((t) => h("li", {}, `${t.email_address} ${t.words}${t.to ? `: ${t.to} (${t.light})` : ""}`))),
		g ? h("p", {}, h("strong", {}, text(g, "would_pass") === "1" ? "It would pass now: " : "It would be held up: "),
			`${text(g, "judgement")}${text(g, "seconds_left") !== "0" ? `, ${text(g, "seconds_left")} s left` : ""}; ${text(g, "door")}; suspicion ${text(g, "score")}${text(g, "why") ? ` of ${text(g, "why")}` : ""}.`) : null);
}

async function lines(match) {
	try {
		const found = rows(await ask("tail", { match, limit: "30" }), "lines");
		return h("section", {}, h("h2", {}, "Last lines in the log"),
			found.length ? h("ol", { class: "log", tabindex: 0, "aria-label": "Lines about it" }, found.map((l) => h("li", {}, l.textContent))) : h("p", { class: "quiet" }, "None today."));
	} catch (e) {
		return h("p", { class: "quiet" }, e.message);
	}
}

async function look(out, about, sender, client) {
	const ip = isIp(about), parts = [];
	if (!ip) {
		const where = await ask("route", { email_address: about, sender, address: client || undefined });
		parts.push(h("section", {}, h("h2", {}, "Where its mail would go"), tree(where), rows(where, "clusters").map(verdict)));
	}
	const held = await ask("trace", ip ? { address: about } : { email_address: about });
	const body = [...held.children].filter((c) => c.children.length);
	parts.push(await lines(about));
	parts.push(h("section", {}, h("h2", {}, "What is held about it"), body.map(shown)));
	fill(out, parts);
}

// A real mail through a listener of ours: the dialogue, and what the log says of it.
async function testMail() {
	const list = rows(await ask("listclusters"), "clusters").map(values).filter((c) => c.type === "smtp");
	if (!list.length)
		return null;
	const out = h("div", { "aria-live": "polite" });
	const one = (id, title, hint) => [h("label", { for: id }, title), h("input", { id, name: id, autocomplete: "off", placeholder: hint })];
	const button = h("button", {}, "Send test mail");
	const send = async (e) => {
		const f = e.target.elements;
		e.preventDefault();
		button.disabled = true;
		fill(out, "It is on its way; a refusal may take a while (error_sleep_s) …");
		try {
			const a = await ask("sendtest", { clusterid: f.tc.value, email_address: f.tto.value.trim(), sender: f.tfrom.value.trim() });
			fill(out, h("p", {}, h("strong", {}, text(a, "taken") === "1" ? "The mail was taken." : "The mail was not taken: the last answers say why.")),
				h("ol", { class: "log", tabindex: 0, "aria-label": "The dialogue" }, rows(a, "dialogue").map(values).map((s) => h("li", {}, `${{ client: "→", server: "←" }[s.by] || "·"} ${s.text}`))),
				await lines(f.tto.value.trim()));
		} catch (x) {
			fill(out, h("p", { class: "bad" }, x.message));
		}
		button.disabled = false;
	};
	return h("section", { class: "card" }, h("h2", {}, "Send a test mail"), h("form", { class: "bar", onsubmit: send },
		h("label", { for: "tc" }, "Cluster"), h("select", { id: "tc", name: "tc" }, list.map((c) => h("option", { value: c.clusterid }, c.clusterid))),
		one("tto", "To", "anna@example.com"), one("tfrom", "From", "bob@example.org"), button), out);
}

export async function why(root, [about]) {
	const one = (id, title, hint) => [h("label", { for: id }, title), h("input", { id, name: id, autocomplete: "off", placeholder: hint })];
	const out = h("div", { "aria-live": "polite" });
	const form = h("form", {
		class: "bar", onsubmit: async (e) => {
			e.preventDefault();
			const f = e.target.elements;
			try {
				await look(out, f.about.value.trim(), f.sender.value.trim(), f.client.value.trim());
			} catch (x) {
				fill(out);
				say(x.message, true);
			}
		},
	}, one("about", "Mail or IP address", "anna@example.com"), one("sender", "Sender", "bob@example.org"), one("client", "Sender's IP address", "192.0.2.7"), h("button", {}, "Why?"));
	fill(root, h("p", {}, "An address, and everything that is known about it: why its mail is delayed, refused, or where it would go. Sender and client are asked for by the guard; nothing is sent."), form, out, await testMail());
	form.elements.about.value = about || "";
	if (about)
		form.requestSubmit();
	form.elements.about.focus();
}
