// A line over time as SVG: readable in print, in the dark, and as words.
import { h, number } from "./dom.js";

const W = 320, H = 90;

function svg(tag, attributes, ...children) {
	const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
	for (const [name, value] of Object.entries(attributes))
		e.setAttribute(name, value);
	e.append(...children);
	return e;
}

const clock = (time) => (time || "").slice(11, 16);

// points: [time, value], the oldest first.
export function graph(title, points) {
	const most = Math.max(1, ...points.map((p) => p[1]));
	const x = (i) => (points.length > 1 ? (i * W) / (points.length - 1) : W);
	const y = (v) => H - 2 - ((H - 8) * v) / most;
	const line = points.map((p, i) => `${x(i).toFixed(1)},${y(p[1]).toFixed(1)}`).join(" ");
	const last = points.length ? points[points.length - 1][1] : 0;
	const words = points.length ? `now ${number(Math.round(last))}, at most ${number(Math.round(most))}` : "nothing yet";
	return h("figure", {},
		h("figcaption", {}, title, h("span", { class: "quiet" }, ` – ${words}`)),
		svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `${title}: ${words}`, preserveAspectRatio: "none" },
			svg("line", { x1: 0, y1: H - 2, x2: W, y2: H - 2, class: "axis" }),
			points.length ? svg("polyline", { points: line, class: "line" }) : ""),
		h("p", { class: "quiet ends" }, h("span", {}, clock(points.length ? points[0][0] : "")), h("span", {}, clock(points.length ? points[points.length - 1][0] : ""))));
}
