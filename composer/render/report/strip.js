/* A small picture of every shot, taken from the film itself by a second, silent player while the film rests. */

const STRIP_HEIGHT = 34;
/* pictures that are kept at most, and the narrowest shot that gets one (CSS pixels) */
const MOST_PICTURES = 600, NARROWEST = 12;

class Strip {
  constructor(isIdle, changed) {
    Object.assign(this, { isIdle, changed, pictures: new Map(), wanted: new Set(), taking: -1, player: null });
    this.width = Math.round(clamp(STRIP_HEIGHT * data.aspect, 8, 160));
  }

  start(source) {
    const player = document.createElement("video");
    Object.assign(player, { muted: true, preload: "auto", src: source });
    player.addEventListener("seeked", () => this.take(player));
    player.addEventListener("loadeddata", () => { this.player = player; this.next(); });
  }

  /* The picture of a shot; one that is not there yet comes later. */
  picture(index) {
    if (!this.pictures.has(index) && this.pictures.size + this.wanted.size < MOST_PICTURES) {
      this.wanted.add(index);
      this.next();
    }
    return this.pictures.get(index);
  }

  next() {
    if (!this.player || this.taking >= 0 || !this.wanted.size || !this.isIdle()) return;
    [this.taking] = this.wanted;
    const [start, end, , , , , , , keyframe_s] = data.shots[this.taking];
    this.player.currentTime = data.offset_s + (keyframe_s >= start && keyframe_s < end ? keyframe_s : (start + end) / 2) + HAIR_S;
  }

  take(player) {
    if (this.taking < 0) return;
    const canvas = document.createElement("canvas");
    canvas.width = this.width * 2;
    canvas.height = STRIP_HEIGHT * 2;
    canvas.getContext("2d").drawImage(player, 0, 0, canvas.width, canvas.height);
    this.pictures.set(this.taking, canvas);
    this.wanted.delete(this.taking);
    this.taking = -1;
    this.changed();
    setTimeout(() => this.next(), 15);
  }
}
