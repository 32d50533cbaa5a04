"use strict";

// Fills the figures of the page, and says from where each thumbnail came.

const figures = [...document.querySelectorAll("figure[data-thumbnail]")];
const summary = document.querySelector("#summary");
const again = document.querySelector("#again");

// The pauses before a placeholder is replaced, in milliseconds.
const PAUSES = [250, 500, 1000, 2000, 4000, 8000, 8000, 8000];

function show(figure, source, text, milliseconds) {
  const label = figure.querySelector(".source");
  label.dataset.source = source;
  label.textContent = text;
  figure.querySelector(".time").textContent = milliseconds === null ? "" : `${milliseconds} ms`;
}

async function load(figure) {
  const image = figure.querySelector("img");
  for (const pause of [...PAUSES, null]) {
    const start = performance.now();
    // Asks the node even if the browser has the thumbnail; an unchanged one is not sent again.
    const answer = await fetch(figure.dataset.thumbnail, { cache: "no-cache" });
    const milliseconds = Math.round(performance.now() - start);
    if (!answer.ok) {
      show(figure, "error", (await answer.text()) || `error ${answer.status}`, null);
      return "error";
    }
    const picture = URL.createObjectURL(await answer.blob());
    image.onload = () => URL.revokeObjectURL(picture);
    image.src = picture;
    const source = answer.headers.get("x-groupcache-source") || "unknown";
    show(figure, source, source, milliseconds);
    if (source !== "placeholder" || pause === null) {
      return source;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

async function loadAll() {
  again.disabled = true;
  summary.textContent = "asking …";
  const loads = figures.map((figure) =>
    load(figure).catch(() => {
      show(figure, "error", "no answer", null);
      return "no answer";
    }),
  );
  const counts = new Map();
  for (const source of await Promise.all(loads)) {
    counts.set(source, (counts.get(source) || 0) + 1);
  }
  summary.textContent = [...counts].map(([source, count]) => `${count} × ${source}`).join(", ");
  again.disabled = false;
}

// The other nodes are on the host by which this one was reached, from another machine too.
for (const link of document.querySelectorAll("nav a")) {
  const url = new URL(link.href);
  url.hostname = location.hostname;
  link.href = url.href;
}

again.addEventListener("click", loadAll);
loadAll();
