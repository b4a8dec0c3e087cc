// On the page /keys, for administrators: a key that asks is admitted by a statement that this browser signs.

import { complain, fact, make } from "./pieces.js";
import { ask, remove } from "./asking.js";
import { draft, formatEventId, formatTime, ID_BYTES } from "./drafting.js";
import { offerKeys, warnOfRoles } from "./key_choice.js";
import { fingerprintOf, readRequest } from "./key_request.js";
import { Sheet } from "./sheet.js";

const place = document.getElementById("admission");
const form = document.getElementById("admit");
const [key, reason, compared, roles] = ["key", "reason", "compared", "roles"].map((id) => document.getElementById(id));
const { base, origin, ledger, enrol, add } = place.dataset;
const random = (size) => crypto.getRandomValues(new Uint8Array(size));

/** The request at hand: what its line says, the ledger's row of its actor, and its item on the page. */
let asked = null;

const sheet = new Sheet(document.getElementById("sheet"), document.getElementById("sheet-outcome"), { onBack: () => key.focus(), onDone: conclude });
const chosen = () => [...form.elements.role].filter((box) => box.checked).map((box) => box.value).sort();

/** Everything about a request is taken from its line, whose signature is checked here; not from what stands beside it. */
async function take(item) {
  const request = await readRequest(item.dataset.request);
  if (request.origin !== origin) throw new Error(`This request is for ${request.origin}.`);
  const known = (await ask(`${base}/v1/actors`)).items.find((row) => row.id === request.actor);
  if (known !== undefined && known.kind !== request.kind) throw new Error(`${request.actor} is enrolled as a ${known.kind}.`);
  asked = { request, known, item };
  const standing = known === undefined ? "not enrolled yet" : `enrolled, with ${known.roles.join(", ") || "no role"}`;
  document.getElementById("admit-facts").replaceChildren(
    fact("Who", make("b", {}, request.actor), ` (${request.kind}, ${standing})`),
    fact("Fingerprint, computed here", make("code", { class: "fingerprint" }, fingerprintOf(request.key))),
  );
  document.getElementById("roles-about").textContent = known === undefined
    ? "What this person may do from now on."
    : "Choose none to add the key alone. Roles that you choose take the place of all that are held now.";
  sheet.hide();
  form.hidden = false;
  document.getElementById("admit-heading").focus();
}

/** The event that admits: a key alone for somebody who is enrolled, else the person with key and roles. */
function describeAdmission({ request, known }) {
  const given = chosen();
  const proved = { key: request.key, proof: request.proof };
  if (known !== undefined && !given.length) return ["key.changed", { of: request.actor, change: "add", ...proved }];
  if (!given.length) throw new Error("Choose at least one role.");
  const kept = known === undefined ? {} : { organisation: known.organisation ?? undefined, responsible: known.responsible };
  return ["actor.enrolled", { of: request.actor, kind: request.kind, ...kept, roles: given, keys: [proved] }];
}

async function look(held) {
  let described;
  try {
    described = describeAdmission(asked);
  } catch (error) {
    throw Object.assign(error, { field: roles });
  }
  if (!compared.checked) throw Object.assign(new Error("Compare the fingerprint first: it is the only thing that shows whose key this is."), { field: compared });
  if (!reason.value.isWellFormed()) throw Object.assign(new Error("This holds a character that is none: write it anew."), { field: reason });
  const now = Date.now();
  const common = { ledger, eventId: formatEventId(now, random(ID_BYTES)), occurredAt: formatTime(now), actor: held.actor };
  const [name, fields] = described;
  await sheet.show(await draft(name, { ...common, ...fields }, { reason: reason.value.trim() }, random), held, { [ledger]: origin });
}

/** What was admitted waits no more. */
async function conclude() {
  form.hidden = true;
  asked.item.remove();
  form.reset();
  await remove(`${base}/v1/requests/${asked.item.dataset.id}`).catch(() => undefined);
}

function offer(item) {
  const button = make("button", { type: "button" }, "Admit it here…");
  const words = make("span", { class: "error", role: "alert" });
  button.addEventListener("click", async () => {
    words.textContent = "";
    await take(item).catch((error) => { words.textContent = error.message; });
  });
  const where = item.querySelector(".admit");
  where.replaceChildren(button, words);
  where.hidden = false;
}

async function begin() {
  const able = [...new Set([...enrol.split(" "), ...add.split(" ")])].filter(Boolean);
  const status = document.getElementById("key-standing");
  const choice = await offerKeys(key, status, { base, origin, ledger }, (held, actor) => warnOfRoles(actor, able, "admitting"));
  if (choice.obstacle) {
    document.getElementById("admit-obstacle").textContent = choice.lacking
      ? "To admit keys on this page, make a key of your own in this browser first, and have it admitted from a terminal."
      : choice.obstacle;
    return;
  }
  for (const item of place.querySelectorAll("li[data-request]")) {
    // A service needs persons who answer for it; the command takes them.
    const { kind } = await readRequest(item.dataset.request).catch(() => ({}));
    if (kind === "person") offer(item);
  }
  form.addEventListener("input", () => { if (sheet.isOpen) sheet.hide(); });
  document.getElementById("leave").addEventListener("click", () => {
    form.hidden = true;
    sheet.hide();
    document.getElementById("waiting").focus();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    [key, roles, reason, compared].forEach((field) => complain(field, ""));
    try {
      await look(choice.held());
    } catch (error) {
      const field = error.field ?? key;
      complain(field, error.message);
      (field === roles ? roles.querySelector("input") : field).focus();
    }
  });
}

begin();
