// Forms over the tables of settings: a label, the value, its unit, what is allowed, a sentence of help.
import { h } from "./dom.js";
import { tables } from "./tables.js";
import { choices, groups, helps, isLater, label, unit } from "./labels.js";

const CHECK_MS = 500;
const long = new Set(["ranges", "members"]);
const wide = (f) => long.has(f.kind) || /_body$|_subject$|^comment$|_list$|_lists$/.test(f.name);
const sentence = (t) => `${t[0].toUpperCase()}${t.slice(1)}.`;
const said = (v) => (/^\d+(\.\d+)?$/.test(v) ? Number(v).toLocaleString("en", { maximumFractionDigits: 4 }) : v);

// --- one field ---

function options(f, value) {
	const list = choices[f.name] || f.words.split("|").map((w) => [w, w.replace(/_/g, " ") || "as the cluster"]);
	return list.some(([v]) => v === value) || value === "" ? list : [...list, [value, value]];
}

function control(f, id, value, needed, list) {
	const common = { id, name: f.name, "aria-describedby": `${id}-help ${id}-wrong`, "aria-required": needed ? "true" : null, autocomplete: "off" };
	if (f.kind === "bool")
		return h("input", { type: "checkbox", ...common, "aria-required": null, checked: value === "1" });
	if (f.kind === "enum" || choices[f.name])
		return h("select", { ...common, value }, options(f, value).map(([v, t]) => h("option", { value: v }, t)));
	if (f.kind === "date")
		return h("input", { type: "datetime-local", step: 1, ...common, value: value.replace("Z", "") });
	if (long.has(f.kind) || f.name.endsWith("_body"))
		return h("textarea", { ...common, rows: f.name.endsWith("_body") ? 6 : 2, spellcheck: "false", value });
	const number = f.kind === "int" ? "numeric" : f.kind === "decimal" ? "decimal" : null;
	return h("input", {
		...common, value, type: f.kind === "secret" ? "password" : "text", list: list || null, spellcheck: "false",
		autocomplete: f.kind === "secret" ? "new-password" : "off", inputmode: number, class: number ? "short" : null,
	});
}

function value(c) {
	if (c.type === "checkbox")
		return c.checked ? "1" : "0";
	if (c.type === "datetime-local")
		return c.value && `${c.value.length === 16 ? `${c.value}:00` : c.value}Z`;
	return c.value;
}

function allowed(f, isNew) {
	const out = [];
	if (f.kind !== "bool" && f.kind !== "enum" && f.kind !== "date" && !choices[f.name])
		out.push(f.form.replace(/\d+(\.\d+)?/g, (n) => said(n)));
	const standard = choices[f.name] ? (choices[f.name].find(([v]) => v === f.dflt) || [])[1] : f.kind === "bool" ? ["off", "on"][f.dflt] : f.dflt && said(f.dflt).replace(/_/g, " ");
	if (standard && !/^Default/.test(standard))
		out.push(`default ${standard}`);
	if (f.kind === "secret" && !isNew)
		out.push("left empty, it stays as it is");
	return out.length ? sentence(out.join(", ")) : "";
}

// What is wrong with a value, as far as this side can tell; the other side has the last word.
function problem(f, v, needed) {
	if (v === "")
		return needed ? "This is needed." : "";
	if (f.kind !== "int" && f.kind !== "decimal")
		return "";
	const [, low, high] = /^(\S+) to (\S+)$/.exec(f.form) || [0, -Infinity, Infinity];
	const shape = f.kind === "int" ? /^\d+$/ : /^\d*\.?\d+$/;
	return shape.test(v.trim()) && Number(v) >= Number(low) && Number(v) <= Number(high) ? "" : `Not ${f.kind === "int" ? "a whole number" : "a number"} from ${said(low)} to ${said(high)}.`;
}

function field(table, f, start, isNew, list, works) {
	const id = `f-${table}-${f.name}`, needed = f.required && isNew, u = unit(f.name);
	const c = control(f, id, start, needed, list);
	const remove = f.kind === "secret" && !isNew ? h("input", { type: "checkbox", id: `${id}-remove` }) : null;
	const wrong = h("p", { class: "wrong", id: `${id}-wrong` });
	if (!isNew && (f.key || f.fixed))
		c.disabled = true;
	const element = h("div", { class: ["field", needed ? "mandatory" : "", wide(f) ? "wide" : "", f.kind === "bool" ? "check" : ""].join(" ").trim(), id: `${id}-field` },
		h("label", { for: id }, label(table, f.name), needed ? h("span", { class: "must" }, " required") : null),
		h("div", { class: "entry" }, c, u ? h("span", { class: "unit" }, u) : null, remove ? h("label", { for: remove.id, class: "light-label" }, remove, " Remove it") : null),
		wrong, h("p", { class: "help", id: `${id}-help` }, sentence(helps[f.name] || f.help), " ", isLater(f.name) && !works ? h("strong", {}, "Does nothing yet. ") : null, h("span", { class: "range" }, allowed(f, isNew))));
	const complain = (text) => {
		wrong.textContent = text;
		if (text) {
			c.setAttribute("aria-invalid", "true");
			for (let d = c.closest("details"); d; d = d.parentElement.closest("details"))
				d.open = true;
		} else {
			c.removeAttribute("aria-invalid");
		}
		return text;
	};
	let timer = 0; // not at once, nor on leaving the field: what moves under the pointer is not clicked
	c.addEventListener("input", () => {
		clearTimeout(timer);
		timer = setTimeout(() => complain(problem(f, value(c), needed)), CHECK_MS);
	});
	const x = {
		f, c, element, complain, was: value(c),
		check() {
			clearTimeout(timer);
			return complain(problem(f, value(c), needed));
		},
		differs: () => (remove && remove.checked) || value(c) !== x.was,
		value: () => (remove && remove.checked ? "" : value(c)),
		saved() {
			if (remove) // secrets are not shown again
				[remove.checked, c.value] = [false, ""];
			x.was = value(c);
		},
	};
	return x;
}

