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

const LOOK_EVERY_MS = 5000;

/**
 * Ask before a form is left with something typed in it that was not sent.
 * @param {HTMLFormElement} form
 */
function guard(form) {
  let unsaved = "unsaved" in form.dataset;
  form.addEventListener("input", () => { unsaved = true; });
  form.addEventListener("submit", () => { unsaved = false; });
  addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
  addEventListener("keydown", (event) => {
    if (event.key !== "s" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    form.requestSubmit(form.querySelector(".actions button"));
  });
}

/**
 * Say so when somebody else saves the record while its form is open.
 * @param {HTMLFormElement} form
 */
function watch(form) {
  const { version, versionUrl } = form.dataset;
  const line = form.querySelector("[data-newer]");
  const text = form.querySelector("[data-newer-text]");
  if (!versionUrl || !(line instanceof HTMLElement) || !text) return;

  const look = async () => {
    try {
      const answer = await fetch(versionUrl, { cache: "no-cache" });
      /** @type {{version: number, sentence: string}} */
      const now = answer.ok && !answer.redirected ? await answer.json() : { version: Number(version), sentence: "" };
      if (String(now.version) !== version) {
        text.textContent = now.sentence;
        line.hidden = false;
      }
    } catch {
      // The server is away for a moment; saving would tell as well.
    }
    setTimeout(look, LOOK_EVERY_MS);
  };
  setTimeout(look, LOOK_EVERY_MS);
}

/**
 * Edit a cell of the list where it stands: Enter and Tab save, Escape leaves it as it was.
 * @param {HTMLTableCellElement} cell
 */
function editCell(cell) {
  const row = cell.closest("tr");
  if (!row || cell.querySelector("input")) return;
  const before = cell.innerHTML;
  const field = document.createElement("input");
  field.value = cell.textContent?.trim() ?? "";
  field.className = "cell-input";
  field.setAttribute("aria-label", `${cell.dataset.label}, ${row.querySelector("th")?.textContent?.trim()}`);
  cell.replaceChildren(field);
  field.select();
  let over = false;

  const leave = () => { over = true; cell.innerHTML = before; };
  const save = async () => {
    if (over) return;
    const body = new URLSearchParams({
      csrf_token: document.querySelector("#bulk input[name=csrf_token]")?.getAttribute("value") ?? "",
      column: cell.dataset.column ?? "", value: field.value, version: row.dataset.version ?? "",
    });
    try {
      const answer = await fetch(`${row.dataset.url}/cell`, { method: "POST", body, redirect: "error" });
      /** @type {{version?: number, text?: string, sentence?: string}} */
      const now = await answer.json();
      if (answer.ok) {
        over = true;
        row.dataset.version = String(now.version);
        cell.textContent = now.text ?? "";
        return true;
      }
      say(now.sentence ?? "");
    } catch {
      say("It could not be saved. Reload the page, and try again.");
    }
    field.setAttribute("aria-invalid", "true");
    return false;
  };
  field.addEventListener("keydown", async (event) => {
    event.stopPropagation();
    if (event.key === "Escape") { leave(); cell.focus(); }
    if (event.key !== "Enter" && event.key !== "Tab") return;
    event.preventDefault();
    if (!await save()) return;
    const cells = [...document.querySelectorAll("td[data-column]")];
    const next = event.key === "Tab" ? cells[cells.indexOf(cell) + (event.shiftKey ? -1 : 1)] : cell;
    if (next instanceof HTMLTableCellElement) event.key === "Tab" ? editCell(next) : next.focus();
  });
  field.addEventListener("blur", () => { if (!over && field.getAttribute("aria-invalid") !== "true") leave(); });
}

/**
 * Say a sentence where the page says what happened.
 * @param {string} sentence
 */
function say(sentence) {
  const line = document.createElement("p");
  line.className = "flash flash-warning";
  line.textContent = sentence;
  document.querySelector(".flashes")?.replaceChildren(line);
}

/**
 * Work in the list by keyboard; the keys are listed on the page behind "?".
 * @param {HTMLTableElement} list
 */
function keys(list) {
  const rows = [...list.querySelectorAll("tbody tr")];
  let at = -1;
  const go = (/** @type {number} */ place) => {
    at = Math.max(0, Math.min(rows.length - 1, place));
    rows[at].querySelector("a")?.focus();
  };
  addEventListener("keydown", (event) => {
    const target = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (target instanceof HTMLElement && target.closest("input, select, textarea, [contenteditable]")) return;
    const here = rows.findIndex((row) => row.contains(document.activeElement));
    if (here >= 0) at = here;
    const act = {
      "/": () => document.getElementById("q")?.focus(),
      j: () => go(at + 1), ArrowDown: () => go(at + 1),
      k: () => go(at - 1), ArrowUp: () => go(at - 1),
      e: () => { const cell = rows[at]?.querySelector("td[data-column]"); if (cell instanceof HTMLTableCellElement) editCell(cell); },
      "?": () => { const help = document.getElementById("keys"); if (help instanceof HTMLDetailsElement) help.open = !help.open; },
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  list.addEventListener("dblclick", (event) => {
    const cell = event.target instanceof Element ? event.target.closest("td[data-column]") : null;
    if (cell instanceof HTMLTableCellElement) editCell(cell);
  });
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

/**
 * Let the browser make or use a passkey, and send what it answers.
 * @param {HTMLFormElement} form
 */
async function askForPasskey(form) {
  const text = form.querySelector("[data-passkey-text]");
  const again = form.querySelector("[data-passkey-again]");
  const field = form.elements.namedItem("credential");
  if (!text || !again || !(field instanceof HTMLInputElement)) return;
  try {
    const options = JSON.parse(form.dataset.passkeyOptions ?? "");
    const passkey = form.dataset.passkey === "create"
      ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
      : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
    if (!(passkey instanceof PublicKeyCredential)) throw new Error("no passkey");
    const extensions = JSON.stringify(passkey.getClientExtensionResults());
    field.value = JSON.stringify({ ...passkey.toJSON(), extensions });
    form.submit();
  } catch {
    text.textContent = "Your browser did not get the passkey: it was cancelled, took too long, or none fits here.";
    again.removeAttribute("hidden");
  }
}

for (const place of document.querySelectorAll("[data-progress-url]")) {
  if (place instanceof HTMLElement) follow(place);
}
for (const form of document.querySelectorAll("form#record, form[data-unsaved]")) {
  if (!(form instanceof HTMLFormElement)) continue;
  guard(form);
  watch(form);
}
for (const form of document.querySelectorAll("[data-passkey]")) {
  if (form instanceof HTMLFormElement) askForPasskey(form);
}
for (const list of document.querySelectorAll("table.table-students")) {
  if (list instanceof HTMLTableElement) keys(list);
}
for (const time of document.querySelectorAll("time")) localise(time);
document.getElementById("error-summary")?.focus();
