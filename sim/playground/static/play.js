// The newcomer's page: draws the state that the server sends, and sends back what the person did.
// Nothing is decided here. Every act works by drag, by touch and by keyboard.

const $ = (selector) => document.querySelector(selector);
let state = null;
let chosen = null;

const WHERE = {
  hands: "in your hands", reader: "on the card reader", pad: "on the pad of kiosk 1", bin: "in the return bin",
  gate: "on its way through the gate", outside: "outside",
};
const PLACES = { pad: ["book"], bin: ["book"], gate: ["book"], reader: ["card"], hands: ["book", "card"] };

async function send(path, body) {
  const reply = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!reply.ok) say(await reply.text());
}

function say(text) { $("#hint").textContent = text; }

function look(dark) { document.documentElement.dataset.look = dark.matches ? "dark" : "light"; }
const dark = matchMedia("(prefers-color-scheme: dark)");
dark.addEventListener("change", look);
look(dark);

function thingElement(thing) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = "thing";
  element.draggable = true;
  element.dataset.id = thing.id;
  element.dataset.kind = thing.kind;
  const title = document.createElement("span");
  title.className = "title";
  title.textContent = thing.title;
  const note = document.createElement("span");
  note.className = "afi";
  element.append(title, note);
  element.addEventListener("click", () => choose(chosen === thing.id ? null : thing.id));
  element.addEventListener("dragstart", (event) => {
    event.dataTransfer.setData("text/plain", thing.id);
    choose(thing.id, true);
  });
  return element;
}

// An element stays the same while its thing lives: a drag, a press and the focus outlast a redraw.
function refresh(element, thing) {
  element.setAttribute("aria-pressed", String(chosen === thing.id));
  const note = element.querySelector(".afi");
  let text = "patron card";
  if (thing.kind === "book") {
    element.dataset.secured = String(thing.secured);
    text = `${thing.secured ? "■ secured" : "□ unsecured"} · AFI ${thing.afi}`;
  }
  if (note.textContent !== text) note.textContent = text;
}

function choose(id, quietly = false) {
  chosen = id;
  for (const element of document.querySelectorAll(".thing")) {
    element.setAttribute("aria-pressed", String(element.dataset.id === id));
  }
  markDrops();
  if (id && !quietly) say("Now choose where it goes.");
}

function markDrops() {
  const thing = state?.things.find((candidate) => candidate.id === chosen);
  for (const zone of document.querySelectorAll(".zone")) {
    const fits = Boolean(thing) && (PLACES[zone.dataset.place] ?? []).includes(thing.kind)
      && thing.place !== zone.dataset.place;
    const drop = zone.querySelector(".drop");
    if (drop) drop.disabled = !fits;
  }
}

async function move(id, place) {
  const thing = state?.things.find((candidate) => candidate.id === id);
  if (!thing || !(PLACES[place] ?? []).includes(thing.kind)) return;
  if (thing.place === place) return choose(null);
  const here = document.querySelector(`.thing[data-id="${CSS.escape(id)}"]`);
  const next = here?.nextElementSibling ?? here?.previousElementSibling ?? here;
  const byHand = document.activeElement?.classList.contains("drop");
  choose(null);
  if (byHand) next?.focus();
  say(`${thing.title}: ${WHERE[place]}.`);
  await send("/act", { thing: id, to: place });
}

for (const zone of document.querySelectorAll(".zone")) {
  const place = zone.dataset.place;
  zone.querySelector(".drop")?.addEventListener("click", () => chosen && move(chosen, place));
  zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.dataset.over = "true"; });
  zone.addEventListener("dragleave", () => { zone.dataset.over = "false"; });
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.dataset.over = "false";
    move(event.dataTransfer.getData("text/plain"), place);
  });
}

