/** Events: a statement is accepted in exactly one form (docs/spec, sections 3.3 and 12). */
import { checkDecimal, checkNumber, isAtMost } from "./decimal.js";
import { decodeJson, formatJson, isObject } from "./encoding.js";
import { checkOrder, citedThing } from "./order.js";
import { checkPolicy } from "./policy.js";
import { invalid } from "./problem.js";
import { checkStruct } from "./schema.js";
import { listOwnStreams, listSubjects } from "./stream.js";
import { EVENTS, MAX_PAYLOAD_BYTES } from "./vocabulary.js";

export const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
const PREDICATE_TYPE = /^urn:muniment:event:(.*):v1$/s;
const MAX_STREAMS = 256;
const MAX_STREAMS_OF_TARGET = 254;
const MAX_CHARACTERS_OF_TARGET = 46_000;

/**
 * Read the payload of an envelope as an event of protocol 1.
 *
 * @param {Uint8Array} payload
 * @returns {Promise<{name: string, said: any, subjects: any[]}>} what is said is the predicate
 */
export async function decodeEvent(payload) {
  const statement = decodeJson(payload, MAX_PAYLOAD_BYTES);
  if (!isObject(statement) || statement._type !== STATEMENT_TYPE || typeof statement.predicateType !== "string") {
    throw invalid("not-a-statement", "this is no in-toto statement");
  }
  const name = PREDICATE_TYPE.exec(statement.predicateType)?.[1];
  if (name === undefined || !Object.hasOwn(EVENTS, name)) {
    throw invalid("unknown-event", "this is no event of protocol 1", "", { statement });
  }
  const { predicate: said, subject } = statement;
  if (Object.keys(statement).length !== 4 || !Array.isArray(subject) || !subject.length) throw invalid("schema", "no statement of ours");
  for (const each of subject) checkStruct("Subject", each);
  checkStruct(EVENTS[name], said);
  if (name === "policy.amended") checkPolicy(said.policy);
  checkOrder(EVENTS[name], said);
  (said.cites ?? []).forEach(citedThing);
  FORM_CHECKS[name]?.(said);
  await checkStreams(name, said);
  const subjects = await listSubjects(name, said);
  if (formatJson(subject) !== formatJson(subjects)) throw invalid("subject", "the subject is not what the event is about");
  return { name, said, subjects };
}

async function checkStreams(name, said) {
  const streams = new Set([`acts/${said.actor}`, ...(await listOwnStreams(name, said))]);
  const characters = [...streams].reduce((sum, stream) => sum + stream.length, 0);
  const wide = streams.size > MAX_STREAMS_OF_TARGET || characters > MAX_CHARACTERS_OF_TARGET;
  if (streams.size > MAX_STREAMS || (wide && name !== "record.amended")) {
    throw invalid("too-many-streams", `the event touches ${streams.size} streams`);
  }
}

/** Say why an event has no valid form. */
function requireForm(condition, sentence, code = "form") {
  if (!condition) throw invalid(code, sentence);
}

/** Whether two things are both there, or both absent. */
function agree(one, other) {
  return (one === undefined) === (other === undefined);
}

function checkPeriod(said) {
  requireForm(said.periodStartAt <= said.periodEndAt, "a period ends after it begins");
}

function checkMetrics(metrics = []) {
  for (const metric of metrics) checkDecimal(metric.value);
}

/** What the fields of an event must say together (docs/spec, section 12.3). */
const FORM_CHECKS = Object.freeze({
  "dataset.transformed": (said) => {
    requireForm(!said.inputs.some((each) => said.outputs.includes(each)), "a data set cannot be made out of itself");
  },
  "training.finished": (said) => {
    checkMetrics(said.metrics);
    for (const field of ["durationSeconds", "computeFlop", "energyKwh"]) checkNumber(field, said[field]);
  },
  "model.registered": (said) => {
    requireForm(said.data === undefined || said.run === undefined, "data is named only where there is no run");
    requireForm(!(said.parents ?? []).includes(said.version), "a version cannot be made of itself");
  },
  "parameter.changed": ({ of, old, new: value }) => {
    const placed = of.version === undefined ? of.environment !== undefined && of.name !== undefined : true;
    const alone = of.version === undefined || (of.environment === undefined && of.name === undefined);
    requireForm(placed && alone, "a parameter belongs to {version} or to {environment, name}", "one-form");
    requireForm(old !== undefined || value !== undefined, "a change has an old value, a new one or both");
  },
  "evaluation.planned": (said) => checkNumber("threshold", said.threshold),
  "evaluation.completed": (said) => checkMetrics(said.results),
  "approval.decided": ({ of, decision, revokes }) => {
    const forms = [of.version, of.policy, of.member, of.protocol].filter((each) => each !== undefined);
    const whole = forms.length === 1 && agree(of.version, of.environment) && agree(of.member, of.terms);
    requireForm(whole, "`of` is {version, environment}, {policy}, {member, terms} or {protocol}", "one-form");
    requireForm((decision === "revoke") === (revokes !== undefined), "`revokes` is there exactly where a decision is revoked");
  },
  "deployment.changed": ({ trafficShare: share }) => {
    checkNumber("trafficShare", share);
    requireForm(share === undefined || (isAtMost("0", share) && isAtMost(share, "1")), "trafficShare is between 0 and 1");
  },
  "ownership.offered": (said) => requireForm(said.from !== said.to, "a model is handed over to somebody else"),
  "actor.enrolled": (said) => {
    requireForm(said.kind !== "person" || said.responsible === undefined, "a person answers for himself");
  },
  "key.changed": ({ change, key, proof, replaces, fromIndex, expiresAt }) => {
    const added = change === "add" || change === "rotate";
    requireForm(added === (proof !== undefined), "`proof` is there exactly where a key is added");
    requireForm((change === "rotate") === (replaces !== undefined), "`replaces` is there exactly where a key is rotated");
    requireForm((change === "compromise") === (fromIndex !== undefined), "`fromIndex` is for a compromised key");
    requireForm(added || expiresAt === undefined, "`expiresAt` is for a key that is added");
    requireForm(replaces !== key, "a key is replaced by another one");
  },
  "member.changed": ({ member, change, validatorKey, cosignerKey, publisherKey }) => {
    requireForm(member !== "none", "no organisation is called none");
    const named = [validatorKey, cosignerKey].filter((each) => each !== undefined).length;
    const wanted = { admit: [2], rotate: [1, 2] }[change] ?? [0];
    requireForm(wanted.includes(named), "both keys are there for an admission, at least one for a rotation, else none");
    requireForm(named < 2 || validatorKey !== cosignerKey, "a validator's key is not the cosigning key");
    requireForm((change === "publish") === (publisherKey !== undefined), "`publisherKey` is there exactly to publish");
  },
  "change.classified": (said) => requireForm(said.from !== said.to, "a change leads from one version to another"),
  "operation.logged": (said) => {
    checkPeriod(said);
    checkNumber("samplingRate", said.samplingRate);
  },
  "monitoring.reported": (said) => {
    checkPeriod(said);
    checkMetrics(said.metrics);
    if (said.drift !== undefined) checkDecimal(said.drift.statistic);
    checkNumber("threshold", said.drift?.threshold);
  },
});
