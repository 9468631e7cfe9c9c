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
  const page = place.dataset.progressPage;
  if (!bar || !text || !url || !page) return;
  const tell = by10(text);

  const ask = async () => {
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      // Signed out meanwhile, or the import is gone: the page itself says so best.
      if (answer.redirected || answer.status === 404) return location.reload();
      if (answer.ok) {
        /** @type {Progress} */
        const now = await answer.json();
        if (!now.busy || now.state !== first) return location.replace(page);
        if (now.share) bar.value = now.share;
        else bar.removeAttribute("value");
        tell(now.share, now.sentence);
      }
    } catch {
      // The server is away for a moment; the next try may reach it.
    }
    setTimeout(ask, EVERY_MS);
  };
  setTimeout(ask, EVERY_MS);
}

/**
 * Give what shows how far something is, and reads it out at every tenth of the way only.
 * @param {Element} text
 */
function by10(text) {
  let tenth = 0;
  return (/** @type {number} */ share, /** @type {string} */ sentence) => {
    text.textContent = sentence;
    if (Math.floor(share * 10) > tenth) announce(sentence);
    tenth = Math.floor(share * 10);
  };
}

const LOOK_EVERY_MS = 5000;

/**
 * Ask before a form is left with something typed in it that was not sent.
 * @param {HTMLFormElement} form
 */
function guard(form) {
  let unsaved = "unsaved" in form.dataset;
  // A field may stand outside of its form, as in a table of rows.
  addEventListener("input", ({ target }) => { if (target instanceof Element && "form" in target && target.form === form) unsaved = true; });
  form.addEventListener("submit", () => { unsaved = false; });
  addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
  addEventListener("keydown", (event) => {
    if (!isSave(event)) return;
    event.preventDefault();
    form.requestSubmit(form.querySelector(".actions button"));
  });
}

/**
 * Tell whether Ctrl+S is pressed, or what stands for it on a Mac; with Caps Lock the key is called otherwise.
 * @param {KeyboardEvent} event
 */
