/* The shared time line: which stretch is seen, its canvases, and what the pointer does there. Canvases are drawn anew only when the
stretch, the size or the theme changes; the playhead lies above them. */

const rowsBox = $("rows"), surface = $("surface"), scroll = $("scroll"), tip = $("tip");

const view = {
  start: 0, length: duration, width: 1,
  get end() { return this.start + this.length; },
  x(time_s) { return ((time_s - this.start) / this.length) * this.width; },
  at(x) { return clamp(this.start + (x / this.width) * this.length, 0, duration); },
};

class Timeline {
  constructor(sound) {
    this.sound = sound;
    this.stale = false;
    this.touched_ms = -Infinity;
    this.dragging = false;
    rows.forEach((row, index) => this.addRow(row, index));
    new ResizeObserver(() => this.resize()).observe(rowsBox);
    dark.addEventListener("change", () => this.recolour());
    scroll.addEventListener("scroll", () => this.scrolled());
    this.listen();
    this.recolour();
    this.resize();
  }

  addRow(row, index) {
    const label = document.createElement("div"), lane = document.createElement("div");
    label.className = "label" + (index ? "" : " first");
    lane.className = "lane" + (index ? "" : " first");
    label.style.height = lane.style.height = row.height + "px";
    if (row.part === undefined) this.fillLabel(label, row);
    else this.fillPart(label, row);
    row.canvas = document.createElement("canvas");
    row.canvas.setAttribute("aria-hidden", "true");
    lane.append(row.canvas);
    Object.assign(row, { label, lane });
    rowsBox.insertBefore(label, surface);
    rowsBox.insertBefore(lane, surface);
  }

  fillLabel(label, row) {
    const name = document.createElement("span");
    name.className = "name";
    name.textContent = row.name;
    label.append(name);
    for (const words of row.legend || []) label.append(this.small(words));
    if (!row.curves) return;
    const small = this.small("");
    for (const [colour, kind, words] of row.curves) {
      const one = document.createElement("span");
      one.append(swatch(colour, kind), words);
      small.append(one, " ");
    }
    label.append(small);
  }

  small(words) {
    const small = document.createElement("small");
    small.textContent = words;
    return small;
  }

