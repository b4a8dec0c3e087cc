/**
 * The trust path: how a reader's trust follows the members of a consortium as they change (docs/spec, section 11.6).
 *
 * It begins with the genesis, whose leaf is the ledger's id; every further step is a checkpoint that ends with a header which names
 * members, cosigned by a quorum of the members before. A trust file that its reader made to his own mind judges alone.
 */
import { fromHex, joinBytes, formatBase64, readBase64, toHex, toUtf8 } from "./bytes.js";
import { openHead } from "./authority.js";
import { openCosignatures, openLines, parseCheckpoint, readCheckpoint } from "./checkpoint.js";
import { sha256 } from "./digest.js";
import { readHeader } from "./entry.js";
import { checkKeyName, COSIGNATURE, ED25519 } from "./keys.js";
import { checkConsistency, checkInclusion, hashLeaf } from "./merkle.js";
import { parseNote } from "./note.js";
import { failed, invalid, VerificationError } from "./problem.js";
import { checkStruct } from "./schema.js";

const MAX_MEMBERS = 64;
const MAX_KEPT_KEYS = 64;

/**
 * @typedef {Object} Bench
 * @property {import("./trust.js").Trust} trust the reader's own
 * @property {{size: bigint, trust: import("./trust.js").Trust}[] | null} stages each set, and the size above which it judges
 * @property {number} own the last of them that is the reader's; -1 where none is
 */

/** What the schema does not say of a path. @param {any[]} steps */
export function checkPathForm(steps) {
  for (const [at, step] of steps.entries()) {
    const bare = step.note === undefined && step.proof === undefined && step.consistency === undefined;
    if (at === 0 ? !bare : step.note === undefined) throw invalid("path-form", "a path begins with the genesis alone, and every further step has a note");
    if (step.note !== undefined) readPathNote(step.note);
  }
}

/**
 * Whom to believe, as far as paths lead: the one in the file, and the one that the reader brought, which then decides.
 *
 * @param {import("./trust.js").Trust} trust
 * @param {...any[]} paths
 * @returns {Promise<Bench>}
 */
export async function seatBench(trust, ...paths) {
  const alone = { trust, stages: null, own: 0 };
  const operator = trust.cosigners.length === 0 && trust.quorum === 0;
  if (!namesMembers(trust) && !operator) return alone;
  let stages = null;
  for (const steps of paths.filter((each) => each.length)) stages = await walkPath(trust, steps);
  if (stages === null) return alone;
  const own = stages.findLastIndex((stage) => sameMembers(stage.trust, trust));
  // One operator's key, and a ledger that members began: the reader asked for that key, and for nobody's vote.
  return own < 0 && operator ? alone : { trust, stages, own };
}

/** Open a checkpoint by the set that judges it. @param {Bench} bench @param {Uint8Array} raw */
export async function openByBench({ trust, stages, own }, raw) {
  if (stages === null) return { head: await openHead(raw, trust), led: undefined };
  const { size } = parseCheckpoint(parseNote(raw).text);
  const at = stages.findLastIndex((stage, number) => number === 0 || stage.size < size);
  const head = await openHead(raw, stages[at].trust);
  const same = sameMembers(stages[at].trust, trust);
  return { head, led: same ? undefined : own < 0 || at < own ? "former" : "later" };
}

/** Walk a path from the genesis that the trust file names to its end. */
async function walkPath(trust, steps) {
  checkPathForm(steps);
  const genesis = readBase64(steps[0].header);
  const leaf = await hashLeaf(genesis);
  if (toHex(leaf) !== trust.ledger) {
    throw failed(2, "path-genesis", "the path does not begin with the genesis that the trust file names", "Ask the ledger's owner which id is right.");
  }
  const stages = [{ size: 0n, trust: await trustFounders(trust, genesis) }];
  let before = { size: 1n, root: leaf };
  for (const step of steps.slice(1)) {
    const judges = stages.at(-1).trust;
    before = await takeStep(step, before, judges);
    stages.push({ size: before.size, trust: await trustMembers(trust, before.validators, judges.logKeys) });
  }
  return stages;
}

async function takeStep(step, before, judges) {
  const { size, root } = await openPathNote(step.note, judges);
  if (size <= before.size) throw failed(4, "path-order", `a step of ${size} entries follows one of ${before.size}`);
  await checkConsistency(before.size, size, (step.consistency ?? []).map(readBase64), before.root, root);
  const raw = readBase64(step.header);
  await checkInclusion(await hashLeaf(raw), size - 1n, size, (step.proof ?? []).map(readBase64), root);
  const { validators } = openPathHeader(raw, size - 1n);
  if (validators === undefined) throw badMembers("its header names none");
  return { size, root, validators };
}

