// The XML interface. A session's cookie is the browser's, its token is kept for all tabs of it.

let token = localStorage.getItem("token");
let whenOut = () => {}, whenAway = () => {}, away = false;

export class Refused extends Error {
	constructor(status, code, text) {
		super(text);
		this.status = status;
		this.code = code;
	}
}

export const isIn = () => !!token;
export const onLogout = (f) => (whenOut = f); // f(why)
export const onAway = (f) => (whenAway = f); // f(text): the service does not answer; "": it does again

function keep(t) {
	token = t;
	if (t)
		localStorage.setItem("token", t);
	else
		localStorage.removeItem("token");
}

// Another tab has logged in or out.
window.addEventListener("storage", (e) => {
	if (e.key !== "token" && e.key !== null)
		return;
	const was = token;
	token = localStorage.getItem("token");
	if (!was !== !token)
		whenOut("");
});

// { tag: text } as a document; what is undefined is left out.
function written(command, params) {
	const d = document.implementation.createDocument("", command);
	for (const [name, value] of Object.entries(params || {})) {
		if (value === undefined)
			continue;
		const e = d.createElement(name);
		e.textContent = value;
		d.documentElement.append(e);
	}
	return new XMLSerializer().serializeToString(d);
}

async function post(path, body, headers) {
	let r;
	try {
		r = await fetch(path, { method: "POST", body, headers, credentials: "same-origin" });
	} catch {
		if (!away)
			whenAway(`protobalance does not answer since ${new Date().toLocaleTimeString("en-GB")}: what is shown is old.`);
		away = true;
		throw new Refused(0, "unreachable", "protobalance does not answer. Does it run?");
	}
	if (away)
		whenAway("");
	away = false;
	const d = new DOMParser().parseFromString(await r.text(), "text/xml").documentElement;
	if (r.ok)
		return d;
	throw new Refused(r.status, text(d, "code"), text(d, "error") || `HTTP ${r.status}`);
}

// One command; its answer. A session that is over leads to the login.
export async function ask(command, params) {
	try {
		return await post("xml", written(command, params), { "X-CSRF-Token": token || "-" });
	} catch (e) {
		if (e.code === "wrong_session") {
			keep(null);
			whenOut("The session is over. Please log in again.");
		}
		throw e;
	}
}

export async function login(password) {
	keep(text(await post("login", written("login", { password })), "csrf_token"));
}

export async function logout() {
	const t = token;
	keep(null);
	await post("logout", "", { "X-CSRF-Token": t || "-" }).catch(() => {});
	whenOut("");
}

// The account files: email.csv and alias.csv.
export async function upload(name, file) {
	const r = await fetch(`files/${name}`, { method: "PUT", body: file, headers: { "X-CSRF-Token": token || "-" } }).catch(() => null);
	const d = r && new DOMParser().parseFromString(await r.text(), "text/xml").documentElement;
	if (!r || !r.ok)
		throw new Refused(r ? r.status : 0, "", (d && text(d, "error")) || "The file did not arrive.");
}

export async function download(name) {
	const r = await fetch(`files/${name}`, { headers: { "X-CSRF-Token": token || "-" } });
	if (!r.ok)
		throw new Refused(r.status, "", r.status === 404 ? `There is no ${name} yet: Vacuum Databases writes it.` : `HTTP ${r.status}`);
	return r.blob();
}

export const child = (e, name) => [...e.children].find((c) => c.tagName === name);

// The text of a child; "" where there is none.
export function text(e, name) {
	const c = child(e, name);
	return c ? c.textContent : "";
}

// The children of the child of that name: rows(answer, "emails").
export function rows(e, name) {
	const c = child(e, name);
	return c ? [...c.children] : [];
}

export function total(e, name) {
	const c = child(e, name);
	return Number((c && c.getAttribute("total")) || 0);
}

// All children without children of their own, by name.
export function values(e) {
	return Object.fromEntries([...e.children].filter((c) => !c.children.length).map((c) => [c.tagName, c.textContent]));
}