  fillPart(label, row) {
    label.classList.add("part");
    const patch = document.createElement("i"), name = document.createElement("span");
    patch.setAttribute("aria-hidden", "true");
    name.className = "name";
    name.textContent = row.name;
    const stem = data.parts[row.part].stem;
    name.title = stem ? `${row.name}: ${stem.notes} notes, peak ${signed(stem.peak_dbfs, 1)} dBFS` : row.name;
    row.patch = patch;
    row.buttons = [["mute", "M", "muted"], ["solo", "S", "soloed"]].map(([word, letter, which]) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", className: word, textContent: letter, title: `${word} ${row.name}` });
      button.setAttribute("aria-label", `${word} ${row.name}`);
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", () => this.sound.toggle(which, row.part));
      return button;
    });
    label.append(patch, name, ...row.buttons);
  }

  recolour() {
    readColours();
    const colours = partColours();
    for (const row of partRows) {
      row.colour = colours[row.part];
      row.patch.style.background = row.colour;
    }
    this.redraw();
  }

  resize() {
    view.width = Math.max(1, surface.clientWidth);
    this.show(view.start, view.length);
  }

  redraw() {
    if (this.stale) return;
    this.stale = true;
    requestAnimationFrame(() => {
      this.stale = false;
      const times = ticks(view);
      for (const row of rows) {
        const context = prepared(row.canvas, view.width, row.height);
        if (!row.plain) {
          verticals(context, view, times, ink.faint, row.height);
          verticals(context, view, hardHits_s, ink.rule, row.height);
        }
        row.paint(context, view, row.height);
      }
      this.place();
    });
  }

  /* Show a stretch of the film. */
  show(start, length) {
    const shortest = Math.min(duration, 24 / frameRate);
    view.length = clamp(length, shortest, duration);
    view.start = clamp(start, 0, duration - view.length);
    $("scroll-inner").style.width = (duration / view.length) * view.width + "px";
    scroll.scrollLeft = (view.start / view.length) * view.width;
    $("zoom-out").disabled = $("zoom-fit").disabled = view.length >= duration;
    scroll.style.visibility = view.length >= duration ? "hidden" : "";
    $("zoom-in").disabled = view.length <= shortest;
    this.redraw();
  }

  scrolled() {
    const start = (scroll.scrollLeft / view.width) * view.length;
    /* the bar counts in whole pixels: what it says of where it was just put is less exact than what we know */
    if (Math.abs(start - view.start) < (1.5 / view.width) * view.length) return;
    view.start = clamp(start, 0, duration - view.length);
    this.touched_ms = performance.now();
    this.redraw();
  }

  /* Closer (factor < 1) or farther, keeping one time where it is. */
  zoom(factor, around_s) {
    const time_s = around_s === undefined ? this.sound.time_s : around_s;
    const length = clamp(view.length * factor, Math.min(duration, 24 / frameRate), duration);
    const inside = time_s >= view.start && time_s <= view.end;
    const share = inside ? (time_s - view.start) / view.length : 0.5;
    this.show(time_s - share * length, length);
  }

  /* The playhead where the film is; the window turns the page when it leaves while playing. */
  place() {
    const time_s = this.sound.time_s;
    $("playhead").style.transform = `translateX(${view.x(time_s)}px)`;
    $("playhead").hidden = time_s < view.start - 1e-6 || time_s > view.end + 1e-6;
  }

  keepInSight() {
    const time_s = this.sound.time_s;
    const away = time_s < view.start || time_s > view.end - 0.04 * view.length;
    if (away && view.length < duration && !this.dragging && performance.now() - this.touched_ms > 4000) this.show(time_s - 0.08 * view.length, view.length);
  }

  /* Bring a moment into the window. */
  reveal(time_s) {
    if (time_s < view.start || time_s > view.end) this.show(time_s - view.length / 2, view.length);
  }

  listen() {
    const where = (event) => event.clientX - surface.getBoundingClientRect().left;
    surface.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      this.dragging = true;
      surface.setPointerCapture(event.pointerId);
      this.goTo(event, where(event), true);
    });
    surface.addEventListener("pointermove", (event) => {
      if (this.dragging) this.goTo(event, where(event), false);
      this.hover(event, where(event));
    });
    for (const name of ["pointerup", "pointercancel"]) surface.addEventListener(name, () => { this.dragging = false; });
    surface.addEventListener("pointerleave", () => { tip.hidden = $("hover").hidden = true; });
    surface.addEventListener("wheel", (event) => {
      const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
      if (event.ctrlKey || event.metaKey) this.zoom(Math.exp(clamp(event.deltaY, -120, 120) / 240), view.at(where(event)));
      else if (sideways && view.length < duration) {
        this.touched_ms = performance.now();
        this.show(view.start + (sideways / view.width) * view.length, view.length);
      } else return;
      event.preventDefault();
    }, { passive: false });
  }

  rowAt(event) {
    const y = event.clientY - rowsBox.getBoundingClientRect().top;
    const row = rows.find((one) => y < one.lane.offsetTop + one.height);
    return [row, row ? y - row.lane.offsetTop : 0];
  }

  goTo(event, x, first) {
    const [row] = this.rowAt(event), time_s = view.at(x);
    const near = first && row === hits ? hits.nearest(time_s, view) : -1;
    this.sound.seek(near < 0 ? time_s : data.hits[near].time_s + HAIR_S);
  }

  hover(event, x) {
    const [row, y] = this.rowAt(event), time_s = view.at(x), box = rowsBox.parentElement.getBoundingClientRect();
    $("hover").hidden = false;
    $("hover").style.transform = `translateX(${x}px)`;
    const words = row ? row.tell(time_s, y, view) : "";
    tip.hidden = !words;
    if (!words) return;
    tip.textContent = words;
    const left = event.clientX - box.left + 14;
    tip.style.left = (left + tip.offsetWidth > box.width ? left - tip.offsetWidth - 28 : left) + "px";
    tip.style.top = event.clientY - box.top + 16 + "px";
  }

  /* Mute and solo as they are. */
  showParts() {
    for (const row of partRows) {
      const silent = this.sound.mode === "stems" && !this.sound.audible(row.part);
      row.label.classList.toggle("silent", silent);
      row.lane.classList.toggle("silent", silent);
      row.buttons[0].setAttribute("aria-pressed", String(this.sound.muted.has(row.part)));
      row.buttons[1].setAttribute("aria-pressed", String(this.sound.soloed.has(row.part)));
      for (const button of row.buttons) button.disabled = this.sound.stemsFail;
    }
  }
}
