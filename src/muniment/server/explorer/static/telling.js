// What a statement says, in words: read from its bytes, field by field, so that nothing in it stays unsaid.

import { checkDisclosure, decodeEvent, findSealed } from "./verify.js";
import { fingerprintOf } from "./key_request.js";
import { make, whole } from "./pieces.js";

const DECISIONS = Object.freeze({
  approve: "Approve: it may run there, as far as you are concerned",
  conditional: "Agree under conditions: this counts as no approval yet",
  reject: "Reject: it is not put into service there until this is taken back",
  revoke: "Take a decision back: it counts no more, and stops nothing any more",
});
const MEANINGS = Object.freeze({
  approval: "I approve it",
  authorship: "I made it",
  responsibility: "I answer for it",
  review: "I reviewed it",
});
const SAID_LAST = Object.freeze(["occurredAt", "ledger", "eventId"]);
/** What people are told of fields, in the order in which they are told it. */
const LABELS = Object.freeze({
  actor: "Said by", decision: "Decision", revokes: "Takes back", of: "About", conditions: "Conditions", kind: "As", roles: "Roles from now on", organisation: "Organisation",
  responsible: "Who answers for it", change: "Change", keys: "With the key", key: "With the key", proof: "Proof of the key", reason: "Reason",
  meaning: "What the signature means", expiresAt: "Counts until", occurredAt: "When, by your clock", ledger: "In the ledger", eventId: "Number of this event",
});

/**
 * Everything that a statement says, as pairs of a name and content for people.
 *
 * `openings` are what opens its sealed texts: each must be of a commitment in it. `names` says what this server calls a digest.
 */
export async function tell(payload, openings, names) {
  const { name, said } = await decodeEvent(payload);
  const texts = await openTexts(said, openings);
  const order = [...Object.keys(LABELS), ...Object.keys(said)].filter((field) => !SAID_LAST.includes(field));
  const fields = [...new Set([...order, ...SAID_LAST])].filter((field) => Object.hasOwn(said, field));
  return { name, said, rows: fields.map((field) => [labelOf(name, field), ...tellField(said, field, { texts, names })]) };
}

function labelOf(name, field) {
  if (name !== "approval.decided" && field === "of") return "Who is let in";
  return LABELS[field] ?? field;
}

/** Each sealed text that is opened here, by its commitment. */
async function openTexts(said, openings) {
  const texts = new Map();
  for (const opening of openings) {
    await checkDisclosure(opening.sealed, opening);
    texts.set(opening.sealed, opening.value);
  }
  if (findSealed(said).some(([, commitment]) => !texts.has(commitment))) throw new Error("Something is sealed here whose words are not at hand.");
  return texts;
}

function tellField(said, field, { texts, names }) {
  const value = said[field];
  if (value?.sealed !== undefined) {
    return [make("bdi", { class: "prose" }, texts.get(value.sealed)), note("The ledger gets only a seal over these words; the words themselves go to this server's vault.")];
  }
  if (field === "of" && value.version !== undefined) return tellVersion(value, names);
  if (field === "decision") return [DECISIONS[value] ?? value];
  if (field === "meaning" && said.decision === "revoke") return [`nothing of its own (the event says “${value}”)`];
  if (field === "meaning") return [MEANINGS[value] ?? value];
  if (field === "revokes") return [value, note(`which this page calls ${names[value]}`)];
  if (field === "keys") return value.flatMap(({ key, proof }) => [...tellKey(key), note(`proof ${proof}`)]);
  if (field === "key") return tellKey(value);
  if (field === "change" && value === "add") return ["One more key for somebody who is enrolled already"];
  if (field === "occurredAt" || field === "expiresAt") return [`${value.slice(0, 10)} ${value.slice(11, 19)} UTC`];
  if (field === "ledger") return [whole(value), ...(names[value] ? [note(`which this page calls ${names[value]}`)] : [])];
  if (Array.isArray(value)) return [value.every((each) => typeof each === "string") ? value.join(", ") : JSON.stringify(value)];
  return [typeof value === "string" ? make("bdi", {}, value) : JSON.stringify(value)];
}

function tellVersion({ version, environment, ...rest }, names) {
  const more = Object.keys(rest).length ? [` ${JSON.stringify(rest)}`] : [];
  const called = names[version] ? [note(`which this page calls ${names[version]}`)] : [];
  return ["Running in ", make("b", {}, environment), ", of the version ", whole(version), ...more, ...called];
}

function tellKey(key) {
  return [whole(key), note(`fingerprint ${fingerprintOf(key)}`)];
}

function note(words) {
  return make("span", { class: "note block" }, words);
}
