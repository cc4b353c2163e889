// Change password: the console's, and the access key of programs.
import { h, put, say } from "./dom.js";
import { ask } from "./api.js";

// 24 characters that cannot be mistaken for others: 120 bits.
function invented() {
	const letters = "abcdefghjkmnpqrstuvwxyz23456789ABC".slice(0, 32);
	return [...crypto.getRandomValues(new Uint8Array(24))].map((b) => letters[b % 32]).join("");
}

function one(title, tag, help) {
	const first = h("input", { type: "password", id: `${tag}-1`, autocomplete: "new-password", "aria-describedby": `${tag}-help` });
	const again = h("input", { type: "password", id: `${tag}-2`, autocomplete: "new-password" });
	const wrong = h("p", { class: "bad", role: "alert" });
	const invent = () => {
		first.value = again.value = invented();
		first.type = again.type = "text";
	};
	const change = async (e) => {
		e.preventDefault();
		wrong.textContent = first.value !== again.value ? "The two are not the same." : first.value.length < 6 ? "At least six characters." : "";
		if (wrong.textContent)
			return first.focus();
		try {
			await ask("changepassword", { [tag]: first.value });
			e.target.reset();
			first.type = again.type = "password";
			say(`${title} is changed.`);
		} catch (x) {
			wrong.textContent = x.message;
		}
	};
	return h("form", { class: "card", novalidate: true, onsubmit: change }, h("h2", {}, title), h("p", { class: "help", id: `${tag}-help` }, help),
		h("label", { for: `${tag}-1` }, "New one"), first, h("label", { for: `${tag}-2` }, "Again"), again, wrong,
		h("p", { class: "buttons" }, h("button", {}, "Change"), h("button", { type: "button", class: "plain", onclick: invent }, "Invent one")));
}

export async function password(root) {
	put(root, h("div", { class: "columns" },
		one("Console password", "password", "For this console. All other sessions end; this one goes on. The file first-login is deleted."),
		one("Access key", "new_accesskey", "For programs that use the XML interface. They need the new one at once.")));
}
