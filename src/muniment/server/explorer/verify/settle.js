/** What the proved entries and records say to the question: steps 8, 11 and 13 (docs/spec, section 10.5). */
import { fromHex, readBase64 } from "./bytes.js";
import { answerClaim } from "./claim.js";
import { answerDiff } from "./diff.js";
import { formatJson } from "./encoding.js";
import { hashFolded, openHeader } from "./entry.js";
import { answerGate } from "./gate.js";
import { readState } from "./ground.js";
import { answerBlame, answerHistory, answerImpact, answerLineage, requireRecord } from "./inquiry.js";
import { failed } from "./problem.js";
import { checkHistory, compareRecord, keyOf } from "./state_map.js";
import { DECLARED } from "./statement.js";
import { deploymentStream } from "./stream.js";

const WHOLE = Object.freeze(["promote", "rollback", "start", "stop"]);
const INQUIRIES = Object.freeze({
  blame: answerBlame,
  claim: answerClaim,
  diff: answerDiff,
  gate: answerGate,
  history: answerHistory,
  impact: answerImpact,
  lineage: answerLineage,
});

/**
 * @typedef {{name: string, digest: string}} Thing something with a digest, and what it is called
 *
 * @typedef {Object} Settled what follows from the proof
 * @property {{height: number, statuses: string[], grade?: string, findings?: any}} result
 * @property {Thing[]} things what the answer is about
 * @property {{block: any, next?: any}} [moment]
 * @property {{running: boolean, since: number, version: Thing}} [serving]
 */

/** Work out the result of a question and compare it with the one in the file. @returns {Promise<Settled>} */
export async function settleQuestion(answer, ground) {
  const { question, history, result } = answer;
  const settled = await SETTLERS[question.ask in INQUIRIES ? "inquiry" : question.ask](answer, ground);
  ground.checkAsked();
  if (history !== undefined && question.ask !== "at") {
    throw failed(11, "history-unasked", "this file holds a history that nobody asked for");
  }
  compareResult(result, settled.result);
  return settled;
}

/** A model version by its digest, called by its name and number where its record is shown. @returns {Thing} */
export function nameVersion(digest, records) {
  const stream = `version/${digest}`;
  const record = records.get(stream) ?? null;
  if (record === null) return { name: stream, digest };
  const { model, ordinal } = readState(record, stream);
  return { name: `${model}@${ordinal}`, digest };
}

/** The things that a statement is about, called by name and number where their records are shown. @returns {Thing[]} */
export function nameThings(things, records) {
  return things.map((thing) => {
    const streams = [`version/${thing.digest}`, `data/${thing.digest}`];
    const shown = streams.find((stream) => (records.get(stream) ?? null) !== null);
    return shown === undefined ? thing : listThings(shown, records)[0];
  });
}

const SETTLERS = Object.freeze({
  entry: ({ question }, ground) => {
    const header = ground.tree.entries.get(question.index).header;
    if (header !== null) return { result: { height: header.height, statuses: ["recorded"] }, things: [] };
    const signed = ground.signed.get(question.index);
    requireRelied(signed, ground);
    const { height } = ground.block(question.index);
    const result = { height, statuses: ["recorded"], grade: signed.grade ?? DECLARED };
    return { result, things: nameThings(signed.things, ground.records) };
  },
  state: ({ question }, ground) => {
    const statuses = question.streams.map((stream) => (ground.record(stream) === null ? "absent" : "present"));
    const things = question.streams.flatMap((stream) => listThings(stream, ground.records));
    return { result: { height: ground.head.height, statuses }, things };
  },
  at: settleAt,
  inquiry: async ({ question }, ground) => {
    const { findings, word } = await INQUIRIES[question.ask](question, ground);
    const result = { height: ground.head.height, statuses: [word], findings };
    return { result, things: aboutOf(question).flatMap((stream) => listThings(stream, ground.records)) };
  },
});

async function settleAt({ question: { stream, time }, history }, ground) {
  const moment = ground.tree.moment(time);
  const record = ground.record(stream);
  const status = await checkPast(stream, record, moment.block.index, history);
  const result = { height: moment.block.height, statuses: [status] };
  if (history !== undefined) checkWhole(stream, history, ground);
  if (status === "absent") return { result, moment, things: [] };
  if (!stream.startsWith("deployment/")) return { result, moment, things: listThings(stream, ground.records) };
  const basis = history === undefined ? readServing(stream, record, ground) : readPastServing(stream, history, ground);
  requireRelied(basis, ground);
  const version = nameVersion(basis.said.version, ground.records);
  const serving = { running: basis.said.transition !== "stop", since: basis.index, version };
  return { result, moment, things: [version], serving };
}

