/* The rows of the time line, from the top. A row is {name, legend or curves, height, paint(context, view, height), tell(time_s, y, view)}: `tell` gives
the words of its tooltip. Columns of the data are told in data.py. */

const hardHits_s = data.hits.filter((hit) => hit.hard).map((hit) => hit.time_s);

const ruler = {
  name: "", height: 22, plain: true,
  paint(context, view, height) {
    const step = rulerStep(view);
    context.fillStyle = ink.soft;
    for (const time_s of ticks(view)) {
      const x = Math.round(view.x(time_s));
      context.fillRect(x, height - 6, 1, 6);
      context.fillText(clock(time_s, step < 1 ? 1 : 0), x + 4, height / 2);
    }
    if (view.width / (view.length * frameRate) < 5) return;
    for (let n = Math.ceil(view.start * frameRate); n <= view.end * frameRate; n++) context.fillRect(Math.round(view.x(n / frameRate)), height - 3, 1, 3);
  },
  tell: (time_s) => timecode(time_s),
};

const shots = {
  name: "Shots", height: STRIP_HEIGHT + 17, plain: true, strip: null,
  paint(context, view, height) {
    data.shots.forEach(([start, end, , transition_s, brightness, saturation, , look], index) => {
      if (end < view.start || start > view.end) return;
      const left = view.x(start), right = view.x(end), light = 16 + 58 * Math.min(1, brightness * 1.2);
      context.fillStyle = `hsl(${(look * 137.5 + 210) % 360} ${Math.round(8 + 20 * Math.min(1, saturation * 1.5))}% ${Math.round(light)}%)`;
      context.fillRect(left, 0, right - left, height);
      const picture = this.strip && right - left >= NARROWEST ? this.strip.picture(index) : null;
      if (picture) {
        const shown = Math.min(this.strip.width, right - left - 1);
        context.drawImage(picture, 0, 0, (picture.width * shown) / this.strip.width, picture.height, left + 1, 0, shown, STRIP_HEIGHT);
      }
      if (transition_s > 0) {
        const from = view.x(start - transition_s / 2), to = view.x(start + transition_s / 2);
        context.fillStyle = "rgb(255 255 255 / 30%)";
        context.beginPath();
        context.moveTo(from, height);
        context.lineTo(to, 0);
        context.lineTo(to, height);
        context.fill();
      }
      context.fillStyle = ink.card;
      if (index && !transition_s) context.fillRect(left - 0.5, 0, 1, height);
      context.fillStyle = light > 52 ? "#16181c" : "#ffffff";
      const seen = Math.max(left, 0), text = fitting(context, [`${index + 1} · look ${look + 1}`, `${index + 1}`], Math.min(right, view.width) - seen - 8);
      context.fillText(text, seen + 5, height - 8);
    });
  },
  tell(time_s) {
    const index = shotAt(time_s), [start, end, opens, transition_s, brightness, , motion, look] = data.shots[index];
    const change = transition_s ? `${opens} of ${transition_s.toFixed(2)} s` : opens;
    return `Shot ${index + 1}, look ${look + 1}, begins with a ${change}`.replace("a start", "the film") +
      `\n${clock(start, 2)} – ${clock(end, 2)} · brightness ${brightness.toFixed(2)}, motion ${motion.toFixed(2)}`;
  },
};

const hits = {
  name: "Hits", legend: ["picture ▼hard ▽soft", "heard ●hit ◆near ✕miss"], height: 50,
  paint(context, view, height) {
    context.fillStyle = ink.rule;
    for (const time_s of data.candidates_s) if (time_s >= view.start && time_s <= view.end) context.fillRect(view.x(time_s) - 1, 0, 2, 4);
    const free = [-Infinity, -Infinity];
    for (const hit of data.hits) {
      if (hit.time_s < view.start - 1 || hit.time_s > view.end + 1) continue;
      const x = view.x(hit.time_s), [sign, name] = VERDICTS[hit.verdict];
      this.triangle(context, x, hit.hard);
      if (hit.heard_s !== null && Math.abs(hit.heard_s - hit.time_s) < 0.5) {
        context.fillStyle = ink[name];
        const heard = view.x(hit.heard_s), gap = Math.max(0, Math.abs(heard - x) - 5);
        context.fillRect(heard > x ? x : x - gap, 22, gap, 2);
        context.textAlign = "center";
        context.fillText(sign, heard, 23);
      } else {
        context.fillStyle = ink[name];
        context.textAlign = "center";
        context.fillText(sign, x, 23);
      }
      const text = hit.frames === null ? "–" : signed(hit.frames, Math.abs(hit.frames) < 9.95 ? 1 : 0), half = context.measureText(text).width / 2 + 4;
      if (x - half > free[0]) {
        free[0] = x + half;
        context.fillText(text, x, height - 10);
      }
    }
  },
  triangle(context, x, hard) {
    context.beginPath();
    context.moveTo(x - 5, 5);
    context.lineTo(x + 5, 5);
    context.lineTo(x, 14);
    context.closePath();
    context.fillStyle = ink.ink;
    if (hard) context.fill();
    line(context, ink.ink, 1.2);
  },
  nearest(time_s, view) {
    let best = -1, reach = (7 / view.width) * view.length;
    data.hits.forEach((hit, index) => {
      if (Math.abs(hit.time_s - time_s) < reach) [best, reach] = [index, Math.abs(hit.time_s - time_s)];
    });
    return best;
  },
  tell(time_s, y, view) {
    const index = this.nearest(time_s, view), hit = data.hits[index];
    return hit ? hitWords(index) + `\npicture ${timecode(hit.time_s)}, planned ${signed((hit.music_s - hit.time_s) * frameRate, 2)} frames` : "";
  },
};

