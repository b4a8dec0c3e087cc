/**
 * Runs the verification script: reads {"cases": [...], "proofs": {...}} from standard input, and writes for each case what it gave,
 * or the step and code of its failure.
 *
 *   node tests/script/run.mjs MODULES_FOLDER [JOINED_SCRIPT] < cases.json > results.json
 *
 * With a joined script, cases that pages can ask for run through it, and no others.
 */
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import vm from "node:vm";

const [folder, joined] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(path.join(folder, `${name}.js`)));

/** The classic script, as a page loads it: its only name is the last thing that it declares. */
function loadJoined() {
  const text = fs.readFileSync(joined, "utf8");
  return vm.runInThisContext(`${text}\nmuniment`, { filename: joined });
}

const pages = joined ? loadJoined() : await load("index");
const modules = joined
  ? {}
  : Object.assign(
      {},
      ...(await Promise.all(
        ["bytes", "encoding", "keys", "note", "checkpoint", "merkle", "state_map", "entry", "event", "statement", "manifest"]
          .concat(["evidence", "authority", "answer", "receipt", "trust", "schema", "stream"])
          .map(load),
      )),
    );
const bytes = (text) => Uint8Array.from(Buffer.from(text, "base64"));
const hex = (text) => Uint8Array.from(Buffer.from(text, "hex"));
const toHex = (data) => Buffer.from(data).toString("hex");
const utf8 = (text) => Uint8Array.from(Buffer.from(text, "utf8"));

/** The terms of a case; `proofs` are what the ledger gives between two sizes. */
async function termsOf(given, proofs) {
  const terms = { now: given.now, maxAge: given.maxAge, tier: given.tier, subject: given.subject };
  if (given.pin !== undefined) {
    terms.pin = given.pin;
    if (!given.offline) {
      terms.consistency = async (older, newer) => {
        const found = proofs[`${older}-${newer}`];
        return found === undefined ? null : found.map(bytes);
      };
    }
  }
  return Object.fromEntries(Object.entries(terms).filter(([, value]) => value !== undefined));
}

const plain = (value) =>
  JSON.parse(
    JSON.stringify(value, (_, item) =>
      typeof item === "bigint" ? Number(item) : item instanceof Map ? Object.fromEntries(item) : item instanceof Uint8Array ? toHex(item) : item,
    ) ?? "null",
  );

