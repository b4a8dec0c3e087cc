// Verification in the visitor's own browser: asks for the answer, checks it with what this browser remembers of the ledger, and
// only then says what holds. What counts as "whom to believe" is kept here (localStorage), never taken from the answer.

import { offerCopies } from "./page.js";

const PREFIX = "muniment:";

/** What this browser remembers of a ledger: `trust` (the text of the trust file), `pin` (a checkpoint), `since`. */
export function recall(origin) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + origin));
  } catch {
    return null;
  }
}

/** Keep what holds. Another window may have seen a newer state meanwhile: a pin never moves back. */
function remember(origin, memory) {
  const known = recall(origin)?.pin;
  if (known && sizeOf(known) > sizeOf(memory.pin)) return;
  try {
    localStorage.setItem(PREFIX + origin, JSON.stringify(memory));
  } catch {
    // A browser that keeps nothing meets the ledger for the first time each time, and says so.
  }
}

function sizeOf(checkpoint) {
  return Number(checkpoint?.split("\n")[1] ?? 0);
}

export function forget(origin) {
  localStorage.removeItem(PREFIX + origin);
}

/** Whom this browser believes about the ledger of a box; `first` where it has to take the server's word for that. */
export async function meet(box) {
  const known = recall(box.dataset.origin);
  if (known) return { ...known, first: false };
  const [{ fingerprintOf, parseTrust }, response] = await Promise.all([import(box.dataset.script), ask(box.dataset.trust)]);
  const { trust } = await response.json();
  // Computed here: a server could name the owner's fingerprint beside a trust file of its own.
  const fingerprint = await fingerprintOf(await parseTrust(trust));
  return { trust, fingerprint, pin: null, since: new Date().toISOString(), first: true };
}

async function ask(url) {
  const response = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin", cache: "no-store" });
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new Error(problem.detail ? `${problem.detail}. ${problem.hint ?? ""}` : `the server answered ${response.status}`);
}

/** The address of the same answer with the prose opened that this page shows, so that it is verified as well. */
function open(url) {
  const found = new URL(url, document.baseURI);
  found.searchParams.set("disclose", "true");
  return found;
}

function add(parent, tag, text, className) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  parent.append(made);
  return made;
}

function show(box, tone, words) {
  box.classList.remove("good", "bad");
  if (tone) box.classList.add(tone);
  box.querySelector(".state").textContent = words;
}

/**
 * Verify the bytes of a file in a box, and say there what came of it. Nothing is remembered unless it holds.
 *
 * `entry` are the bytes that a receipt is to show in the ledger, where they are at hand. `met` is what this browser remembered
 * before it asked the ledger for these bytes: then they may not be older than that.
 */
export async function verifyInto(box, bytes, entry, met) {
  const steps = box.querySelector(".steps");
  const told = box.querySelector(".told") ?? add(box, "div", "", "told");
  steps.after(told);
  steps.replaceChildren();
  told.replaceChildren();
  show(box, "", "Verifying…");
  const [memory, script] = await Promise.all([met ?? meet(box), import(box.dataset.script)]);
  const terms = { trust: memory.trust, pin: memory.pin, entry, contact: met !== undefined, consistency: (older, newer) => connect(box, older, newer) };
  const result = await script.examineFile(bytes, terms);
  result.steps.forEach((step) => showStep(steps, step));
  if (!result.ok) {
    showFailure(box, told, result);
    return result;
  }
  show(box, "good", "Verified by your browser.");
  for (const sentence of result.sentences) add(told, "p", sentence);
  add(told, "p", "This is what was verified. The rest of the page is the server's word.", "note");
  if (memory.first) {
    const origin = box.dataset.origin;
    add(told, "p", `This was the first contact with ${origin}: your browser took over from this server whom to believe, and remembers it from now on. Compare the fingerprint ${memory.fingerprint} with the ledger's owner by another way than this page.`, "note");
  }
  remember(box.dataset.origin, { trust: memory.trust, fingerprint: memory.fingerprint, since: memory.since, pin: result.pin });
  return result;
}

function showStep(steps, { number, title, ok, word, detail }) {
  const item = add(steps, "li", "");
  item.value = number;
  add(item, "span", word, `badge ${{ holds: "good", fails: "bad" }[word] ?? ""}`);
  item.append(` ${title}`);
  if (detail) add(item, "span", ok ? ` (${detail})` : `: ${detail}`, "note");
}

/** Say what failed; of two histories, hand out the file that shows them. */
function showFailure(box, told, { error, evidence }) {
  const { step, code, message, hint } = error;
  show(box, "bad", step ? `Not verified: step ${step} fails, ${message}.` : message);
  if (step) add(told, "p", `Code: ${code}`, "note");
  if (hint) add(told, "p", hint);
  if (!evidence) return;
  add(told, "p", "Both states were signed with the ledger's own key. Keep the file that shows them to others, before you close this page:");
  const link = add(add(told, "p", ""), "a", "Save the evidence");
  link.href = URL.createObjectURL(new Blob([evidence], { type: "application/json" }));
  link.download = "split-view.json";
}

/** The proof that two sizes of the ledger are one history: hashes in hex, none where the ledger has none. */
async function connect(box, older, newer) {
  const base = box.dataset.trust.replace(/\/ledger$/, "");
  const response = await fetch(`${base}/proofs/consistency?old=${older}&new=${newer}`, { credentials: "same-origin", cache: "no-store" });
  if (response.ok) return (await response.json()).hashes;
  // A ledger that was cut down has no such sizes any more. One that cannot answer now accuses nobody.
  if (response.status === 400 || response.status === 404) return [];
  throw new Error(`the ledger could not be asked whether it continues what this browser saw before (${response.status})`);
}

/** Run a verification; what goes wrong is said in the box. `contact` says that the ledger itself is asked for the bytes. */
export async function run(box, read, contact = false) {
  box.setAttribute("aria-busy", "true");
  try {
    const met = contact ? await meet(box) : undefined;
    await verifyInto(box, await read(), undefined, met);
  } catch (error) {
    show(box, "bad", `Nothing was verified: ${error.message}`);
  } finally {
    box.removeAttribute("aria-busy");
  }
  offerCopies(box);
}

for (const box of document.querySelectorAll("section.verify[data-answer]")) {
  const button = add(box.querySelector(".actions"), "button", "Verify in this browser", "main");
  button.type = "button";
  button.addEventListener("click", async () => {
    button.disabled = true;
    await run(box, async () => new Uint8Array(await (await ask(open(box.dataset.answer))).arrayBuffer()), true);
    button.disabled = false;
  });
}
