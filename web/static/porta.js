// Pages work without this. It makes them comfortable: a run is seen while it runs, and forms show what they will do.
"use strict";

// A run while it goes on: the server sends the part of the page that changes, once a second.
function follow(part) {
  const lost = document.querySelector("[data-lost]");
  const announce = document.querySelector("[data-announce]");
  const cancel = document.querySelector("[data-cancel]");
  const sayEvery = 10000, waitMax = 15000;
  let events, retry, said = 0, wait = 1000;

  function show(html) {
    const open = new Set([...part.querySelectorAll("details[open]")].map((details) => details.id));
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    const scrolled = new Map([...part.querySelectorAll("details .scroll")].map((box, place) => [place, box.scrollTop]));
    part.innerHTML = html;
    for (const details of part.querySelectorAll("details")) details.open = open.has(details.id);
    part.querySelectorAll("details .scroll").forEach((box, place) => { box.scrollTop = scrolled.get(place) || 0; });
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    const { title, say, ends } = part.firstElementChild.dataset;
    document.title = title;
    if (cancel) cancel.hidden = ends !== undefined;
    if (Date.now() - said >= sayEvery) {
      announce.textContent = say;
      said = Date.now();
    }
  }

  // The stream was refused, and a browser does not say why. The page is: it leads to the login, or is there no more.
  async function refused() {
    const page = await fetch(location.href, { method: "HEAD" }).catch(() => null);
    if (page && (page.redirected || (page.status >= 400 && page.status < 500))) location.reload();
  }

  function connect() {
    events = new EventSource(part.dataset.live);
    events.addEventListener("fragment", (event) => {
      lost.hidden = true;
      wait = 1000;
      show(event.data);
    });
    events.addEventListener("end", () => {
      events.close();
      location.reload();
    });
    events.addEventListener("error", ({ target }) => {
      lost.hidden = false;
      // A browser comes back by itself unless it was refused.
      if (target.readyState !== EventSource.CLOSED) return;
      refused();
      retry = setTimeout(connect, wait);
      wait = Math.min(2 * wait, waitMax);
    });
  }

  function disconnect() {
    clearTimeout(retry);
    events?.close();
  }

  // A browser has few connections to a server: a page that nobody sees leaves its own to others.
  function update() {
    disconnect();
    if (!document.hidden) connect();
  }

  addEventListener("pagehide", disconnect);
  document.addEventListener("visibilitychange", update);
  update();
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