// --- groups of them ---

function grouped(table, all) {
	const left = new Map(all.map((x) => [x.f.name, x])), out = [];
	for (const [title, names] of groups[table] || []) {
		out.push([title, names.map((n) => left.get(n)).filter((x) => x)]);
		names.forEach((n) => left.delete(n));
	}
	return [...out, ["More", [...left.values()]]].filter(([, list]) => list.length);
}

const unusual = (x) => x.f.dflt !== undefined && x.was !== "" && x.was !== x.f.dflt && Number(x.was) !== Number(x.f.dflt);

function group([title, list], i, allOpen) {
	const inner = h("div", { class: "fields" }, list.map((x) => x.element));
	if (i === 0 || allOpen)
		return h("fieldset", {}, h("legend", {}, title), inner);
	const other = list.filter(unusual).length;
	return h("details", { class: "group" }, h("summary", {}, title, h("span", { class: "quiet" }, other ? ` ${other} not at the default` : ` ${list.length}`)), inner);
}

// A field that shows those settings alone whose name or help has what is typed.
function finder(all, element) {
	const input = h("input", { type: "search", id: "find", autocomplete: "off", placeholder: "part of a name or of its help" });
	input.addEventListener("keydown", (e) => e.key === "Enter" && e.preventDefault());
	input.addEventListener("input", () => {
		const words = input.value.toLowerCase().trim();
		for (const x of all)
			x.element.hidden = words && !`${x.element.textContent} ${x.f.name} ${x.f.help}`.toLowerCase().includes(words);
		for (const g of element.querySelectorAll("fieldset, details.group")) {
			g.hidden = ![...g.querySelectorAll(".field")].some((e) => !e.hidden);
			if (g.tagName === "DETAILS")
				g.open = !!words;
		}
	});
	return h("p", { class: "bar finder" }, h("label", { for: "find" }, "Find a setting"), input);
}

// Of a table's fields those that pass `only`; before: their values, null: a new row. lists: ids of datalists by
// tag; works: of those to come what works here. element; check(): false when a value cannot be; changed(): what differs
// from before, for the request.
export function fields(table, before, { only, lists, works, allOpen } = {}) {
	const isNew = !before, start = before || {};
	const all = tables[table].filter((f) => !only || only(f)).map((f) => field(table, f, start[f.name] ?? (isNew ? f.dflt || "" : ""), isNew, (lists || {})[f.name], (works || []).includes(f.name)));
	const element = h("div", {}, grouped(table, all).map((g, i) => group(g, i, allOpen)));
	if (all.length > 20)
		element.prepend(finder(all, element));
	return {
		element, all,
		check() {
			const bad = all.filter((x) => !x.c.disabled && x.check());
			if (bad.length)
				bad[0].c.focus();
			return !bad.length;
		},
		changed() {
			const out = {};
			for (const x of all)
				if (isNew ? x.value() !== "" && (x.f.required || x.value() !== (x.f.dflt || "") || x.f.kind === "bool") : x.f.key || x.differs())
					out[x.f.name] = x.value();
			return out;
		},
		differs: () => all.some((x) => x.differs()),
	};
}

// "tag: what is wrong" goes to the field of that tag.
function place(part, message) {
	const [tag, ...rest] = message.split(": ");
	const x = rest.length && part.all.find((y) => y.f.name === tag);
	if (!x)
		return message;
	x.complain(sentence(rest.join(": ").replace(/\.$/, "")));
	x.c.focus();
	return "";
}

const unsaved = new Set();
export const isUnsaved = () => [...unsaved].some((p) => p.element.isConnected && p.differs());
window.addEventListener("beforeunload", (e) => isUnsaved() && e.preventDefault());

// A form with its buttons; save(values) is awaited, and what it refuses is said where it belongs.
export function form(part, save, extra, text = "Save") {
	const wrong = h("p", { class: "bad", role: "alert" });
	const button = h("button", {}, text);
	unsaved.clear();
	unsaved.add(part);
	return h("form", {
		class: "card", novalidate: true, onsubmit: async (e) => {
			e.preventDefault();
			wrong.textContent = "";
			if (!part.check()) {
				wrong.textContent = "Not saved: see the fields that are marked.";
				return;
			}
			button.disabled = true;
			button.textContent = "Saving …";
			try {
				unsaved.delete(part);
				await save(part.changed());
				part.all.forEach((x) => x.saved());
				unsaved.add(part);
			} catch (x) {
				unsaved.add(part);
				wrong.textContent = place(part, x.message) || "Not saved: see the field that is marked.";
			}
			button.disabled = false;
			button.textContent = text;
		},
	}, part.element, wrong, h("p", { class: "buttons" }, button, extra));
}

// What a field may be filled with: names to choose from.
export const datalist = (id, names) => h("datalist", { id }, [...new Set(names)].map((n) => h("option", { value: n })));
