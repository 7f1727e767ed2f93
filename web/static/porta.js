// Pages work without this. It makes them comfortable: a run is seen while it runs, and forms show what they will do.
"use strict";

// A run while it goes on: the server sends the part of the page that changes, once a second.
function follow(part) {
  const lost = document.querySelector("[data-lost]");
  const announce = document.querySelector("[data-announce]");
  const sayEvery = 10000, waitMax = 15000;
  let said = 0, wait = 1000;

  function show(html) {
    const open = new Set([...part.querySelectorAll("details[open]")].map((details) => details.id));
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    const scrolled = new Map([...part.querySelectorAll("details .scroll")].map((box, place) => [place, box.scrollTop]));
    part.innerHTML = html;
    for (const details of part.querySelectorAll("details")) details.open = open.has(details.id);
    part.querySelectorAll("details .scroll").forEach((box, place) => { box.scrollTop = scrolled.get(place) || 0; });
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    const { title, say } = part.firstElementChild.dataset;
    document.title = title;
    if (Date.now() - said >= sayEvery) {
      announce.textContent = say;
      said = Date.now();
    }
  }

  function connect() {
    const events = new EventSource(part.dataset.live);
    events.addEventListener("fragment", (event) => {
      lost.hidden = true;
      wait = 1000;
      show(event.data);
    });
    events.addEventListener("end", () => {
      events.close();
      // Without what said that it is being ended.
      location.replace(location.pathname);
    });
    events.addEventListener("error", () => {
      lost.hidden = false;
      // A browser comes back by itself unless it was refused.
      if (events.readyState !== EventSource.CLOSED) return;
      setTimeout(connect, wait);
      wait = Math.min(2 * wait, waitMax);
    });
    addEventListener("pagehide", () => events.close(), { once: true });
  }

  connect();
}

// The values of the chosen preset stand in the empty fields; without a preset they have to be filled in.
function showPreset(choices) {
  const form = choices.form;
  const update = () => {
    const preset = form.querySelector("input[name=scenario]:checked")?.dataset || {};
    for (const name of ["workers", "rps", "duration"]) {
      form.elements[name].placeholder = preset[name] || "";
      form.elements[name].required = !preset[name];
    }
  };
  choices.addEventListener("change", update);
  update();
}

// A button that takes so many boxes can be pressed once they are ticked.
function countPicked(button) {
  const update = () => {
    const picked = button.form.querySelectorAll("input[type=checkbox]:checked").length;
    button.disabled = picked !== Number(button.dataset.pick);
  };
  button.form.addEventListener("change", update);
  update();
}

document.querySelectorAll("[data-live]").forEach(follow);
document.querySelectorAll("[data-presets]").forEach(showPreset);
document.querySelectorAll("[data-pick]").forEach(countPicked);
// A page that comes back from the browser's memory shows what was; a run has gone on since.
addEventListener("pageshow", (event) => { if (event.persisted && document.querySelector("[data-live]")) location.reload(); });
