/** Questions with findings: history, lineage, impact, blame (docs/spec, section 10.7). */
import { climbLineage, descendLineage, describeThing } from "./derivation.js";
import { failed, invalid } from "./problem.js";
import { deploymentStream, ownerStream, parameterStream } from "./stream.js";

/** Check that a question is about something that it can be asked of. */
export function checkKind(stream, ...kinds) {
  if (!kinds.includes(stream.split("/")[0])) throw invalid("bad-question", `this cannot be asked of ${stream}`);
}

/** What is left out of findings where it says nothing: empty arrays, and what is undefined. */
export function leaveOut(findings) {
  return Object.fromEntries(
    Object.entries(findings).filter(([, value]) => value !== undefined && !(Array.isArray(value) && !value.length)),
  );
}

/** What are all the events of a thing? */
export function answerHistory({ ask, of }, ground) {
  const streams = streamsOf(of, ground);
  const indices = new Set(streams.flatMap((stream) => ground.indices(stream)));
  const spans = streams.map((stream) => {
    const record = ground.record(stream);
    return record === null ? { count: 0, stream } : { count: record.count, first: record.first, last: record.last, stream };
  });
  return { findings: { ask, count: indices.size, streams: spans }, word: indices.size ? "complete" : "absent" };
}

/** What was a thing made of, or what was made of it? */
export function answerLineage({ ask, of, direction }, ground) {
  checkKind(of, "data", "version");
  if (ground.record(of) === null) return { findings: { ask }, word: "absent" };
  const down = direction === "down";
  const { steps, unknown, exceeded } = down ? { steps: descendLineage(ground, [of]) } : climbLineage(ground, of);
  const things = steps.map((step) => describeThing(ground, step));
  return { findings: leaveOut({ ask, exceeded: exceeded || undefined, things, unknown }), word: "complete" };
}

/** Which versions learned from a data set, and where do they run now? */
export function answerImpact({ ask, of }, ground) {
  checkKind(of, "data", "version", "dataset", "model");
  const roots = /^(?:dataset|model)\//.test(of) ? streamsOf(of, ground).slice(1) : [of];
  const known = roots.filter((stream) => ground.record(stream) !== null);
  const things = descendLineage(ground, known).map((step) => describeThing(ground, step));
  const deployments = [...listRunning(ground, things)];
  return { findings: leaveOut({ ask, deployments, things }), word: things.length ? "complete" : "absent" };
}

/** Who set a parameter, when and why? */
export async function answerBlame({ ask, of, target, path }, ground) {
  checkKind(of, "version", "deployment");
  const settings = target === "hyperparameter" && of.startsWith("version/") ? beginSettings(of, path, ground) : [];
  for (const signed of ground.events(await parameterStream(of, target, path))) {
    const { event, said } = signed;
    if (event === "parameter.changed" && ownerStream(said.of) === of && said.target === target && said.path === path) {
      settings.push(describeSetting(ground, signed, said.new));
    }
  }
  return { findings: leaveOut({ ask, name: ground.title(of), settings }), word: settings.length ? "complete" : "absent" };
}

/** The streams that make up a thing: its own, then an actor's others, or those of its versions in order of registration. */
function streamsOf(thing, ground) {
  const [kind, ...rest] = thing.split("/");
  const name = rest.join("/");
  if (kind === "actor") return [thing, `acts/${name}`, `attempts/${name}`];
  const more = [];
  for (const { event, said } of kind === "dataset" || kind === "model" ? ground.events(thing) : []) {
    if (event === "model.registered" && kind === "model" && said.model === name) more.push(`version/${said.version}`);
    if (event === "dataset.registered" && kind === "dataset" && said.name === name) more.push(`data/${said.data}`);
  }
  return [...new Set([thing, ...more])];
}

/** The deployments that run one of these versions now, by stream: each of them is named in the version's own events. */
function* listRunning(ground, things) {
  const versions = things.map((each) => each.stream).filter((stream) => stream.startsWith("version/"));
  const places = new Set();
  for (const stream of versions) {
    for (const { event, said } of ground.events(stream)) {
      if (event === "deployment.changed" && `version/${said.version}` === stream) {
        places.add(deploymentStream(said.environment, said.name));
      }
    }
  }
  for (const stream of [...places].sort()) {
    const state = ground.read(stream);
    const version = `version/${state?.version}`;
    if (state?.status === "running" && versions.includes(version)) {
      yield { name: ground.title(stream), since: state.since, stream, version };
    }
  }
}

/** What the training run was started with. */
function beginSettings(of, path, ground) {
  const run = ground.read(of)?.run;
  if (run === undefined) return [];
  const state = ground.read(`run/${run}`);
  if (state === null) return [];
  const signed = ground.find(state.start, "training.started", `run/${run}`);
  const parameters = (signed.said.parameters ?? []).filter((each) => each.key === path);
  return parameters.map((each) => describeSetting(ground, signed, each.value, false));
}

function describeSetting(ground, { index, event, said }, value, changed = true) {
  const hidden = typeof value === "object" ? value : undefined;
  return leaveOut({
    actor: said.actor,
    claimed: said.occurredAt,
    digest: hidden?.digest,
    event,
    index,
    onBehalfOf: said.onBehalfOf,
    reason: said.reason?.sealed,
    sealed: hidden?.sealed,
    ticket: changed ? said.ticket : undefined,
    time: ground.block(index).time,
    unit: changed ? said.unit : undefined,
    value: hidden === undefined ? value : undefined,
  });
}

/** What a question says of a decision that its own record must show. */
export function requireRecord(state, stream) {
  if (state === null) throw failed(11, "state-record", `${stream} is named and has no record`);
  return state;
}
