// Elements of the page. Text goes in as text alone: nothing that came over the wire is ever HTML.

// h("p", { class: "x", onclick: f }, "text", element, ...): null and false are left out.
export function h(tag, props, ...children) {
	const e = document.createElement(tag);
	for (const [name, value] of Object.entries(props || {})) {
		if (value === null || value === undefined || value === false)
			continue;
		if (name.startsWith("on"))
			e.addEventListener(name.slice(2), value);
		else if (name === "value" || name === "checked" || name === "open")
			e[name] = value;
		else
			e.setAttribute(name, value === true ? "" : value);
	}
	put(e, children);
	return e;
}

export function put(e, ...children) {
	for (const c of children.flat(Infinity))
		if (c !== null && c !== undefined && c !== false)
			e.append(c);
	return e;
}

export function fill(e, ...children) {
	e.replaceChildren();
	return put(e, children);
}

// A table: heads are texts; each row is a list of cells.
export function grid(caption, heads, rows) {
	return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
		h("table", {}, h("caption", { class: "quiet" }, caption),
			h("thead", {}, h("tr", {}, heads.map((t) => h("th", { scope: "col" }, t)))),
			h("tbody", {}, rows.map((r) => h("tr", {}, r.map((c) => h("td", {}, c)))))));
}

// What happened, for eyes and for screen readers.
export function say(text, bad) {
	const e = document.getElementById("said");
	e.className = bad ? "bad" : "good";
	e.textContent = text;
}

// A question that has to be answered; true: yes. Escape is no.
export function confirmed(title, lines, yes) {
	return new Promise((done) => {
		const d = h("dialog", { "aria-labelledby": "ask" },
			h("form", { method: "dialog" }, h("h2", { id: "ask" }, title),
				lines.map((t) => h("p", {}, t)),
				h("p", { class: "buttons" }, h("button", { value: "no", autofocus: true }, "Cancel"),
					h("button", { value: "yes", class: "danger" }, yes))));
		document.body.append(d);
		d.addEventListener("close", () => {
			done(d.returnValue === "yes");
			d.remove();
		});
		d.showModal();
	});
}

export const number = (n) => Number(n || 0).toLocaleString("en");

export function bytes(n) {
	const units = ["B", "kB", "MB", "GB", "TB"];
	let v = Number(n || 0), i = 0;
	for (; v >= 1000 && i < units.length - 1; i++)
		v /= 1000;
	return `${v < 10 && i ? v.toFixed(1) : Math.round(v)} ${units[i]}`;
}

export function duration(s) {
	const d = Math.floor(s / 86400), hours = Math.floor(s / 3600) % 24, m = Math.floor(s / 60) % 60;
	return d ? `${d} d ${hours} h` : hours ? `${hours} h ${m} min` : m ? `${m} min` : `${Math.round(s)} s`;
}
