// Pages and the way between them: the part of the address behind #.
import { h, fill, say } from "./dom.js";
import { isIn, login, logout, onLogout } from "./api.js";
import { info } from "./info.js";
import { clusters } from "./clusters.js";
import { emails } from "./emails.js";
import { why } from "./why.js";
import { log } from "./log.js";
import { password } from "./password.js";

const pages = [
	["info", "Info", info],
	["clusters", "Clusters", clusters],
	["emails", "Email Database", emails],
	["why", "Why?", why],
	["log", "Live log", log],
	["password", "Change password", password],
];
const main = document.getElementById("main"), nav = document.getElementById("nav");
let leave = null; // ends what the page before has begun

function showLogin() {
	const input = h("input", { type: "password", id: "pw", name: "password", autocomplete: "current-password", required: true });
	const button = h("button", {}, "Log in");
	const wrong = h("p", { class: "bad", role: "alert" });
	nav.hidden = true;
	document.title = "Login – protobalance";
	fill(main, h("form", {
		class: "card narrow", onsubmit: async (e) => {
			e.preventDefault();
			button.disabled = true;
			wrong.textContent = "";
			try {
				await login(input.value);
				show();
			} catch (x) {
				wrong.textContent = x.code === "wrong_password" ? "That is not the console's password." : x.message;
				button.disabled = false;
				input.select();
			}
		},
	}, h("h1", {}, "Login"),
	h("label", { for: "pw" }, "Console password"), input, wrong, h("p", {}, button),
	h("p", { class: "quiet" }, "The first start has written it to the file first-login in the directory of the service.")));
	input.focus();
}

function showNav(current) {
	nav.hidden = false;
	fill(nav, pages.map(([name, title]) => h("a", { href: `#/${name}`, "aria-current": name === current ? "page" : null }, title)),
		h("button", { class: "plain", onclick: logout }, "Logout"));
}

async function show() {
	const [name, ...rest] = location.hash.replace(/^#\//, "").split("/").map(decodeURIComponent);
	const page = pages.find((p) => p[0] === name) || pages[0], here = location.hash;
	if (leave)
		leave();
	leave = null;
	say("");
	if (!isIn()) {
		showLogin();
		return;
	}
	showNav(page[0]);
	document.title = `${page[1]} – protobalance`;
	const root = h("div", { "aria-busy": "true" });
	fill(main, h("h1", {}, page[1]), root);
	try {
		leave = (await page[2](root, rest)) || null;
	} catch (e) {
		if (isIn())
			say(e.message, true);
	}
	root.removeAttribute("aria-busy");
	main.dataset.page = here; // it is drawn
}

window.addEventListener("hashchange", () => {
	show();
	main.focus();
});
onLogout(show);
show();