function hitWords(index) {
  const hit = data.hits[index];
  const heard = !hit.verdict ? "not measured" : hit.frames === null ? hit.verdict : `${hit.verdict}, heard ${signed(hit.frames, 2)} frames`;
  return `Hit ${index + 1}${hit.hard ? " (hard)" : ""}: ${[hit.label, hit.mark].filter(Boolean).join(" → ")}; ${heard}`;
}

const feeling = {
  name: "Feeling", curves: [["valence", "solid", "valence"], ["arousal", "dashed", "arousal"]], height: 62,
  paint(context, view, height) {
    const low = height - 9, y = (value) => 4 + ((1 - value) / 2) * (low - 8);
    context.fillStyle = ink.rule;
    context.fillRect(0, y(0), view.width, 1);
    data.emotion.forEach((emotion, second) => {
      if (second + 1 < view.start || second > view.end) return;
      context.fillStyle = data.emotions[emotion][1];
      context.fillRect(view.x(second), height - 7, view.x(Math.min(duration, second + 1)) - view.x(second) + 0.5, 7);
    });
    curve(context, view, data.valence, 1, y);
    line(context, ink.valence, 2);
    curve(context, view, data.arousal, 1, y);
    line(context, ink.arousal, 2, [6, 3]);
  },
  tell(time_s) {
    const second = Math.floor(time_s);
    if (data.valence[second] === undefined) return "";
    return `${data.emotions[data.emotion[second]][0]}\nvalence ${signed(data.valence[second], 2)}, arousal ${signed(data.arousal[second], 2)}`;
  },
};

const energy = {
  name: "Motion, loudness", curves: [["motion", "area", "motion"], ...(data.film_lufs.length ? [["film-sound", "dashed", "film"]] : []), ["music-sound", "solid", "music"]], height: 54,
  paint(context, view, height) {
    const y = (value) => 3 + (1 - clamp(value, 0, 1)) * (height - 4), loud = (value) => y((value + 50) / 50);
    curve(context, view, data.motion, 1, y);
    context.lineTo(view.x(duration), height);
    context.lineTo(view.x(Math.max(0, Math.floor(view.start) - 2)), height);
    context.globalAlpha = 0.5;
    context.fillStyle = ink.motion;
    context.fill();
    context.globalAlpha = 1;
    curve(context, view, data.film_lufs, 1, loud);
    line(context, ink["film-sound"], 1.5, [5, 3]);
    curve(context, view, data.music_lufs.values, data.music_lufs.per_s, loud);
    line(context, ink["music-sound"], 2);
  },
  tell(time_s) {
    const second = Math.floor(time_s), music = data.music_lufs.values[Math.floor(time_s * data.music_lufs.per_s)];
    const levels = [["music", music], ["film’s own sound", data.film_lufs[second]]].filter(([, value]) => value !== undefined);
    const said = levels.map(([name, value]) => `${name} ${signed(value, 0)} LUFS`);
    if (data.motion[second] !== undefined) said.push(`motion ${data.motion[second].toFixed(2)}`);
    return said.join("\n");
  },
};

const speech = {
  name: "Speech", height: 18,
  paint(context, view, height) {
    context.fillStyle = ink.soft;
    for (const [start, end] of data.speech)
      if (end > view.start && start < view.end) context.fillRect(view.x(start), height / 2 - 3, Math.max(2, view.x(end) - view.x(start)), 6);
  },
  tell: (time_s) => (data.speech.some(([start, end]) => start <= time_s && time_s < end) ? "Somebody speaks" : ""),
};

