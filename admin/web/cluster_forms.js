// Clusters and boxes: every setting.
import { h, put, go, warned } from "./dom.js";
import { ask, values } from "./api.js";
import { datalist, fields, form } from "./forms.js";
import { parts } from "./setup.js";

// Not the type itself, and nothing that means something to other types alone.
const fits = (type) => (f) => f.name !== "type" && (!f.type || f.type === type);

const titles = { smtp: "Add SMTP Cluster", pop3: "Add POP3 Cluster", tcp: "Add Cluster" };
const words = {
	smtp: "A listener for mail: from other servers, and from your users. Only what is yellow has to be filled in.",
	pop3: "A listener where users fetch their mail; each is led to the box of the account. Only what is yellow has to be filled in.",
	tcp: "A listener for any other protocol: sessions are shared out among the boxes. Only what is yellow has to be filled in.",
};
const usual = { smtp: "25", pop3: "110" };
const back = () => h("a", { class: "button", href: "#/clusters" }, "Back");

function add(root, type, name) {
	const part = fields("cluster", null, { only: fits(type) });
	const port = part.all.find((x) => x.f.name === "listen_port");
	if (usual[type])
		port.c.placeholder = `usually ${usual[type]}`;
	name(titles[type]);
	put(root, h("p", { class: "lead" }, words[type]), form(part, async (v) => {
		const answer = await ask("addcluster", { ...v, type });
		go("#/clusters", warned(`${v.clusterid} listens. Add a box to it next.`, answer));
	}, back(), "Add"));
}

async function edit(root, clusterid, name) {
	const before = values(await ask("getcluster", { clusterid }));
	const part = fields("cluster", before, { only: fits(before.type) });
	name(`Cluster ${clusterid}`);
	put(root, form(part, async (v) => go("#/clusters", warned(`${clusterid} is saved, and live in all workers.`, await ask("commitmodifycluster", v))), back()));
}

async function box(root, clusterid, boxid, name) {
	const all = parts(await ask("listclusters")), mine = all.find((c) => c.clusterid === clusterid) || { boxes: [], type: "" };
	const before = boxid ? values(await ask("getbox", { clusterid, boxid })) : null;
	const mail = new Set(["smtp_relay", "ehlo_name", "probe_address", "probe_password"]);
	const part = fields("box", before, {
		only: (f) => f.name !== "clusterid" && !(mine.type === "tcp" && mail.has(f.name)),
		lists: { boxid: "names", fallover_boxid: "others" }, works: mine.type === "tcp" ? ["client_info"] : [],
	});
	name(boxid ? `Box ${boxid} of ${clusterid}` : `Add box to ${clusterid}`);
	put(root, boxid ? null : h("p", { class: "lead" }, `A server behind ${clusterid}. A mail server has the same identifier in its SMTP and its POP3 cluster; accounts name it as their box. Its light is yellow at first: turn it green when it is ready.`),
		datalist("names", all.filter((c) => c !== mine).flatMap((c) => c.boxes.map((b) => b.boxid)).filter((n) => !mine.boxes.some((b) => b.boxid === n))),
		datalist("others", mine.boxes.map((b) => b.boxid).filter((n) => n !== boxid)),
		form(part, async (v) => {
			const answer = await ask(boxid ? "commitmodifybox" : "addbox", { ...v, clusterid, boxid: boxid || v.boxid });
			go("#/clusters", warned(boxid ? `${boxid} is saved, and live in all workers.` : `${v.boxid} is there. Its light is yellow: turn it green when it is ready.`, answer));
		}, back(), boxid ? "Save" : "Add"));
}

// Of "clusters/add/smtp", "clusters/edit/ID", "clusters/box/ID", "clusters/box/ID/BOX".
export async function clusterForms(root, [a, b], name, at) {
	const [, what, type] = at.split("/");
	if (what === "add")
		return add(root, type, name);
	return what === "edit" ? edit(root, a, name) : box(root, a, b, name);
}