/** Every line of a step is by the set before, each once, and there are enough of them. */
async function openPathNote(text, judges) {
  const note = parseNote(toUtf8(text));
  const checkpoint = parseCheckpoint(note.text);
  if (checkpoint.origin !== judges.origin) throw failed(2, "origin", `a step of the path is about ${checkpoint.origin}`);
  const members = judges.cosigners.map((each) => each.verifier);
  if (!judges.quorum && !(await openLines(note, judges.logKeys))) {
    throw failed(3, "log-key-unknown", "no key of the ledger signed a step of the path");
  }
  const known = new Set([...(judges.quorum ? [] : judges.logKeys), ...members].map((each) => `${each.name} ${each.id}`));
  const lines = note.lines.map((line) => `${line.name} ${line.id}`);
  if (new Set(lines).size !== lines.length || lines.some((line) => !known.has(line))) {
    throw failed(4, "path-line", "a step of the path carries a line by somebody who was no member then, or one line twice");
  }
  const voices = (await openCosignatures(note, members)).size;
  if (voices < judges.quorum) {
    throw failed(4, "path-quorum", `${voices} of ${members.length} members cosigned a change, and ${judges.quorum} must have`);
  }
  return checkpoint;
}

async function trustFounders(trust, raw) {
  const { genesis } = openPathHeader(raw, 0n);
  const { members = [], publisher } = genesis ?? {};
  if (Array.isArray(members) && members.length === 0) {
    return { ...trust, cosigners: [], quorum: 0, organisations: [] };
  }
  return trustMembers(trust, publisher === undefined ? { members } : { members, publisher }, []);
}

/** The trust file of a set of members (core.proof.consortium.to_trust). */
async function trustMembers({ origin, ledger }, validators, logKeys) {
  const { members, publisher } = readMembers(validators);
  const cosigners = [];
  for (const { organisation, cosigner } of members) {
    const verifier = await deriveVerifier(`${origin}/${organisation}`, cosigner, COSIGNATURE);
    cosigners.push({ verifier, organisation, statement: "voted" });
  }
  const taken = new Set(members.map((each) => each.cosigner));
  const listed = publisher === undefined ? logKeys : [await deriveVerifier(origin, publisher.key, ED25519), ...logKeys];
  const kept = new Map(listed.filter((each) => !taken.has(toHex(each.key))).map((each) => [each.text, each]));
  const organisations = cosigners.map((each) => each.organisation).sort();
  const logs = [...kept.values()].slice(0, MAX_KEPT_KEYS);
  return { origin, ledger, logKeys: logs, cosigners, quorum: quorumOf(members.length), organisations };
}

/** A set of members whose keys are all different and whose publisher is one of them. */
function readMembers(validators) {
  try {
    checkStruct("Validators", validators);
  } catch (error) {
    throw error instanceof VerificationError ? badMembers(error.message) : error;
  }
  const { members, publisher } = validators;
  const names = members.map((each) => each.organisation);
  const keys = [...members.flatMap((each) => [each.key, each.cosigner]), ...(publisher === undefined ? [] : [publisher.key])];
  if (members.length < 1 || members.length > MAX_MEMBERS) throw badMembers("there are none, or too many");
  if (names.some((name, at) => name === "none" || (at > 0 && names[at - 1] >= name))) throw badMembers("they are not in their order");
  if (new Set(keys).size !== keys.length) throw badMembers("one key serves twice");
  if (publisher !== undefined && !names.includes(publisher.organisation)) throw badMembers("the publisher is no member");
  return validators;
}

function openPathHeader(raw, index) {
  const header = readHeader(raw);
  if (BigInt(header.size) !== index) throw failed(8, "header-index", `the header at entry ${index} says that it is entry ${header.size}`);
  return header;
}

function readPathNote(text) {
  if (!text.isWellFormed()) throw invalid("not-unicode", "a checkpoint is not valid Unicode text");
  return readCheckpoint(toUtf8(text));
}

async function deriveVerifier(name, hex, type) {
  checkKeyName(name);
  const key = fromHex(hex);
  const material = joinBytes(new Uint8Array([type]), key);
  const id = toHex(await sha256(toUtf8(`${name}\n`), material)).slice(0, 8);
  return { name, id, type, key, text: `${name}+${id}+${formatBase64(material)}` };
}

/** Is this the trust file of a set of members, and not one that its reader made to his own mind? */
function namesMembers({ origin, cosigners, organisations, quorum }) {
  const plain = cosigners.every(
    ({ verifier, organisation, statement }) =>
      statement === "voted" && verifier.type === COSIGNATURE && verifier.name === `${origin}/${organisation}`,
  );
  return cosigners.length > 0 && organisations.length === cosigners.length && quorum === quorumOf(cosigners.length) && plain;
}

function sameMembers(one, other) {
  const write = ({ cosigners, quorum }) =>
    [String(quorum), ...cosigners.map((each) => `${each.organisation} ${each.statement} ${each.verifier.text}`).sort()].join("\n");
  return write(one) === write(other);
}

/** More than two thirds. */
function quorumOf(members) {
  return Math.floor((2 * members) / 3) + 1;
}

function badMembers(reason) {
  return failed(8, "path-members", `a header of the path names no members that can be believed: ${reason}`);
}
