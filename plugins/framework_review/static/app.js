// The review page. The server holds the table and every correction; this page shows and asks.

import { Editor } from "./editor.js";
import { Timeline } from "./timeline.js";

const $ = (id) => document.getElementById(id);
const page = crypto.randomUUID();
const state = { review: null, i: 0, k: 0, recording: null, rows: null, index: null, times: null, frame: 0, doubt: null, track: null, key: null, playing: false };

// What writes is sent one after the other, so that a quick hand cannot overtake the server.
let queued = Promise.resolve();

function api(path, body) {
  if (body === undefined) return send(path);
  const mine = queued.then(() => send(path, body));
  queued = mine.catch(() => {});
  return mine;
}

async function send(path, body) {
  const answer = await fetch(path, body === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ...body, page }),
  });
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(data.error ?? data.detail ?? `the server answered ${answer.status}`);
  return data;
}

function say(text, bad = false) { $("status").textContent = text; $("status").className = bad ? "bad" : ""; }

async function tell(work) {
  try { return await work(); } catch (error) { say(error.message, true); return null; }
}

const base = () => `/api/items/${state.i}/cameras/${state.k}`;

// --- loading ---------------------------------------------------------------------------------

async function start() {
  const taken = await tell(() => api("/api/page", {}));
  if (taken?.other) say("another page was open; corrections can be made here only");
  state.review = await api("/api/review");
  fill($("item"), state.review.items.map((item, i) => [i, `${item.id}${item.approved ? " ✓" : ""}`]));
  await openItem(0);
}

async function openItem(i) {
  state.i = i;
  fill($("camera"), state.review.items[i].cameras.map((name, k) => [k, name]));
  showApproval();
  await openCamera(0);
}

async function openCamera(k) {
  state.k = k;
  state.recording = state.rows = state.doubt = null;
  for (const which of ["original", "covered"]) {
    $(`screen-${which}`).classList.remove("stills");
    $(which).src = `/video/${state.i}/${k}/${which}`;
  }
  state.times = new Float64Array(await (await fetch(`${base()}/times`)).arrayBuffer());
  state.frame = 0;
  await take(await api(base()));
  const first = state.recording.doubts.find((d) => !d.settled);
  if (first) showDoubt(first); else seek(0);
}

// What every correction answers: the recording as it is now, without boxes.
async function take(recording) {
  if (!recording) return;
  const before = state.recording?.revision;
  if (before > recording.revision) return; // an answer that a later one has overtaken
  state.recording = recording;
  if (before !== recording.revision || !state.rows) await loadRows();
  if (state.recording !== recording) return;
  fill($("track"), recording.tracks.map((t) => [t.id, `${t.id} ${t.role}`]));
  fill($("other"), recording.tracks.map((t) => [t.id, `${t.id} ${t.role}`]));
  fill($("role"), recording.roles.map((r) => [r, r === "bystander" ? "other" : r]));
  if (!recording.tracks.some((t) => t.id === state.track)) state.track = recording.tracks[0]?.id ?? null;
  select(state.track);
  $("undo").disabled = !recording.can_undo;
  $("redo").disabled = !recording.can_redo;
  $("save").disabled = !recording.unsaved;
  showQueue();
  showAudit();
  showBoxes();
}

async function loadRows() {
  const data = await (await fetch(`${base()}/rows`)).arrayBuffer();
  const n = new Int32Array(data, 0, 1)[0];
  const column = (k) => new Int32Array(data, 4 + 4 * n * k, n);
  state.rows = { frame: column(0), track: column(1), state: column(2), box: new Float32Array(data, 4 + 12 * n, 4 * n) };
  state.index = new Int32Array(state.recording.frames + 1);
  for (let k = 0, f = 0; f <= state.recording.frames; f++) { while (k < n && state.rows.frame[k] < f) k++; state.index[f] = k; }
  timeline.show(state.recording, state.rows);
}

function fill(select, options) {
  const value = select.value;
  select.replaceChildren(...options.map(([v, text]) => { const o = document.createElement("option"); o.value = v; o.textContent = text; return o; }));
  if (options.some(([v]) => String(v) === value)) select.value = value;
}

// --- time --------------------------------------------------------------------------------------

function frameAt(time) {
  let low = 0, high = state.times.length - 1;
  while (low < high) { const mid = (low + high + 1) >> 1; if (state.times[mid] <= time + 1e-4) low = mid; else high = mid - 1; }
  return low;
}