const sections = {
  name: "Sections", height: 44, plain: true,
  paint(context, view, height) {
    data.sections.forEach((section, index) => {
      const left = view.x(section.span[0]), right = view.x(section.span[1]);
      if (right < 0 || left > view.width) return;
      context.fillStyle = index % 2 ? ink["tint-b"] : ink["tint-a"];
      context.fillRect(left, 2, right - left - 1, height - 4);
      const seen = Math.max(left, 0) + 7, room = Math.min(right, view.width) - seen - 6;
      context.fillStyle = ink.ink;
      context.font = "600 " + FONT;
      context.fillText(fitting(context, [`${section.id}  ${section.mood}, ${section.form} · theme ${section.theme}`, `${section.id}  ${section.mood}, ${section.form}`, `${section.id}  ${section.mood}`, section.id], room), seen, height * 0.33);
      context.font = FONT;
      context.fillStyle = ink.soft;
      context.fillText(fitting(context, [`${section.key} · ${section.dynamics} · bars ${section.bars[0]}–${section.bars[1]}`, `${section.key} · ${section.dynamics}`, section.key], room), seen, height * 0.7);
    });
  },
  tell(time_s) {
    const section = data.sections[sectionAt(time_s)];
    return section ? `${sectionWords(section)}\n${section.reason}` : "No music here";
  },
};

function sectionWords(section) {
  const theme = section.theme + (section.variation === "plain" ? "" : ", " + section.variation);
  return `${section.id} ${section.mood}, ${section.form} · ${section.key} · ${section.dynamics} · theme ${theme}`;
}

const chords = {
  name: "Chords", height: 22,
  paint(context, view, height) {
    let free = -Infinity, before = "";
    const from = Math.max(0, indexAt(data.chords, view.start, first));
    for (let i = from; i < data.chords.length && data.chords[i][0] <= view.end; i++) {
      const [start, name] = data.chords[i], x = Math.max(view.x(start), 0);
      if (name === before && i > from) continue;
      before = name;
      if (x < free) continue;
      context.fillStyle = ink.soft;
      context.fillRect(Math.round(view.x(start)), 5, 1, height - 10);
      context.fillStyle = ink.ink;
      context.fillText(name, x + 4, height / 2 + 0.5);
      free = x + context.measureText(name).width + 9;
    }
  },
  tell(time_s) {
    const chord = chordAt(time_s), section = data.sections[sectionAt(time_s)];
    return chord && section ? `${chord[1]} (${chord[2]} in ${section.key})` : "";
  },
};

const dynamics = {
  name: "Dynamics", height: 22,
  paint(context, view, height) {
    let before = "", middle = height / 2;
    context.font = "italic 700 13px Georgia, 'Liberation Serif', serif";
    const written = [];
    for (const section of data.sections) {
      if (section.dynamics !== before) {
        context.fillStyle = ink.ink;
        context.fillText(section.dynamics, view.x(section.span[0]) + 3, middle);
        written.push(view.x(section.span[0]) + 8 + context.measureText(section.dynamics).width);
      }
      before = section.dynamics;
    }
    for (const [start, end, , , grows] of data.swells) {
      let left = view.x(start), right = view.x(end) - 3;
      const word = written.find((edge) => edge > left && edge < left + 40);
      left = word === undefined ? left : word;
      if (right - left < 6 || right < 0 || left > view.width) continue;
      const [tip, mouth] = grows ? [left, right] : [right, left];
      context.beginPath();
      context.moveTo(mouth, middle - 5);
      context.lineTo(tip, middle);
      context.lineTo(mouth, middle + 5);
      line(context, ink.ink, 1.1);
    }
  },
  tell(time_s) {
    const swell = data.swells.find(([start, end]) => start <= time_s && time_s < end), section = data.sections[sectionAt(time_s)];
    return swell ? `from ${swell[2]} to ${swell[3]}` : section ? section.dynamics : "";
  },
};

const tempi = data.bars.map((bar) => bar[3]);

