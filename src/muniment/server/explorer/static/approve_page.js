// The page /approve: from the form to a statement, and from there to the sheet on which it is signed.

import { complain, make } from "./pieces.js";
import { draft, formatEventId, formatTime, ID_BYTES } from "./drafting.js";
import { offerKeys, warnOfRoles } from "./key_choice.js";
import { Sheet } from "./sheet.js";

const place = document.getElementById("decision");
const form = document.getElementById("decide");
const [key, reason, conditions, meaning, expires] = ["key", "reason", "conditions", "meaning", "expires"].map((id) => document.getElementById(id));
const { base, origin, title } = place.dataset;
const able = place.dataset.able.split(" ").filter(Boolean);
// What is decided about is read from where the page shows it.
const shown = (id) => document.querySelector(`#${id} code`).textContent;
const [version, ledger, environment] = [shown("subject"), shown("ledger"), document.getElementById("place").textContent];
const random = (size) => crypto.getRandomValues(new Uint8Array(size));

const sheet = new Sheet(document.getElementById("sheet"), document.getElementById("sheet-outcome"), {
  onBack: () => key.focus(),
  onDone: () => { form.hidden = true; },
});

const decided = () => form.elements.decision.value;
const revokes = document.getElementById("revokes");
/** Fields of the form that only some decisions have. */
const ASKED = Object.freeze({
  conditions: (decision) => decision === "conditional",
  revokes: (decision) => decision === "revoke",
  meaning: (decision) => decision !== "revoke",
  expires: (decision) => decision !== "revoke",
});

/** Why the ledger would refuse the decision of whoever holds the key. */
function judge(held, actor) {
  const warnings = warnOfRoles(actor, able, "deciding");
  if (actor !== undefined && actor.kind !== "person" && !actor.responsible?.length) warnings.push(`Nobody answers for ${actor.id}: the ledger refuses it.`);
  const persons = actor === undefined || actor.kind === "person" ? [held.actor] : actor.responsible;
  for (const apart of place.querySelectorAll(".apart")) {
    if (persons.includes(apart.dataset.person)) warnings.push(`The ledger refuses an approval: ${apart.textContent}`);
  }
  return warnings;
}

/** When the decision ends, as the ledger writes it; undefined where no end is said. Throws an Error with a sentence. */
function readEnd() {
  if (!ASKED.expires(decided())) return undefined;
  if (expires.validity.badInput) throw new Error("Write the date and the time, or leave both empty.");
  if (!expires.value) return undefined;
  const moment = Date.parse(`${expires.value}Z`);
  if (Number.isNaN(moment)) throw new Error("This is no moment of the calendar.");
  if (moment <= Date.now()) throw new Error("This moment is over: choose a later one.");
  return formatTime(moment);
}

function readTexts() {
  const asked = ASKED.conditions(decided());
  for (const field of [reason, conditions]) {
    if (!field.value.isWellFormed()) throw Object.assign(new Error("This holds a character that is none: write it anew."), { field });
  }
  if (asked && !conditions.value.trim()) throw Object.assign(new Error("Say what must be met."), { field: conditions });
  return { reason: reason.value.trim(), conditions: asked ? conditions.value.trim() : "" };
}

async function look(held) {
  let expiresAt;
  try {
    expiresAt = readEnd();
  } catch (error) {
    throw Object.assign(error, { field: expires });
  }
  const prose = readTexts();
  const now = Date.now();
  const fields = {
    ledger,
    eventId: formatEventId(now, random(ID_BYTES)),
    occurredAt: formatTime(now),
    actor: held.actor,
    of: { version, environment },
    decision: decided(),
    // A revocation means nothing of its own; the form of the event asks for a word all the same.
    meaning: ASKED.meaning(decided()) ? meaning.value : "approval",
    expiresAt,
    revokes: ASKED.revokes(decided()) ? revokes.value : undefined,
  };
  const names = { [version]: title, [ledger]: origin };
  if (fields.revokes) names[fields.revokes] = revokes.selectedOptions[0].textContent;
  await sheet.show(await draft("approval.decided", fields, prose, random), held, names);
}

async function begin() {
  const status = document.getElementById("key-standing");
  const choice = await offerKeys(key, status, { base, origin, ledger }, judge);
  if (choice.obstacle) {
    const told = document.getElementById("obstacle");
    told.replaceChildren(choice.obstacle, ...(choice.lacking ? [" ", make("a", { href: `${base}/keys` }, "Make one"), ", have it admitted, and come back."] : [" You can decide from a terminal."]));
    return;
  }
  form.hidden = false;
  document.getElementById("obstacle").hidden = true;
  document.getElementById("terminal").open = false;
  form.addEventListener("input", () => {
    for (const [id, asks] of Object.entries(ASKED)) {
      const field = document.getElementById(`${id}-field`);
      if (field) field.hidden = !asks(decided());
    }
    // What stands on the sheet is not what the form says any more.
    if (sheet.isOpen) sheet.hide();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    [key, reason, conditions, expires].forEach((field) => complain(field, ""));
    try {
      await look(choice.held());
    } catch (error) {
      const field = error.field ?? key;
      complain(field, error.message);
      field.focus();
    }
  });
}

begin().catch((error) => {
  document.getElementById("obstacle").textContent = error.message;
});
