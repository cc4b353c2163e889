// Change password: the console's, and the access key of programs.
import { h, fill, say } from "./dom.js";
import { ask } from "./api.js";

function one(root, title, tag, help) {
	const first = h("input", { type: "password", id: `${tag}-1`, autocomplete: "new-password", required: true, minlength: 6 });
	const again = h("input", { type: "password", id: `${tag}-2`, autocomplete: "new-password", required: true });
	return h("form", {
		class: "card narrow", onsubmit: async (e) => {
			e.preventDefault();
			if (first.value !== again.value) {
				say("The two are not the same.", true);
				again.focus();
				return;
			}
			try {
				await ask("changepassword", { [tag]: first.value });
				e.target.reset();
				say(`${title} is changed.`);
			} catch (x) {
				say(x.message, true);
			}
		},
	}, h("h2", {}, title), h("p", { class: "quiet" }, help),
	h("label", { for: `${tag}-1` }, "New one"), first, h("label", { for: `${tag}-2` }, "Again"), again,
	h("p", {}, h("button", {}, "Change")));
}

export async function password(root) {
	fill(root, h("div", { class: "columns" },
		one(root, "Console password", "password", "All other sessions end."),
		one(root, "Access key", "new_accesskey", "Programs that use the interface need the new one at once.")));
}
