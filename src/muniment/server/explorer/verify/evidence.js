/** Two histories of one ledger: how they are noticed, and the file that shows them to others (docs/spec, section 11.4): step 5. */
import { formatBase64, readBase64, sameBytes, toHex, toUtf8, fromHex, readUtf8 } from "./bytes.js";
import { openHead } from "./authority.js";
import { parseCheckpoint, readCheckpoint } from "./checkpoint.js";
import { decodeFile, encodeJson } from "./encoding.js";
import { shorten, sha256 } from "./digest.js";
import { checkConsistency, foldConsistency } from "./merkle.js";
import { parseNote } from "./note.js";
import { failed, invalid, VerificationError } from "./problem.js";
import { MAX_PROOF_HASHES } from "./receipt.js";
import { checkStruct } from "./schema.js";
import { MAX_INTEGER } from "./vocabulary.js";

export const EVIDENCE_FORMAT = "urn:muniment:evidence:v1";
const MAX_EVIDENCE_BYTES = 4_194_304;
const HINT = "Stop relying on this ledger, keep the evidence, and show it to the operator and to others who use the ledger.";

/**
 * @typedef {Object} Pin
 * @property {string} origin
 * @property {number} size
 * @property {string} root hex
 * @property {string} note the signed checkpoint
 *
 * @callback Consistency asks the ledger for the proof between two sizes
 * @param {number} older
 * @param {number} newer
 * @returns {Promise<Uint8Array[] | null>} null where it has none
 */

/** A ledger contradicts what it showed before; `evidence` holds both signed checkpoints. */
export class SplitView extends VerificationError {
  /** @param {any} evidence as it stands in the file */
  constructor(evidence) {
    const [pinned, shown] = [evidence.pinned, evidence.shown].map((text) => parseCheckpoint(parseNote(toUtf8(text)).text));
    super(5, `split-view-${evidence.kind}`, describeSplit(evidence.kind, pinned, shown), HINT);
    this.evidence = evidence;
  }
}

/** The bytes of an evidence file. @param {any} evidence @returns {Uint8Array} */
export function encodeEvidence(evidence) {
  return toUtf8(`${readUtf8(encodeJson(evidence))}\n`);
}

/** @param {Uint8Array} raw @returns {any} */
export function decodeEvidence(raw) {
  const evidence = decodeFile(raw, MAX_EVIDENCE_BYTES);
  checkStruct("Evidence", evidence);
  for (const text of [evidence.pinned, evidence.shown]) readCheckpoint(toUtf8(text));
  return evidence;
}

/** What to remember of an accepted checkpoint. @param {import("./authority.js").Head} head @returns {Pin} */
export function pinHead({ checkpoint, note }) {
  if (checkpoint.size < 1n || checkpoint.size > BigInt(MAX_INTEGER)) {
    throw failed(8, "checkpoint-size", `a ledger cannot have ${checkpoint.size} entries`);
  }
  return { origin: checkpoint.origin, size: Number(checkpoint.size), root: toHex(checkpoint.root), note: readUtf8(note) };
}

/** Read the file of a pin. @param {Uint8Array} raw @returns {Pin} */
export function decodePin(raw) {
  const pin = decodeFile(raw, MAX_EVIDENCE_BYTES);
  checkStruct("Pin", pin);
  const found = readCheckpoint(toUtf8(pin.note));
  if (pin.origin !== found.origin || BigInt(pin.size) !== found.size || pin.root !== toHex(found.root)) {
    throw invalid("pin-note", "the pin says something else than its own checkpoint");
  }
  return pin;
}

/**
 * Compare an opened checkpoint with the pinned one. A file may well be older; at a contact the ledger itself showed it now, and
 * what is older is a rollback.
 *
 * @param {Pin} pin
 * @param {import("./authority.js").Head} head
 * @param {Consistency} [consistency]
 * @param {boolean} [contact]
 * @returns {Promise<"same" | "newer" | "older">}
 */
export async function comparePin(pin, head, consistency, contact = false) {
  const before = { origin: pin.origin, size: BigInt(pin.size), root: fromHex(pin.root) };
  const now = head.checkpoint;
  if (before.origin !== now.origin) throw failed(2, "origin", `${before.origin} is remembered, this is ${now.origin}`);
  const shown = readUtf8(head.note);
  const accuse = (kind, more = {}) =>
    new SplitView({ format: EVIDENCE_FORMAT, kind, pinned: pin.note, shown, ...more });
  if (before.size === now.size) {
    if (!sameBytes(before.root, now.root)) throw accuse("same-size");
    return "same";
  }
  const [older, newer] = before.size < now.size ? [before, now] : [now, before];
  const cut = contact && older === now;
  if (consistency === undefined && !cut) {
    const message = `nothing shows that the checkpoints of ${older.size} and ${newer.size} entries belong to one history`;
    throw failed(5, "consistency-missing", message, "Verify where the ledger can be asked.");
  }
  const proof = await askProof(consistency, older.size, newer.size);
  const listed = proof.length ? { proof: proof.map(formatBase64) } : {};
  if (await leadsTo(older.root, older.size, newer, proof)) {
    if (cut) throw accuse("tail-cut", listed);
    return older === now ? "older" : "newer";
  }
  const oldRoot = await findRoot(consistency, older.size, newer, proof);
  if (oldRoot !== null && !sameBytes(oldRoot, older.root)) throw accuse("inconsistent", { ...listed, oldRoot: toHex(oldRoot) });
  throw cut ? accuse("rollback") : accuse("unproved", listed);
}

