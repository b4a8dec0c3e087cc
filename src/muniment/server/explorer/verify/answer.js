/** Answers and bundles: their form, and what of it the schema does not say (docs/spec, sections 10.2 and 11.5): step 1. */
import { toUtf8 } from "./bytes.js";
import { readCheckpoint } from "./checkpoint.js";
import { decodeFile, encodeJson } from "./encoding.js";
import { checkAscending } from "./order.js";
import { checkPathForm } from "./path.js";
import { invalid } from "./problem.js";
import { parseReceipt } from "./receipt.js";
import { checkStruct } from "./schema.js";
import { MAX_RECORD_BYTES } from "./state_map.js";

export const ANSWER_FORMAT = "urn:muniment:answer:v1";
export const BUNDLE_FORMAT = "urn:muniment:bundle:v1";
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const MAX_BUNDLE_BYTES = 128 * 1024 * 1024;
const OMITTED = Object.freeze({ genesis: [], states: [], streams: [], events: [], disclosures: [], path: [] });

/** Read an answer; nothing in it is verified. @param {Uint8Array} raw @returns {any} with empty arrays where they are absent */
export function decodeAnswer(raw) {
  const answer = decodeFile(raw, MAX_ANSWER_BYTES);
  checkStruct("Answer", answer);
  return arrangeAnswer(answer);
}

/** Read a bundle; nothing in it is verified. @param {Uint8Array} raw @returns {any} */
export function decodeBundle(raw) {
  const bundle = decodeFile(raw, MAX_BUNDLE_BYTES);
  checkStruct("Bundle", bundle);
  const { answers = [], receipts = [], checkpoints, path = [], trust } = bundle;
  if (!answers.length && !receipts.length) throw invalid("empty-bundle", "the bundle holds neither an answer nor a receipt");
  const arranged = answers.map(arrangeAnswer);
  if (arranged.some((each) => each.path.length)) throw invalid("path-form", "an answer in a bundle has a path of its own");
  checkPathForm(path);
  for (const each of receipts) parseReceipt(each.receipt);
  checkAscending(
    "the checkpoints of the bundle",
    checkpoints.map((each) => readCheckpoint(toUtf8(each.note)).size),
  );
  return { answers: arranged, receipts, checkpoints, path, trust };
}

/** Check orders, and what is kept as it stands. */
function arrangeAnswer(answer) {
  const whole = { ...OMITTED, ...answer };
  const indicesOf = (items) => items.map((each) => each.index);
  checkAscending("entries", indicesOf(whole.entries));
  checkAscending(
    "states",
    whole.states.map((each) => each.name),
  );
  checkAscending(
    "disclosures",
    whole.disclosures.map((each) => each.sealed),
  );
  checkAscending(
    "streams",
    whole.streams.map((each) => each.stream),
  );
  for (const each of whole.streams) checkAscending("indices", each.indices);
  checkAscending("events", indicesOf(whole.events));
  // An entry stands in a file once, so that nothing in it can be told in two ways.
  checkAscending(
    "entries and events",
    [...indicesOf(whole.events), ...indicesOf(whole.entries)].sort((one, other) => one - other),
  );
  if (whole.question.ask === "state") checkAscending("streams", whole.question.streams);
  for (const each of whole.states) {
    if (each.value !== undefined && encodeJson(each.value).length > MAX_RECORD_BYTES) throw invalid("too-long", "a record is too long");
  }
  checkPathForm(whole.path);
  if (whole.history !== undefined) checkAscending("history", indicesOf([...whole.history.events, ...(whole.history.later ?? [])]));
  return whole;
}
