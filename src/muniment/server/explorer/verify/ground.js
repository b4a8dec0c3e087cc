/**
 * What an answer proves and nothing else: records, whole streams and single entries (docs/spec, sections 10.5 and 10.7): step 11.
 *
 * What a question asks for and does not find fails with the name of what is missing, and so does what nobody asked for.
 */
import { fromHex, readBase64, toHex } from "./bytes.js";
import { hashLeaf } from "./merkle.js";
import { failed, VerificationError } from "./problem.js";
import { checkStruct } from "./schema.js";
import { checkRecord, checkStateProof, foldHead, keyOf } from "./state_map.js";
import { deploymentStream } from "./stream.js";
import { describeBlock } from "./tree.js";

/** The struct of the state of each kind of stream that a question reads. */
const STATES = Object.freeze({
  actor: "ActorState",
  approval: "ApprovalState",
  data: "DataState",
  deployment: "DeploymentState",
  incident: "IncidentState",
  key: "KeyState",
  run: "RunState",
  version: "VersionState",
  waiver: "WaiverState",
});

/** The streams whose records name an event as the one that made them what they are. */
const MAKES = Object.freeze({
  "model.registered": (said) => [`version/${said.version}`],
  "dataset.transformed": (said) => said.outputs.map((each) => `data/${each}`),
  "dataset.withdrawn": (said) => [`data/${said.data}`],
  "training.started": (said) => [`run/${said.eventId}`],
  "deployment.changed": (said) => [deploymentStream(said.environment, said.name)],
});

/** The proved parts of one answer. */
export class Ground {
  /**
   * @param {import("./tree.js").Tree} tree
   * @param {Map<string, any>} records null where a stream is shown to be absent
   * @param {Map<number, import("./statement.js").Signed>} signed every event of the file
   */
  constructor(tree, records, signed) {
    this.tree = tree;
    this.records = records;
    this.signed = signed;
    this.head = describeBlock(tree.head);
    /** @type {Map<string, number[]>} */
    this.streams = new Map();
    this.asked = new Set();
  }

  /** A record that is proved, or null where nothing ever touched the stream. */
  record(stream) {
    if (!this.records.has(stream)) throw failed(11, "state-missing", `this file does not show ${stream}`);
    return this.records.get(stream);
  }

  /** The state of a stream in the form of its kind, or null. */
  read(stream) {
    const record = this.record(stream);
    return record === null ? null : readState(record, stream);
  }

  /** All events of a stream that this release knows, ascending. @returns {import("./statement.js").Signed[]} */
  events(stream) {
    return this.indices(stream)
      .map((index) => this.signed.get(index))
      .filter((each) => each !== undefined && each.known);
  }

  /** The indices of all entries of a stream, ascending. @returns {number[]} */
  indices(stream) {
    if (this.record(stream) === null) return [];
    if (!this.streams.has(stream)) {
      throw failed(11, "stream-missing", `this file does not hold the events of ${stream}, which its question leads to`);
    }
    this.asked.add(stream);
    return this.streams.get(stream);
  }

  /** The event that a record names, which must be of a kind, and about what the record is of. */
  find(index, event, stream) {
    if (!this.signed.has(index) && this.tree.entries.get(index) === undefined) {
      throw failed(11, "event-missing", `this file does not hold entry ${index}, which its question leads to`);
    }
    const found = this.signed.get(index);
    if (found === undefined || !found.known || found.event !== event || !MAKES[event](found.said).includes(stream)) {
      throw failed(11, "event-kind", `the record of ${stream} names entry ${index}, which is no ${event} of it`);
    }
    return found;
  }

  /** The block that sealed an entry. */
  block(index) {
    const found = this.tree.sealing(index);
    if (found === null) throw failed(8, "header-successor", `the block that sealed entry ${index} is not shown`);
    return found;
  }

  /** What people call a thing: `credit-risk@3` for a version or data set, else the stream without its kind. */
  title(stream) {
    const [kind, ...rest] = stream.split("/");
    if (kind === "version" || kind === "data") {
      const state = this.read(stream);
      return state === null ? stream : `${kind === "version" ? state.model : state.name}@${state.ordinal}`;
    }
    return rest.join("/") || stream;
  }

  /** Check that the question needed every stream of the file. */
  checkAsked() {
    const unasked = [...this.streams.keys()].find((stream) => !this.asked.has(stream));
    if (unasked !== undefined) throw failed(11, "stream-unasked", `this file holds the events of ${unasked}, which nobody asked for`);
  }
}

/** The state in a record, in the form of its kind, absent sets and counts as they are meant. @returns {any} */
export function readState(record, stream) {
  const struct = STATES[stream.split("/")[0]];
  try {
    checkStruct(struct, record.state, true);
  } catch (error) {
    throw error instanceof VerificationError
      ? failed(11, "state-record", `the record of ${stream} has not the form of its kind: ${error.message}`)
      : error;
  }
  return record.state;
}

/** Is what a key signed at an entry disputed by now? @returns {boolean} */
export function disputes(key, index) {
  return key.disputedFrom !== undefined && key.disputedFrom <= index;
}

/** The records that are proved under a header. @returns {Promise<Map<string, any>>} */
export async function openStates(proofs, header) {
  const records = new Map();
  for (const proof of proofs) {
    const record = await checkStateProof(fromHex(header.state), proof);
    if (record !== null) checkShown(proof.name, record, header);
    records.set(proof.name, record);
  }
  return records;
}

function checkShown(stream, record, header) {
  try {
    checkRecord(record);
  } catch (error) {
    throw error instanceof VerificationError ? failed(11, "state-record", `the record of ${stream} has no valid form: ${error.message}`) : error;
  }
  if (record.last > header.size) throw failed(11, "state-future", `the record of ${stream} counts an entry after the newest header`);
}

/** Check that every stream of a file is whole, and that its streams bind all its events. @param {Ground} ground */
export async function openStreams(answer, ground) {
  const leaves = new Map();
  for (const each of answer.events) leaves.set(each.index, await hashLeaf(readBase64(each.entry)));
  for (const { stream, indices } of answer.streams) {
    const record = ground.record(stream);
    const count = record === null ? 0 : record.count;
    if (indices.length !== count) throw failed(11, "history-count", `this file holds ${indices.length} of the ${count} events of ${stream}`);
    if (indices[0] !== record.first || indices.at(-1) !== record.last) {
      throw failed(11, "history-order", `the events of ${stream} do not begin and end where its record says`);
    }
    let head = await keyOf(stream);
    for (const index of indices) {
      const leaf = leaves.get(index) ?? ground.tree.entries.get(index)?.folded;
      if (leaf === undefined) throw failed(11, "event-missing", `this file does not hold entry ${index} of ${stream}`);
      head = await foldHead(head, index, leaf);
    }
    if (toHex(head) !== record.head) throw failed(11, "history-head", `the events handed over are not the events of ${stream}`);
    ground.streams.set(stream, indices);
  }
  const bound = new Set([...ground.streams.values()].flat());
  const unbound = [...leaves.keys()].find((index) => !bound.has(index));
  if (unbound !== undefined) throw failed(11, "event-unbound", `no stream in this file binds entry ${unbound}`);
}
