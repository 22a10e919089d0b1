/* The page put together: the film, the desk beside it, keys, and tables that follow. */

const video = $("video");
let timeline = null;
const sound = new Sound(video, () => { if (timeline) refresh(); });
timeline = new Timeline(sound);
shots.strip = new Strip(() => !sound.playing, () => timeline.redraw());
video.addEventListener("pause", () => shots.strip.next());
let lastSection = -2, lastHit = -2, ticked_ms = 0, used = false, inSight = true;

const softer = data.stems_below_db >= 0.1 ? ` ${data.stems_below_db.toFixed(1)} dB softer than the mix;` : "";
const NOTES = {
  film: "The film as delivered.",
  music: "The mastered music alone, not ducked; the film’s own sound is off.",
  stems: `Every part before mastering,${softer} the film’s own sound is off.`,
};

/* What changes seldom: buttons, notices, mute and solo. */
function refresh() {
  $("play").textContent = sound.playing ? "Pause" : "Play";
  for (const input of document.querySelectorAll("#sounds input")) {
    input.checked = input.value === sound.mode;
    input.disabled = { film: sound.filmFailed, music: sound.mix.failed, stems: sound.stemsFail }[input.value];
  }
  timeline.showParts();
  const gone = [sound.mix.failed ? "The music" : "", sound.stemsFail ? "The stems" : ""].filter(Boolean).join(" and ").replace(" and The", " and the");
  $("sound-notice").hidden = !gone;
  $("sound-notice").textContent = gone && `${gone} cannot be read: this page looks for sound in its own folder (mix.wav, stems/audio). Everything else works.`;
  $("sound-note").textContent = NOTES[sound.mode];
  tick();
}

/* What changes with time. */
function tick() {
  const time_s = sound.time_s;
  timeline.place();
  $("timecode").textContent = timecode(time_s);
  $("seconds").textContent = `${clock(time_s, 2)} of ${clock(duration, 2)}`;
  surface.setAttribute("aria-valuenow", time_s.toFixed(2));
  const { bar, beat, metre, qpm } = musicAt(time_s), section = sectionAt(time_s), chord = chordAt(time_s), shot = shotAt(time_s);
  surface.setAttribute("aria-valuetext", `${clock(time_s, 1)}, bar ${bar}`);
  $("now-bar").textContent = `${bar}.${Math.floor(beat)} · ${metre} · ${qpm.toFixed(0)} BPM`;
  $("now-chord").textContent = section >= 0 && chord ? `${chord[1]} (${chord[2]})` : "–";
  $("now-shot").textContent = data.shots.length ? `${shot + 1} of ${data.shots.length}, look ${data.shots[shot][7] + 1}` : "–";
  showHit(time_s);
  if (section !== lastSection) showSection(section);
}

function showSection(index) {
  const section = data.sections[(lastSection = index)];
  $("now-section").textContent = section ? sectionWords(section) : "no music here";
  $("now-why").textContent = section ? section.reason : "–";
  mark("sections", index);
}

/* The hit that is just passing, else the next one. */
function showHit(time_s) {
  const before = indexAt(data.hits, time_s + HAIR_S, (hit) => hit.time_s), hit = data.hits[before], next = data.hits[before + 1];
  const passing = hit && time_s - hit.time_s < 0.6;
  $("now-hit").textContent = passing ? hitWords(before).replace("Hit ", "") : next ? `${before + 2} in ${(next.time_s - time_s).toFixed(1)} s: ${next.mark}` : data.hits.length ? "no more" : "none planned";
  if ((passing ? before : -1) !== lastHit) mark("hits", (lastHit = passing ? before : -1));
}

function mark(table, index) {
  for (const row of document.querySelectorAll(`#${table} tr.current`)) row.classList.remove("current");
  const row = document.querySelector(`#${table} tr[data-row="${index}"]`);
  if (row) row.classList.add("current");
}

function step(frames) {
  sound.pause();
  sound.seek((frameAt(sound.time_s) + frames) / frameRate + HAIR_S);
}

/* To the hit before or after, to its very frame. */
function toHit(direction) {
  const time_s = sound.time_s;
  const found = direction > 0 ? data.hits.find((hit) => hit.time_s > time_s + 0.02) : data.hits.filter((hit) => hit.time_s < time_s - 0.02 - HAIR_S).pop();
  if (found) go(found.time_s + HAIR_S);
}

function go(time_s) {
  sound.seek(time_s);
  timeline.reveal(time_s);
}

function toggle() {
  if (sound.playing) sound.pause();
  else sound.play();
}

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else $("screen").requestFullscreen().catch(() => {});
}

