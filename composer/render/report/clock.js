/* The page's data, and time in all its spellings: film seconds, frames, timecode (composer/timecode.py), bars and beats. */

const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const duration = data.duration_s;
const frameRate = data.rate[0] / data.rate[1];
/* a hair later than a frame's own time, so that no rounding shows the frame before it */
const HAIR_S = Math.min(0.004, 0.2 / frameRate);

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const pad = (value) => String(value).padStart(2, "0");

/* Number of the frame that is seen at a time; in step with what a player shows. */
function frameAt(time_s) {
  return Math.max(0, Math.floor(time_s * frameRate + 0.05));
}

/* SMPTE timecode of the frame seen at a time. */
function timecode(time_s) {
  const base = Math.max(1, Math.round(frameRate));
  const skipped = data.drop_frame ? base / 15 : 0;
  let number = data.first_frame + frameAt(time_s);
  number %= 24 * 6 * (600 * base - 9 * skipped);
  if (skipped) {
    const ten = 600 * base - 9 * skipped;
    const minutes = Math.max(0, Math.floor(((number % ten) - skipped) / (60 * base - skipped)));
    number += skipped * (9 * Math.floor(number / ten) + minutes);
  }
  const seconds = Math.floor(number / base);
  const clock = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60].map(pad).join(":");
  return clock + (data.drop_frame ? ";" : ":") + pad(number % base);
}

/* Minutes and seconds for people. */
function clock(time_s, digits) {
  const unit = 10 ** digits;
  const units = Math.round(time_s * unit);
  const minutes = Math.floor(units / (60 * unit));
  const seconds = ((units % (60 * unit)) / unit).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  return (minutes < 60 ? minutes : Math.floor(minutes / 60) + ":" + pad(minutes % 60)) + ":" + seconds;
}

/* A number with its sign, nothing having none; a true minus. */
function signed(value, digits) {
  if (!Math.round(value * 10 ** digits)) return (0).toFixed(digits);
  return (value < 0 ? "−" : "+") + Math.abs(value).toFixed(digits);
}

/* Index of the last item that begins at or before a time; -1 before the first. `start` tells an item's beginning, items are in order. */
function indexAt(items, time_s, start) {
  let low = 0, high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (start(items[middle]) <= time_s) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

const first = (item) => item[0];

/* {bar, beat, metre, qpm} at a time: bars from 1, beats in quarter notes from 1. */
function musicAt(time_s) {
  const index = clamp(indexAt(data.bars, time_s + 0.0005, first), 0, data.bars.length - 1);
  const [start, upper, lower, qpm] = data.bars[index];
  return { bar: index + 1, beat: 1 + Math.max(0, ((time_s + 0.0005 - start) * qpm) / 60), metre: upper + "/" + lower, qpm };
}

const shotAt = (time_s) => Math.max(0, indexAt(data.shots, time_s + HAIR_S, first));
const chordAt = (time_s) => data.chords[indexAt(data.chords, time_s + 0.001, first)];
const sectionAt = (time_s) => data.sections.findIndex((section) => section.span[0] <= time_s + 0.001 && time_s < section.span[1]);
