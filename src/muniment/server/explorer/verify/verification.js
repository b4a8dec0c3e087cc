/**
 * The verification of answers, receipts and bundles: all thirteen steps (docs/spec, section 10.5).
 *
 * A step that needs what a later one proves waits for it: numbers name steps, they are not an order. `terms` are what a caller
 * brings and asks for besides the trust file:
 *
 *   pin          what this reader saw of the ledger before (evidence.js)
 *   consistency  asks the ledger for the proof between two sizes, where pin and file differ
 *   contact      whether the ledger itself showed this now: then it may not be older than the pin
 *   now, maxAge  the reader's clock (our form of time) and the greatest age of the checkpoint in seconds
 *   tier         the least tier that is enough; without it, what the trust file's quorum promises
 *   path         the trust path that the reader got from the ledger, which then leads in place of the file's own
 *   subject      the encoded manifest of files that the reader has just hashed
 *   onStep       told the number of each step that holds
 */
import { ANSWER_FORMAT, BUNDLE_FORMAT, decodeAnswer, decodeBundle } from "./answer.js";
import { checkTier } from "./authority.js";
import { readBase64, readUtf8, sameBytes, toHex, toUtf8 } from "./bytes.js";
import { openHeader } from "./entry.js";
import { comparePin, decodeEvidence, EVIDENCE_FORMAT, verifyEvidence } from "./evidence.js";
import { checkFreshness, readClocks } from "./freshness.js";
import { Ground, openStates, openStreams } from "./ground.js";
import { requireEd25519 } from "./keys.js";
import { hashManifest } from "./manifest.js";
import { checkConsistency, checkInclusion, hashLeaf } from "./merkle.js";
import { openByBench, seatBench } from "./path.js";
import { failed, invalid } from "./problem.js";
import { parseReceipt, RECEIPT_HEAD } from "./receipt.js";
import { nameThings, settleQuestion } from "./settle.js";
import { checkSigner } from "./signer.js";
import { openDisclosures, openStatement } from "./statement.js";
import { describeBlock, openTree } from "./tree.js";

/**
 * Verify the bytes of an answer against a trust file.
 *
 * @param {Uint8Array} raw
 * @param {import("./trust.js").Trust} trust
 * @param {any} [terms] see above
 * @returns {Promise<any>} everything that it shows: core.proof.verify.Verified, field by field
 */
export async function verifyAnswer(raw, trust, terms = {}) {
  await requireEd25519();
  return verifyDecoded(decodeAnswer(raw), trust, terms);
}

/**
 * Verify a receipt against a trust file, with the entry's bytes or its leaf hash (`terms.entry`, `terms.leaf`).
 *
 * @param {string} text
 * @param {import("./trust.js").Trust} trust
 * @param {any} [terms] see above
 * @returns {Promise<any>} `included` is false where neither entry nor leaf was brought
 */
export async function verifyReceipt(text, trust, terms = {}) {
  await requireEd25519();
  const receipt = parseReceipt(text);
  const { entry, leaf, onStep = () => {} } = terms;
  onStep(1);
  const { head, ground } = await openGround(receipt.checkpoint, trust, terms);
  const clocks = readClocks(head, null);
  checkFreshness(clocks, terms.now, terms.maxAge);
  onStep(6);
  const known = entry === undefined ? leaf : await hashLeaf(entry);
  if (entry !== undefined && leaf !== undefined && !sameBytes(known, leaf)) throw invalid("bad-leaf", "the leaf is not that of the entry");
  const { size, root } = head.checkpoint;
  if (receipt.index >= size) throw failed(7, "inclusion-index", `entry ${receipt.index} is not among the ${size} of the checkpoint`);
  if (known !== undefined) await checkInclusion(known, receipt.index, size, receipt.proof, root);
  onStep(7);
  const index = Number(receipt.index);
  const header = entry === undefined ? null : openHeader(entry, index);
  onStep(8);
  let said;
  if (entry !== undefined && header === null) said = describeSaid(await openStatement(index, entry, trust.ledger), new Map());
  onStep(9);
  return { ground, index, included: known !== undefined, clocks, said, header: header === null ? undefined : describeBlock(header), checkpoint: head };
}

/**
 * Verify all of a bundle against the reader's own trust file.
 *
 * @param {Uint8Array} raw
 * @param {import("./trust.js").Trust} trust
 * @param {any} [terms] see above
 * @returns {Promise<{answers: any[], receipts: any[], sizes: number[]}>}
 */