const KEYS = {
  " ": toggle, h: () => toHit(1), H: () => toHit(-1), ",": () => step(-1), ".": () => step(1), f: fullScreen,
  ArrowLeft: (event) => (event.shiftKey ? step(-1) : go(sound.time_s - 1)), ArrowRight: (event) => (event.shiftKey ? step(1) : go(sound.time_s + 1)),
  Home: () => go(0), End: () => go(duration), "+": () => timeline.zoom(1 / 1.6), "=": () => timeline.zoom(1 / 1.6), "-": () => timeline.zoom(1.6), "0": () => timeline.show(0, duration),
  1: () => sound.setMode("film"), 2: () => sound.setMode("music"), 3: () => sound.setMode("stems"),
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
  const target = event.target;
  const typed = target.matches("input[type=range], input[type=radio], select");
  const pressed = target.matches("button, summary") && event.key === " ";
  const scrolls = target.matches(".wide") && event.key.startsWith("Arrow");
  if (typed || pressed || scrolls) return;
  event.preventDefault();
  KEYS[event.key](event);
});

$("play").addEventListener("click", toggle);
video.addEventListener("click", toggle);
$("frame-back").addEventListener("click", () => step(-1));
$("frame-on").addEventListener("click", () => step(1));
$("hit-back").addEventListener("click", () => toHit(-1));
$("hit-on").addEventListener("click", () => toHit(1));
$("large").addEventListener("click", fullScreen);
$("zoom-in").addEventListener("click", () => timeline.zoom(1 / 1.6));
$("zoom-out").addEventListener("click", () => timeline.zoom(1.6));
$("zoom-fit").addEventListener("click", () => timeline.show(0, duration));
$("volume").addEventListener("input", (event) => { sound.volume = Number(event.target.value); sound.apply(); });
$("rate").addEventListener("change", (event) => sound.setSpeed(Number(event.target.value)));
$("sounds").addEventListener("change", (event) => sound.setMode(event.target.value));
for (const button of document.querySelectorAll(".jump"))
  button.addEventListener("click", () => { used = true; go(Number(button.dataset.time) + HAIR_S); seatFilm(); });
$("hit-back").disabled = $("hit-on").disabled = !data.hits.length;
surface.setAttribute("aria-valuemax", duration.toFixed(2));

/* While its seat is out of sight, the film is shown small in a corner, once somebody plays it or goes somewhere. */
function seatFilm() {
  const small = !inSight && used && !sound.filmFailed;
  if (small === $("screen").classList.contains("small")) return;
  $("seat").style.minHeight = small ? $("seat").offsetHeight + "px" : "";
  $("screen").classList.toggle("small", small);
}

new IntersectionObserver(([entry]) => { inSight = entry.isIntersecting; seatFilm(); }, { threshold: 0.3 }).observe($("seat"));
for (const name of ["play", "seeking"]) video.addEventListener(name, () => { used = used || video.currentTime > 0; seatFilm(); });

/* Words where the film should be. */
function filmNotice(text) {
  const link = document.createElement("a");
  link.href = data.film.url;
  link.textContent = decodeURIComponent(data.film.url.slice(2));
  $("film-notice").replaceChildren(text, " ", link);
  $("film-notice").hidden = false;
}

function filmFails() {
  video.hidden = true;
  filmNotice("The film cannot be played in this browser, or is not beside this page. Here is the music alone; the film:");
  sound.withoutFilm();
}

/* Base64 of one block as bytes. */
function bytesOf(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const letters = atob(text), bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

/* The film lies behind this script, in blocks; or beside the page. */
function loadFilm() {
  const blocks = [...document.querySelectorAll("script.film")];
  video.addEventListener("loadeddata", () => shots.strip.start(video.src), { once: true });
  video.addEventListener("error", filmFails);
  video.addEventListener("loadedmetadata", () => { if (!video.videoWidth) filmNotice("This browser cannot show the film’s picture, only its sound:"); });
  if (!blocks.length) {
    video.src = data.film.url;
    return;
  }
  const kind = blocks[0].type.split(";")[0];
  video.src = URL.createObjectURL(new Blob(blocks.map((block) => bytesOf(block.textContent)), { type: kind }));
  for (const block of blocks) block.remove();
}

function run() {
  if (sound.playing) {
    timeline.keepInSight();
    timeline.place();
    /* words need not change sixty times a second */
    if (performance.now() - ticked_ms > 60) {
      ticked_ms = performance.now();
      tick();
    }
  }
  requestAnimationFrame(run);
}

if (document.readyState === "loading") addEventListener("DOMContentLoaded", loadFilm);
else loadFilm();
refresh();
requestAnimationFrame(run);
