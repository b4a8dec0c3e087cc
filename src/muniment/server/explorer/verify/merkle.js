/** RFC 6962 and RFC 9162: leaves, inclusion and consistency. Sizes and indices are bigints, hashes 32 bytes. */
import { sameBytes } from "./bytes.js";
import { sha256 } from "./digest.js";
import { failed, invalid } from "./problem.js";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** @param {Uint8Array} entry @returns {Promise<Uint8Array>} the leaf hash of an entry's bytes */
export function hashLeaf(entry) {
  return sha256(LEAF, entry);
}

/** @returns {Promise<Uint8Array>} the hash of an inner node */
export function hashNode(left, right) {
  return sha256(NODE, left, right);
}

/** The root of the tree with these leaf hashes. @param {Uint8Array[]} leaves @returns {Promise<Uint8Array>} */
export async function hashTree(leaves) {
  if (leaves.length === 0) return sha256(new Uint8Array());
  let row = leaves;
  while (row.length > 1) {
    const next = [];
    for (let at = 0; at + 1 < row.length; at += 2) next.push(await hashNode(row[at], row[at + 1]));
    if (row.length % 2) next.push(row.at(-1));
    row = next;
  }
  return row[0];
}

/** Check that a leaf is in a tree (RFC 9162, 2.1.3.2): step 7. */
export async function checkInclusion(leaf, index, size, proof, root) {
  checkHashes(leaf, ...proof);
  if (index < 0n || index >= size) throw failed(7, "inclusion-index", `a tree of ${size} entries has no entry ${index}`);
  let [at, last, hash] = [index, size - 1n, leaf];
  for (const sibling of proof) {
    if (last === 0n) throw badLength(index, size);
    const left = (at & 1n) === 1n || at === last;
    hash = left ? await hashNode(sibling, hash) : await hashNode(hash, sibling);
    if (left && (at & 1n) === 0n) [at, last] = climbEdge(at, last);
    [at, last] = [at >> 1n, last >> 1n];
  }
  if (last !== 0n) throw badLength(index, size);
  if (!sameBytes(hash, root)) {
    throw failed(7, "inclusion-root", `entry ${index} is not the one that is in the tree of ${size} entries`);
  }
}

/**
 * The old and the new root that a consistency proof gives (RFC 9162, 2.1.4.2).
 *
 * @param {bigint} older
 * @param {bigint} newer
 * @param {Uint8Array[]} proof
 * @param {Uint8Array} olderRoot where the size is a power of two, the proof begins with this root
 * @returns {Promise<[Uint8Array, Uint8Array]>}
 */
export async function foldConsistency(older, newer, proof, olderRoot) {
  checkHashes(...proof);
  if (older <= 0n || older > newer) throw failed(5, "consistency-size", `nothing can be proved between ${older} and ${newer}`);
  const short = failed(5, "consistency-length", `the proof between ${older} and ${newer} entries has the wrong length`);
  if (older === newer) {
    if (proof.length) throw short;
    return [olderRoot, olderRoot];
  }
  checkHashes(olderRoot);
  const [seed, ...rest] = (older & (older - 1n)) === 0n ? [olderRoot, ...proof] : proof;
  if (seed === undefined) throw short;
  let [at, last] = [older - 1n, newer - 1n];
  while (at & 1n) [at, last] = [at >> 1n, last >> 1n];
  let [before, after] = [seed, seed];
  for (const sibling of rest) {
    if (last === 0n) throw short;
    if ((at & 1n) === 1n || at === last) {
      before = await hashNode(sibling, before);
      after = await hashNode(sibling, after);
      if ((at & 1n) === 0n) [at, last] = climbEdge(at, last);
    } else {
      after = await hashNode(after, sibling);
    }
    [at, last] = [at >> 1n, last >> 1n];
  }
  if (last !== 0n) throw short;
  return [before, after];
}

/** Check that one tree continues another: step 5. */
export async function checkConsistency(older, newer, proof, olderRoot, newerRoot) {
  const [before, after] = await foldConsistency(older, newer, proof, olderRoot);
  if (!sameBytes(before, olderRoot)) {
    throw failed(5, "consistency-old-root", `the proof does not begin with the tree of ${older} entries`);
  }
  if (!sameBytes(after, newerRoot)) {
    throw failed(5, "consistency-new-root", `the tree of ${newer} entries does not continue the one of ${older}`);
  }
}

function checkHashes(...hashes) {
  if (hashes.some((hash) => hash.length !== 32)) throw invalid("bad-hash", "a hash of a proof has not 32 bytes");
}

/** Where a node at the right edge has no sibling it moves up unchanged. */
function climbEdge(at, last) {
  while (at !== 0n && (at & 1n) === 0n) [at, last] = [at >> 1n, last >> 1n];
  return [at, last];
}

function badLength(index, size) {
  return failed(7, "inclusion-length", `the proof of entry ${index} of ${size} has the wrong length`);
}
