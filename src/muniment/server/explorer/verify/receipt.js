/** Receipts: the C2SP tlog-proof text, which shows that one entry is in a ledger (docs/spec, section 10.1). */
import { formatBase64, parseBase64, toUtf8 } from "./bytes.js";
import { MAX_SIZE, readCheckpoint } from "./checkpoint.js";
import { invalid } from "./problem.js";

export const RECEIPT_HEAD = "c2sp.org/tlog-proof@v1";
export const MAX_PROOF_HASHES = 63;
const MAX_EXTRA_BYTES = 65_535;
const MAX_RECEIPT_CHARACTERS = 1_131_070;

/**
 * @typedef {Object} Receipt
 * @property {bigint} index
 * @property {Uint8Array[]} proof from the leaf's sibling up
 * @property {Uint8Array} checkpoint the bytes of the signed note
 */

/** Read a receipt; what was read is written again and compared. @param {string} text @returns {Receipt} */
export function parseReceipt(text) {
  if (text.length > MAX_RECEIPT_CHARACTERS) throw invalid("too-long", `${text.length} characters`);
  const gap = text.indexOf("\n\n");
  const lines = (gap < 0 ? text : text.slice(0, gap)).split("\n");
  if (lines.shift() !== RECEIPT_HEAD || gap < 0) throw badReceipt(`does not begin with ${RECEIPT_HEAD} and hold a checkpoint`);
  const head = [RECEIPT_HEAD];
  if (lines[0]?.startsWith("extra ")) {
    const extra = parseBase64(lines.shift().slice("extra ".length), "the extra data of the receipt");
    if (extra.length > MAX_EXTRA_BYTES) throw badReceipt(`has more than ${MAX_EXTRA_BYTES} bytes of extra data`);
    if (extra.length) head.push(`extra ${formatBase64(extra)}`);
  }
  const match = /^index (0|[1-9][0-9]{0,18})$/.exec(lines.shift() ?? "");
  if (match === null) throw badReceipt("has no line `index <decimal>` without leading zeroes");
  const index = BigInt(match[1]);
  const proof = lines.map((line) => parseBase64(line, "a hash of the receipt"));
  const rest = text.slice(gap + 2);
  if (!rest.isWellFormed()) throw badReceipt("is not valid Unicode text");
  if (index >= MAX_SIZE) throw badReceipt(`has the index ${index}`);
  if (proof.length > MAX_PROOF_HASHES || proof.some((hash) => hash.length !== 32)) {
    throw badReceipt(`is not at most ${MAX_PROOF_HASHES} hashes of 32 bytes`);
  }
  const checkpoint = toUtf8(rest);
  readCheckpoint(checkpoint);
  const again = [...head, `index ${index}`, ...proof.map(formatBase64)].join("\n");
  if (again !== text.slice(0, gap)) throw invalid("not-canonical", "the receipt is not written in its one form");
  return { index, proof, checkpoint };
}

function badReceipt(reason) {
  return invalid("bad-receipt", `the receipt ${reason}`, "Use the C2SP tlog-proof text as it was printed.");
}