/** Check an evidence file, and say in plain words what it shows. @param {any} evidence @returns {Promise<string>} */
export async function verifyEvidence(evidence, trust) {
  const pinned = (await openHead(toUtf8(evidence.pinned), trust)).checkpoint;
  const shown = (await openHead(toUtf8(evidence.shown), trust)).checkpoint;
  const [older, newer] = pinned.size <= shown.size ? [pinned, shown] : [shown, pinned];
  const proof = (evidence.proof ?? []).map(readBase64);
  const holds = await doesShow(evidence, { older, newer, proof, cut: shown.size < pinned.size });
  if (!holds) {
    const message = `the two checkpoints in this file do not show what it claims (${evidence.kind})`;
    throw failed(5, "evidence", message, "Do not accuse anybody on the strength of this file.");
  }
  const sentence = describeSplit(evidence.kind, pinned, shown);
  return `${sentence[0].toUpperCase()}${sentence.slice(1)}. ${WEIGHT[evidence.kind]}`;
}

const SIGNED = "Both checkpoints carry the ledger's signature";
const WORD = `${SIGNED}. That the shorter one was shown later is the word of whoever kept this file.`;
const WEIGHT = Object.freeze({
  "same-size": `${SIGNED}, so this file proves it by itself.`,
  inconsistent: `${SIGNED} and the proof shows the difference, so this file proves it by itself.`,
  "tail-cut": WORD,
  rollback: WORD,
  unproved: `${SIGNED}. Ask the operator for a consistency proof between them: without one they are two histories.`,
});

async function doesShow({ kind, oldRoot }, { older, newer, proof, cut }) {
  const grown = older.size < newer.size;
  if (kind === "same-size") return !grown && !sameBytes(older.root, newer.root);
  if (kind === "tail-cut") return cut && (await leadsTo(older.root, older.size, newer, proof));
  if (kind === "rollback") return cut;
  if (kind === "unproved") return grown && !(await leadsTo(older.root, older.size, newer, proof));
  const other = fromHex(oldRoot ?? "");
  return grown && !sameBytes(other, older.root) && (await leadsTo(other, older.size, newer, proof));
}

function describeSplit(kind, pinned, shown) {
  const origin = shown.origin;
  const missing = pinned.size - shown.size;
  if (kind === "same-size") {
    const roots = [pinned, shown].map((each) => shorten(toHex(each.root))).join(" and ");
    return `the ledger ${origin} signed two histories of the same ${shown.size} entries: ${roots}`;
  }
  if (kind === "inconsistent") {
    const [small, large] = missing > 0n ? [shown.size, pinned.size] : [pinned.size, shown.size];
    return (
      `the ledger ${origin} signed ${large} entries that do not continue the ${small} that it signed as well: ` +
      `one of the first ${small} was changed, removed or moved`
    );
  }
  if (kind === "unproved") {
    return `the ledger ${origin} does not show that ${shown.size} entries and ${pinned.size} entries are one history`;
  }
  const same = kind === "tail-cut" ? "the same history without its last" : "an older state; gone are the last";
  return `the ledger ${origin} had ${pinned.size} entries and now shows ${shown.size}: ${same} ${missing === 1n ? "entry" : `${missing} entries`}`;
}

/** The proof that a ledger gives, or none where it has none. What hinders it now accuses nobody: that is thrown on. */
async function askProof(consistency, older, newer) {
  const proof = (await consistency?.(Number(older), Number(newer))) ?? [];
  return proof.length <= MAX_PROOF_HASHES && proof.every((hash) => hash.length === 32) ? proof : [];
}

/**
 * The root that the larger tree has at the smaller size, if the proof leads from it to the larger root.
 *
 * A proof from a power of two does not hold that root, but the one up to this size from one entry less leads to it.
 */
async function findRoot(consistency, size, newer, proof) {
  let other = await sha256(new Uint8Array());
  try {
    if ((size & (size - 1n)) === 0n) {
      if (size < 4n) return null;
      other = (await foldConsistency(size - 1n, size, await askProof(consistency, size - 1n, size), other))[1];
    } else {
      other = (await foldConsistency(size, newer.size, proof, other))[0];
    }
  } catch (error) {
    if (error instanceof VerificationError) return null;
    throw error;
  }
  return (await leadsTo(other, size, newer, proof)) ? other : null;
}

/** Does the larger tree have this root at the smaller size? */
async function leadsTo(root, size, newer, proof) {
  try {
    await checkConsistency(size, newer.size, proof, root, newer.root);
  } catch (error) {
    if (error instanceof VerificationError) return false;
    throw error;
  }
  return true;
}
