// The e-mail database: accounts and aliases, found, added, changed, moved.
import { h, fill, put, go, say, confirmed, grid, number, many, warned } from "./dom.js";
import { ask, rows, text, total, values } from "./api.js";
import { datalist, fields, form } from "./forms.js";
import { accountsOf, countAnew, parts } from "./setup.js";
import { lamp } from "./clusters.js";
import { tree } from "./tree.js";

const PAGE = 50, WAIT_MS = 150, NONE = "\n"; // no name of a box
const kinds = {
	account: { key: "email_address", list: "emails", search: "searchemail", get: "getemail", add: "addnewemail", set: "commitmodifyemail", del: "deleteemail", title: "Email", many: "Accounts" },
	alias: { key: "alias_address", list: "aliases", search: "searchalias", get: "getalias", add: "addnewalias", set: "commitmodifyalias", del: "deletealias", title: "Alias", many: "Aliases" },
};

const link = (kind, address) => `#/emails/edit/${kind}/${encodeURIComponent(address)}`;
const whyLink = (address) => `#/why/${encodeURIComponent(address)}`;

// Names of boxes, and the worst light of each over all clusters.
async function boxes() {
	const worst = {}, rank = ["green", "yellow", "red"];
	for (const b of parts(await ask("listclusters")).filter((c) => c.type !== "tcp").flatMap((c) => c.boxes))
		worst[b.boxid] = rank[Math.max(rank.indexOf(worst[b.boxid]), rank.indexOf(b.light))];
	return worst;
}

// --- search ---

const boxCell = (row, known) => (!row.boxid ? h("span", { class: "bad" }, "▲ no box") : known[row.boxid] ? [lamp(known[row.boxid]), " ", row.boxid] : h("span", { class: "bad" }, `▲ ${row.boxid}: no cluster has it`));

function found(kind, row, known) {
	const address = row[kinds[kind].key], extra = [row.auto_reply_subject || row.auto_reply_body ? "replies" : "", row.mail_unlimited === "1" ? "unlimited" : "", row.spam_setting === "0" ? "no spam filtering" : row.spam_setting === "2" ? "greylisting" : ""];
	return [h("a", { href: link(kind, address) }, address), kind === "account" ? boxCell(row, known) : h("span", { class: "anywhere" }, row.alias_list.replace(/,/g, ", ")),
		h("span", { class: "quiet" }, extra.filter((x) => x).join(", ")), h("span", { class: "actions" }, h("a", { href: whyLink(address), "aria-label": `Why? ${address}` }, "Why?"))];
}

// Search as one types: an answer that has been overtaken is dropped. Pages go on behind the last row of the one before.
export async function search(root, [start, what]) {
	const known = await boxes();
	const input = h("input", { type: "search", id: "q", autocomplete: "off", spellcheck: "false", placeholder: "part of it; abc* for its beginning", value: what || "" });
	const box = h("select", { id: "q-box" }, h("option", { value: "" }, "any box"), h("option", { value: NONE }, "none"), Object.keys(known).sort().map((n) => h("option", { value: n }, n)));
	const out = h("div", {}), count = h("p", { class: "quiet", role: "status" });
	if (start === "no-box")
		box.value = NONE;
	let kind = start === "alias" ? "alias" : "account", turn = 0, timer = 0, behind = [""]; // behind: the row before each page
	const go = async () => {
		const k = kinds[kind], mine = ++turn, after = behind[behind.length - 1];
		const answer = await ask(k.search, { query: input.value.trim(), ...(kind === "account" && box.value ? (box.value === NONE ? { no_box: "1" } : { boxid: box.value }) : {}), after: after || undefined, limit: String(PAGE) });
		if (mine !== turn)
			return;
		const list = rows(answer, k.list).map(values), n = total(answer, k.list), first = (behind.length - 1) * PAGE;
		count.textContent = list.length ? `${number(first + 1)}–${number(first + list.length)} of ${number(n)}` : "Nothing found.";
		fill(out, list.length ? grid("", [kind === "account" ? "Email address" : "Alias address", kind === "account" ? "Box" : "Alias list", "", ""], list.map((r) => found(kind, r, known))) : null,
			h("p", { class: "buttons" }, behind.length > 1 ? h("button", { class: "plain", onclick: () => turnTo(() => behind.pop()) }, "Previous page") : null,
				first + list.length < n && list.length ? h("button", { class: "plain", onclick: () => turnTo(() => behind.push(list[list.length - 1][k.key])) }, "Next page") : null));
	};
	const run = () => go().catch((e) => say(e.message, true));
	const turnTo = async (change) => {
		change();
		await run();
		count.scrollIntoView({ block: "nearest" });
	};
	const anew = () => {
		behind = [""];
		return run();
	};
	input.addEventListener("input", () => {
		clearTimeout(timer);
		timer = setTimeout(anew, WAIT_MS);
	});
	box.addEventListener("change", anew);
	const picks = h("div", { class: "segments", role: "group", "aria-label": "What to search" }, Object.entries(kinds).map(([name, k]) => h("button", {
		type: "button", class: "plain", "aria-pressed": String(name === kind), onclick: (e) => {
			kind = name;
			for (const b of picks.children)
				b.setAttribute("aria-pressed", String(b === e.currentTarget));
			boxPart.hidden = kind !== "account";
			anew();
		},
	}, k.many)));
	const boxPart = h("span", { class: "pair", hidden: kind !== "account" }, h("label", { for: "q-box" }, "Box"), box);
	fill(root, h("section", { class: "card" }, h("form", { class: "bar", role: "search", onsubmit: (e) => e.preventDefault() }, picks,
		h("span", { class: "pair grow" }, h("label", { for: "q" }, "Address"), input), boxPart,
		h("a", { class: "button", href: "#/emails/add/account" }, "Add Email"), h("a", { class: "button", href: "#/emails/add/alias" }, "Add Alias")), count, out));
	await go();
	input.focus({ preventScroll: true });
}

