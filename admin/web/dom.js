// Elements of the page. Text goes in as text alone: nothing that came over the wire is ever HTML.

const SVG = "http://www.w3.org/2000/svg";
const heard = new WeakMap(); // element: its listeners by event, so that become() can hand them over

function hear(event) {
	return heard.get(this)[event.type](event);
}

// h("p", { class: "x", onclick: f }, "text", element, ...): null and false are left out.
export function h(tag, props, ...children) {
	const e = document.createElement(tag), listeners = {};
	for (const [name, value] of Object.entries(props || {})) {
		if (value === null || value === undefined || value === false)
			continue;
		if (name.startsWith("on"))
			listeners[name.slice(2)] = value;
		else if (name !== "value" && name !== "checked")
			e.setAttribute(name, value === true ? "" : value);
	}
	for (const type of Object.keys(listeners))
		e.addEventListener(type, hear);
	heard.set(e, listeners);
	put(e, children);
	if (props && props.checked)
		e.checked = true;
	if (props && props.value !== undefined && props.value !== null)
		e.value = props.value;
	return e;
}

// The same for a drawing.
export function s(tag, attributes, ...children) {
	const e = document.createElementNS(SVG, tag);
	for (const [name, value] of Object.entries(attributes))
		e.setAttribute(name, value);
	return put(e, children);
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

const kindsOf = (e) => Object.keys(heard.get(e) || {}).join();

// Makes `old` like `made` where it stands: what is typed and chosen, focus and scrolling stay.
function become(old, made) {
	if (old.nodeType !== 1 && old.nodeType === made.nodeType) {
		if (old.data !== made.data)
			old.data = made.data;
		return;
	}
	if (old.nodeName !== made.nodeName || kindsOf(old) !== kindsOf(made) || old.id !== made.id) {
		old.replaceWith(made);
		return;
	}
	for (const { name } of [...old.attributes])
		if (!made.hasAttribute(name) && name !== "open")
			old.removeAttribute(name);
	for (const { name, value } of [...made.attributes])
		if (old.getAttribute(name) !== value && name !== "open")
			old.setAttribute(name, value);
	heard.set(old, heard.get(made));
	match(old, [...made.childNodes]);
}

// Rows with a data-key are the same where the key is, whatever comes or goes between them; their order stays.
function match(e, made) {
	const keyed = new Map([...e.children].filter((c) => c.dataset.key).map((c) => [c.dataset.key, c]));
	let at = e.firstChild;
	for (const m of made) {
		const key = m.dataset && m.dataset.key, same = key ? keyed.get(key) : at && !(at.dataset && at.dataset.key) ? at : null;
		if (!same || same.parentNode !== e) {
			e.insertBefore(m, at);
			continue;
		}
		while (at !== same)
			at = drop(at);
		at = same.nextSibling;
		become(same, m);
	}
	while (at)
		at = drop(at);
}

function drop(e) {
	const next = e.nextSibling;
	e.remove();
	return next;
}

// fill(), for what is drawn again and again.
export function update(e, ...children) {
	match(e, [...put(document.createDocumentFragment(), children).childNodes]);
	return e;
}

// A table. heads are texts, of columns of numbers with # in front; each row is a list of cells. On a
// narrow screen each row becomes a card, its cells with their heads; hence the roles.
export function grid(caption, heads, rows) {
	const cell = (c, i) => h("td", { role: "cell", "data-head": heads[i].replace("#", ""), class: heads[i].startsWith("#") ? "n" : null }, c);
	return h("table", { role: "table", class: heads.length > 4 ? "many" : null }, caption ? h("caption", {}, caption) : null,
		h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads.map((t) =>
			h("th", { scope: "col", role: "columnheader", class: t.startsWith("#") ? "n" : null },
				t.replace("#", "") || h("span", { class: "unseen" }, "more"))))),
		h("tbody", { role: "rowgroup" }, rows.map((r) => h("tr", { role: "row" }, r.map(cell)))));
}

// A bar as long as its part of the whole, 0 to 1.
export function bar(part) {
	return s("svg", { class: "bar", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
		s("rect", { width: 100, height: 8, class: "ground" }), s("rect", { width: (100 * Math.min(1, part || 0)).toFixed(1), height: 8 }));
}

// What happened, for eyes and for screen readers.
export function say(text, bad) {
	const e = document.getElementById("said");
	if (!text) {
		e.replaceChildren();
		return;
	}
	e.className = bad ? "bad" : "good";
	fill(e, h("p", {}, h("strong", {}, bad ? "✕ " : "✓ "), text), h("button", { class: "plain small", "aria-label": "Close the message", onclick: () => say("") }, "Close"));
}

// The same, on the page that is gone to.
let later = null;
export function go(hash, text) {
	later = text || null;
	location.hash = hash;
}

export function arrived() {
	say(later || "");
	later = null;
}

// What was done, and what the answer warns of.
export const warned = (text, answer) => text + [...answer.children].filter((c) => c.tagName === "warning").map((c) => ` Mind: ${c.textContent}.`).join("");

// A question that has to be answered; true: yes. Escape is no.
export function confirmed(title, lines, yes) {
	return new Promise((done) => {
		const d = h("dialog", { "aria-labelledby": "ask" },
			h("form", { method: "dialog" }, h("h2", { id: "ask" }, title),
				lines.filter((l) => l).map((t) => h("p", {}, t)),
				h("p", { class: "buttons" }, h("button", { value: "no", class: "plain", autofocus: true }, "Cancel"),
					h("button", { value: "yes", class: "danger" }, yes))));
		document.body.append(d);
		d.addEventListener("close", () => {
			done(d.returnValue === "yes");
			d.remove();
		});
		d.showModal();
	});
}

// Runs f now and again, ms behind its end, while the page is looked at; what to call to end it.
export function every(ms, f) {
	let timer = 0, over = false;
	const turn = async () => {
		if (!document.hidden)
			await f().catch(() => {});
		if (!over)
			timer = setTimeout(turn, ms);
	};
	timer = setTimeout(turn, ms);
	return () => {
		over = true;
		clearTimeout(timer);
	};
}

// --- numbers and words ---

export const number = (n) => Number(n || 0).toLocaleString("en");
export const many = (n, one, more) => `${number(n)} ${Number(n) === 1 ? one : more || `${one}s`}`;

export function rate(n) {
	return n >= 100 ? number(Math.round(n)) : n >= 10 ? n.toFixed(1) : n.toFixed(n ? 2 : 0);
}

export function bytes(n) {
	const units = ["B", "kB", "MB", "GB", "TB"];
	let v = Number(n || 0), i = 0;
	for (; v >= 1000 && i < units.length - 1; i++)
		v /= 1000;
	return `${v < 10 && i ? v.toFixed(1) : Math.round(v)} ${units[i]}`;
}

export function duration(seconds) {
	const n = Math.round(seconds), d = Math.floor(n / 86400), hours = Math.floor(n / 3600) % 24, m = Math.floor(n / 60) % 60;
	return d ? `${d} d ${hours} h` : hours ? `${hours} h ${m} min` : m ? `${m} min` : `${n} s`;
}

// "2026-11-26T18:09:26Z" as one reads it.
export const date = (t) => (t || "").replace("T", " ").replace("Z", " UTC");