export async function verifyBundle(raw, trust, terms = {}) {
  await requireEd25519();
  const bundle = decodeBundle(raw);
  const bench = await seatBench(trust, bundle.path, terms.path ?? []);
  const heads = await openSignposts(bundle.checkpoints, bench);
  const shared = { ...terms, bench };
  const found = { answers: [], receipts: [], sizes: [...heads.keys()] };
  for (const answer of bundle.answers) found.answers.push(await verifyDecoded(answer, trust, shared));
  for (const { receipt, entry } of bundle.receipts) {
    found.receipts.push(await verifyReceipt(receipt, trust, { ...shared, entry: entry === undefined ? undefined : readBase64(entry) }));
  }
  for (const { ground } of [...found.answers, ...found.receipts]) {
    if (heads.get(ground.size) !== ground.root) {
      throw failed(5, "bundle-checkpoint", `something in this bundle lies under a checkpoint of ${ground.size} entries that it does not list`);
    }
  }
  return found;
}

/**
 * Verify whatever a file is: an answer, a bundle, a receipt or evidence of two histories.
 *
 * @param {Uint8Array} raw
 * @param {import("./trust.js").Trust} trust
 * @param {any} [terms] see above
 * @returns {Promise<{kind: "answer" | "bundle" | "receipt" | "evidence", verified: any}>}
 */
export async function verifyFile(raw, trust, terms = {}) {
  const kind = recogniseFile(raw);
  if (kind === "receipt") return { kind, verified: await verifyReceipt(readUtf8(raw), trust, terms) };
  if (kind === "bundle") return { kind, verified: await verifyBundle(raw, trust, terms) };
  if (kind === "answer") return { kind, verified: await verifyAnswer(raw, trust, terms) };
  await requireEd25519();
  return { kind, verified: await verifyEvidence(decodeEvidence(raw), trust) };
}

/** Which kind of file this is, by what it says of itself. @param {Uint8Array} raw @returns {string} */
export function recogniseFile(raw) {
  const text = readUtf8(raw) ?? "";
  if (text.startsWith(RECEIPT_HEAD)) return "receipt";
  const formats = { [ANSWER_FORMAT]: "answer", [BUNDLE_FORMAT]: "bundle", [EVIDENCE_FORMAT]: "evidence" };
  let format;
  try {
    format = JSON.parse(text)?.format;
  } catch {
    // No JSON: told below.
  }
  if (typeof format === "string" && Object.hasOwn(formats, format)) return formats[format];
  const hint = "Take an answer, a bundle, a receipt or an evidence file, as `muniment` wrote it.";
  throw invalid("unknown-file", "this is no file that can be verified here", hint);
}

async function verifyDecoded(answer, trust, terms) {
  const onStep = terms.onStep ?? (() => {});
  const receipt = parseReceipt(answer.receipt);
  onStep(1);
  const { head, ground } = await openGround(receipt.checkpoint, trust, terms, answer.path);
  const tree = await openTree(answer, receipt, head.checkpoint, trust.ledger);
  onStep(7);
  const newest = describeBlock(tree.head);
  const clocks = readClocks(head, newest);
  const fresh = checkFreshness(clocks, terms.now, terms.maxAge);
  onStep(6);
  const signed = await openStatements(answer, tree, trust.ledger);
  onStep(9);
  const records = await openStates(answer.states, tree.head);
  const shown = new Ground(tree, records, signed);
  await openStreams(answer, shown);
  const settled = await settleQuestion(answer, shown);
  onStep(8);
  onStep(11);
  onStep(13);
  const opened = await openDisclosures(answer.disclosures, signed.values());
  const said = [...signed.values()]
    .sort((one, other) => one.index - other.index)
    .map((each) => {
      const block = tree.sealing(each.index);
      const things = nameThings(each.things, records);
      return { ...describeSaid({ ...each, things }, opened), block: block ?? undefined, signer: checkSigner(each, block, records) };
    });
  onStep(10);
  const subject = await checkSubject(settled.things, answer.manifest, terms.subject);
  onStep(12);
  return {
    ground,
    question: answer.question,
    result: settled.result,
    head: newest,
    current: fresh && ground.pin !== "older" && ground.led !== "former",
    clocks,
    said,
    history: (answer.history?.events ?? []).map((each) => each.index),
    streams: answer.streams,
    states: records,
    moment: settled.moment,
    serving: settled.serving,
    subject,
    checkpoint: head,
  };
}