function isSave(event) {
  return event.key.toLowerCase() === "s" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey;
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
 * What /students/ID/cell answers: the cell as it now is and what undoes that, or why it was not saved.
 * @typedef {{version?: number, text?: string, cells?: Record<string, string>, sentence?: string, undo?: string, record?: string}} CellAnswer
 */

/** @type {Promise<boolean> | null} */
let saving = null;

// How Safari names a key that ends a word: for it the word is done by then.
const COMPOSING = 229;

/**
 * Edit a cell of the list where it stands: Enter, Tab and a click elsewhere save, Escape leaves it as it was.
 * @param {HTMLTableCellElement} cell
 */
function editCell(cell) {
  const row = cell.closest("tr");
  if (!row || cell.querySelector("input")) return;
  const before = cell.innerHTML;
  // What the cell was shown with: another cell of the row may be saved meanwhile.
  const version = row.dataset.version ?? "";
  const field = document.createElement("input");
  const typed = field.value = field.defaultValue = cell.textContent?.trim() ?? "";
  field.className = "cell-input";
  field.autocomplete = "off";
  field.maxLength = Number(document.getElementById("bulk")?.dataset.longest);
  field.setAttribute("aria-label", `${cell.dataset.label}, ${row.querySelector("th")?.textContent?.trim()}`);
  cell.replaceChildren(field);
  field.select();
  let over = false;

  const leave = () => { over = true; cell.innerHTML = before; };
  const send = async () => {
    try {
      const now = await sendCell(row, cell, version, field.value);
      if (now.text !== undefined) {
        over = true;
        cell.textContent = now.text;
        showRow(row, now);
        sayDone(now);
        return true;
      }
      sayAtCell(field, now);
    } catch {
      sayAtCell(field, { sentence: document.getElementById("bulk")?.dataset.failed });
    }
    // Who has gone on to another field stays there; the problem waits at its cell.
    if (!document.activeElement?.matches("a, button, input, select, textarea, summary")) field.focus();
    return false;
  };
  const save = () => {
    if (over) return Promise.resolve(false);
    saving ??= send().finally(() => { saving = null; });
    return saving;
  };
  field.addEventListener("keydown", async (event) => {
    event.stopPropagation();
    // While a word is put together from several keys, Enter only ends the word.
    if (event.isComposing || event.keyCode === COMPOSING) return;
    if (event.key === "Escape") { leave(); cell.focus(); }
    if (!["Enter", "Tab"].includes(event.key) && !isSave(event)) return;
    event.preventDefault();
    if (!await save()) return;
    if (event.key !== "Tab") return cell.focus();
    const cells = [...document.querySelectorAll("td[data-column]")];
    const next = cells[cells.indexOf(cell) + (event.shiftKey ? -1 : 1)];
    if (next instanceof HTMLTableCellElement) editCell(next);
  });
  field.addEventListener("blur", () => { if (!over && !saving) (field.value === typed ? leave : save)(); });
}

/**
 * Show a row as it now is, with what others have saved meanwhile, but for cells that somebody types into.
 * @param {HTMLTableRowElement} row
 * @param {CellAnswer} answer
 */
function showRow(row, { version, cells }) {
  row.dataset.version = String(version);
  for (const cell of row.querySelectorAll("td[data-column]")) {
    if (cell instanceof HTMLElement && !cell.querySelector("input")) cell.textContent = cells?.[cell.dataset.column ?? ""] ?? "";
  }
}

/**
 * Send what was typed into a cell, even if the page is left meanwhile.
 * @param {HTMLTableRowElement} row
 * @param {HTMLTableCellElement} cell
 * @param {string} version
 * @param {string} value
 * @returns {Promise<CellAnswer>}
 */
async function sendCell(row, cell, version, value) {
  const [token, author] = ["csrf_token", "author"].map((name) => document.querySelector(`#bulk input[name=${name}]`));
  const body = new URLSearchParams({
    csrf_token: token?.getAttribute("value") ?? "", author: author?.getAttribute("value") ?? "",
    column: cell.dataset.column ?? "", value, version,
  });
  const answer = await fetch(`${row.dataset.url}/cell`, { method: "POST", body, redirect: "error", keepalive: true });
  const now = await answer.json();
  // Whoever has signed in again meanwhile has another token.
  if (now.csrf_token) token?.setAttribute("value", now.csrf_token);
  return now;
}

/**
 * Say at a cell why it was not saved; where another value is stored by now, the sentence leads to the record.
 * @param {HTMLInputElement} field
 * @param {CellAnswer} answer
 */
function sayAtCell(field, { sentence, record }) {
  const line = document.createElement("p");
  line.id = `${field.closest("tr")?.dataset.url}-problem`;
  line.className = "field-error";
  line.setAttribute("role", "alert");
  if (record) line.append(Object.assign(document.createElement("a"), { href: record, textContent: sentence }));
  else line.textContent = sentence ?? "";
  field.parentElement?.querySelector(".field-error")?.remove();
  field.after(line);
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", line.id);
  // On a small screen the table scrolls sideways in its box.
  line.scrollIntoView({ block: "nearest", inline: "nearest" });
}

/**
 * Say that a cell is saved, in place of what was said before, and offer to undo it.
 * @param {CellAnswer} answer
 */
function sayDone({ sentence, undo }) {
  announce(sentence ?? "");
  const line = say(sentence ?? "", "success");
  const form = document.querySelector("template[data-undo]");
  if (!undo || !(form instanceof HTMLTemplateElement)) return;
  line.append(" ", form.content.cloneNode(true));
  line.querySelector("form")?.setAttribute("action", undo);
}

/** Tell whether something is typed into a cell that is not saved. */
const isTyping = () => [...document.querySelectorAll(".cell-input")].some((field) =>
  field instanceof HTMLInputElement && field.value !== field.defaultValue);

/** Let a link wait until a cell is saved that was left for it, and leave the page only after asking where one is not. */
function guardCells() {
  addEventListener("click", async (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    if (!saving || !(link instanceof HTMLAnchorElement) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (await saving) location.assign(link.href);
  });
  addEventListener("beforeunload", (event) => { if (!saving && isTyping()) event.preventDefault(); });
}

/**
 * Say a sentence where the page says what happened.
 * @param {string} sentence
 * @param {string} kind
 */
function say(sentence, kind = "warning") {
  const line = document.createElement("div");
  line.className = `flash flash-${kind}`;
  line.textContent = sentence;
  document.querySelector(".flashes")?.replaceChildren(line);
  return line;
}

/**
 * Tell what has changed to whoever can't see it.
 * @param {string} sentence
 */
function announce(sentence) {
  const line = document.getElementById("announced");
  if (line) line.textContent = sentence;
}

/**
 * Exchange a part of this page for the same part of another.
 * @param {string} id
 * @param {string} html
 */
function exchange(id, html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const [old, part] = [document.getElementById(id), page.getElementById(id)];
  if (!old || !part) return location.reload();
  for (const open of old.querySelectorAll("details[open]")) part.querySelector(`#${open.id}`)?.setAttribute("open", "");
  document.title = page.title;
  old.replaceWith(part);
  prepare(part);
  return part;
}

const PAUSE_MS = 200;

/**
 * Search as somebody types, as Enter would, but for staying in the field.
 * @param {HTMLFormElement} finder
 */
function searchAsTyped(finder) {
  const field = finder.elements.namedItem("q");
  if (!(field instanceof HTMLInputElement)) return;
  let timer = 0;
  let asked = new AbortController();
  let isNew = true;
  let shown = location.pathname + location.search;

  const look = async () => {
    // The list is not exchanged under what somebody types into it; Enter would ask first.
    if (isTyping()) return;
    asked.abort();
    asked = new AbortController();
    const filled = [...new FormData(finder)].filter(([, text]) => text).map(([name, text]) => [name, String(text)]);
    try {
      const answer = await fetch(`${finder.action}?${new URLSearchParams(filled)}`, { signal: asked.signal, redirect: "manual" });
      // An ID leads to its student; whoever types one may not be at its end yet.
      if (answer.type === "opaqueredirect") return announce(finder.dataset.leads ?? "");
      if (!answer.ok) return;
      const part = exchange("found", await answer.text());
      if (!part) return;
      announce(part.dataset.sentence ?? "");
      history[isNew ? "pushState" : "replaceState"](null, "", part.dataset.address);
      isNew = false;
      shown = location.pathname + location.search;
    } catch {
      // The next letter was faster, or the server is away for a moment; Enter would tell.
    }
  };
  field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(look, PAUSE_MS); });
  field.addEventListener("focus", () => { isNew = true; });
  finder.addEventListener("submit", () => clearTimeout(timer));
  // A link to a part of this page is a step in the history, too.
  addEventListener("popstate", () => { if (location.pathname + location.search !== shown) location.reload(); });
}