// --- one account, one alias ---

const lead = {
	account: "An account: its mail goes to the mailbox on its box, and its password lets it fetch and send mail.",
	alias: "An address that leads to others: accounts, aliases or addresses elsewhere, separated by commas.",
};

async function add(root, kind, name) {
	const k = kinds[kind], part = fields(kind, null, { allOpen: false, lists: { boxid: "boxes" } });
	name(`Add ${k.title}`);
	put(root, h("p", { class: "lead" }, lead[kind], " ", h("code", {}, "@example.com"), " is the catch-all of its domain."), datalist("boxes", Object.keys(await boxes())), form(part, async (v) => {
		const answer = await ask(k.add, v);
		countAnew();
		go(link(kind, v[k.key].trim().toLowerCase()), warned(`${v[k.key]} is added.`, answer));
	}, h("a", { class: "button", href: "#/emails" }, "Back"), "Add"));
}

async function edit(root, kind, address, name) {
	const k = kinds[kind], before = values(await ask(k.get, { [k.key]: address })), leads = h("div", {});
	const part = fields(kind, before, { lists: { boxid: "boxes" } });
	const draw = async () => fill(leads, tree(await ask("route", { email_address: address })));
	name(`${k.title} ${address}`);
	const remove = async () => {
		if (!(await confirmed(`Delete ${address}?`, [kind === "account" ? "Mail to it is refused from then on, nobody can log in with it. Its mailbox on the box stays." : "Mail to it is refused from then on. Its members stay.", "It cannot be undone."], "Delete")))
			return;
		await ask(k.del, { [k.key]: address }).then(() => go("#/emails", `${address} is deleted.`), (e) => say(e.message, true));
		countAnew();
	};
	put(root, datalist("boxes", Object.keys(await boxes())),
		h("section", { class: "card" }, h("div", { class: "head" }, h("h2", {}, "Where its mail goes"), h("a", { class: "button", href: whyLink(address) }, "Why?")), leads),
		form(part, async (v) => {
			say(warned(`${address} is saved.`, await ask(k.set, v)));
			countAnew();
			await draw();
		}, [h("a", { class: "button", href: "#/emails" }, "Back"), h("button", { type: "button", class: "plain danger-text", onclick: remove }, "Delete")]));
	await draw();
}

// Of "emails/add/KIND", "emails/edit": the kind and the address.
export async function emailForms(root, [kind, address], name, at) {
	const what = at.split("/");
	return what[1] === "add" ? add(root, what[2], name) : edit(root, kinds[kind] ? kind : "account", address, name);
}

// --- to another box ---

export async function move(root) {
	const known = Object.keys(await boxes()).sort(), out = h("div", { role: "status" });
	const names = () => known.map((n) => h("option", { value: n }, n));
	const address = h("input", { id: "m-address", autocomplete: "off", spellcheck: "false" }), from = h("input", { id: "m-from", list: "m-names", autocomplete: "off", value: known[0] || "" }), to = h("select", { id: "m-to" }, names()), to1 = h("select", { id: "m-to1" }, names());
	const count = h("p", { class: "quiet" });
	const recount = async () => (count.textContent = from.value ? `${many(await accountsOf(from.value), "account")} there.` : "");
	const run = async (params, done) => {
		fill(out, "Moving …");
		try {
			const answer = await ask("moveemail", params);
			fill(out, h("p", { class: "good" }, `✓ ${warned(done(number(text(answer, "moved"))), answer)}`));
		} catch (e) {
			fill(out, h("p", { class: "bad" }, e.message));
		}
		countAnew();
		await recount();
	};
	const one = async (e) => {
		e.preventDefault();
		await run({ email_address: address.value.trim(), boxid: to1.value }, () => `${address.value} is on ${to1.value}.`);
	};
	const whole = async (e) => {
		e.preventDefault();
		const n = await accountsOf(from.value);
		if (await confirmed(`Move ${many(n, "account")} from ${from.value} to ${to.value}?`, ["New mail goes there from then on. What is in the mailboxes stays where it is: it has to be copied."], "Move"))
			await run({ from_boxid: from.value, boxid: to.value }, (moved) => `${moved} moved from ${from.value} to ${to.value}.`);
	};
	to.value = known[1] || "";
	from.addEventListener("input", () => recount().catch(() => {}));
	put(root, datalist("m-names", known), known.length ? h("div", { class: "columns" },
		h("form", { class: "card", onsubmit: whole }, h("h2", {}, "All accounts of a box"), h("label", { for: "m-from" }, "From box"), from, count, h("label", { for: "m-to" }, "To box"), to, h("p", { class: "buttons" }, h("button", {}, "Move all"))),
		h("form", { class: "card", onsubmit: one }, h("h2", {}, "One account"), h("label", { for: "m-address" }, "Email address"), address, h("label", { for: "m-to1" }, "To box"), to1, h("p", { class: "buttons" }, h("button", {}, "Move")))) : h("p", { class: "card" }, "There is no box yet."), out);
	await recount();
}
