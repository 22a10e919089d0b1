/* What is heard: the film as delivered, the music alone, or its stems. The film leads; other sound follows it.

Plain audio elements, no Web Audio: a page opened from disk may play the files beside it, but not look into their samples. Each follower is
kept on the film's time: by a jump where it is far off, else by playing a trace faster or slower until it is there. */

/* a follower farther off than this jumps; nearer, it bends its speed until it is closer than NEAR_S (seconds) */
const JUMP_S = 0.12, LOOSE_S = 0.015, NEAR_S = 0.005;
/* how long a jump takes: first guess, learned while playing (seconds) */
const JUMP_TAKES_S = 0.04;
/* how long an element takes to begin (seconds) */
const START_TAKES_S = 0.08;

class Follower {
  constructor(url, gain, changed) {
    this.gain = gain;
    this.failed = false;
    this.bending = false;
    this.lead_s = JUMP_TAKES_S;
    this.element = new Audio();
    this.element.preload = "metadata";
    this.element.addEventListener("error", () => { this.failed = true; changed(); });
    this.element.src = url;
  }

  stop() {
    this.element.pause();
  }

  /* Be where the film is. `late`: it runs already, so what begins now must begin ahead. */
  follow(time_s, playing, speed, late) {
    const element = this.element;
    if (this.failed || element.readyState < 1) return;
    const target = clamp(time_s, 0, element.duration || 0);
    const off = element.currentTime - target;
    if (!playing || target >= element.duration) {
      element.pause();
      if (!element.seeking && Math.abs(off) > 0.002) element.currentTime = target;
      return;
    }
    if (element.paused) {
      element.playbackRate = speed;
      const begin = target + (late ? START_TAKES_S * speed : 0);
      if (Math.abs(element.currentTime - begin) > 0.002) element.currentTime = begin;
      element.play().catch(() => {});
    } else if (!element.seeking && element.readyState > 2) {
      this.correct(target, off, speed);
    }
  }

  correct(target, off, speed) {
    const element = this.element;
    if (Math.abs(off) > JUMP_S) {
      if (this.jumped) this.lead_s = clamp(this.lead_s - off / 2, 0, 0.5);
      this.jumped = true;
      element.currentTime = target + this.lead_s * speed;
      return;
    }
    this.jumped = false;
    this.bending = Math.abs(off) > (this.bending ? NEAR_S : LOOSE_S);
    const wanted = speed * (this.bending ? 1 - clamp(off * 2.5, -0.15, 0.15) : 1);
    if (Math.abs(element.playbackRate - wanted) > 0.002) element.playbackRate = wanted;
  }
}

class Sound {
  constructor(video, changed) {
    this.video = video;
    this.changed = changed;
    this.mode = "film";
    this.volume = 1;
    this.muted = new Set();
    this.soloed = new Set();
    this.filmFailed = false;
    this.mix = new Follower(data.mix, 1, () => this.check());
    this.stems = data.parts.map((part) => part.stem && new Follower(part.stem.url, data.stem_gain, () => this.check()));
    this.began_ms = 0;
    for (const leader of [video, this.mix.element]) leader.addEventListener("play", () => { this.began_ms = performance.now(); });
    for (const name of ["play", "pause", "seeking", "seeked", "ratechange", "waiting", "playing", "ended"])
      for (const leader of [video, this.mix.element])
        leader.addEventListener(name, () => { if (leader === this.leader) { this.follow(); changed(); } });
    setInterval(() => this.follow(), 100);
  }

  /* The element whose clock counts: the film, or the mix where the film cannot be played. */
  get leader() { return this.filmFailed ? this.mix.element : this.video; }
  get offset() { return this.filmFailed ? 0 : data.offset_s; }
  get time_s() { return clamp(this.leader.currentTime - this.offset, 0, duration); }
  get playing() { return !this.leader.paused && !this.leader.ended; }
  get stemsFail() { return !this.stems.some(Boolean) || this.stems.some((stem) => stem && stem.failed); }

  active() {
    const followers = this.mode === "music" ? [this.mix] : this.mode === "stems" ? this.stems.filter(Boolean) : [];
    return followers.filter((follower) => follower.element !== this.leader);
  }

  audible(part) {
    return this.soloed.size ? this.soloed.has(part) && !this.muted.has(part) : !this.muted.has(part);
  }

  setMode(mode) {
    if ((mode === "stems" && this.stemsFail) || (mode === "film" && this.filmFailed) || (mode === "music" && this.mix.failed)) return;
    for (const follower of this.active()) follower.stop();
    this.mode = mode;
    for (const follower of this.active()) follower.element.preload = "auto";
    this.apply();
    this.follow();
    this.changed();
  }

  /* Volumes, mute and solo, as they are now. */
  apply() {
    this.video.muted = this.mode !== "film";
    this.video.volume = this.volume;
    this.mix.element.muted = this.mode !== "music";
    this.mix.element.volume = this.volume;
    this.stems.forEach((stem, part) => {
      if (!stem) return;
      stem.element.muted = !this.audible(part);
      stem.element.volume = this.volume * stem.gain;
    });
  }

  /* `which` is `muted` or `soloed`. */
  toggle(which, part) {
    if (!this[which].delete(part)) this[which].add(part);
    if (this.mode !== "stems") this.setMode("stems");
    this.apply();
    this.changed();
  }

  follow() {
    const leader = this.leader;
    /* before film time 0 (sound that begins earlier than the picture) there is nothing to follow */
    const running = this.playing && !leader.seeking && leader.readyState > 2 && leader.currentTime >= this.offset;
    const late = performance.now() - this.began_ms > 60;
    for (const follower of this.active()) follower.follow(this.time_s, running, leader.playbackRate, late);
  }

  /* After something could not be loaded: fall back to what can. */
  check() {
    if (this.mode === "stems" && this.stemsFail) this.setMode(this.filmFailed ? "music" : "film");
    this.changed();
  }

  /* The film cannot be played here: the mix takes the lead. */
  withoutFilm() {
    if (this.filmFailed) return;
    this.filmFailed = true;
    this.mix.element.preload = "auto";
    if (this.mode === "film") this.setMode("music");
    this.apply();
    this.changed();
  }

  play() {
    if (this.time_s >= duration - 0.05) this.seek(0);
    this.leader.play().catch(() => {});
  }

  pause() { this.leader.pause(); }

  seek(time_s) {
    this.leader.currentTime = clamp(time_s, 0, duration) + this.offset;
    this.changed();
  }

  setSpeed(speed) { this.leader.playbackRate = speed; }
}
