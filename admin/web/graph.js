// A line over time as SVG: readable in print, in the dark, and as words.
import { h, s, rate } from "./dom.js";

const W = 600, H = 120;

// The next round number: 1, 2 or 5 with zeros.
function round(v) {
	const p = 10 ** Math.floor(Math.log10(v));
	return [1, 2, 5, 10].map((n) => n * p).find((n) => n >= v);
}

function clock(ms, span) {
	const t = new Date(ms), two = (n) => String(n).padStart(2, "0"), time = `${two(t.getHours())}:${two(t.getMinutes())}`;
	return span > 2 * 86400000 ? `${t.toLocaleDateString("en", { weekday: "short", day: "numeric" })} ${time}` : span < 600000 ? `${time}:${two(t.getSeconds())}` : time;
}

// points: [date, value], the oldest first; span: ms that are shown, up to the last point.
export function graph(title, points, span, shown = rate) {
	const times = points.map((p) => Date.parse(p[0])), end = times.length ? times[times.length - 1] : Date.now();
	const inside = points.map((p, i) => [times[i], p[1]]).filter(([t]) => t >= end - span);
	const most = Math.max(0, ...inside.map((p) => p[1])), top = most > 0 ? round(most) : 1;
	const x = (t) => (W * (1 - (end - t) / span)).toFixed(1), y = (v) => (H - (H * v) / top).toFixed(1);
	const line = inside.map(([t, v]) => `${x(t)},${y(v)}`).join(" ");
	const words = inside.length ? `now ${shown(inside[inside.length - 1][1])}, at most ${shown(most)}` : "nothing yet";
	const readout = h("span", { class: "quiet", "data-words": words }, words);
	const drawing = s("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `${title}: ${words}`, preserveAspectRatio: "none" },
		[0, 0.5, 1].map((part) => s("line", { x1: 0, x2: W, y1: H * part, y2: H * part, class: part === 1 ? "axis" : "guide" })),
		inside.length > 1 ? [s("polygon", { points: `${x(inside[0][0])},${H} ${line} ${W},${H}`, class: "area" }), s("polyline", { points: line, class: "line" })] : []);
	const point = (e) => { // what the pointer is at
		const r = e.currentTarget.getBoundingClientRect(), at = end - span * (1 - (e.clientX - r.left) / r.width);
		const near = inside.reduce((a, b) => (Math.abs(b[0] - at) < Math.abs(a[0] - at) ? b : a), inside[0]);
		if (near)
			e.currentTarget.closest("figure").querySelector("figcaption .quiet").textContent = `${clock(near[0], span)}: ${shown(near[1])}`;
	};
	const back = (e) => {
		const r = e.currentTarget.closest("figure").querySelector("figcaption .quiet");
		r.textContent = r.dataset.words;
	};
	return h("figure", { class: "graph" }, h("figcaption", {}, h("strong", {}, title), " ", readout),
		h("div", { class: "plot" }, h("div", { class: "scale", "aria-hidden": "true" }, h("span", {}, shown(top)), h("span", {}, shown(top / 2)), h("span", {}, "0")),
			h("div", { onpointermove: point, onpointerleave: back }, drawing)),
		h("div", { class: "ends", "aria-hidden": "true" }, [0, 0.5, 1].map((part) => h("span", {}, clock(end - span * (1 - part), span)))));
}
