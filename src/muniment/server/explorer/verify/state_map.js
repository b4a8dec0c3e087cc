/** The state map: proofs that a stream has a record or none, its running head, the history rule (docs/spec, section 9). */
import { fromHex, readBase64, sameBytes, toHex, toUint64, toUtf8 } from "./bytes.js";
import { sha256 } from "./digest.js";
import { encodeJson, isObject } from "./encoding.js";
import { failed, invalid } from "./problem.js";
import { checkStruct } from "./schema.js";

export const MAX_RECORD_BYTES = 4096;
const [LEAF_OF_MAP, NODE_OF_MAP, FOLD] = [2, 3, 4];

/** @param {string} stream @returns {Promise<Uint8Array>} its key in the map, and its running head before the first entry */
export function keyOf(stream) {
  return sha256(toUtf8(stream));
}

/** The running head after one more entry. @returns {Promise<Uint8Array>} */
export function foldHead(head, index, leaf) {
  return sha256(Uint8Array.of(FOLD), head, toUint64(index), leaf);
}

/**
 * Check a proof under a root, which comes from a header and never from the proof: step 11.
 *
 * @param {Uint8Array} root
 * @param {{name: string, value?: unknown, other?: {key: string, value: string}, depths: number[], siblings: string[]}} proof
 * @returns {Promise<any>} the record's value, or null where the stream is shown to be absent
 */
export async function checkStateProof(root, proof) {
  const key = await keyOf(proof.name);
  const { value, other, depths, siblings } = proof;
  if ((value !== undefined && other !== undefined) || (value === undefined && other === undefined && depths.length + siblings.length)) {
    throw failed(11, "state-shape", `the proof about ${proof.name} claims more than one thing`);
  }
  if (siblings.length !== depths.length) throw badSiblings(proof.name);
  if (depths.some((depth, at) => depth > 255 || (at > 0 && depth <= depths[at - 1]))) {
    throw failed(11, "state-depths", `the depths in the proof about ${proof.name} do not ascend from 0 to 255`);
  }
  if (other !== undefined) checkAbsence(key, fromHex(other.key), depths, proof.name);
  let hash = await hashEnd(key, value, other);
  for (let at = depths.length - 1; at >= 0; at -= 1) {
    const sibling = readBase64(siblings[at]);
    if (sibling === null || sibling.length !== 32) throw badSiblings(proof.name);
    const prefix = Uint8Array.of(NODE_OF_MAP, depths[at]);
    hash = bitOf(key, depths[at]) ? await sha256(prefix, sibling, hash) : await sha256(prefix, hash, sibling);
  }
  if (!sameBytes(hash, root)) {
    throw failed(11, "state-root", `the proof about ${proof.name} does not lead to the state that the newest block names`);
  }
  return value ?? null;
}

/** Check the form of a record. @param {any} record its plain value @returns {any} the same */
export function checkRecord(record) {
  const length = encodeJson(record).length;
  if (length > MAX_RECORD_BYTES) throw invalid("too-long", `a record of ${length} bytes`);
  checkStruct("Record", record);
  if (!isObject(record.state)) throw invalid("schema", "the state of a record is not an object");
  const { count, first, last } = record;
  if (last - first < count - 1 || (count === 1 && first !== last)) {
    throw invalid("record-indices", "a record's count does not fit between its first and last index");
  }
  return record;
}

/**
 * Which case of the history rule holds for a record and a bound.
 *
 * @returns {"absent" | "same" | "earlier"}
 */
export function compareRecord(record, bound) {
  if (record === null || record.first >= bound) return "absent";
  return record.last < bound ? "same" : "earlier";
}

/**
 * Check what is handed over to show a stream as of a bound (docs/spec, section 9.3): step 11.
 *
 * @param {string} stream
 * @param {any} record
 * @param {number} bound
 * @param {{before: Uint8Array, events: [number, Uint8Array][], later: [number, Uint8Array][]}} history
 * @returns {Promise<number>} the number, from 1, of the first event handed over
 */
export async function checkHistory(stream, record, bound, { before, events, later }) {
  if (compareRecord(record, bound) !== "earlier") throw failed(11, "history-standing", "the newest record needs no history here");
  const start = record.count - later.length - events.length + 1;
  if (!events.length || start < 1) {
    throw failed(11, "history-count", `${events.length} events and ${later.length} later ones do not fit a stream of ${record.count}`);
  }
  checkIndices(record, bound, start, events, later);
  const begins = start > 1 || sameBytes(before, await keyOf(stream));
  if (!begins || before.length !== 32) throw failed(11, "history-start", `what is handed over does not begin ${stream}`);
  let head = before;
  for (const [index, leaf] of [...events, ...later]) head = await foldHead(head, index, leaf);
  if (toHex(head) !== record.head) {
    throw failed(11, "history-head", `the entries handed over for ${stream} are not the ones that its record counts`);
  }
  return start;
}

function checkIndices(record, bound, start, events, later) {
  const links = [...events, ...later];
  const disorder = failed(11, "history-order", "the entries handed over do not begin, ascend and end as the record says");
  if (links.some(([, leaf]) => leaf.length !== 32)) throw disorder;
  let newest = record.first + start - 2;
  for (const [index] of links) {
    if (index <= newest) throw disorder;
    newest = index;
  }
  if (newest !== record.last || (start === 1 && links[0][0] !== record.first)) throw disorder;
  if (!later.length || events.at(-1)[0] >= bound || later[0][0] < bound) {
    throw failed(11, "history-bound", `the cut at entry ${bound} does not lie between the events and the later ones`);
  }
}

async function hashEnd(key, value, other) {
  const prefix = Uint8Array.of(LEAF_OF_MAP);
  if (value !== undefined) return sha256(prefix, key, await sha256(encodeJson(value)));
  if (other !== undefined) return sha256(prefix, fromHex(other.key), fromHex(other.value));
  return sha256(new Uint8Array());
}

/** Another key is on the walk of an absent one exactly where both agree at every depth. */
function checkAbsence(key, other, depths, stream) {
  if (sameBytes(key, other) || depths.some((depth) => bitOf(key, depth) !== bitOf(other, depth))) {
    throw failed(11, "state-absence", `what is shown in place of ${stream} is not on its way`);
  }
}

function bitOf(key, depth) {
  return (key[depth >> 3] >> (7 - (depth & 7))) & 1;
}

function badSiblings(stream) {
  return failed(11, "state-siblings", `the proof about ${stream} has too few or too many hashes, or one of another length`);
}
