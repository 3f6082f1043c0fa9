// Boxes over the original: select, drag, resize, draw.

const GRIP = 9, COLOURS = { patient: "#ff9d4d", doctor: "#5cc8f0", bystander: "#c7b3ff", unknown: "#ffe066" };

export class Editor {
  constructor(canvas, callbacks) {
    this.canvas = canvas;
    this.callbacks = callbacks; // select(track), change(track, box), draw(box)
    this.boxes = [];
    this.size = [1, 1];
    this.drawing = false;
    canvas.addEventListener("pointerdown", (e) => this.#down(e));
    canvas.addEventListener("pointermove", (e) => this.#move(e));
    canvas.addEventListener("pointerup", (e) => this.#up(e));
    canvas.addEventListener("pointercancel", () => { this.grip = null; this.draw(); });
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  // boxes: [{track, role, box: [x1, y1, x2, y2]}]
  show(boxes, size, selected) { this.boxes = boxes; this.size = size; this.selected = selected; this.draw(); }

  startDrawing(on) { this.drawing = on; this.canvas.style.cursor = on ? "crosshair" : "default"; }

  // The image is fitted into the canvas as object-fit: contain does.
  #fit() {
    const [w, h] = this.size, cw = this.canvas.clientWidth, ch = this.canvas.clientHeight;
    const scale = Math.min(cw / w, ch / h);
    return { scale, left: (cw - w * scale) / 2, top: (ch - h * scale) / 2 };
  }

  #point(event) {
    const box = this.canvas.getBoundingClientRect(), { scale, left, top } = this.#fit();
    return [(event.clientX - box.left - left) / scale, (event.clientY - box.top - top) / scale];
  }

  #down(event) {
    const [x, y] = this.#point(event);
    this.canvas.setPointerCapture(event.pointerId);
    if (this.drawing) { this.grip = { kind: "draw", from: [x, y], box: [x, y, x, y] }; return; }
    const near = GRIP / this.#fit().scale;
    const ordered = [...this.boxes].sort((a, b) => (b.track === this.selected) - (a.track === this.selected));
    for (const b of ordered) {
      const [x1, y1, x2, y2] = b.box;
      const edge = { l: Math.abs(x - x1) < near, r: Math.abs(x - x2) < near, t: Math.abs(y - y1) < near, b: Math.abs(y - y2) < near };
      if (x < x1 - near || x > x2 + near || y < y1 - near || y > y2 + near) continue;
      this.selected = b.track;
      this.callbacks.select(b.track);
      this.grip = { kind: "box", edge, from: [x, y], track: b.track, start: [...b.box], box: [...b.box] };
      this.draw();
      return;
    }
  }

  #move(event) {
    const grip = this.grip;
    if (!grip) return;
    const [x, y] = this.#point(event);
    if (grip.kind === "draw") {
      grip.box = [Math.min(x, grip.from[0]), Math.min(y, grip.from[1]), Math.max(x, grip.from[0]), Math.max(y, grip.from[1])];
    } else {
      const dx = x - grip.from[0], dy = y - grip.from[1], e = grip.edge, any = e.l || e.r || e.t || e.b;
      const [a, b, c, d] = grip.start;
      grip.box = any
        ? [e.l ? a + dx : a, e.t ? b + dy : b, e.r ? c + dx : c, e.b ? d + dy : d]
        : [a + dx, b + dy, c + dx, d + dy];
      grip.moved = grip.moved || Math.hypot(dx, dy) > 1.5;
    }
    this.draw();
  }

  #up() {
    const grip = this.grip;
    this.grip = null;
    if (!grip) return;
    const [x1, y1, x2, y2] = grip.box;
    if (grip.kind === "draw") { this.startDrawing(false); if (x2 - x1 > 3 && y2 - y1 > 3) this.callbacks.draw(grip.box); else this.callbacks.draw(null); }
    else if (grip.moved) this.callbacks.change(grip.track, grip.box);
    this.draw();
  }

  draw() {
    const { canvas } = this, ratio = window.devicePixelRatio || 1;
    if (!canvas.clientWidth) return;
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    const g = canvas.getContext("2d"), { scale, left, top } = this.#fit();
    g.scale(ratio, ratio);
    g.font = "12px system-ui";
    const put = (box, colour, text, strong) => {
      const [x1, y1, x2, y2] = box.map((v, k) => v * scale + (k % 2 ? top : left));
      g.strokeStyle = colour; g.lineWidth = strong ? 3 : 1.5;
      g.strokeRect(x1, y1, x2 - x1, y2 - y1);
      if (text) { g.fillStyle = "#000a"; g.fillRect(x1, y1 - 15, g.measureText(text).width + 6, 15); g.fillStyle = colour; g.fillText(text, x1 + 3, y1 - 4); }
    };
    for (const b of this.boxes) {
      const moving = this.grip?.kind === "box" && this.grip.track === b.track;
      put(moving ? this.grip.box : b.box, COLOURS[b.role], `${b.track} ${b.role}`, b.track === this.selected);
    }
    if (this.grip?.kind === "draw") put(this.grip.box, "#ffffff", "cover here", true);
  }
}
