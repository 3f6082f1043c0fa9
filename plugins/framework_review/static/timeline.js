// Lanes of tracks over time: one a track, coloured by role, hatched where nobody saw the face.

const LANE = 14, GAP = 4, TOP = 18, CARRIED = new Set([1, 3]);

export class Timeline {
  constructor(canvas, seek) {
    this.canvas = canvas;
    this.seek = seek;
    this.recording = null;
    this.runs = new Map();
    this.frame = 0;
    canvas.addEventListener("pointerdown", (e) => { canvas.setPointerCapture(e.pointerId); this.#pick(e); });
    canvas.addEventListener("pointermove", (e) => { if (e.buttons & 1) this.#pick(e); });
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  // rows: {frame, track, state} typed arrays of one length, sorted by frame
  show(recording, rows) {
    this.recording = recording;
    this.runs = new Map(recording.tracks.map((t) => [t.id, []]));
    for (let k = 0; k < rows.frame.length; k++) {
      const runs = this.runs.get(rows.track[k]);
      if (!runs) continue;
      const carried = CARRIED.has(rows.state[k]);
      const last = runs[runs.length - 1];
      if (last && last.end === rows.frame[k] - 1 && last.carried === carried) last.end = rows.frame[k];
      else runs.push({ start: rows.frame[k], end: rows.frame[k], carried });
    }
    this.canvas.setAttribute("aria-valuemax", recording.frames - 1);
    this.draw();
  }

  at(frame) {
    this.frame = frame;
    this.canvas.setAttribute("aria-valuenow", frame);
    this.canvas.setAttribute("aria-valuetext", `frame ${frame}`);
    this.draw();
  }

  select(track) { this.track = track; this.draw(); }

  #pick(event) {
    if (!this.recording) return;
    const box = this.canvas.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    const lane = Math.floor((event.clientY - box.top - TOP) / (LANE + GAP));
    const track = this.recording.tracks[lane]?.id;
    this.seek(Math.round(share * (this.recording.frames - 1)), event.type === "pointerdown" ? track : undefined);
  }

  draw() {
    const { canvas, recording } = this;
    if (!recording || !canvas.clientWidth) return;
    const ratio = window.devicePixelRatio || 1;
    const high = TOP + recording.tracks.length * (LANE + GAP) + 4;
    canvas.style.height = `${Math.min(Math.max(high, 60), 260)}px`;
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    const g = canvas.getContext("2d");
    g.scale(ratio, ratio);
    const css = getComputedStyle(document.documentElement);
    const colour = (name) => css.getPropertyValue(`--${name}`).trim();
    const wide = canvas.clientWidth, per = wide / recording.frames;
    g.font = "11px system-ui";
    g.fillStyle = colour("quiet");
    for (let k = 0; k <= 8; k++) {
      const t = (recording.duration * k) / 8;
      const digits = recording.duration < 60 ? 1 : 0;
      g.fillText(`${Math.floor(t / 60)}:${(t % 60).toFixed(digits).padStart(digits ? 4 : 2, "0")}`, Math.min((wide * k) / 8, wide - 26), 11);
    }
    for (const d of recording.doubts) {
      if (d.settled) continue;
      g.fillStyle = colour(d.rank <= 3 ? "bad" : "quiet");
      g.fillRect(d.start * per, 13, Math.max((d.end - d.start + 1) * per, 2), 3);
    }
    recording.tracks.forEach((t, lane) => {
      const y = TOP + lane * (LANE + GAP);
      for (const run of this.runs.get(t.id) ?? []) {
        g.fillStyle = colour(t.role);
        const x = run.start * per, w = Math.max((run.end - run.start + 1) * per, 1);
        if (run.carried) {
          g.globalAlpha = 0.35; g.fillRect(x, y, w, LANE); g.globalAlpha = 1;
          for (let h = x; h < x + w; h += 4) g.fillRect(h, y, 1, LANE);
        } else g.fillRect(x, y, w, LANE);
      }
      if (t.id === this.track) { g.strokeStyle = colour("ink"); g.strokeRect(0.5, y - 1.5, wide - 1, LANE + 3); }
      g.fillStyle = colour("ink");
      g.fillText(String(t.id), 2, y + 11);
    });
    g.fillStyle = colour("ink");
    g.fillRect(this.frame * per, 0, 1.5, canvas.clientHeight);
  }
}