/** What an answer says about a stream as of a past header with this size (docs/spec, section 9.3). */
async function checkPast(stream, record, size, history) {
  // What that header changes itself is part of its state and folds at its own index, so the bound is one more than its size.
  const bound = size + 1;
  const standing = compareRecord(record, bound);
  if (standing !== "earlier") {
    if (history !== undefined) throw failed(11, "history-unasked", "this file holds a history where the record alone answers");
    return standing === "same" ? "unchanged" : "absent";
  }
  if (history === undefined) throw failed(11, "history-missing", `${stream} has changed since, and this file does not say what it was`);
  const events = [];
  for (const { index, entry } of history.events) {
    const raw = readBase64(entry);
    events.push([index, await hashFolded(raw, openHeader(raw, index))]);
  }
  const later = (history.later ?? []).map(({ index, leaf }) => [index, fromHex(leaf)]);
  const before = history.before === undefined ? await keyOf(stream) : fromHex(history.before);
  const start = await checkHistory(stream, record, bound, { before, events, later });
  if ((start === 1) !== (history.before === undefined)) {
    throw failed(11, "history-start", "the running head before the first event is given where none is needed, or missing");
  }
  return "earlier";
}

/** A history that does not begin with its stream begins where the whole state was set. */
function checkWhole(stream, history, ground) {
  if (history.before !== undefined && !setsWhole(ground.signed.get(history.events[0].index), stream)) {
    throw failed(11, "history-whole", `what is handed over does not begin with an event that sets the whole state of ${stream}`);
  }
}

function setsWhole(signed, stream) {
  if (!signed?.known || signed.event !== "deployment.changed" || !WHOLE.includes(signed.said.transition)) return false;
  return stream === undefined || deploymentStream(signed.said.environment, signed.said.name) === stream;
}

/** The event that made a deployment what its record says. */
function readServing(stream, record, ground) {
  const state = readState(record, stream);
  const signed = ground.find(state.since, "deployment.changed", stream);
  const stops = signed.said.transition === "stop";
  if (signed.said.version !== state.version || stops !== (state.status === "stopped")) {
    throw failed(11, "event-kind", `the record of ${stream} names entry ${state.since}, which says something else`);
  }
  return signed;
}

/** The event that made a deployment what it was after the events handed over. */
function readPastServing(stream, history, ground) {
  const found = history.events.map(({ index }) => ground.signed.get(index)).filter((signed) => setsWhole(signed));
  if (!found.length) throw failed(11, "history-whole", `nothing that is handed over says what ${stream} runs`);
  return found.at(-1);
}

/** A file shows what became of a decision, or of the approvals that a deployment names. */
function requireRelied(signed, ground) {
  for (const stream of listRelied(signed)) {
    const approval = requireRecord(ground.read(stream), stream);
    ground.record(`key/${approval.keyid}`);
  }
}

function listRelied({ event, known, said }) {
  if (!known) return [];
  if (event === "approval.decided") return [`approval/${said.revokes ?? said.eventId}`];
  return event === "deployment.changed" ? (said.approvals ?? []).map((id) => `approval/${id}`) : [];
}

/** The streams that a question with findings is about. */
function aboutOf({ ask, a, b, of, version }) {
  if (ask === "gate") return [`version/${version}`];
  return ask === "diff" ? [a, b] : [of];
}

/** The things by digest that a stream's record is about. @returns {Thing[]} */
function listThings(stream, records) {
  const record = records.get(stream) ?? null;
  if (record === null) return [];
  const digest = stream.split("/")[1];
  if (stream.startsWith("version/")) return [nameVersion(digest, records)];
  if (stream.startsWith("deployment/")) return [nameVersion(readState(record, stream).version, records)];
  if (!stream.startsWith("data/")) return [];
  const { name, ordinal } = readState(record, stream);
  return [{ name: `${name}@${ordinal}`, digest }];
}

function compareResult(claimed, found) {
  if (claimed.height !== found.height || formatJson(claimed.statuses) !== formatJson(found.statuses)) {
    throw failed(
      11,
      "result",
      `this file claims ${claimed.statuses.join(", ")} as of block ${claimed.height}; ` +
        `what it proves is ${found.statuses.join(", ")} as of block ${found.height}`,
    );
  }
  if (formatJson(claimed.findings ?? "") !== formatJson(found.findings ?? "")) {
    throw failed(11, "findings", "what this file claims to have found is not what follows from its entries and records");
  }
  if (claimed.grade !== found.grade) {
    const [one, other] = [claimed.grade, found.grade].map((grade) => grade ?? "not graded");
    throw failed(13, "grade", `this file claims evidence that is ${one}, the signed event says ${other}`);
  }
}
