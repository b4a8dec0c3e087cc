/** Who stands behind a checkpoint: steps 2, 3 and 4 (docs/spec, sections 10.5 and 11.3). Organisations count, not keys. */
import { openCosignatures, openLines, parseCheckpoint } from "./checkpoint.js";
import { parseNote } from "./note.js";
import { failed } from "./problem.js";
import { countVoting, STATEMENTS } from "./trust.js";

/** How much weight a checkpoint has, from the least to the most. */
const TIERS = Object.freeze(["solo", "witnessed", "consortium"]);

/**
 * @typedef {Object} Head
 * @property {import("./checkpoint.js").Checkpoint} checkpoint
 * @property {Uint8Array} note
 * @property {boolean} signed whether a key of the ledger signed it
 * @property {{organisation: string, statement: string, time: bigint}[]} voices
 * @property {number} quorum
 * @property {number} known how many organisations the trust file lists
 * @property {string} tier
 * @property {string} basis
 * @property {string[]} basisBy
 * @property {bigint | null} quorumTime POSIX seconds at or after which a whole quorum cosigned
 */

/** Verify a signed checkpoint against a trust file. @param {Uint8Array} raw @returns {Promise<Head>} */
export async function openHead(raw, trust) {
  const note = parseNote(raw);
  const checkpoint = parseCheckpoint(note.text);
  if (checkpoint.origin !== trust.origin) {
    const message = `this is about the ledger ${checkpoint.origin}, the trust file is about ${trust.origin}`;
    throw failed(2, "origin", message, "Use the trust file of the ledger that the proof is about.");
  }
  const signed = await openLines(note, trust.logKeys);
  const votes = trust.cosigners.some((each) => each.statement === "voted");
  const unknown = failed(3, "log-key-unknown", "no key of the ledger signed this checkpoint", "Ask for one that its key signed.");
  if (!signed && !votes) throw unknown;
  const voices = await hearVoices(note, trust);
  const { tier, basis } = weighVoices(voices, trust.quorum);
  const voting = trust.quorum > 0 && trust.quorum <= countVoting(trust);
  if (!signed && !(voices.length && voting)) throw unknown;
  const basisBy = basis === "asserted" ? [] : listStating(voices, basis === "voted" ? "voted" : "replayed");
  const times = voices.map((voice) => voice.time).sort((one, other) => (one < other ? 1 : -1));
  const quorumTime = tier === "solo" ? null : times[trust.quorum - 1];
  const known = trust.organisations.length;
  const head = { checkpoint, note: raw, signed, voices, quorum: trust.quorum, known, tier, basis, basisBy, quorumTime };
  // A silent publisher stops nobody: where organisations vote, their quorum stands in for the log's own line.
  if (!signed) checkTier(head, "consortium");
  return head;
}

/** Check that a checkpoint has at least a tier: step 4. @param {Head} head @param {string} [wanted] else what the quorum promises */
export function checkTier(head, wanted) {
  const asked = wanted ?? (head.quorum ? "witnessed" : "solo");
  if (TIERS.indexOf(head.tier) >= TIERS.indexOf(asked)) return;
  const voting = asked === "consortium";
  const counted = voting ? listStating(head.voices, "voted").length : head.voices.length;
  throw failed(
    4,
    "quorum",
    `${counted} of ${head.known} organisations ${voting ? "voted for" : "cosigned"} this checkpoint, and ${head.quorum || "a quorum"} must have`,
    "Ask for the proof again once more organisations have cosigned.",
  );
}

async function hearVoices(note, trust) {
  const owners = new Map(trust.cosigners.map((each) => [each.verifier, each]));
  const voices = new Map();
  for (const [verifier, time] of await openCosignatures(note, [...owners.keys()])) {
    const { organisation, statement } = owners.get(verifier);
    const heard = voices.get(organisation) ?? { organisation, statement, time };
    const strongest = Math.max(STATEMENTS.indexOf(heard.statement), STATEMENTS.indexOf(statement));
    voices.set(organisation, {
      organisation,
      statement: STATEMENTS[strongest],
      time: heard.time > time ? heard.time : time,
    });
  }
  return [...voices.keys()].sort().map((organisation) => voices.get(organisation));
}

function weighVoices(voices, quorum) {
  if (!quorum || voices.length < quorum) return { tier: "solo", basis: "asserted" };
  if (listStating(voices, "voted").length >= quorum) return { tier: "consortium", basis: "voted" };
  return { tier: "witnessed", basis: listStating(voices, "replayed").length >= quorum ? "replayed-by" : "asserted" };
}

function listStating(voices, least) {
  const rank = STATEMENTS.indexOf(least);
  return voices.filter((voice) => STATEMENTS.indexOf(voice.statement) >= rank).map((voice) => voice.organisation);
}
