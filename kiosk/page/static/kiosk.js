// The page's hands: takes screens as they come, sends presses, plays three tones. Decides nothing.
"use strict";

const kiosk = document.getElementById("kiosk");
const away = document.getElementById("away");
let heard = 0;

function wear(screen) {
  const root = document.documentElement;
  root.lang = screen.dataset.lang;
  root.dir = screen.dataset.dir;
  for (const name of ["text", "look", "reach"]) root.dataset[name] = screen.dataset[name];
  document.title = screen.dataset.title;
}

function show(html) {
  const before = document.getElementById("screen");
  const rows = document.querySelectorAll(".row").length;
  const was = { name: before?.dataset.screen, dialog: document.getElementById("dialog") !== null };
  Idiomorph.morph(kiosk, html, { morphStyle: "innerHTML" });
  const screen = document.getElementById("screen");
  wear(screen);
  const list = document.getElementById("list");
  if (list && document.querySelectorAll(".row").length > rows) {
    list.scrollTop = list.querySelector(".act") ? 0 : list.scrollHeight;
  }
  const dialog = document.getElementById("dialog");
  if (dialog && !was.dialog) dialog.querySelector("button")?.focus();
  else if (!dialog && (was.dialog || was.name !== screen.dataset.screen)) document.getElementById("headline").focus();
}

// --- the connection --------------------------------------------------------------------------------

function listen() {
  const events = new EventSource("/events");
  const alive = () => { heard = performance.now(); away.hidden = true; };
  events.addEventListener("screen", (event) => { alive(); show(event.data); });
  events.addEventListener("tone", (event) => { alive(); play(event.data); });
  events.addEventListener("alive", alive);
  events.onopen = alive;
  events.onerror = () => {
    away.hidden = false;
    // A daemon that started anew has another key: only its own address helps, and the launcher opens that.
    if (events.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 2000);
  };
}
setInterval(() => { if (heard && performance.now() - heard > 25000) away.hidden = false; }, 1000);

// --- presses ---------------------------------------------------------------------------------------

async function press(button) {
  const n = crypto.randomUUID();
  const body = JSON.stringify({ n, button: button.dataset.button, value: button.dataset.value });
  for (let tries = 0; tries < 3; tries += 1) {
    try {
      await fetch("/press", { method: "POST", body, headers: { "content-type": "application/json" } });
      return;
    } catch {
      await new Promise((done) => setTimeout(done, 300));
    }
  }
  away.hidden = false;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-button]");
  if (button) press(button);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Tab") return;
  const dialog = document.getElementById("dialog");
  if (!dialog) return;
  const all = [...dialog.querySelectorAll("button")];
  const edge = event.shiftKey ? all[0] : all[all.length - 1];
  if (document.activeElement === edge || !dialog.contains(document.activeElement)) {
    event.preventDefault();
    (event.shiftKey ? all[all.length - 1] : all[0]).focus();
  }
});

document.addEventListener("contextmenu", (event) => event.preventDefault());

// --- three tones, different in rhythm as well as in pitch -------------------------------------------

const TONES = {
  seen: [[0, 0.06, 660]],
  done: [[0, 0.09, 523], [0.12, 0.16, 784]],
  look: [[0, 0.12, 392], [0.2, 0.12, 392], [0.4, 0.22, 330]],
};
let audio = null;

function play(name) {
  const notes = TONES[name];
  if (!notes) return;
  audio ??= new AudioContext();
  if (audio.state === "suspended") audio.resume().catch(() => {});
  for (const [start, length, pitch] of notes) {
    const from = audio.currentTime + start;
    const tone = audio.createOscillator();
    const loud = audio.createGain();
    tone.type = "triangle";
    tone.frequency.value = pitch;
    loud.gain.setValueAtTime(0, from);
    loud.gain.linearRampToValueAtTime(0.25, from + 0.01);
    loud.gain.exponentialRampToValueAtTime(0.001, from + length);
    tone.connect(loud).connect(audio.destination);
    tone.start(from);
    tone.stop(from + length + 0.02);
  }
}

// Back-forward cache would bring a patron's screen back.
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

listen();
