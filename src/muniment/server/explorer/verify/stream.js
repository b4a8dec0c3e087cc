/** Streams that an event belongs to, and the things by digest that it is about (docs/spec, section 12.1). */
import { hashAddress, hashText } from "./digest.js";
import { formatJson } from "./encoding.js";

/** @returns {string} the stream of what serves under a name in an environment */
export function deploymentStream(environment, name) {
  return `deployment/${environment}/${name}`;
}

/** @returns {Promise<string>} the stream of one setting of a version or a deployment */
export async function parameterStream(of, target, path) {
  return `parameter/${of}/${await hashText(`${target}/${path}`)}`;
}

/** @returns {string} the stream of what a parameter belongs to */
export function ownerStream({ version, environment, name }) {
  return version === undefined ? deploymentStream(environment, name) : `version/${version}`;
}

/** The event's own streams, the first one first; `acts/<actor>` comes on top. @returns {Promise<string[]>} each once */
export async function listOwnStreams(event, said) {
  const listed = Object.hasOwn(OWN_STREAMS, event) ? await OWN_STREAMS[event](said) : (said.about ?? []);
  return [...new Set(listed)];
}

/** What the subject of the statement must be. @returns {Promise<{digest: {sha256: string}, name: string}[]>} */
export async function listSubjects(event, said) {
  let things = Object.hasOwn(THINGS, event) ? await THINGS[event](said) : named(said.about ?? []);
  if (!things.length) {
    const [first = `acts/${said.actor}`] = await listOwnStreams(event, said);
    things = [[first, await hashText(first)]];
  }
  return things.map(([name, sha256]) => ({ digest: { sha256 }, name }));
}

const versions = (digests = []) => digests.map((each) => `version/${each}`);
const datasets = (digests = []) => digests.map((each) => `data/${each}`);
const only = (kind, id) => (id === undefined ? [] : [`${kind}/${id}`]);
const version = (digest) => [[`version/${digest}`, digest]];
const nothing = () => [];
/** The data set and model versions among some streams. */
const named = (about) => about.filter((each) => /^(?:data|version)\//.test(each)).map((each) => [each, each.split("/")[1]]);

const OWN_STREAMS = Object.freeze({
  "dataset.registered": (said) => [`dataset/${said.name}`, `data/${said.data}`],
  "dataset.transformed": (said) => [...datasets(said.outputs), ...datasets(said.inputs)],
  "dataset.withdrawn": (said) => datasets([said.data]),
  "training.started": (said) => [
    `run/${said.eventId}`,
    ...datasets(said.inputs?.map((each) => each.data)),
    ...versions(said.baseVersions),
  ],
  "training.finished": (said) => [`run/${said.run}`],
  "model.registered": (said) => [
    `version/${said.version}`,
    `model/${said.model}`,
    ...versions(said.parents),
    ...datasets(said.data),
    ...only("run", said.run),
  ],
  "parameter.changed": async (said) => {
    const owner = ownerStream(said.of);
    return [owner, await parameterStream(owner, said.target, said.path)];
  },
  "model.retired": (said) => [`version/${said.version}`, `model/${said.model}`],
  "evaluation.planned": (said) => [`plan/${said.eventId}`, `model/${said.model}`],
  "evaluation.completed": (said) => [`evaluation/${said.eventId}`, `version/${said.version}`, ...only("data", said.data)],
  "approval.decided": (said) => [`approval/${said.revokes ?? said.eventId}`, ...only("version", said.of.version)],
  "waiver.granted": (said) => [`waiver/${said.eventId}`, `version/${said.version}`],
  "deployment.changed": (said) => [
    deploymentStream(said.environment, said.name),
    `version/${said.version}`,
    ...only("version", said.replaces),
  ],
  "deployment.observed": (said) => [deploymentStream(said.environment, said.name)],
  "incident.recorded": (said) => [`incident/${said.eventId}`, `version/${said.version}`],
  "incident.closed": (said) => [`incident/${said.incident}`, `version/${said.version}`],
  "ownership.offered": (said) => [`model/${said.model}`],
  "ownership.accepted": (said) => [`model/${said.model}`],
  "record.amended": (said) => [`amendment/${said.target}`, ...said.about],
  "actor.enrolled": (said) => [`actor/${said.of}`, ...(said.keys ?? []).map((each) => `key/${each.key}`)],
  "key.changed": (said) => [`key/${said.key}`, `actor/${said.of}`, ...only("key", said.replaces)],
  "policy.amended": () => ["policy"],
  "member.changed": async (said) => [
    "members",
    `member/${said.member}`,
    ...only("validator", said.validatorKey && (await hashAddress(said.validatorKey))),
    ...only("cosigner", said.cosignerKey),
  ],
  "protocol.upgraded": () => ["protocol"],
  "attempt.refused": (said) => [`attempts/${said.of}`],
  "disclosure.made": nothing,
  "ledger.linked": (said) => [`link/${said.linked}`],
  "system.registered": (said) => [`system/${said.name}`, ...(said.about ?? [])],
});

const THINGS = Object.freeze({
  "dataset.registered": (said) => [[said.name, said.data]],
  "dataset.transformed": (said) => named(datasets(said.outputs)),
  "dataset.withdrawn": (said) => named(datasets([said.data])),
  "training.started": nothing,
  "training.finished": (said) => (said.outputs ?? []).map((each) => [each.name, each.digest]),
  "model.registered": (said) => [[said.model, said.version]],
  "parameter.changed": (said) => (said.of.version === undefined ? [] : version(said.of.version)),
  "model.retired": (said) => [[said.model, said.version]],
  "evaluation.planned": nothing,
  "evaluation.completed": (said) => version(said.version),
  "approval.decided": ({ of }) => {
    if (of.version !== undefined) return version(of.version);
    return of.policy === undefined ? [] : [["policy", of.policy]];
  },
  "waiver.granted": (said) => version(said.version),
  "deployment.changed": (said) => version(said.version),
  "deployment.observed": (said) => [[deploymentStream(said.environment, said.name), said.seen]],
  "incident.recorded": (said) => version(said.version),
  "incident.closed": (said) => version(said.version),
  "ownership.offered": (said) => (said.packageDigest === undefined ? [] : [[said.model, said.packageDigest]]),
  "ownership.accepted": nothing,
  "record.amended": nothing,
  "actor.enrolled": nothing,
  "key.changed": nothing,
  "policy.amended": async (said) => [["policy", await hashText(formatJson(said.policy))]],
  "member.changed": nothing,
  "protocol.upgraded": nothing,
  "attempt.refused": (said) => [[`attempts/${said.of}`, said.payloadDigest]],
  "disclosure.made": (said) => [[`acts/${said.actor}`, said.exportDigest]],
  "ledger.linked": (said) => [[said.origin, said.linked]],
  "document.published": (said) => [[said.documentType, said.digest]],
  "change.classified": (said) => version(said.to),
});
