/** The entries and headers of a checkpoint's tree: steps 2, 7 and 8 (docs/spec, section 10.5). */
import { fromHex, readBase64, sameBytes, toHex } from "./bytes.js";
import { sha256 } from "./digest.js";
import { hashFolded, openHeader } from "./entry.js";
import { checkInclusion, hashLeaf, hashNode } from "./merkle.js";
import { failed, VerificationError } from "./problem.js";

/**
 * @typedef {Object} Block
 * @property {number} height
 * @property {string} time in its header
 * @property {number} index of that header
 */

/** Entries that are in the tree of a checkpoint, each by its index. */
export class Tree {
  /** @param {number} size of the checkpoint */
  constructor(size) {
    this.size = size;
    /** @type {Map<number, {raw: Uint8Array, leaf: Uint8Array, header: any, folded: Uint8Array}>} ascending */
    this.entries = new Map();
  }

  /** The header that is the checkpoint's last entry. */
  get head() {
    return this.entries.get(this.size - 1).header;
  }

  /** All headers, ascending. */
  get headers() {
    return [...this.entries.values()].map((entry) => entry.header).filter((header) => header !== null);
  }

  /** The block that sealed an entry, where both headers around it are shown and linked. @returns {Block | null} */
  sealing(index) {
    const after = this.headers.find((header) => header.size > index);
    const before = after === undefined ? null : this.linkedBefore(after);
    return before === null || before.size >= index ? null : describeBlock(after);
  }

  /** The block that was newest at a time, and its successor. @param {string} time @returns {{block: Block, next?: Block}} */
  moment(time) {
    const newest = this.headers.filter((header) => header.time <= time).at(-1);
    if (newest === undefined) throw failed(8, "header-time", `no header at or before ${time} is shown`);
    if (newest === this.head) return { block: describeBlock(newest) };
    const after = this.headers.find((header) => this.linkedBefore(header) === newest);
    if (after === undefined || after.time <= time) {
      throw failed(8, "header-successor", `the header of ${newest.time} is not shown to be the last one at ${time}`);
    }
    return { block: describeBlock(newest), next: describeBlock(after) };
  }

  /** The header before, if it is shown and `previous` is its leaf. */
  linkedBefore(header) {
    const before = this.headers.filter((each) => each.size < header.size).at(-1);
    if (before === undefined || before.height !== header.height - 1) return null;
    return toHex(this.entries.get(before.size).leaf) === header.previous ? before : null;
  }
}

/** What is reported of a header. @returns {Block} */
export function describeBlock(header) {
  return { height: header.height, time: header.time, index: header.size };
}

/**
 * Check that everything in an answer is in the checkpoint's tree, which begins with this ledger's genesis.
 *
 * @param {any} answer
 * @param {import("./receipt.js").Receipt} receipt
 * @param {import("./checkpoint.js").Checkpoint} checkpoint
 * @param {string} ledger its id
 * @returns {Promise<Tree>}
 */
export async function openTree(answer, receipt, checkpoint, ledger) {
  await checkGenesis(answer.genesis, checkpoint, ledger);
  const { question, entries } = answer;
  const size = Number(checkpoint.size);
  const asked = question.ask === "entry" ? question.index : size - 1;
  checkMain(entries, asked, question, receipt);
  const tree = new Tree(size);
  for (const each of entries) {
    const raw = readBase64(each.entry);
    const leaf = await hashLeaf(raw);
    await checkInclusion(leaf, BigInt(each.index), checkpoint.size, (each.proof ?? []).map(readBase64), checkpoint.root);
    const header = openHeader(raw, each.index);
    tree.entries.set(each.index, { raw, leaf, header, folded: await hashFolded(raw, header) });
  }
  const last = entries.at(-1);
  if (BigInt(last.index) !== checkpoint.size - 1n || tree.entries.get(last.index).header === null) {
    throw failed(8, "header-last", "the last entry of the checkpoint is not shown to be a header");
  }
  await checkRoot(tree.head, (last.proof ?? []).map(readBase64));
  const isEvent = tree.entries.get(asked).header === null;
  if (isEvent && tree.sealing(asked) === null) {
    throw failed(8, "header-successor", `the block that sealed entry ${asked} is not shown`);
  }
  return tree;
}

/** The ledger's id is the leaf of entry 0, so that a rewritten ledger with the same keys and origin is told apart. */
async function checkGenesis(proof, checkpoint, ledger) {
  try {
    await checkInclusion(fromHex(ledger), 0n, checkpoint.size, proof.map(readBase64), checkpoint.root);
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    const hint = "This is another ledger under the same name, or the same one rewritten. Ask its owner which id is right.";
    throw failed(2, "genesis", "this ledger does not begin with the genesis that the trust file names", hint);
  }
}

function checkMain(entries, asked, question, receipt) {
  const main = entries.find((each) => each.index === asked);
  if (main === undefined && question.ask === "entry") throw failed(7, "entry-missing", `entry ${asked} is not in this file`);
  if (main === undefined) {
    throw failed(8, "header-last", `the newest entry of the checkpoint, ${asked}, is not in this file: it shows an older state`);
  }
  if (receipt.index !== BigInt(asked)) throw failed(7, "receipt-index", `the receipt is about entry ${receipt.index}`);
  const proof = (main.proof ?? []).map(readBase64);
  if (proof.length !== receipt.proof.length || proof.some((hash, at) => !sameBytes(hash, receipt.proof[at]))) {
    throw failed(7, "receipt-proof", `two proofs are given for entry ${asked}`);
  }
}

/** A last leaf has siblings on its left only: its proof without the leaf gives the root of all entries before it. */
async function checkRoot(header, proof) {
  let root = proof[0] ?? (await sha256(new Uint8Array()));
  for (const left of proof.slice(1)) root = await hashNode(left, root);
  if (toHex(root) !== header.root) {
    throw failed(8, "header-root", "the newest header commits to other entries than the checkpoint does");
  }
}
