/* Ink and brush: colours of the theme, canvases, and what several rows of the time line draw alike. */

const FONT = "11.5px system-ui, sans-serif";
/* family → hue; lightness comes from the theme */
const HUES = { strings: 12, brass: 42, woodwinds: 132, piano: 214, percussion: null, choir: 286, harp: 178, guitar: 26, synth: 322 };
/* verdict → sign, name of its colour */
const VERDICTS = { hit: ["●", "good"], near: ["◆", "near"], missed: ["✕", "missed"], "": ["○", "soft"] };

const dark = matchMedia("(prefers-color-scheme: dark)");
let ink = {};

function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["paper", "card", "ink", "soft", "rule", "faint", "accent", "good", "near", "missed", "valence", "arousal", "motion", "film-sound", "music-sound", "tint-a", "tint-b"])
    ink[name] = style.getPropertyValue("--" + name).trim();
}

/* A colour for each part: the hue of its family, parts of one family a shade apart. */
function partColours() {
  const counts = {};
  return data.parts.map((part) => {
    const nth = (counts[part.family] = (counts[part.family] || 0) + 1) - 1;
    const hue = HUES[part.family];
    const light = (dark.matches ? 66 : 42) + (nth % 3) * 5 - 4;
    return hue === null || hue === undefined ? `hsl(220 6% ${light}%)` : `hsl(${hue + (nth % 4) * 5 - 6} ${dark.matches ? 58 : 56}% ${light}%)`;
  });
}

/* A canvas' context, cleared, in CSS pixels. */
function prepared(canvas, width, height) {
  const scale = window.devicePixelRatio || 1;
  const wide = Math.max(1, Math.round(width * scale)), high = Math.max(1, Math.round(height * scale));
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = FONT;
  context.textBaseline = "middle";
  context.textAlign = "left";
  return context;
}

/* The longest of some texts that fits into a width, else nothing. */
function fitting(context, texts, width) {
  return texts.find((text) => context.measureText(text).width <= width) || "";
}

function verticals(context, view, times_s, colour, height) {
  context.fillStyle = colour;
  for (const time_s of times_s)
    if (time_s >= view.start && time_s <= view.end) context.fillRect(Math.round(view.x(time_s)), 0, 1, height);
}

/* Seconds between the labels of the ruler, so that they stand apart. */
function rulerStep(view) {
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600];
  return steps.find((step) => (step / view.length) * view.width >= 84) || 1800;
}

function ticks(view) {
  const step = rulerStep(view), found = [];
  for (let n = Math.ceil(view.start / step - 1e-9); n * step <= view.end; n++) found.push(n * step);
  return found;
}

/* A course of values, one per `1 / perSecond` s, the i-th standing for the middle of its stretch; `y` tells the height of a value. */
function curve(context, view, values, perSecond, y) {
  const from = Math.max(0, Math.floor(view.start * perSecond) - 2), to = Math.min(values.length, Math.ceil(view.end * perSecond) + 2);
  /* where many values share a pixel, every few are enough */
  const stride = Math.max(1, Math.floor((to - from) / (2 * view.width)));
  context.beginPath();
  for (let i = from; i < to; i += stride) context.lineTo(view.x(Math.min(duration, (i + 0.5) / perSecond)), y(values[i]));
}

function line(context, colour, width, dash) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.lineJoin = "round";
  context.setLineDash(dash || []);
  context.stroke();
  context.setLineDash([]);
}

/* A small picture of a line or area, for a legend. */
function swatch(colour, kind) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  for (const [name, value] of [["width", 15], ["height", 8], ["aria-hidden", "true"]]) svg.setAttribute(name, value);
  const shape = document.createElementNS(space, kind === "area" ? "rect" : "line");
  const places = kind === "area" ? { x: 0, y: 0, width: 15, height: 8 } : { x1: 0, y1: 4, x2: 15, y2: 4, "stroke-width": 2 };
  for (const [name, value] of Object.entries(places)) shape.setAttribute(name, value);
  if (kind === "dashed") shape.setAttribute("stroke-dasharray", "4 3");
  shape.style[kind === "area" ? "fill" : "stroke"] = `var(--${colour})`;
  svg.append(shape);
  return svg;
}
