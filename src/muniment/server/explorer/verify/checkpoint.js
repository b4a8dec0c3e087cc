/** Checkpoints and cosignatures (C2SP tlog-checkpoint, tlog-cosignature; docs/spec, section 3.4). */
import { formatBase64, parseBase64, toUtf8 } from "./bytes.js";
import { COSIGNATURE, ED25519, isValidSignature } from "./keys.js";
import { checkNoteText, formatNote, parseNote } from "./note.js";
import { failed, invalid } from "./problem.js";

export const MAX_SIZE = 2n ** 63n - 1n;
const TIME_BYTES = 8;

/**
 * @typedef {Object} Checkpoint
 * @property {string} origin
 * @property {bigint} size how many entries the tree has
 * @property {Uint8Array} root 32 bytes
 * @property {string[]} extensions
 */

/** @param {string} text of a note @returns {Checkpoint} */
export function parseCheckpoint(text) {
  checkNoteText(text);
  const [origin, size, root, ...extensions] = text.slice(0, -1).split("\n");
  if (root === undefined || [origin, size, root, ...extensions].includes("")) {
    throw badCheckpoint("is not at least three lines, none of them empty");
  }
  if (!/^(?:0|[1-9][0-9]{0,18})$/.test(size)) throw badCheckpoint("has a size that is not a decimal number");
  const found = { origin, size: BigInt(size), root: parseBase64(root, "the root hash"), extensions };
  if (found.size > MAX_SIZE) throw badCheckpoint("has a size beyond 2^63 - 1");
  if (found.root.length !== 32) throw badCheckpoint(`has a root hash of ${found.root.length} bytes instead of 32`);
  return found;
}

/** Read a signed checkpoint that must stand in its one form; verify nothing. @param {Uint8Array} raw @returns {Checkpoint} */
export function readCheckpoint(raw) {
  const note = parseNote(raw);
  const found = parseCheckpoint(note.text);
  const text = [found.origin, found.size, formatBase64(found.root), ...found.extensions].join("\n");
  if (`${text}\n` !== note.text || toUtf8(formatNote(note)).length !== raw.length) {
    throw invalid("not-canonical", "the checkpoint is not written in its one form");
  }
  return found;
}

/**
 * Verify every line by a known Ed25519 key: step 3.
 *
 * @param {import("./note.js").Note} note
 * @param {import("./keys.js").Verifier[]} verifiers
 * @returns {Promise<boolean>} whether one of them signed; a line by one of them that fails rejects the note
 */
export async function openLines(note, verifiers) {
  let signed = false;
  const known = indexVerifiers(verifiers, ED25519);
  for (const line of note.lines) {
    const verifier = known.get(`${line.name} ${line.id}`);
    if (verifier === undefined) continue;
    if (!(await isValidSignature(verifier.key, toUtf8(note.text), line.blob))) {
      throw failed(3, "log-signature", `the signature by ${line.name} is not over this checkpoint`);
    }
    signed = true;
  }
  return signed;
}

/**
 * Verify every line by a known cosigner: step 4. Lines by other keys, and keys of other types, count for nothing.
 *
 * @param {import("./note.js").Note} note
 * @param {import("./keys.js").Verifier[]} verifiers
 * @returns {Promise<Map<import("./keys.js").Verifier, bigint>>} the newest time (POSIX seconds) of each cosigner that signed
 */
export async function openCosignatures(note, verifiers) {
  const known = indexVerifiers(verifiers, COSIGNATURE);
  const newest = new Map();
  for (const line of note.lines) {
    const verifier = known.get(`${line.name} ${line.id}`);
    if (verifier === undefined) continue;
    const time = await openCosignature(note.text, verifier, line.blob);
    if (!newest.has(verifier) || newest.get(verifier) < time) newest.set(verifier, time);
  }
  return newest;
}

async function openCosignature(text, verifier, blob) {
  const bad = failed(4, "cosignature", `the cosignature by ${verifier.name} is not over this checkpoint`);
  if (blob.length < TIME_BYTES) throw bad;
  const time = new DataView(blob.buffer, blob.byteOffset).getBigUint64(0);
  const message = toUtf8(`cosignature/v1\ntime ${time}\n${text}`);
  if (time > MAX_SIZE || !(await isValidSignature(verifier.key, message, blob.subarray(TIME_BYTES)))) throw bad;
  return time;
}

/** The verifiers of one type by the name and key id that a line gives. */
function indexVerifiers(verifiers, type) {
  const known = new Map();
  for (const verifier of verifiers.filter((each) => each.type === type)) {
    const called = `${verifier.name} ${verifier.id}`;
    if (known.has(called)) throw invalid("ambiguous-key", `two keys are called ${verifier.name} with one key id`);
    known.set(called, verifier);
  }
  return known;
}

function badCheckpoint(reason) {
  return invalid("bad-checkpoint", `the checkpoint ${reason}`, "Use the bytes of a C2SP checkpoint as they were received.");
}
