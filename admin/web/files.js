// The account files, and who is blocked.
import { h, fill, put, say, confirmed, every, grid, number, many, date } from "./dom.js";
import { ask, child, rows, text, total, values, upload, download } from "./api.js";
import { countAnew } from "./setup.js";

// --- blocked ---

export async function blocked(root) {
	const out = h("div", {}), who = h("input", { id: "b-who", autocomplete: "off", spellcheck: "false", placeholder: "192.0.2.7 or anna@example.com" }), ip = h("input", { id: "forget", autocomplete: "off", spellcheck: "false", placeholder: "192.0.2.7" });
	const set = async (subject, block) => {
		const mail = subject.includes("@");
		await ask("setblockip", mail ? { email_address: subject, block_email: block } : { address: subject, block_ip: block }).then(() => say(`${subject} is ${block === "1" ? "" : "un"}blocked.`), (e) => say(e.message, true));
		await draw();
	};
	const draw = async () => {
		const answer = await ask("blockedips", { limit: "1000" }), list = rows(answer, "blockedips").map(values);
		fill(out, list.length ? grid(`${number(list.length)} of ${number(total(answer, "blockedips"))}`, ["Address or account", "Reason", "Since", "#Refused since", "By", ""], list.map((b) => {
			const subject = b.address || b.email_address;
			return [h("a", { href: `#/why/${encodeURIComponent(subject)}` }, subject), b.reason, h("span", { class: "time" }, date(b.since)), number(b.count), b.by, h("button", { class: "plain small", "aria-label": `Unblock ${subject}`, onclick: () => set(subject, "0") }, "Unblock")];
		})) : h("p", { class: "quiet" }, "Nobody is blocked."));
	};
	const forget = async (e) => {
		e.preventDefault();
		await ask("clearip", { address: ip.value.trim() }).then(() => say(`${ip.value.trim()} is forgotten: its connections, and the delay after wrong passwords.`), (x) => say(x.message, true));
	};
	const block = async (e) => {
		e.preventDefault();
		const subject = who.value.trim();
		if (subject && await confirmed(`Block ${subject}?`, ["It may send no mail through this balancer until it is unblocked; mail to it is taken as before."], "Block"))
			await set(subject, "1");
	};
	put(root, h("p", { class: "lead" }, "Who is blocked may send no mail as a relay client: the limits of relay clients block by themselves, and you may."), h("section", { class: "card" }, h("h2", {}, "Blocked"), out),
		h("div", { class: "columns" }, h("form", { class: "card", onsubmit: block }, h("h2", {}, "Block"), h("label", { for: "b-who" }, "IP address or account"), who, h("p", { class: "buttons" }, h("button", {}, "Block"))),
			h("form", { class: "card", onsubmit: forget }, h("h2", {}, "Delete an IP address from the dictionary"), h("label", { for: "forget" }, "IP address"), ip,
				h("p", { class: "help" }, "What is held against it is forgotten: its connections of late, the delay after wrong passwords and keys."), h("p", { class: "buttons" }, h("button", {}, "Delete")))));
	await draw();
}

// --- files ---

// A long command, and how far it is.
async function watched(out, command, title) {
	const bar = h("progress", { "aria-label": title }), words = h("p", {}, `${title} …`);
	fill(out, words, bar);
	const stop = every(400, async () => {
		const work = values(child(await ask("stats", { span: "none" }), "work") || h("x"));
		if (!work.done)
			return;
		words.textContent = `${title}: ${number(work.done)} rows${Number(work.of) ? ` of ${number(work.of)}` : ""}`;
		if (Number(work.of))
			[bar.max, bar.value] = [work.of, work.done];
	});
	try {
		return await ask(command);
	} finally {
		stop();
	}
}

function outcome(answer) {
	const bad = rows(answer, "badlines").map(values), skipped = Number(text(answer, "skipped")), names = ["read", "added", "changed", "removed", "skipped"];
	return [h("p", { class: "good" }, "✓ The database is equal to the files."),
		grid("Rows of both files", names.map((n) => `#${n}`), [names.map((n) => number(text(answer, n)))]),
		bad.length ? [h("h3", { class: "bad" }, `▲ ${many(skipped, "line")} could not be taken${skipped > bad.length ? `; the first ${bad.length}` : ""}`), grid("", ["File", "#Line", "Reason"], bad.map((b) => [b.file, number(b.line), b.reason]))] : null];
}

async function save(name) {
	const url = URL.createObjectURL(await download(name));
	h("a", { href: url, download: name }).click();
	setTimeout(() => URL.revokeObjectURL(url), 60000);
}

// Of "emails/vacuum", "emails/reread": one page, whose first button is the one that was looked for.
export async function files(root, rest, name, at) {
	const out = h("div", { role: "status" });
	const guarded = (f) => async (...args) => {
		try {
			await f(...args);
		} catch (e) {
			fill(out, h("p", { class: "bad" }, `▲ ${e.message}`));
		}
	};
	const vacuum = guarded(async () => {
		await watched(out, "vacuum", "Vacuum Databases");
		fill(out, h("p", { class: "good" }, "✓ email.csv and alias.csv are written."));
	});
	const reread = guarded(async () => {
		if (!(await confirmed("Re-read Database?", ["The database becomes equal to email.csv and alias.csv, in one step: accounts and aliases that are not in them are removed, those that differ are changed.",
			"Vacuum Databases before you change the files, or changes made meanwhile are lost."], "Re-read")))
			return;
		const answer = await watched(out, "reread", "Re-read Database");
		countAnew();
		fill(out, outcome(answer));
	});
	const send = guarded(async (name, input) => {
		const file = input.files[0];
		if (!file)
			return;
		input.value = "";
		fill(out, h("p", {}, `${name} is on its way …`), h("progress", { "aria-label": `Upload of ${name}` }));
		await upload(name, file);
		fill(out, h("p", { class: "good" }, `✓ ${name} is there. Re-read Database makes the database equal to it.`));
	});
	const file = (name, what) => {
		const input = h("input", { type: "file", id: `up-${name}`, accept: ".csv,text/*", onchange: () => send(name, input) });
		return h("section", { class: "card" }, h("h2", {}, name), h("p", { class: "help" }, what), h("label", { for: input.id }, `Upload ${name}`), input, h("p", { class: "buttons" }, h("button", { class: "plain", onclick: guarded(() => save(name)) }, `Download ${name}`)));
	};
	put(root, h("p", { class: "lead" }, "All accounts and aliases as two text files with tabs between the columns. Other programs may read and write them."),
		h("section", { class: "card" }, h("p", { class: "buttons" }, ...(at === "emails/reread" ? [{ class: "plain" }, {}] : [{}, { class: "plain" }]).map((look, i) => h("button", { ...look, onclick: [vacuum, reread][i] }, ["Vacuum Databases", "Re-read Database"][i]))),
			h("p", { class: "help" }, "Vacuum writes the files from the database; re-read makes the database equal to the files."), out),
		h("div", { class: "columns" }, file("email.csv", "Accounts, one a line."), file("alias.csv", "Aliases, one a line.")));
}