// A frame's middle is asked for, since its very start may round to the frame before.
function timeOf(frame) {
  const next = frame + 1 < state.times.length ? state.times[frame + 1] : state.recording.duration;
  return state.times[frame] + 0.4 * Math.max(next - state.times[frame], 0);
}

function seek(frame, track) {
  if (!state.recording) return;
  state.frame = Math.min(Math.max(Math.round(frame), 0), state.recording.frames - 1);
  if (track !== undefined) select(track);
  for (const which of ["original", "covered"]) {
    const video = $(which);
    if ($(`screen-${which}`).classList.contains("stills")) $(`still-${which}`).src = `/still/${state.i}/${state.k}/${which}/${state.frame}`;
    else if (Math.abs(video.currentTime - timeOf(state.frame)) > 1e-3) video.currentTime = timeOf(state.frame);
  }
  showTime();
}

function showTime() {
  $("frame").value = state.frame;
  const t = state.times[state.frame];
  $("clock").textContent = `${Math.floor(t / 60)}:${(t % 60).toFixed(2).padStart(5, "0")}`;
  timeline.at(state.frame);
  showBoxes();
}

function boxesAt(frame) {
  const found = [], { rows, index, recording } = state;
  if (!rows) return found;
  const roles = new Map(recording.tracks.map((t) => [t.id, t.role]));
  for (let k = index[frame]; k < index[frame + 1]; k++) found.push({ track: rows.track[k], role: roles.get(rows.track[k]) ?? "unknown", box: [...rows.box.subarray(4 * k, 4 * k + 4)] });
  return found;
}

function showBoxes() {
  if (state.recording) editor.show(boxesAt(state.frame), [state.recording.width, state.recording.height], state.track);
}

// The boxes follow the picture that is on screen, not the clock that the player reports.
function follow() {
  const video = $("original");
  const step = (_, meta) => {
    if (!state.playing) return;
    const frame = frameAt(meta ? meta.mediaTime : video.currentTime);
    if (frame !== state.frame) { state.frame = frame; showTime(); }
    again();
  };
  const again = () => ("requestVideoFrameCallback" in video ? video.requestVideoFrameCallback(step) : requestAnimationFrame((t) => step(t)));
  again();
}

function play(on) {
  state.playing = on;
  $("play").textContent = on ? "Pause" : "Play";
  for (const which of ["original", "covered"]) { const v = $(which); if (on) v.play().catch(() => {}); else v.pause(); }
  if (on) follow(); else seek(state.frame);
}

// --- doubts ------------------------------------------------------------------------------------

function showQueue() {
  const open = state.recording.doubts.filter((d) => !d.settled);
  $("queue-count").textContent = `${open.length} open, ${state.recording.doubts.length - open.length} done`;
  const still = (which, d) => `/still/${state.i}/${state.k}/${which}/${d.middle}${d.box ? `?box=${d.box.map((v) => Math.round(v)).join(",")}` : ""}`;
  $("queue").replaceChildren(...state.recording.doubts.map((d) => {
    const li = document.createElement("li");
    li.dataset.key = d.key;
    li.className = `${d.settled ? "settled" : ""} ${d.rank <= 3 ? "worst" : ""}`;
    if (d.key === state.doubt?.key) li.setAttribute("aria-current", "true");
    const kind = document.createElement("span"), text = document.createElement("div");
    kind.className = "kind";
    kind.textContent = `${d.kind}${d.settled ? " ✓" : ""}`;
    text.textContent = `${(state.times[d.start] ?? 0).toFixed(1)} s: ${d.text}`;
    li.append(kind, text);
    if (d.key === state.doubt?.key) {
      const stills = document.createElement("div");
      stills.className = "stills";
      for (const which of state.recording.covered ? ["original", "covered"] : ["original"]) {
        const img = document.createElement("img");
        img.src = still(which, d);
        img.alt = `${which}, frame ${d.middle}`;
        stills.append(img);
      }
      li.append(stills);
    }
    li.addEventListener("click", () => showDoubt(d));
    return li;
  }));
  // The next two are fetched ahead, so that the next step is at once.
  const at = open.findIndex((d) => d.key === state.doubt?.key);
  for (const d of open.slice(at + 1, at + 3)) for (const which of ["original", "covered"]) if (which === "original" || state.recording.covered) { const img = new Image(); img.src = still(which, d); }
}

