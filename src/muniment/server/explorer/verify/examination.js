/** A file examined for a page: the steps with their numbers, the sentences, and what to remember; never an exception. */
import { fromHex, readUtf8, toHex, toUtf8 } from "./bytes.js";
import { readCheckpoint } from "./checkpoint.js";
import { encodeEvidence, pinHead, SplitView } from "./evidence.js";
import { VerificationError, STEPS } from "./problem.js";
import { parseTrust } from "./trust.js";
import { recogniseFile, verifyFile } from "./verification.js";
import { tellAnswer, tellBundle, tellReceipt } from "./words.js";

const TELLERS_BY_KIND = Object.freeze({
  answer: tellAnswer,
  bundle: tellBundle,
  receipt: tellReceipt,
  evidence: async (sentence) => [sentence],
});

/**
 * @typedef {Object} Examined
 * @property {boolean} ok whether it holds
 * @property {string} kind answer, bundle, receipt or evidence; empty where it is none
 * @property {{number: number, title: string, ok: boolean, word: string, detail: string}[]} steps those that held or had nothing to
 *   look at, and the one that failed; the word is `holds`, `not asked` or `fails`
 * @property {string[]} sentences what holds, in plain words
 * @property {{title: string, sentences: string[]}[]} parts of a bundle, each with all its sentences
 * @property {string | null} pin the signed checkpoint to remember from now on
 * @property {{step: number, code: string, message: string, hint: string}} [error]
 * @property {string} [evidence] a file that shows two histories
 */

/**
 * Verify a file and say everything that a page tells.
 *
 * @param {Uint8Array} raw
 * @param {Object} terms
 * @param {string} terms.trust the text of the trust file
 * @param {string | null} [terms.pin] the signed checkpoint that was remembered
 * @param {Uint8Array} [terms.entry] the bytes that a receipt is about, where they are at hand
 * @param {(older: number, newer: number) => Promise<string[]>} [terms.consistency] asks the ledger for hashes in hex
 * @param {boolean} [terms.contact] whether the ledger itself showed this now, and not somebody who kept it
 * @returns {Promise<Examined>}
 */
export async function examineFile(raw, { trust, pin = null, entry, consistency, contact = false }) {
  const held = new Set();
  const found = { ok: false, kind: "", steps: [], sentences: [], parts: [], pin };
  try {
    found.kind = recogniseFile(raw);
    const terms = {
      pin: pin === null ? undefined : readPin(pin),
      entry,
      contact,
      consistency: consistency === undefined ? undefined : async (older, newer) => (await consistency(older, newer)).map(fromHex),
      onStep: (number) => held.add(number),
    };
    const { verified } = await verifyFile(raw, await parseTrust(trust), terms);
    found.sentences = await TELLERS_BY_KIND[found.kind](verified);
    found.parts = await tellParts(verified);
    found.pin = newestPin(pin, headsOf(verified));
    found.steps = listSteps(held, groundOf(verified));
    found.ok = true;
  } catch (error) {
    // What is no verdict (the ledger could not be asked, the connection broke) is for the page to tell.
    if (!(error instanceof VerificationError)) throw error;
    const { step, code, message, hint } = error;
    found.error = { step, code, message, hint };
    found.steps = [...listSteps(held).filter(({ number }) => number !== step), ...(step ? [failedStep(step, code, message)] : [])];
    found.steps.sort((one, other) => one.number - other.number);
    if (error instanceof SplitView) found.evidence = readUtf8(encodeEvidence(error.evidence));
  }
  return found;
}

/** The answers and receipts of a bundle, each in its own sentences. */
async function tellParts({ answers = [], receipts = [] }) {
  const parts = [];
  for (const each of answers) parts.push(await tellAnswer(each));
  for (const each of receipts) parts.push(await tellReceipt(each));
  return parts.map(([title, ...sentences]) => ({ title, sentences }));
}

/** A remembered checkpoint as a pin. Its signature was verified when it was first accepted. */
function readPin(note) {
  const { origin, size, root } = readCheckpoint(toUtf8(note));
  return { origin, size: Number(size), root: toHex(root), note };
}

function failedStep(number, code, message) {
  return { number, title: STEPS[number], ok: false, word: "fails", detail: `${message} (${code})` };
}

function listSteps(held, ground) {
  const numbers = [...held].sort((one, other) => one - other);
  return numbers.map((number) => {
    const detail = detailOf(number, ground);
    return { number, title: STEPS[number], ok: true, word: detail ? "not asked" : "holds", detail };
  });
}

/** Why a step had nothing to look at, where its title would say too much. */
function detailOf(number, ground) {
  if (number === 4 && ground?.tier === "solo") return "this trust file asks for no other organisation";
  if (number === 5 && ground !== undefined && ground.pin === undefined) return "first contact: there is nothing yet to compare with";
  if (number === 6) return "no age was asked for";
  return "";
}

function groundOf(verified) {
  return (verified.answers?.[0] ?? verified.receipts?.[0] ?? verified).ground;
}

/** The opened checkpoints of whatever was verified. */
function headsOf(verified) {
  const parts = verified.answers === undefined ? [verified] : [...verified.answers, ...verified.receipts];
  return parts.map((part) => part.checkpoint).filter((head) => head !== undefined);
}

/** A pin moves only to a checkpoint that is newer. */
function newestPin(pin, heads) {
  let [newest, size] = [pin, pin === null ? 0 : readPin(pin).size];
  for (const found of heads.map(pinHead)) {
    if (found.size > size) [newest, size] = [found.note, found.size];
  }
  return newest;
}