function drawThings() {
  const focused = document.activeElement?.dataset?.id;
  for (const thing of state.things) {
    const element = document.querySelector(`.thing[data-id="${CSS.escape(thing.id)}"]`);
    if (element && element.closest(".zone").dataset.place !== thing.place) {
      document.querySelector(`.zone[data-place="${thing.place}"] .things`).append(element);
    }
  }
  for (const zone of document.querySelectorAll(".zone")) {
    const shelf = zone.querySelector(".things");
    const things = state.things.filter((thing) => thing.place === zone.dataset.place);
    things.forEach((thing, at) => {
      const element = document.querySelector(`.thing[data-id="${CSS.escape(thing.id)}"]`) ?? thingElement(thing);
      if (shelf.children[at] !== element) shelf.insertBefore(element, shelf.children[at] ?? null);
      refresh(element, thing);
    });
  }
  if (focused && document.activeElement?.dataset?.id !== focused) document.querySelector(`.thing[data-id="${CSS.escape(focused)}"]`)?.focus();
  markDrops();
}

function drawSteps() {
  const next = state.steps.find((step) => !step.done);
  const told = JSON.stringify(state.steps);
  if ($("#steps").dataset.told === told) return;
  const before = JSON.parse($("#steps").dataset.told ?? "[]");
  const fresh = state.steps.find((step, at) => step.done && before[at] && !before[at].done);
  if (fresh) say(`✓ ${fresh.title}. ${next ? `Next: ${next.how}` : "That was all five: three doors are below."}`);
  $("#steps").dataset.told = told;
  $("#steps").replaceChildren(...state.steps.map((step) => {
    const item = document.createElement("li");
    item.dataset.done = String(step.done);
    item.dataset.next = String(step === next);
    const title = document.createElement("b");
    const mark = document.createElement("span");
    mark.className = "mark";
    mark.textContent = step.done ? "✓" : step === next ? "→" : "·";
    title.append(mark, step.title);
    item.append(title, step.done ? "Done." : step.how);
    return item;
  }));
}

function drawFaults() {
  for (const fault of state.faults) {
    let button = document.querySelector(`#faults button[data-fault="${fault.id}"]`);
    if (!button) {
      button = document.createElement("button");
      button.type = "button";
      button.dataset.fault = fault.id;
      button.addEventListener("click", () => send("/fault", {
        fault: fault.id, on: button.dataset.on !== "true",
      }));
      $("#faults").append(button);
    }
    button.dataset.on = String(fault.on);
    button.textContent = fault.on ? fault.mend : fault.title;
  }
}

function drawLog(entries) {
  const log = $("#log");
  for (const entry of entries) {
    const item = document.createElement("li");
    item.dataset.topic = entry.topic;
    const time = document.createElement("time");
    time.textContent = entry.at;
    const details = document.createElement("details");
    const summary = document.createElement("summary");
    summary.textContent = entry.sentence;
    const json = document.createElement("pre");
    json.textContent = `${entry.topic}\n${entry.json}`;
    details.append(summary, json);
    item.append(time, details);
    log.prepend(item);
  }
  while (log.children.length > 200) log.lastElementChild.remove();
}

function drawDoors() {
  const doors = $("#doors");
  if (doors.children.length) return;
  for (const door of state.doors) {
    const name = document.createElement("dt");
    name.textContent = door.who;
    const command = document.createElement("dd");
    const code = document.createElement("code");
    code.textContent = door.command;
    command.append(code);
    doors.append(name, command);
  }
}

function draw() {
  drawSteps();
  drawThings();
  drawFaults();
  drawDoors();
  const lamp = $("#lamp");
  lamp.dataset.lit = String(state.lamp);
  const word = state.lamp ? "✖ alarm" : "● quiet";
  if (lamp.textContent !== word) lamp.textContent = word;
  const frame = $("#kiosk-page");
  if (frame.dataset.address !== state.kiosk) {  // the kiosk was started anew
    frame.dataset.address = state.kiosk;
    frame.src = state.kiosk;
  }
}

function fit() {
  const frame = $(".frame");
  $("#kiosk-page").style.transform = `scale(${frame.clientWidth / 1080})`;
}
new ResizeObserver(fit).observe($(".frame"));

const events = new EventSource("/events");
events.addEventListener("state", (event) => { state = JSON.parse(event.data); $("#gone").hidden = true; draw(); });
events.addEventListener("story", (event) => { $("#log").replaceChildren(); drawLog(JSON.parse(event.data)); });
events.addEventListener("log", (event) => drawLog(JSON.parse(event.data)));
events.addEventListener("error", () => { $("#gone").hidden = false; });