/** Open a signed checkpoint, weigh who stands behind it, and compare it with what was pinned: steps 2 to 5. */
async function openGround(raw, trust, terms, path = []) {
  const { pin, consistency, contact, tier, maxAge, onStep = () => {} } = terms;
  const bench = terms.bench ?? (await seatBench(trust, path, terms.path ?? []));
  const { head, led } = await openByBench(bench, raw);
  onStep(2);
  onStep(3);
  // A path never lowers what the reader's own file promises.
  checkTier(head, tier ?? (trust.quorum || head.quorum ? "witnessed" : "solo"));
  onStep(4);
  if (led === "former" && maxAge !== undefined) {
    throw failed(6, "former-members", "members of a former time cosigned this, whose word about what is new counts for nothing now");
  }
  const relation = pin === undefined ? undefined : await comparePin(pin, head, consistency, contact);
  onStep(5);
  const { checkpoint, signed, basis, basisBy, voices, quorum, known } = head;
  const { origin, size, root } = checkpoint;
  const weight = { signed, tier: head.tier, basis, basisBy, voices, quorum, known, led, pin: relation };
  return { head, ground: { origin, ledger: trust.ledger, size: Number(size), root: toHex(root), ...weight } };
}

/** Every event in the file, opened: those with an inclusion proof, and those that a stream's head binds. */
async function openStatements(answer, tree, ledger) {
  const signed = new Map();
  for (const [index, { raw, header }] of tree.entries) {
    if (header === null) signed.set(index, await openStatement(index, raw, ledger));
  }
  for (const { index, entry } of answer.events) signed.set(index, await openStatement(index, readBase64(entry), ledger));
  for (const { index, entry } of answer.history?.events ?? []) {
    const raw = readBase64(entry);
    const included = tree.entries.get(index);
    const isHeader = openHeader(raw, index) !== null;
    // What a header folds into its streams leaves out its `state`: only its inclusion binds all of it.
    const bound = included === undefined ? !isHeader : sameBytes(included.raw, raw) || (!isHeader && included.header !== null);
    if (!bound) throw failed(11, "history-entry", `entry ${index} of the stream is not the entry that is in the ledger`);
    if (!isHeader && !signed.has(index)) signed.set(index, await openStatement(index, raw, ledger));
  }
  return signed;
}

/** What is reported of a statement. */
function describeSaid({ index, event, eventId, actor, occurredAt, grade, said, things, sealed, known }, opened) {
  const fields = sealed.map(([path, commitment]) => ({
    path,
    sealed: commitment,
    ...(opened.has(commitment) ? { value: opened.get(commitment) } : {}),
  }));
  return { index, event, eventId, actor, occurredAt, grade, predicate: said, things, sealed: fields, known };
}

/** The bytes that an answer is about: step 12. */
async function checkSubject(things, manifest, files) {
  const listed = new Map(things.map((thing) => [thing.digest, thing]));
  const held = manifest === undefined ? "not-in-this-file" : "in-this-file";
  const recorded = manifest === undefined ? undefined : await hashManifest(toUtf8(manifest));
  if (recorded !== undefined && !listed.has(recorded)) throw failed(12, "manifest", "the manifest in this file belongs to something else");
  if (files !== undefined) {
    const root = await hashManifest(toUtf8(files));
    if (!listed.has(root)) throw failed(12, "subject", "these files are not the recorded ones", "Do not use them as the recorded ones.");
    return { thing: listed.get(root), held, compared: true };
  }
  if (recorded !== undefined) return { thing: listed.get(recorded), held, compared: false };
  return things.length ? { thing: things[0], held, compared: false } : undefined;
}

/** The checkpoints of a bundle by size, each of which continues the one before. @returns {Promise<Map<number, string>>} roots */
async function openSignposts(checkpoints, bench) {
  const heads = new Map();
  let before;
  for (const { note, consistency = [] } of checkpoints) {
    const { head } = await openByBench(bench, toUtf8(note));
    const now = head.checkpoint;
    if (before !== undefined) {
      await checkConsistency(before.size, now.size, consistency.map(readBase64), before.root, now.root);
    } else if (consistency.length) {
      throw failed(5, "consistency-length", "the first checkpoint of a bundle continues none");
    }
    heads.set(Number(now.size), toHex(now.root));
    before = now;
  }
  return heads;
}
