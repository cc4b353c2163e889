// Pages and the way between them: the part of the address behind #.
import { h, fill, say, arrived, confirmed, every } from "./dom.js";
import { ask, isIn, login, logout, onLogout, onAway } from "./api.js";
import { info, settings, changes } from "./info.js";
import { clusters } from "./clusters.js";
import { clusterForms } from "./cluster_forms.js";
import { search, emailForms, move } from "./emails.js";
import { blocked, files } from "./files.js";
import { why } from "./why.js";
import { log } from "./log.js";
import { password } from "./password.js";
import { test } from "./test.js";
import { isUnsaved } from "./forms.js";

const IDLE_MIN = 30, AWAKE_MS = 300000;

// Address, title, page, and what stands below it in the list: [address, title, page]. The longest address
// that fits is the page; the rest of it are its arguments.
const pages = [
	["info", "Info", info, [["info/settings", "General settings", settings], ["info/changes", "Changes", changes]]],
	["clusters", "Clusters", clusters, [["clusters/add/smtp", "Add SMTP Cluster", clusterForms], ["clusters/add/pop3", "Add POP3 Cluster", clusterForms],
		["clusters/add/tcp", "Add Cluster", clusterForms], ["clusters/test", "Send a test mail", test]]],
	["emails", "Email Database", search, [["emails/search", "Search Email", search], ["emails/add/account", "Add Email", emailForms], ["emails/add/alias", "Add Alias", emailForms],
		["emails/move", "Move accounts", move], ["emails/blocked", "Show blocked IP addresses", blocked], ["emails/vacuum", "Vacuum Databases", files], ["emails/reread", "Re-read Database", files]]],
	["why", "Why?", why, []],
	["log", "Live log", log, []],
	["password", "Change password", password, []],
];
const inner = [["clusters/edit", "Cluster", clusterForms], ["clusters/box", "Box", clusterForms], ["emails/edit", "Email", emailForms]];
const all = [...inner, ...pages.flatMap((p) => [...p[3], p])].sort((a, b) => b[0].length - a[0].length);

const main = document.getElementById("main"), nav = document.getElementById("nav"), menu = document.getElementById("menu");
let leave = null; // ends what the page before has begun
let turn = 0;
let out = ""; // why one has to log in again

function showLogin() {
	const input = h("input", { type: "password", id: "pw", name: "password", autocomplete: "current-password", required: true });
	const button = h("button", {}, "Log in");
	const wrong = h("p", { class: "bad", role: "alert" }, out);
	nav.hidden = menu.hidden = true;
	document.body.className = "out";
	document.title = "Login – protobalance";
	fill(main, h("form", {
		class: "card narrow", onsubmit: async (e) => {
			e.preventDefault();
			button.disabled = true;
			wrong.textContent = "";
			try {
				await login(input.value);
				out = "";
				show();
			} catch (x) {
				wrong.textContent = x.code === "wrong_password" ? "That is not the console's password." : x.message;
				button.disabled = false;
				input.select();
			}
		},
	}, h("h1", {}, "Login"), h("label", { for: "pw" }, "Console password"), input, wrong, h("p", { class: "buttons" }, button),
	h("p", { class: "quiet" }, "The first start has written it to the file ", h("code", {}, "first-login"), " in the directory of the service.")));
	input.focus();
}

function showNav(current) {
	nav.hidden = menu.hidden = false;
	document.body.className = "";
	unfold(false);
	const link = ([at, title], below) => h("a", { href: `#/${at}`, class: below ? "below" : null, "aria-current": at === current ? "page" : null }, title);
	fill(nav, h("ul", {}, pages.map((p) => h("li", {}, link(p), p[3].length ? h("ul", {}, p[3].map((x) => h("li", {}, link(x, true)))) : null)),
		h("li", {}, h("button", { class: "plain", onclick: logout }, "Logout"))));
}

function unfold(open) {
	menu.setAttribute("aria-expanded", String(open));
	nav.classList.toggle("open", open);
}

function decoded(part) {
	try {
		return decodeURIComponent(part);
	} catch {
		return part;
	}
}

async function show() {
	const here = location.hash, at = here.replace(/^#\/?/, ""), mine = ++turn;
	const page = all.find((p) => at === p[0] || at.startsWith(`${p[0]}/`)) || pages[0];
	const rest = at.slice(page[0].length + 1).split("/").filter((x) => x).map(decoded);
	if (leave)
		leave();
	leave = null;
	arrived();
	if (!isIn()) {
		showLogin();
		return;
	}
	showNav(page[0]);
	const root = h("div", { "aria-busy": "true" }), title = h("h1", {}, page[1]);
	document.title = `${page[1]} – protobalance`;
	fill(main, title, root);
	window.scrollTo(0, 0);
	let stop = null;
	try {
		stop = await page[2](root, rest, (t) => {
			title.textContent = t;
			document.title = `${t} – protobalance`;
		}, page[0]);
	} catch (e) {
		if (isIn() && mine === turn)
			fill(root, h("p", { class: "card bad", role: "alert" }, e.message, " ", h("a", { href: location.hash, onclick: show }, "Again")));
	}
	root.removeAttribute("aria-busy");
	if (mine !== turn)
		return void (stop && stop());
	leave = stop || null;
	main.dataset.page = here; // it is drawn
}

// --- who is away for long is logged out, whatever the pages ask meanwhile; who is here stays in ---

let moved = Date.now();
for (const event of ["keydown", "pointerdown", "pointermove", "wheel"])
	window.addEventListener(event, () => (moved = Date.now()), { passive: true });
setInterval(() => {
	if (isIn() && Date.now() - moved > IDLE_MIN * 60000) {
		out = `Nobody was here for ${IDLE_MIN} minutes.`;
		logout();
	}
}, 5000);
every(AWAKE_MS, async () => isIn() && ask("stats", { span: "none" }));

document.getElementById("skip").addEventListener("click", (e) => {
	e.preventDefault();
	main.focus();
});
menu.addEventListener("click", () => unfold(menu.getAttribute("aria-expanded") !== "true"));
window.addEventListener("hashchange", async (e) => {
	if (isUnsaved()) {
		const there = location.hash;
		history.replaceState(null, "", new URL(e.oldURL).hash);
		if (!(await confirmed("Leave without saving?", ["What has been changed on this page is lost."], "Leave")))
			return;
		history.replaceState(null, "", there);
	}
	show();
	main.focus({ preventScroll: true });
});
onLogout((reason) => {
	out = reason || out;
	say("");
	show();
});
onAway((text) => (document.getElementById("away").textContent = text));
show();
