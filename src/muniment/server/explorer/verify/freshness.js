/** How old a checkpoint is, and by whose clock: step 6 (docs/spec, section 10.5). */
import { failed, invalid } from "./problem.js";

const MAX_AHEAD_US = 300_000_000n;
const END_OF_CALENDAR = 253_402_300_800n;

/**
 * Each time that bounds a checkpoint, with its clock; the one that freshness is judged by comes first.
 *
 * @param {import("./authority.js").Head} head
 * @param {import("./tree.js").Block | null} block
 * @returns {{whose: string, time: string}[]}
 */
export function readClocks(head, block) {
  const clocks = [];
  if (head.quorumTime !== null) {
    clocks.push({ whose: `a quorum of ${head.quorum} cosigning organisations, each by its own clock`, time: formatPosix(head.quorumTime) });
  }
  if (block !== null) clocks.push({ whose: `header time, ${sealingClock(head.tier)}`, time: block.time });
  for (const voice of head.voices) {
    clocks.push({ whose: `cosignature of ${voice.organisation}, its own clock`, time: formatPosix(voice.time) });
  }
  return clocks;
}

/** Whose claim the time in a header is. @param {string} tier @returns {string} */
export function sealingClock(tier) {
  return tier === "consortium" ? "its proposer's clock, which the voters found right" : "the operator's claim";
}

/** Check that a checkpoint is at most so many seconds old; false where no age was asked for. @returns {boolean} */
export function checkFreshness(clocks, now, maxAge) {
  if (maxAge === undefined) return false;
  if (now === undefined || maxAge < 0) throw invalid("no-clock", "an age is judged by a clock: give the time as well");
  if (!clocks.length) throw failed(6, "stale", "nothing says how old this checkpoint is");
  const [{ time, whose }] = clocks;
  const age = readMicroseconds(now) - readMicroseconds(time);
  if (age < -MAX_AHEAD_US) {
    throw failed(6, "clock", `the checkpoint is of ${time} (${whose}), later than now, ${now}`, "Set this machine's clock right.");
  }
  if (age > BigInt(maxAge) * 1_000_000n) {
    const hint = "Ask the ledger for a new answer, or another member's node; this one may hide what happened since.";
    throw failed(6, "stale", `the checkpoint is of ${time} (${whose}), more than ${maxAge} s before ${now}`, hint);
  }
  return true;
}

function formatPosix(seconds) {
  if (seconds >= END_OF_CALENDAR) throw failed(6, "clock", `a cosignature is of ${seconds} seconds after 1970`);
  return new Date(Number(seconds) * 1000).toISOString().replace("Z", "000Z");
}

function readMicroseconds(time) {
  const milliseconds = Date.parse(`${time.slice(0, 19)}Z`);
  if (Number.isNaN(milliseconds) || !/^.{19}\.[0-9]{6}Z$/.test(time)) throw invalid("bad-time", `${time} is no moment of the calendar`);
  return BigInt(milliseconds) * 1000n + BigInt(time.slice(20, 26));
}