const RUNS = {
  answer: async (c, all) => {
    const trust = await pages.parseTrust(c.trust);
    const steps = [];
    const terms = { ...(await termsOf(c, all.proofs)), onStep: (step) => steps.push(step) };
    const verified = await pages.verifyAnswer(bytes(c.raw), trust, terms);
    const { result, ground, current, subject } = verified;
    return plain({ result, ground, current, subject, steps, words: await pages.tellAnswer(verified) });
  },
  receipt: async (c, all) => {
    const trust = await pages.parseTrust(c.trust);
    const terms = await termsOf(c, all.proofs);
    if (c.entry !== undefined) terms.entry = bytes(c.entry);
    if (c.leaf !== undefined) terms.leaf = hex(c.leaf);
    const verified = await pages.verifyReceipt(c.receipt, trust, terms);
    return { included: verified.included, words: await pages.tellReceipt(verified) };
  },
  receiptText: (c) => void modules.parseReceipt(c.receipt),
  bundle: async (c) => {
    const verified = await pages.verifyBundle(bytes(c.raw), await pages.parseTrust(c.trust));
    return { sizes: verified.sizes, words: await pages.tellBundle(verified) };
  },
  trust: async (c) => {
    const { origin, ledger, logKeys, cosigners, quorum } = await pages.parseTrust(c.text);
    const listed = cosigners.map((each) => ({ organisation: each.organisation, statement: each.statement, vkey: each.verifier.text }));
    return { origin, ledger, logKeys: logKeys.map((each) => each.text), cosigners: listed, quorum };
  },
  fingerprint: async (c) => pages.fingerprintOf(await pages.parseTrust(c.text)),
  evidence: async (c) => modules.verifyEvidence(modules.decodeEvidence(bytes(c.raw)), await pages.parseTrust(c.trust)),
  evidenceFile: (c) => void modules.decodeEvidence(bytes(c.raw)),
  pin: (c) => void modules.decodePin(bytes(c.raw)),
  json: (c) => void modules.decodeJson(bytes(c.raw), c.limit),
  form: (c) => modules.hasForm(c.form, c.text),
  ed25519: (c) => modules.isValidSignature(hex(c.key), utf8(c.message), hex(c.signature)),
  vkey: async (c) => plain(await modules.parseVerifierKey(c.vkey)),
  note: (c) => void modules.parseNote(bytes(c.raw)),
  checkpoint: (c) => {
    const { origin, size, root } = modules.parseCheckpoint(c.text);
    return { origin, size: String(size), root: toHex(root) };
  },
  openNote: async (c) => {
    const note = modules.parseNote(bytes(c.raw));
    const { size, root } = modules.parseCheckpoint(note.text);
    const signed = await modules.openLines(note, [await modules.parseVerifierKey(c.logKey)]);
    if (!signed) throw Object.assign(new Error("unknown"), { step: 3, code: "log-key-unknown" });
    const times = await modules.openCosignatures(note, [await modules.parseVerifierKey(c.cosignerKey)]);
    return { size: Number(size), root: toHex(root), cosigned: [...times.values()].map(Number) };
  },
  inclusion: (c) => modules.checkInclusion(bytes(c.leaf), BigInt(c.index), BigInt(c.size), c.proof.map(bytes), bytes(c.root)),
  consistency: (c) =>
    modules.checkConsistency(BigInt(c.older), BigInt(c.newer), c.proof.map(bytes), bytes(c.olderRoot), bytes(c.newerRoot)),
  tree: async (c) => toHex(await modules.hashTree(await Promise.all(c.entries.map((each) => modules.hashLeaf(utf8(each)))))),
  stateProof: async (c) => modules.checkStateProof(hex(c.root), c.proof),
  record: (c) => void modules.checkRecord(c.record),
  key: async (c) => toHex(await modules.keyOf(c.name)),
  fold: async (c) => toHex(await modules.foldHead(hex(c.head), c.index, hex(c.leaf))),
  history: async (c) => {
    const link = ({ index, leaf }) => [index, hex(leaf)];
    return modules.checkHistory(c.name, c.record, c.bound, {
      before: bytes(c.before),
      events: c.events.map(link),
      later: c.later.map(link),
    });
  },
  header: async (c) => {
    const header = modules.decodeHeader(utf8(c.text));
    return { leaf: toHex(await modules.hashLeaf(utf8(c.text))), folded: toHex(await modules.hashFolded(utf8(c.text), header)) };
  },
  envelope: async (c) => {
    const envelope = modules.decodeEnvelope(bytes(c.raw));
    return { key: envelope.key, signed: await modules.isSigned(envelope) };
  },
  event: async (c) => (await modules.decodeEvent(bytes(c.raw))).subjects,
  streams: async (c) => {
    const { name, said } = await modules.decodeEvent(bytes(c.raw));
    return [...new Set([`acts/${said.actor}`, ...(await modules.listOwnStreams(name, said))])].sort();
  },
  seal: (c) => modules.checkDisclosure(c.sealed, c.disclosure),
  manifest: (c) => modules.hashManifest(bytes(c.raw)),
};

const all = JSON.parse(fs.readFileSync(0, "utf8"));
const results = [];
for (const given of all.cases) {
  try {
    results.push({ gave: (await RUNS[given.run](given, all)) ?? null });
  } catch (error) {
    if (error.code === undefined || error.step === undefined) results.push({ broke: error.stack });
    else results.push({ step: error.step, code: error.code, field: error.details?.field });
  }
}
process.stdout.write(JSON.stringify(results));
