// @ts-check
"use strict";

const EVERY_MS = 500;

/**
 * What /imports/ID/progress answers.
 * @typedef {{state: string, busy: boolean, share: number, sentence: string}} Progress
 */

/**
 * Follow an import while a worker has it, and load the page anew once it needs a person.
 * @param {HTMLElement} place
 */
function follow(place) {
  const bar = place.querySelector("progress");
  const text = place.querySelector("[data-progress-text]");
  const url = place.dataset.progressUrl;
  const first = place.dataset.progressState;
  if (!bar || !text || !url) return;

  const ask = async () => {
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      // Signed out meanwhile, or the import is gone: the page itself says so best.
      if (answer.redirected || answer.status === 404) return location.reload();
      if (answer.ok) {
        /** @type {Progress} */
        const now = await answer.json();
        if (!now.busy || now.state !== first) return location.reload();
        if (now.share) bar.value = now.share;
        else bar.removeAttribute("value");
        text.textContent = now.sentence;
      }
    } catch {
      // The server is away for a moment; the next try may reach it.
    }
    setTimeout(ask, EVERY_MS);
  };
  setTimeout(ask, EVERY_MS);
}

/**
 * Show a moment in the reader's own time zone.
 * @param {HTMLTimeElement} time
 */
function localise(time) {
  const at = new Date(time.dateTime);
  if (Number.isNaN(at.getTime())) return;
  time.title = time.textContent ?? "";
  time.textContent = at.toLocaleString("en-GB", {
    day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
  });
}

for (const place of document.querySelectorAll("[data-progress-url]")) {
  if (place instanceof HTMLElement) follow(place);
}
for (const time of document.querySelectorAll("time")) localise(time);
document.getElementById("error-summary")?.focus();
