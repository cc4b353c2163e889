// The e-mail database: accounts and aliases, the files, the blocked list.
import { h, fill, put, say, confirmed, grid, number } from "./dom.js";
import { ask, rows, text, total, values, upload, download } from "./api.js";
import { fields, form } from "./forms.js";

const PAGE = 50, WAIT_MS = 150;
const kinds = {
	account: { key: "email_address", list: "emails", search: "searchemail", get: "getemail", add: "addnewemail", set: "commitmodifyemail", del: "deleteemail", title: "Email" },
	alias: { key: "alias_address", list: "aliases", search: "searchalias", get: "getalias", add: "addnewalias", set: "commitmodifyalias", del: "deletealias", title: "Alias" },
};

const link = (kind, address) => `#/emails/edit/${kind}/${encodeURIComponent(address)}`;

function found(kind, row) {
	const k = kinds[kind], address = row[k.key];
	return [h("a", { href: link(kind, address) }, address), kind === "account" ? row.boxid || h("span", { class: "bad" }, "no box") : row.alias_list,
		h("a", { href: `#/why/${encodeURIComponent(address)}` }, "Why?")];
}

// Search as one types: an answer that has been overtaken is dropped.
function searcher(kind) {
	const k = kinds[kind], out = h("div", { "aria-live": "polite" });
	const input = h("input", { type: "search", id: `q-${kind}`, autocomplete: "off", placeholder: "part of the address; abc* for its beginning" });
	let turn = 0, timer = 0, after = "";
	const go = async (more) => {
		const mine = ++turn;
		const answer = await ask(k.search, { query: input.value.trim(), after: more ? after : undefined, limit: String(PAGE) });
		if (mine !== turn)
			return;
		const list = rows(answer, k.list).map(values);
		after = list.length ? list[list.length - 1][k.key] : "";
		fill(out, grid(`${number(total(answer, k.list))} found`, [kind, kind === "account" ? "box" : "members", ""], list.map((r) => found(kind, r))),
			list.length === PAGE ? h("button", { class: "plain", onclick: () => go(true).catch((e) => say(e.message, true)) }, "Next page") : null);
	};
	input.addEventListener("input", () => {
		clearTimeout(timer);
		timer = setTimeout(() => go(false).catch((e) => say(e.message, true)), WAIT_MS);
	});
	return [h("section", { class: "card" }, h("h2", {}, kind === "account" ? "Search Email" : "Search Alias"),
		h("p", { class: "bar" }, h("label", { for: input.id }, "Address"), input, h("a", { class: "button", href: `#/emails/add/${kind}` }, kind === "account" ? "Add Email" : "Add Alias")), out), go];
}

async function progress(out, command, title) {
	const timer = setInterval(async () => {
		const work = rows(await ask("stats", { span: "none" }).catch(() => h("x")), "work");
		if (work.length)
			fill(out, `${title}: ${number(work.find((w) => w.tagName === "done").textContent)} rows so far`);
	}, 500);
	fill(out, `${title} …`);
	try {
		return await ask(command);
	} finally {
		clearInterval(timer);
	}
}

function files() {
	const out = h("div", { role: "status" });
	const run = (command, title, show) => async () => {
		try {
			fill(out, show(await progress(out, command, title)));
		} catch (e) {
			fill(out, h("p", { class: "bad" }, e.message));
		}
	};
	const reread = (a) => [["accounts", "email.csv"], ["aliases", "alias.csv"]].map(([tag, file]) => {
		const part = [...a.children].find((c) => c.tagName === tag) || a;
		const bad = rows(part, "badlines").map(values);
		return [h("p", {}, `${file}: ${number(text(part, "read"))} read, ${number(text(part, "added"))} added, ${number(text(part, "changed"))} changed, ${number(text(part, "removed"))} removed, ${number(text(part, "skipped"))} skipped`),
			bad.length ? grid("Bad lines", ["file", "line", "reason"], bad.map((b) => [b.file, b.line, b.reason])) : null];
	});
	const save = async (name) => {
		try {
			const url = URL.createObjectURL(await download(name));
			h("a", { href: url, download: name }).click();
			setTimeout(() => URL.revokeObjectURL(url), 60000);
		} catch (e) {
			fill(out, h("p", { class: "bad" }, e.message));
		}
	};
	const send = async (name, input) => {
		if (!input.files.length)
			return;
		fill(out, `${name} is on its way …`);
		await upload(name, input.files[0]).then(() => fill(out, `${name} is there. Re-read Database makes the database equal to the files.`),
			(e) => fill(out, h("p", { class: "bad" }, e.message)));
		input.value = "";
	};
	const file = (name) => {
		const input = h("input", { type: "file", id: `up-${name}`, accept: ".csv,text/*", onchange: () => send(name, input) });
		return h("p", { class: "bar" }, h("label", { for: input.id }, `Upload ${name}`), input, h("button", { class: "plain", onclick: () => save(name) }, `Download ${name}`));
	};
	return h("section", { class: "card" }, h("h2", {}, "Files"),
		h("p", { class: "quiet" }, "Vacuum writes email.csv and alias.csv into the directory of the service; re-read makes the database equal to them."),
		h("p", { class: "buttons" },
			h("button", { onclick: run("vacuum", "Vacuum Databases", () => "The files are written.") }, "Vacuum Databases"),
			h("button", {
				onclick: async () => (await confirmed("Re-read Database?", ["Accounts and aliases that are not in the files are removed, those that differ are changed."], "Re-read")) && run("reread", "Re-read Database", reread)(),
			}, "Re-read Database")), ["email.csv", "alias.csv"].map(file), out);
}

