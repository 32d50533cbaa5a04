// Keeps the page fresh: takes the parts that have changed from the node, and puts them in place.
"use strict";
(() => {
  const events = "groupcachez/events" + location.search;
  const state = document.getElementById("state");
  const button = document.getElementById("pause");
  const announcement = document.getElementById("announcement");
  const PATIENCE = 6000, RETRY = 3000;
  let source, watchdog, isPaused = false;

  const say = (text, kind) => {
    state.className = "state " + kind;
    if (state.textContent !== text) state.textContent = text;
  };

  // Changes what is different and leaves all else alone: what has the focus keeps it, and a screen reader its place.
  const morph = (old, fresh) => {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
      old.replaceWith(fresh.cloneNode(true));
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    const before = [...old.childNodes], after = [...fresh.childNodes];
    after.forEach((child, at) => (before[at] ? morph(before[at], child) : old.append(child.cloneNode(true))));
    before.slice(after.length).forEach((child) => child.remove());
  };

  const apply = (update) => {
    // Other groups: the page has other parts.
    if (update.shape !== document.body.dataset.shape) return location.reload();
    for (const [id, html] of update.parts) {
      const old = document.getElementById(id);
      if (!old) continue;
      const fresh = old.cloneNode(false);
      fresh.innerHTML = html;
      morph(old, fresh);
    }
    if (announcement.textContent !== update.announcement) announcement.textContent = update.announcement;
  };

  const isTold = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => say("No news from the node", "lost"), PATIENCE);
    say("Live", "on");
  };

  const listen = () => {
    source = new EventSource(events);
    source.addEventListener("update", (event) => {
      apply(JSON.parse(event.data));
      isTold();
    });
    source.onerror = () => {
      clearTimeout(watchdog);
      say("No connection to the node", "lost");
      if (source.readyState === EventSource.CLOSED) watchdog = setTimeout(resume, RETRY);
    };
  };

  const stop = () => {
    clearTimeout(watchdog);
    source.close();
  };

  const resume = () => {
    stop();
    if (!isPaused) listen();
  };

  button.hidden = false;
  button.addEventListener("click", () => {
    isPaused = !isPaused;
    button.textContent = isPaused ? "Resume" : "Pause";
    if (isPaused) say("Paused", "");
    resume();
  });
  say("Connecting", "");
  listen();
})();