function showDoubt(d) {
  state.doubt = d;
  if (d.track !== null) select(d.track);
  $("area-from").value = (state.times[d.start] ?? 0).toFixed(2);
  $("area-to").value = (state.times[d.end] ?? 0).toFixed(2);
  seek(d.middle);
  showQueue();
  $("queue").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  say(`${d.kind}: ${d.text}`);
}

function stepDoubt(by) {
  const open = state.recording.doubts.filter((d) => !d.settled);
  if (!open.length) { say("nothing is doubtful any more"); return; }
  const at = open.findIndex((d) => d.key === state.doubt?.key);
  showDoubt(open[(at + by + open.length) % open.length] ?? open[0]);
}

async function settle() {
  if (!state.doubt) return;
  const open = state.recording.doubts.filter((d) => !d.settled);
  const at = open.findIndex((d) => d.key === state.doubt.key);
  const next = open[at + 1] ?? open.find((d) => d.key !== state.doubt.key);
  const recording = await tell(() => api(`${base()}/settle`, { key: state.doubt.key }));
  if (!recording) return;
  state.doubt = next ?? null;
  await take(recording);
  if (!next) say("nothing is doubtful any more");
  else if (state.doubt?.key === next.key) showDoubt(next);
}

// --- corrections ---------------------------------------------------------------------------------

async function edit(value) {
  const recording = await tell(() => api(`${base()}/edit`, { edit: value }));
  if (recording) { say("corrected; not saved yet"); await take(recording); }
  return recording !== null;
}

function select(track) {
  state.track = track;
  if (track !== null) $("track").value = track;
  const found = state.recording.tracks.find((t) => t.id === track);
  if (found) $("role").value = found.role;
  timeline.select(track);
  showBoxes();
}

const act = {
  undo: async () => take(await tell(() => api(`${base()}/undo`, {}))),
  redo: async () => take(await tell(() => api(`${base()}/redo`, {}))),
  save: async () => { const r = await tell(() => api(`${base()}/save`, {})); if (r) { await take(r); say("saved; the table before is kept beside it"); } },
  role: (role) => edit({ kind: "role", track: state.track, role }),
  face: () => settle(),
  noFace: async () => {
    const d = state.doubt?.track === state.track && state.doubt ? state.doubt : { start: state.frame, end: state.frame };
    if (await edit({ kind: "delete", track: state.track, start: d.start, end: d.end }) && state.doubt) await settle();
  },
  remove: () => edit({ kind: "delete", track: state.track, start: state.frame, end: state.frame }),
  split: () => edit({ kind: "split", track: state.track, frame: state.frame, new: state.recording.next_track }),
  join: () => edit({ kind: "join", track: state.track, other: Number($("other").value) }),
  swap: () => edit({ kind: "swap", track: state.track, other: Number($("other").value), frame: state.frame }),
  interpolate: () => state.key && state.key.track === state.track && state.key.frame !== state.frame
    ? edit({ kind: "interpolate", track: state.track, start: Math.min(state.key.frame, state.frame), end: Math.max(state.key.frame, state.frame) })
    : say("set a box in one frame, go to another frame, and interpolate", true),
  cover: () => { editor.startDrawing(true); $("cover").setAttribute("aria-pressed", "true"); say("draw a box on the original"); },
};

const editor = new Editor($("boxes"), {
  select: (track) => select(track),
  change: async (track, box) => { if (await edit({ kind: "set-box", track, frame: state.frame, box })) state.key = { track, frame: state.frame }; },
  draw: async (box) => {
    $("cover").setAttribute("aria-pressed", "false");
    if (!box) return;
    const start = frameAt(Number($("area-from").value)), end = frameAt(Number($("area-to").value));
    if (end < start) { say("the area ends before it starts", true); return; }
    const track = state.recording.next_track;
    if (await edit({ kind: "add", track, start, end, box, role: "bystander" })) select(track);
  },
});
const timeline = new Timeline($("timeline"), (frame, track) => { if (state.playing) play(false); seek(frame, track); });

// --- approval ------------------------------------------------------------------------------------

function showAudit() {
  const { passed, reasons, unsaved } = state.recording;
  $("audit").textContent = unsaved ? `${unsaved} corrections are not rendered yet` : passed === true ? "passed" : passed === false ? "not passed" : "not rendered yet";
  $("audit").className = passed === true && !unsaved ? "good" : "bad";
  $("reasons").replaceChildren(...reasons.map((r) => { const li = document.createElement("li"); li.textContent = r; return li; }));
}

