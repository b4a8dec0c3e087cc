/** What is signed, by whom, and for which ledger: step 9; and the sealed fields in it: step 12 (docs/spec, section 10.5). */
import { formatBase64Url, parseBase64Url } from "./bytes.js";
import { hashText, sha256 } from "./digest.js";
import { decodeJson, encodeJson, isObject } from "./encoding.js";
import { decodeEnvelope, isSigned } from "./entry.js";
import { decodeEvent } from "./event.js";
import { failed, invalid } from "./problem.js";
import { hasForm } from "./schema.js";

const GRADES = Object.freeze(["attested", "countersigned", "declared", "imported", "observed", "reproduced"]);
export const DECLARED = "declared";

/**
 * @typedef {Object} Signed
 * @property {number} index
 * @property {string} key the public key, 64 hex digits
 * @property {string} event its name
 * @property {boolean} known whether its schema was checked
 * @property {any} said the predicate
 * @property {string} eventId
 * @property {string} actor
 * @property {string} occurredAt
 * @property {string} [grade]
 * @property {{name: string, digest: string}[]} things
 * @property {[string, string][]} sealed path and commitment of each sealed field
 */

/** Open the envelope at an index. @param {number} index @param {Uint8Array} raw @param {string} ledger @returns {Promise<Signed>} */
export async function openStatement(index, raw, ledger) {
  let envelope;
  try {
    envelope = decodeEnvelope(raw);
  } catch (error) {
    throw failed(9, "entry-form", `entry ${index} is not a signed event: ${error.message}`);
  }
  if (!(await isSigned(envelope))) {
    throw failed(9, "signature", `the signature of entry ${index} is not by the key it names over what it says`);
  }
  const { name, said, subjects, known } = await readEvent(index, envelope.payload);
  const textOf = (field) => (typeof said[field] === "string" ? said[field] : "");
  if (textOf("ledger") !== ledger) throw failed(9, "ledger", `entry ${index} was signed for another ledger`);
  return {
    index,
    key: envelope.key,
    event: name,
    known,
    said,
    eventId: textOf("eventId"),
    actor: textOf("actor"),
    occurredAt: textOf("occurredAt"),
    grade: GRADES.includes(said.grade) ? said.grade : undefined,
    things: subjects,
    sealed: findSealed(said),
  };
}

/** Every sealed field in a value: its path (`reason`, `results[].value`) and its commitment. @returns {[string, string][]} */
export function findSealed(value, path = "") {
  if (Array.isArray(value)) return value.flatMap((item) => findSealed(item, `${path}[]`));
  if (!isObject(value)) return [];
  const own = typeof value.sealed === "string" ? [[path, value.sealed]] : [];
  const below = Object.entries(value).map(([key, item]) => findSealed(item, path ? `${path}.${key}` : key));
  return [...own, ...below.flat()];
}

/**
 * Check what a file opens: each opening is of a commitment, of an entry in the file, and of the text whose digest stands there.
 *
 * @param {{salt: string, sealed: string, value: unknown}[]} disclosures
 * @param {Iterable<Signed>} statements
 * @returns {Promise<Map<string, unknown>>} values by commitment
 */
export async function openDisclosures(disclosures, statements) {
  const opened = new Map();
  for (const each of disclosures) {
    await checkDisclosure(each.sealed, each);
    opened.set(each.sealed, each.value);
  }
  const used = new Set();
  for (const statement of opened.size ? statements : []) {
    statement.sealed.forEach(([, commitment]) => used.add(commitment));
    await checkDigests(statement, opened);
  }
  if ([...opened.keys()].some((each) => !used.has(each))) {
    throw failed(12, "disclosure", "this file opens a field that none of its entries has");
  }
  return opened;
}

/** @param {string} sealed the commitment @param {{salt: string, value: unknown}} disclosure */
export async function checkDisclosure(sealed, { salt, value }) {
  if (!hasForm("Salt", salt)) throw invalid("bad-salt", "a salt is 22 characters of base64url");
  if (formatBase64Url(await sha256(parseBase64Url(salt), encodeJson(value))) !== sealed) {
    throw failed(12, "disclosure", "the disclosed text is not the one that was sealed", "Do not rely on the disclosed text.");
  }
}

async function readEvent(index, payload) {
  try {
    const { name, said, subjects } = await decodeEvent(payload);
    return { name, said, subjects: subjects.map(toThing), known: true };
  } catch (error) {
    if (error.code === "unknown-event") return readUnknown(index, payload);
    throw failed(9, "event-form", `entry ${index} is no event of protocol 1: ${error.message}`);
  }
}

/** A statement in canonical form, whose type nobody here knows yet. */
function readUnknown(index, payload) {
  const { predicate: said, predicateType, subject } = decodeJson(payload);
  if (!isObject(said)) throw failed(9, "event-form", `entry ${index} holds no statement`);
  const listed = Array.isArray(subject) ? subject.filter((each) => isObject(each) && isObject(each.digest)) : [];
  const name = predicateType.replace(/^urn:muniment:event:/, "").replace(/:v1$/, "");
  return { name, said, subjects: listed.map(toThing), known: false };
}

function toThing({ name = "", digest }) {
  return { name: String(name), digest: String(digest.sha256 ?? "") };
}

async function checkDigests(statement, opened) {
  for (const [commitment, digest] of findDigests(statement.said)) {
    const value = opened.get(commitment);
    if (opened.has(commitment) && (typeof value !== "string" || (await hashText(value)) !== digest)) {
      throw failed(12, "disclosure", `what this file opens in entry ${statement.index} is not the text whose digest stands there`);
    }
  }
}

/** Every commitment that has a digest beside it, as a text that is not shown, and that digest. */
function findDigests(value) {
  if (typeof value !== "object") return [];
  const below = Object.values(value).flatMap(findDigests);
  return typeof value.sealed === "string" && typeof value.digest === "string" ? [[value.sealed, value.digest], ...below] : below;
}
