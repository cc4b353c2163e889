// Forms over the tables of settings: a label, the value, what is allowed, a sentence of help.
import { h } from "./dom.js";
import { tables } from "./tables.js";

const long = new Set(["ranges", "members"]);
const label = (name) => name.replace(/_/g, " ");

function control(f, id, value, isNew) {
	const common = { id, name: f.name, "aria-describedby": `${id}-help`, required: f.required && isNew };
	if (f.kind === "bool")
		return h("input", { type: "checkbox", ...common, required: false, checked: value === "1" });
	if (f.kind === "enum")
		return h("select", common, f.words.split("|").map((w) =>
			h("option", { value: w, selected: w === value }, w || "as the cluster")));
	if (long.has(f.kind) || f.name.endsWith("_body"))
		return h("textarea", { ...common, rows: 3, value });
	return h("input", {
		...common, value, type: f.kind === "secret" ? "password" : "text", placeholder: f.dflt,
		autocomplete: f.kind === "secret" ? "new-password" : "off",
		inputmode: f.kind === "int" ? "numeric" : f.kind === "decimal" ? "decimal" : null,
	});
}

const value = (c) => (c.type === "checkbox" ? (c.checked ? "1" : "0") : c.value);

// Of a table's fields those that pass `only`; before: their values, null: a new row. element, and
// changed(): what differs from before, for the request.
export function fields(table, before, only) {
	const isNew = !before, start = before || {}, controls = [];
	const shown = tables[table].filter((f) => !only || only(f));
	const element = h("div", { class: "fields" }, shown.map((f) => {
		const id = `f-${table}-${f.name}`;
		const c = control(f, id, start[f.name] ?? (isNew ? f.dflt || "" : ""), isNew);
		if (!isNew && (f.key || f.fixed))
			c.disabled = true;
		controls.push([f, c, value(c)]);
		return h("div", { class: `field${f.required && isNew ? " mandatory" : ""}` },
			h("label", { for: id }, label(f.name), f.required && isNew ? h("span", { class: "quiet" }, " (required)") : null), c,
			h("p", { class: "help", id: `${id}-help` }, `${f.help}. ${f.form}${f.dflt ? `, default ${f.dflt}` : ""}`));
	}));
	return {
		element,
		changed() {
			const out = {};
			for (const [f, c, was] of controls)
				if (isNew ? value(c) !== "" && (f.required || value(c) !== (f.dflt || "") || f.kind === "bool")
					: f.key || value(c) !== was)
					out[f.name] = value(c);
			return out;
		},
	};
}

// A form with its buttons; save(values) is awaited, and what it refuses is said beside the button.
export function form(title, parts, save, extra) {
	const wrong = h("p", { class: "bad", role: "alert" });
	const button = h("button", {}, "Save");
	return h("form", {
		class: "card", novalidate: true, onsubmit: async (e) => {
			e.preventDefault();
			wrong.textContent = "";
			if (!e.target.reportValidity())
				return;
			button.disabled = true;
			try {
				await save(Object.assign({}, ...parts.map((p) => p.changed())));
			} catch (x) {
				wrong.textContent = x.message;
				const bad = e.target.elements[x.message.split(":")[0]];
				if (bad && bad.focus)
					bad.focus();
			}
			button.disabled = false;
		},
	}, h("h2", {}, title), parts.map((p) => p.element), wrong, h("p", { class: "buttons" }, button, extra));
}
