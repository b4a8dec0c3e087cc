/** May a version start under a name in an environment now? (docs/spec, section 10.7, "Gate") */
import { climbLineage, pathTo } from "./derivation.js";
import { disputes } from "./ground.js";
import { leaveOut, requireRecord } from "./inquiry.js";
import { failed } from "./problem.js";
import { deploymentStream } from "./stream.js";

const WAIVED_BY_NAME = Object.freeze(["hold", "retired", "withdrawn"]);
const GATE = "gate";
const MAX_TOLD = 16;

/**
 * @typedef {Object} Objection something that speaks against the start
 * @property {string} rule
 * @property {string[]} about
 * @property {number} [index] the entry since which it is so
 */

/** Everything that speaks against the start as of the newest header, and what lifts it. */
export function answerGate(question, ground) {
  const { ask, environment, name } = question;
  const place = deploymentStream(environment, name);
  const subject = `version/${question.version}`;
  const version = ground.read(subject);
  const deployment = ground.read(place);
  const objections = version === null ? [{ rule: "unknown", about: [subject] }] : [];
  objections.push(...judgePlace(place, question.version, deployment));
  const change = deployment === null || objections.length ? null : findChange(question, place, deployment, ground);
  if (change !== null) objections.push(...judgeNamed(change, ground));
  const carried = listCarrying(question, change, version, ground);
  const ended = carried.filter(({ expires }) => expires <= ground.head.time);
  objections.push(...ended.map(({ stream }) => ({ rule: "waiver-expired", about: [stream] })));
  if (version !== null) objections.push(...judgeVersion(subject, version, ground));
  const waivers = new Map([
    ...findWaivers(question, question.waivers ?? [], ground, [GATE]),
    ...findWaivers(question, change?.waivers ?? [], ground, WAIVED_BY_NAME),
  ]);
  const judged = objections.map((each) => liftObjection(each, waivers, ground));
  const lifting = [...waivers].filter(([id]) => judged.some((each) => each.waiver === id)).map(([, waiver]) => waiver);
  const resting = carried.filter(({ expires }) => expires > ground.head.time);
  const allowed = judged.every((each) => each.waiver !== undefined);
  const findings = leaveOut({
    allowed,
    ask,
    objections: judged,
    place,
    since: change === null ? undefined : deployment.since,
    standing: (question.keys ?? []).map((key) => describeStanding(key, ground)),
    title: ground.title(subject),
    until: [...lifting, ...resting].map((each) => each.expires).sort()[0],
  });
  return { findings, word: allowed ? "holds" : "fails" };
}

/** What runs there by the record is this version; a stopped deployment runs nothing. @returns {Objection[]} */
function judgePlace(place, version, deployment) {
  if (deployment === null) return [{ rule: "not-deployed", about: [place] }];
  if (deployment.status !== "running") return [{ rule: "not-deployed", about: [place], index: deployment.since }];
  if (deployment.version === version) return [];
  return [{ rule: "other-version", about: [place, `version/${deployment.version}`], index: deployment.since }];
}

function findChange(question, place, deployment, ground) {
  const { said } = ground.find(deployment.since, "deployment.changed", place);
  if (said.version !== question.version) {
    throw failed(11, "event-kind", `the record of ${place} names entry ${deployment.since}, which says something else`);
  }
  return said;
}

/** What was said about the version, and about what it was made of, whenever that was. @returns {Objection[]} */
function judgeVersion(subject, version, ground) {
  const objections = [];
  if (version.status !== "registered") objections.push({ rule: "retired", about: [subject] });
  if (version.holds) objections.push({ rule: "hold", about: [subject] });
  const { steps, exceeded } = climbLineage(ground, subject);
  if (exceeded) objections.push({ rule: "ancestry-limit", about: [subject] });
  const withdrawn = steps
    .filter(({ stream }) => stream.startsWith("data/"))
    .map(({ stream }) => ({ rule: "withdrawn", about: pathTo(steps, stream), index: ground.read(stream)?.withdrawn }))
    .filter(({ index }) => index !== undefined);
  return [...objections, ...withdrawn.slice(0, MAX_TOLD)];
}

