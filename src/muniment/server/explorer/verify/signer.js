/** How the key stood at the entry that it signed, and who its actor is: step 10 (docs/spec, section 10.5). */
import { disputes, readState } from "./ground.js";
import { failed } from "./problem.js";

/**
 * Who signed, from the records of his key and of himself. Ended and disputed are said, and do not fail: admission is final.
 *
 * @param {import("./statement.js").Signed} signed
 * @param {import("./tree.js").Block | null} block that sealed it, where that is shown
 * @param {Map<string, any>} records
 */
export function checkSigner(signed, block, records) {
  const key = takeState(`key/${signed.key}`, records, "key-unknown", "key");
  checkKey(signed, key, block);
  const stream = `actor/${signed.actor}`;
  const person = takeState(stream, records, "actor-unknown", "actor");
  const ended = key.until === undefined ? "in-force" : "ended";
  return {
    actor: signed.actor,
    key: signed.key,
    standing: disputes(key, signed.index) ? "disputed" : ended,
    since: key.since,
    until: key.until,
    disputedFrom: key.disputedFrom,
    kind: person.kind,
    organisation: person.organisation,
    responsible: person.responsible ?? [],
    roles: person.roles ?? [],
    status: person.status ?? "active",
    unchanged: records.get(stream).last < signed.index,
  };
}

/** Could this key sign this entry when it was admitted? */
function checkKey({ index, actor }, key, block) {
  if (key.actor !== actor) throw failed(10, "key-actor", `entry ${index} names ${actor} and is signed with a key of ${key.actor}`);
  // What enrols or ends a key stands at `since` or `until` itself; genesis enrols at 0, before any event.
  if (index <= key.since) throw failed(10, "key-early", `entry ${index} is signed with a key that was enrolled at entry ${key.since}`);
  if (key.until !== undefined && index > key.until) {
    throw failed(10, "key-ended", `entry ${index} is signed with a key that ended at entry ${key.until}`);
  }
  if (key.expires !== undefined && block !== null && key.expires <= block.time) {
    throw failed(10, "key-expired", `entry ${index}, sealed at ${block.time}, is signed with a key that expired ${key.expires}`);
  }
}

function takeState(stream, records, code, what) {
  if (!records.has(stream)) throw failed(10, "signer-missing", `this file does not show how the ${what} of an entry stands (${stream})`);
  const record = records.get(stream);
  if (record === null) throw failed(10, code, `the ledger knows no such ${what}: ${stream}`);
  return readState(record, stream);
}