/**
 * Take a sheet that is dropped on the page, and show how much of it is sent.
 * @param {HTMLFormElement} form
 */
function upload(form) {
  const field = form.elements.namedItem("file");
  const place = form.querySelector("[data-sending]");
  const bar = form.querySelector("progress");
  const text = form.querySelector("[data-sending-text]");
  const actions = form.querySelector(".actions");
  if (!(field instanceof HTMLInputElement) || !(place instanceof HTMLElement) || !(actions instanceof HTMLElement) || !bar || !text) return;
  const { sent, failed, one } = form.dataset;

  const drag = (/** @type {DragEvent} */ event) => {
    const dragged = event.dataTransfer;
    if (!dragged?.types.includes("Files")) return;
    event.preventDefault();
    form.classList.toggle("awaits", event.type === "dragover");
    if (event.type !== "drop") return;
    const [file, ...more] = dragged.files;
    if (!file || more.length) return say(one ?? "");
    field.files = dragged.files;
    field.focus();
    announce(file.name);
  };
  const page = form.closest("main") ?? form;
  for (const kind of /** @type {const} */ (["dragover", "dragleave", "drop"])) page.addEventListener(kind, drag);

  form.addEventListener("submit", (event) => {
    const file = field.files?.[0];
    if (!file) return;
    event.preventDefault();
    if (file.size > Number(form.dataset.most)) {
      say(form.dataset.tooLarge ?? "");
      return field.focus();
    }
    const request = new XMLHttpRequest();
    const tell = by10(text);
    const wait = (/** @type {boolean} */ waiting) => { place.hidden = !waiting; actions.hidden = waiting; };
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      bar.value = loaded / total;
      tell(bar.value, (sent ?? "").replace("{percent}", String(Math.floor(bar.value * 100))));
    });
    request.addEventListener("load", () => {
      if (request.responseURL !== form.action) return location.assign(request.responseURL);
      exchange("main", request.responseText);
    });
    request.addEventListener("error", () => { wait(false); say(failed ?? ""); });
    request.addEventListener("abort", () => wait(false));
    place.querySelector("button")?.addEventListener("click", () => request.abort());
    request.open("POST", form.action);
    request.send(new FormData(form));
    wait(true);
    place.querySelector("button")?.focus();
  });
}