function showApproval() {
  const item = state.review.items[state.i];
  $("approval").textContent = item.approved ? `approved by ${item.reviewers.join(", ")}` : item.reason;
  $("approval").className = item.approved ? "good" : "";
  if (item.approved && state.recording?.passed === false) $("approval").textContent += "; the audit did not pass, so a release will still leave it out";
  $("log").replaceChildren(...item.log.map((a) => { const li = document.createElement("li"); li.textContent = `${a.time.slice(0, 16)} ${a.reviewer} ${a.does}: ${a.statement}`; return li; }));
}

async function approve(decision) {
  const item = await tell(() => api(`/api/items/${state.i}/approve`, { decision, reviewer: $("reviewer").value, statement: $("statement").value }));
  if (!item) return;
  state.review.items[state.i] = item;
  showApproval();
  say(decision === "approve" ? "approved" : "withdrawn");
}

async function render() {
  if (!await tell(() => api(`/api/items/${state.i}/render`, {}))) return;
  say("rendering");
  const wait = setInterval(async () => {
    const r = await tell(() => api("/api/rendering"));
    if (!r || r.state === "running") return;
    clearInterval(wait);
    if (r.state === "failed") { say(`rendering failed: ${r.message}`, true); return; }
    state.review = await api("/api/review");
    await openItem(state.i);
    say("rendered; look at it once more before you approve");
  }, 700);
}

// --- controls ------------------------------------------------------------------------------------

$("item").addEventListener("change", (e) => openItem(Number(e.target.value)));
$("camera").addEventListener("change", (e) => openCamera(Number(e.target.value)));
$("track").addEventListener("change", (e) => select(Number(e.target.value)));
$("role").addEventListener("change", (e) => act.role(e.target.value));
$("frame").addEventListener("change", (e) => seek(Number(e.target.value)));
$("view").addEventListener("change", (e) => { $("views").className = e.target.value; $("wipe-label").hidden = e.target.value !== "wipe"; });
$("wipe").addEventListener("input", (e) => $("views").style.setProperty("--wipe", `${e.target.value}%`));
$("approve").addEventListener("submit", (e) => { e.preventDefault(); approve("approve"); });
for (const [id, work] of Object.entries({ undo: act.undo, redo: act.redo, save: act.save, render, "is-face": act.face, "no-face": act.noFace, split: act.split, join: act.join, swap: act.swap, interpolate: act.interpolate, cover: act.cover, withdraw: () => approve("withdraw"), play: () => play(!state.playing), back: () => seek(state.frame - 1), forward: () => seek(state.frame + 1) })) $(id).addEventListener("click", work);
for (const which of ["original", "covered"]) $(which).addEventListener("error", () => {
  // A codec that the browser does not know: single frames from the server instead.
  if (which === "covered" && !state.recording?.covered) return;
  $(`screen-${which}`).classList.add("stills");
  if (state.recording) seek(state.frame);
});

const KEYS = {
  n: () => stepDoubt(1), p: () => stepDoubt(-1), d: settle, f: act.face, x: act.noFace, 1: () => act.role("patient"), 2: () => act.role("doctor"), 3: () => act.role("bystander"),
  c: act.cover, t: act.split, j: act.join, w: act.swap, i: act.interpolate, u: act.undo, r: act.redo, s: act.save, delete: act.remove, " ": () => play(!state.playing),
  v: () => { const s = $("view"); s.selectedIndex = (s.selectedIndex + 1) % s.length; s.dispatchEvent(new Event("change")); },
};
addEventListener("keydown", (e) => {
  if (e.target.matches("input, select, textarea") || e.altKey || !state.recording) return;
  if (e.ctrlKey || e.metaKey) { if (e.key === "z") { e.preventDefault(); (e.shiftKey ? act.redo : act.undo)(); } return; }
  if (e.key === "ArrowLeft" || e.key === "ArrowRight") {
    e.preventDefault();
    const way = e.key === "ArrowLeft" ? -1 : 1;
    seek(e.shiftKey ? frameAt(state.times[state.frame] + way) : state.frame + way);
    return;
  }
  const work = KEYS[e.key.toLowerCase()];
  if (work && !(e.key === " " && e.target.matches("button"))) { e.preventDefault(); work(); }
});
addEventListener("beforeunload", (e) => { if (state.recording?.unsaved) e.preventDefault(); });

tell(start);