const bars = {
  name: "Bars, tempo", legend: [[...new Set([Math.min(...tempi), Math.max(...tempi)].map((qpm) => qpm.toFixed(0)))].join("–") + " BPM"], height: 54,
  paint(context, view, height) {
    let metresFree = -Infinity;
    const low = Math.min(...tempi), high = Math.max(...tempi), span = Math.max(8, high - low);
    const y = (qpm) => height - 5 - ((qpm - low + (span - (high - low)) / 2) / span) * (height - 36);
    let free = -Infinity, before = "";
    context.beginPath();
    for (let i = 0; i < data.bars.length; i++) {
      const [start, upper, lower, qpm] = data.bars[i], end = i + 1 < data.bars.length ? data.bars[i + 1][0] : data.end_s;
      const metre = upper + "/" + lower, changes = metre !== before;
      before = metre;
      if (end < view.start || start > view.end) continue;
      const x = view.x(start), text = String(i + 1);
      context.lineTo(x, y(qpm));
      context.lineTo(view.x(Math.min(end, duration)), y(qpm));
      if (changes && x >= metresFree) {
        context.fillStyle = ink.ink;
        context.fillText(metre, x + 4, 22);
        metresFree = x + context.measureText(metre).width + 8;
      }
      if (x < free) continue;
      context.fillStyle = ink.soft;
      context.fillRect(Math.round(x), 2, 1, 12);
      context.fillText(text, x + 4, 9);
      free = x + context.measureText(text).width + 10;
    }
    line(context, ink.accent, 2);
  },
  tell(time_s) {
    const { bar, beat, metre, qpm } = musicAt(time_s);
    return `bar ${bar}, beat ${beat.toFixed(1)}\n${metre}, ${qpm.toFixed(1)} BPM`;
  },
};

const PITCHES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];

/* The notes of one part: a small piano roll in its own range. Only what the window shows is drawn. */
class PartRow {
  constructor(part, index, height) {
    Object.assign(this, { name: part.name, part: index, height, techniques: part.techniques });
    const count = part.notes.length / 4;
    this.starts = new Float64Array(count);
    this.ends = new Float64Array(count);
    this.pitches = new Uint8Array(count);
    this.velocities = new Uint8Array(count);
    this.longest = 0;
    for (let i = 0, now = 0; i < count; i++) {
      now += part.notes[4 * i];
      this.starts[i] = now / 1000;
      this.ends[i] = (now + part.notes[4 * i + 1]) / 1000;
      this.longest = Math.max(this.longest, part.notes[4 * i + 1] / 1000);
      this.pitches[i] = part.notes[4 * i + 2];
      this.velocities[i] = part.notes[4 * i + 3];
    }
    this.low = count ? this.pitches.reduce((a, b) => Math.min(a, b)) - 1 : 59;
    this.high = Math.max(this.low + 8, count ? this.pitches.reduce((a, b) => Math.max(a, b)) + 1 : 61);
  }

  /* Indices of the notes that may sound between two times. */
  between(start, end) {
    const from = indexAt(this.starts, start - this.longest, (time_s) => time_s) + 1;
    return [Math.max(0, from), indexAt(this.starts, end, (time_s) => time_s) + 1];
  }

  y(pitch, height) {
    return 2 + ((this.high - pitch) / (this.high - this.low + 1)) * (height - 4);
  }

  paint(context, view, height) {
    const [from, to] = this.between(view.start, view.end), thick = clamp((height - 4) / (this.high - this.low + 1), 2, 5);
    context.fillStyle = this.colour;
    for (let i = from; i < to; i++) {
      if (this.ends[i] < view.start) continue;
      const left = view.x(this.starts[i]);
      context.globalAlpha = 0.5 + 0.5 * (this.velocities[i] / 127);
      context.fillRect(left, this.y(this.pitches[i], height), Math.max(1, view.x(this.ends[i]) - left - 0.5), thick);
    }
    context.globalAlpha = 1;
    context.fillStyle = ink.ink;
    context.strokeStyle = ink.card;
    context.lineWidth = 3;
    context.font = "italic 10px system-ui, sans-serif";
    let free = -Infinity;
    for (const [start, technique] of this.techniques) {
      const x = view.x(start);
      if (x < free || x > view.width || x < -80) continue;
      context.strokeText(technique, x + 2, 7);
      context.fillText(technique, x + 2, 7);
      free = x + context.measureText(technique).width + 6;
    }
  }

  tell(time_s, y, view) {
    const slack = (2 / view.width) * view.length, [from, to] = this.between(time_s - slack, time_s + slack);
    let best = -1, reach = 5;
    for (let i = from; i < to; i++) {
      const off = Math.abs(this.y(this.pitches[i], this.height) + 1.5 - y);
      if (this.ends[i] > time_s - slack && off < reach) [best, reach] = [i, off];
    }
    if (best < 0) return "";
    const pitch = this.pitches[best], length = this.ends[best] - this.starts[best];
    return `${this.name}: ${PITCHES[pitch % 12]}${Math.floor(pitch / 12) - 1}\n${length.toFixed(2)} s, velocity ${this.velocities[best]}`;
  }
}

const partHeight = data.parts.length > 12 ? 26 : 32;
const partRows = data.parts.map((part, index) => new PartRow(part, index, partHeight));
const rows = [ruler, shots, ...(data.hits.length || data.candidates_s.length ? [hits] : []), feeling, energy, ...(data.speech.length ? [speech] : []), sections, chords, dynamics, bars, ...partRows];