/** The approvals and waivers that the deployment rests on, or for a rollback those by which the version came there before. */
function judgeNamed(change, ground) {
  const admissions = change.transition === "rollback" ? listAdmissions(change, ground) : [change];
  const approvals = new Set(admissions.flatMap((each) => each.approvals ?? []));
  const waivers = new Set(admissions.flatMap((each) => each.waivers ?? []));
  return [
    ...[...approvals].flatMap((id) => disputeObjection("approval-disputed", `approval/${id}`, ground)),
    ...[...waivers].flatMap((id) => disputeObjection("waiver-disputed", `waiver/${id}`, ground)),
  ];
}

function listAdmissions(change, ground) {
  return ground
    .events(`version/${change.version}`)
    .filter(({ event, said }) => {
      const same = event === "deployment.changed" && said.version === change.version && said.environment === change.environment;
      return same && ["start", "promote", "rollback"].includes(said.transition);
    })
    .map(({ said }) => said);
}

/** An objection where others may have held the key of a decision when it signed. */
function disputeObjection(rule, stream, ground) {
  const decision = requireRecord(ground.read(stream), stream);
  const key = requireRecord(ground.read(`key/${decision.keyid}`), `key/${decision.keyid}`);
  const about = [stream, `key/${decision.keyid}`];
  return disputes(key, decision.index) ? [{ rule, about, index: key.disputedFrom }] : [];
}

/** The waivers on which the start still rests: those of requirements that the version never met here. */
function listCarrying(question, change, version, ground) {
  if (change === null || version === null || (version.admitted ?? []).includes(question.environment)) return [];
  const named = [...new Set(change.waivers ?? [])].map((id) => ({ stream: `waiver/${id}`, waiver: ground.read(`waiver/${id}`) }));
  return named
    .filter(({ waiver }) => waiver !== null && ![...WAIVED_BY_NAME, GATE].includes(waiver.rule))
    .map(({ stream, waiver }) => ({ stream, expires: waiver.expires }));
}

/** The named waivers of these rules that apply to this version here and have not expired. @returns {Map<string, any>} by id */
function findWaivers({ version, environment }, named, ground, rules) {
  const found = new Map();
  for (const id of new Set(named)) {
    const waiver = ground.read(`waiver/${id}`);
    const applies =
      waiver !== null &&
      rules.includes(waiver.rule) &&
      waiver.version === version &&
      waiver.environment === environment &&
      waiver.expires > ground.head.time;
    if (!applies) continue;
    const key = requireRecord(ground.read(`key/${waiver.keyid}`), `key/${waiver.keyid}`);
    if (!disputes(key, waiver.index)) found.set(id, waiver);
  }
  return found;
}

/** The objection with names, and the waiver that lifts it longest: one of its own rule, or one of the gate. */
function liftObjection({ rule, about, index }, waivers, ground) {
  const helping = [...waivers].filter(([, waiver]) => waiver.rule === GATE || waiver.rule === rule);
  const order = ([id, waiver]) => `${waiver.expires} ${id}`;
  const [longest] = helping.sort((one, other) => (order(one) < order(other) ? 1 : -1));
  return leaveOut({ about, called: about.map((each) => ground.title(each)), index, rule, waiver: longest?.[0] });
}

function describeStanding(keyid, ground) {
  const key = ground.read(`key/${keyid}`);
  if (key === null) return { key: keyid };
  const actor = ground.read(`actor/${key.actor}`);
  const expired = key.expires !== undefined && key.expires <= ground.head.time;
  const valid = key.until === undefined && !expired && key.disputedFrom === undefined;
  const inForce = valid && actor !== null && (actor.status ?? "active") === "active";
  return leaveOut({ actor: key.actor, inForce: inForce || undefined, key: keyid });
}
