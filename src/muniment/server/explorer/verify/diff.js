/** How two versions differ (docs/spec, section 10.7, "Diff"): facts that differ, or that one side lacks. */
import { weighApproval } from "./claim.js";
import { formatJson } from "./encoding.js";
import { checkKind, leaveOut, requireRecord } from "./inquiry.js";
import { orderOfSlice } from "./order.js";
import { ownerStream } from "./stream.js";

const AREAS = Object.freeze(["registration", "data", "parents", "parameters", "code", "environment", "seed", "metrics", "approvals"]);
const HYPERPARAMETER = "hyperparameter";

/**
 * @typedef {Object} Fact
 * @property {string} area
 * @property {string} key how it reads
 * @property {string[]} parts what it is about
 * @property {string | number | boolean} [value] absent where it is said no longer
 */

/** How do two versions differ? */
export function answerDiff({ ask, a, b }, ground) {
  checkKind(a, "version");
  checkKind(b, "version");
  const names = [ground.title(a), ground.title(b)];
  if (ground.read(a) === null || ground.read(b) === null) return { findings: { ask, names, recorded: false }, word: "absent" };
  const [left, right] = [collectFacts(ground, a), collectFacts(ground, b)];
  const topics = [...new Map([...left, ...right]).entries()].sort(([, one], [, other]) => compareFacts(one, other));
  const differences = topics
    .filter(([topic]) => left.get(topic)?.value !== right.get(topic)?.value)
    .map(([topic, { area, key }]) => describeDifference(area, key, left.get(topic)?.value, right.get(topic)?.value));
  const same = topics.length - differences.length;
  return { findings: leaveOut({ ask, differences, names, recorded: true, same: same || undefined }), word: "complete" };
}

function describeDifference(area, key, a, b) {
  const sealed = [a, b].some((value) => typeof value === "string" && value.startsWith("sealed:"));
  return leaveOut({ a, area, b, key, sealed: sealed || undefined });
}

function compareFacts(one, other) {
  const places = [[AREAS.indexOf(one.area), AREAS.indexOf(other.area)], [one.key, other.key]];
  for (const [at, part] of one.parts.entries()) places.push([part, other.parts[at]]);
  const [left, right] = places.find(([first, second]) => first !== second) ?? [0, 0];
  return left < right ? -1 : Number(left > right);
}

/** The facts of a version by area and parts; where an entry says again what one before it said, the newest counts. */
function collectFacts(ground, stream) {
  const version = ground.read(stream);
  const run = version.run === undefined ? [] : ground.events(`run/${version.run}`);
  const own = ground.events(stream);
  const { said } = ground.find(version.made, "model.registered", stream);
  const told = [
    ...stateFacts("registration", said, ["architecture", "derivation", "format", "licence", "parameterCount", "precision"]),
    ...listSources(ground, said, run),
    ...run.flatMap(listRunFacts),
    ...own.flatMap((signed) => listLifeFacts(ground, stream, signed)),
  ];
  const facts = new Map(told.map((fact) => [formatJson([fact.area, ...fact.parts]), fact]));
  return new Map([...facts].filter(([, fact]) => fact.value !== undefined));
}

function stateFacts(area, said, fields) {
  return fields.map((key) => ({ area, key, parts: [key], value: said[key] }));
}

/** What the version was made of, each with all that it was used as: by the registration, then by the run. */
function listSources(ground, said, run) {
  const used = new Map();
  const use = (stream, role) => used.set(stream, new Set([...(used.get(stream) ?? []), role]));
  for (const each of said.data ?? []) use(`data/${each}`, "training");
  for (const each of said.parents ?? []) use(`version/${each}`, said.derivation);
  for (const started of run.filter((each) => each.event === "training.started")) {
    for (const each of started.said.inputs ?? []) use(`data/${each.data}`, each.role);
    for (const each of started.said.baseVersions ?? []) use(`version/${each}`, "base");
  }
  return [...used].map(([stream, roles]) => {
    const isData = stream.startsWith("data/");
    const withdrawn = isData && ground.read(stream)?.withdrawn !== undefined;
    const value = [...roles, ...(withdrawn ? ["withdrawn"] : [])].join(", ");
    return { area: isData ? "data" : "parents", key: ground.title(stream), parts: [stream], value };
  });
}

function listRunFacts({ event, said }) {
  if (event === "training.finished") return (said.metrics ?? []).map((metric) => measureFact(metric, "in training"));
  if (event !== "training.started") return [];
  return [
    ...stateFacts("code", said, ["containerDigest", "dirtyDigest", "entryPoint", "gitCommit"]),
    ...stateFacts("environment", said, ["environmentDigest", "hardwareClass"]),
    ...stateFacts("seed", said, ["seed"]),
    ...(said.parameters ?? []).map((each) => parameterFact(HYPERPARAMETER, each.key, each.value)),
  ];
}

/** What was set, measured and decided since the version was registered. */
function listLifeFacts(ground, stream, { index, event, said }) {
  if (event === "parameter.changed" && ownerStream(said.of) === stream) return [parameterFact(said.target, said.path, said.new)];
  if (event === "evaluation.completed" && `version/${said.version}` === stream) {
    const where = said.datasetRole === undefined ? "evaluated" : `on ${said.datasetRole}`;
    return said.results.map((metric) => measureFact(metric, where));
  }
  if (event === "approval.decided" && `version/${said.of.version}` === stream && said.decision !== "revoke") {
    const approval = requireRecord(ground.read(`approval/${said.eventId}`), `approval/${said.eventId}`);
    const standing = said.decision === "approve" ? weighApproval(approval, ground) : approval.status;
    const key = `${said.of.environment} by ${said.actor} in entry ${index}`;
    return [{ area: "approvals", key, parts: [said.eventId], value: `${said.decision}, ${standing}` }];
  }
  return [];
}

function parameterFact(target, path, value) {
  const key = target === HYPERPARAMETER ? path : `${target} ${path}`;
  return { area: "parameters", key, parts: [target, path], value: showValue(value) };
}

function measureFact({ metric, value, slice }, where) {
  const listed = (slice ?? []).map((each) => `${each.key}=${showValue(each.value)}`).join(", ");
  const key = `${metric} ${where}${listed ? ` (${listed})` : ""}`;
  return { area: "metrics", key, parts: [metric, where, orderOfSlice(slice)], value };
}

/** A value of a parameter; of a text that is not shown its digest, or where there is none the commitment. */
function showValue(value) {
  if (typeof value !== "object") return value;
  return value.digest === undefined ? `sealed:${value.sealed}` : `sha256:${value.digest}`;
}