function blocked() {
	const out = h("div", {});
	const draw = async () => {
		const list = rows(await ask("blockedips"), "blockedips").map(values);
		fill(out, list.length ? grid(`${number(list.length)} blocked`, ["address or account", "reason", "since", "tries", "by", ""], list.map((b) => {
			const subject = b.address || b.email_address;
			return [subject, b.reason, b.since, number(b.count), b.by, h("button", {
				class: "plain", "aria-label": `Unblock ${subject}`, onclick: async () => {
					await ask("setblockip", b.address ? { address: subject, block_ip: "0" } : { email_address: subject, block_email: "0" }).then(
						() => say(`${subject} is unblocked.`), (e) => say(e.message, true));
					await draw();
				},
			}, "Unblock")];
		})) : h("p", {}, "Nobody is blocked."));
	};
	const ip = h("input", { id: "forget", autocomplete: "off", placeholder: "192.0.2.7" });
	return [h("section", { class: "card" }, h("h2", {}, "Show blocked IP addresses"), out,
		h("form", {
			class: "bar", onsubmit: async (e) => {
				e.preventDefault();
				await ask("clearip", { address: ip.value.trim() }).then(() => say(`${ip.value.trim()} is forgotten: its connections, and the delay after wrong passwords.`), (x) => say(x.message, true));
			},
		}, h("label", { for: "forget" }, "Delete an address from the IP dictionary"), ip, h("button", {}, "Delete"))), draw];
}

async function overview(root) {
	const [accounts, searchAccounts] = searcher("account"), [aliases, searchAliases] = searcher("alias"), [list, draw] = blocked();
	fill(root, accounts, aliases, list, files());
	await Promise.all([searchAccounts(false), searchAliases(false), draw()]);
}

const back = () => h("a", { class: "button", href: "#/emails" }, "Back");

function add(root, kind) {
	const k = kinds[kind];
	put(root, form(`Add ${k.title}`, [fields(kind, null)], async (v) => {
		await ask(k.add, v);
		location.hash = link(kind, v[k.key] || "");
	}, back()));
}

async function edit(root, kind, address) {
	const k = kinds[kind], before = values(await ask(k.get, { [k.key]: address }));
	put(root, h("p", {}, h("a", { href: `#/why/${encodeURIComponent(address)}` }, "Why? – where its mail goes, and all that is held about it")),
		form(`${k.title} ${address}`, [fields(kind, before)], async (v) => {
			await ask(k.set, v);
			say(`${address} is saved.`);
		}, [h("button", {
			type: "button", class: "plain", onclick: async () => {
				if (!(await confirmed(`Delete ${address}?`, [kind === "account" ? "The mailbox on its box stays." : "Its members stay."], "Delete")))
					return;
				await ask(k.del, { [k.key]: address }).then(() => (location.hash = "#/emails"), (e) => say(e.message, true));
			},
		}, "Delete"), back()]));
}

export async function emails(root, [what, kind, address]) {
	if (what === "add" && kinds[kind])
		return add(root, kind);
	if (what === "edit" && kinds[kind])
		return edit(root, kind, address);
	return overview(root);
}