const listed = () => [...document.querySelectorAll(".table-students tbody tr")];

/** Work in the list by keyboard; the keys are listed on the page behind "?". */
function keys() {
  guardCells();
  let at = -1;
  const go = (/** @type {number} */ place) => {
    const rows = listed();
    at = Math.max(0, Math.min(rows.length - 1, place));
    rows[at]?.querySelector("a")?.focus();
  };
  addEventListener("keydown", (event) => {
    const target = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (target instanceof HTMLElement && target.closest("input, select, textarea, [contenteditable]")) return;
    const rows = listed();
    const here = rows.findIndex((row) => row.contains(document.activeElement));
    if (here >= 0) at = here;
    const act = {
      "/": () => document.getElementById("q")?.focus(),
      j: () => go(at + 1), ArrowDown: () => go(at + 1),
      k: () => go(at - 1), ArrowUp: () => go(at - 1),
      e: () => { const cell = rows[at]?.querySelector("td[data-column]"); if (cell instanceof HTMLTableCellElement) editCell(cell); },
      "?": () => { const help = document.getElementById("keys"); if (help instanceof HTMLDetailsElement) help.open = !help.open; },
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  addEventListener("dblclick", (event) => {
    const cell = event.target instanceof Element ? event.target.closest("td[data-column]") : null;
    if (cell instanceof HTMLTableCellElement) editCell(cell);
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
    text.textContent = form.dataset.passkeyFailed ?? "";
    again.removeAttribute("hidden");
  }
}

const TAB = "rollbook typing ";
const SECRET = "[type=password], [type=file], [autocomplete=one-time-code], [type=hidden]";

/**
 * A field of a form that somebody has changed.
 * @typedef {{name: string, value: string, checked: boolean}} Typed
 */

/**
 * Keep browsers from storing what is typed as a suggestion for others. The form says so only from the first field that is
 * entered until the page is left: Chromium would not restore one that always did.
 */
function keepOutOfSuggestions() {
  addEventListener("focusin", ({ target }) => {
    if (target instanceof HTMLInputElement && target.form?.method === "post") target.form.setAttribute("autocomplete", "off");
  });
  addEventListener("pagehide", () => [...document.forms].forEach((form) => form.removeAttribute("autocomplete")));
}

/**
 * Try the connection before leaving a page that answered a form, to which browsers can't go back, or ticks, which Chromium
 * never restores.
 * @param {HTMLFormElement} form
 */
function tryConnection(form) {
  let state = "";
  form.addEventListener("submit", async (event) => {
    if (state === "there") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (state) return;
    state = "asked";
    try {
      await fetch(form.closest("main")?.dataset.aliveUrl ?? "", { method: "HEAD", cache: "no-store" });
      state = "there";
      form.requestSubmit(event.submitter);
    } catch {
      say(form.closest("[data-unreached]")?.getAttribute("data-unreached") ?? "").scrollIntoView({ block: "center" });
    }
    state = "";
  }, true);
}

/**
 * Have a form outlive a lost connection: "Back" then shows it as it was sent. Firefox restores nothing where a page must
 * not be stored, so the tab holds it, in its memory alone, until its next page (docs/adr/0002-typing.md).
 * @param {HTMLFormElement} form
 */
function outlive(form) {
  form.addEventListener("submit", ({ submitter }) => {
    const fields = [...form.elements].filter(isTyped).map((/** @type {any} */ { name, value, checked }) => ({ name, value, checked }));
    // Sent to the page's own address, the answer would take this page's place in the history, and "Back" would lead before it.
    const to = submitter instanceof HTMLButtonElement && submitter.hasAttribute("formaction") ? submitter.formAction : form.action;
    if (to === location.href) history.replaceState(history.state, "", "#main");
    window.name = TAB + JSON.stringify({ page: location.href, action: form.action, author: authorOf(form), fields });
    const once = form.querySelector("input[name=token]")?.getAttribute("value");
    if (once) history.replaceState({ ...history.state, once, author: authorOf(form) }, "");
  });
}

/**
 * Tell who was shown a form: nobody else is shown what was typed into it.
 * @param {Document | HTMLFormElement} form
 */
const authorOf = (form) => form.querySelector("input[name^='of-']")?.getAttribute("name") ?? "";

/**
 * Tell whether somebody has changed a field, or it says from which version they began.
 * @param {any} field
 */
function isTyped(field) {
  if (field instanceof HTMLSelectElement) return [...field.options].some((one) => field.name === "since" || one.selected !== one.defaultSelected);
  return field instanceof HTMLInputElement && !field.matches(SECRET)
    && (!!field.form?.closest("[data-unreached]") || field.value !== field.defaultValue || field.checked !== field.defaultChecked);
}

/** Show a form as it was sent, where its answer never came and somebody went back to it. */
function takeUp() {
  const held = window.name.startsWith(TAB) ? window.name.slice(TAB.length) : "";
  if (held) window.name = "";
  const [how] = performance.getEntriesByType("navigation");
  if (!(how instanceof PerformanceNavigationTiming) || how.type !== "back_forward") return;
  // Sent once more it makes no second student, also where only the answer was lost.
  const once = document.querySelector("form#record input[name=token]");
  if (once && history.state?.once && history.state.author === authorOf(document)) once.setAttribute("value", history.state.once);
  if (!held) return;
  /** @type {{page: string, action: string, author: string, fields: Typed[]}} */
  const { page, action, author, fields } = JSON.parse(held);
  const form = page === location.href && [...document.forms].find((one) => one.action === action && authorOf(one) === author);
  if (form) fill(form, fields);
}

/**
 * @param {HTMLFormElement} form
 * @param {Typed[]} fields
 */
function fill(form, fields) {
  for (const field of form.elements) {
    const typed = fields.filter(({ name }) => name === field.getAttribute("name"));
    if (field instanceof HTMLInputElement && ["checkbox", "radio"].includes(field.type)) {
      const own = typed.find(({ value }) => value === field.value);
      if (own) field.checked = own.checked;
    } else if (typed[0] && (field instanceof HTMLInputElement || field instanceof HTMLSelectElement)) field.value = typed[0].value;
  }
  form.dispatchEvent(new Event("input"));
}

/**
 * Let everything in a part of the page do what it can.
 * @param {Document | Element} part
 */
function prepare(part) {
  const each = (/** @type {string} */ which, /** @type {(element: any) => void} */ act) => part.querySelectorAll(which).forEach(act);
  each("[data-progress-url]", follow);
  each("form#record, form[data-guard], form[data-unsaved]", guard);
  each("form#record", watch);
  each("main[data-unreached] form[method=post]:not([data-sent]), form[data-unreached]", tryConnection);
  each("main form[method=post]", outlive);
  each("[data-passkey]", askForPasskey);
  each("form[data-leads]", searchAsTyped);
  each("form[data-sent]", upload);
  // A screen reader says what changes in a live part of the page, not what stands there from the start.
  each(".flash", (line) => setTimeout(() => line.replaceChildren(...line.childNodes), PAUSE_MS));
  each("#error-summary", (summary) => summary.focus());
}

/** A page that another one opened by itself is looked at from now on: whoever loads it anew has asked for it. */
function attend() {
  const address = new URL(location.href);
  if (!address.searchParams.has("unattended")) return;
  address.searchParams.delete("unattended");
  history.replaceState(history.state, "", address);
}

attend();
prepare(document);
takeUp();
keepOutOfSuggestions();
if (document.querySelector(".finder, .table-students")) keys();
