/** What was made of what, up and down, from a ground (docs/spec, section 10.7, "Derivation"). */
import { failed, invalid } from "./problem.js";

const MAX_THINGS = 4096;

/**
 * @typedef {Object} Step one thing on the way
 * @property {string} stream
 * @property {string} [near] the thing from which it was found
 * @property {string} [relation]
 * @property {string} [via] the run in between
 */

/**
 * All that a recorded thing was made of, breadth first.
 *
 * @param {import("./ground.js").Ground} ground
 * @param {string} stream
 * @returns {{steps: Step[], unknown: string[], exceeded: boolean}} unknown: the versions of which nobody said it
 */
export function climbLineage(ground, stream) {
  const steps = [{ stream }];
  const unknown = [];
  const seen = new Set([stream]);
  for (let at = 0; at < steps.length; at += 1) {
    const near = steps[at].stream;
    const parents = near.startsWith("data/") ? parentsOfData(ground, near) : parentsOfVersion(ground, near);
    if (!parents.length && !near.startsWith("data/")) unknown.push(near);
    for (const parent of parents) {
      if (seen.has(parent.stream)) continue;
      if (steps.length === MAX_THINGS) return { steps, unknown, exceeded: true };
      seen.add(parent.stream);
      steps.push({ ...parent, near });
    }
  }
  return { steps, unknown, exceeded: false };
}

/** All that was made of some things, breadth first, each once, themselves included. @returns {Step[]} */
export function descendLineage(ground, roots) {
  const steps = roots.map((stream) => ({ stream }));
  const seen = new Set(roots);
  for (let at = 0; at < steps.length; at += 1) {
    for (const step of madeOf(ground, steps[at].stream)) {
      if (seen.has(step.stream)) continue;
      if (seen.size === MAX_THINGS) throw invalid("too-many-things", `more than ${MAX_THINGS} things were made of this`);
      seen.add(step.stream);
      steps.push(step);
    }
  }
  return steps;
}

/** A thing that was found, with what its record says against it, as findings have it. */
export function describeThing(ground, { stream, near, relation, via }) {
  const state = ground.read(stream);
  const isVersion = stream.startsWith("version/");
  return {
    ...(isVersion && state?.holds ? { holds: state.holds } : {}),
    name: ground.title(stream),
    ...(near === undefined ? {} : { near, relation }),
    ...(isVersion && state !== null && state.status !== "registered" ? { retired: true } : {}),
    stream,
    ...(via === undefined ? {} : { via }),
    ...(!isVersion && state?.withdrawn !== undefined ? { withdrawn: state.withdrawn } : {}),
  };
}

/** The streams from the first thing to one that was found. @param {Step[]} steps @param {string} stream @returns {string[]} */
export function pathTo(steps, stream) {
  const near = new Map(steps.map((step) => [step.stream, step.near]));
  const path = [stream];
  while (near.get(path[0]) !== undefined) path.unshift(near.get(path[0]));
  return path;
}

function parentsOfData(ground, stream) {
  const made = ground.read(stream)?.made;
  if (made === undefined) return [];
  const { said } = ground.find(made, "dataset.transformed", stream);
  return said.inputs.map((each) => ({ stream: `data/${each}`, relation: said.operation }));
}

function parentsOfVersion(ground, stream) {
  const version = ground.read(stream);
  if (version === null) throw failed(11, "event-kind", `${stream} is named as a parent and was never recorded`);
  const { said } = ground.find(version.made, "model.registered", stream);
  return [
    ...(said.parents ?? []).map((each) => ({ stream: `version/${each}`, relation: said.derivation })),
    ...(said.data ?? []).map((each) => ({ stream: `data/${each}`, relation: "training" })),
    ...(version.run === undefined ? [] : parentsOfRun(ground, `run/${version.run}`)),
  ];
}

/** A run without a record is passed over; what it only tested on taught it nothing. */
function parentsOfRun(ground, via) {
  const run = ground.read(via);
  if (run === null) return [];
  const { said } = ground.find(run.start, "training.started", via);
  const inputs = (said.inputs ?? []).filter((each) => each.role !== "test");
  return [
    ...inputs.map((each) => ({ stream: `data/${each.data}`, relation: each.role, via })),
    ...(said.baseVersions ?? []).map((each) => ({ stream: `version/${each}`, relation: "base", via })),
  ];
}

/** What was made of a thing in one step, in the order of the entries that say so. @returns {Iterable<Step>} */
function* madeOf(ground, near) {
  const [kind, digest] = near.split("/");
  for (const { event, said } of ground.events(near)) {
    if (event === "dataset.transformed" && kind === "data" && said.inputs.includes(digest)) {
      for (const each of said.outputs) yield { stream: `data/${each}`, near, relation: said.operation };
    } else if (event === "model.registered" && kind === "data" && (said.data ?? []).includes(digest)) {
      yield { stream: `version/${said.version}`, near, relation: "training" };
    } else if (event === "model.registered" && kind === "version" && (said.parents ?? []).includes(digest)) {
      yield { stream: `version/${said.version}`, near, relation: said.derivation };
    } else if (event === "training.started") {
      const relation = roleOf(said, kind, digest);
      if (relation !== undefined) yield* madeBy(ground, `run/${said.eventId}`, near, relation);
    }
  }
}

/** As what a run took a thing; nothing where it did not, or only tested on it. */
function roleOf(said, kind, digest) {
  if (kind === "version") return (said.baseVersions ?? []).includes(digest) ? "base" : undefined;
  return (said.inputs ?? []).find((each) => each.data === digest && each.role !== "test")?.role;
}

/** The versions that were registered as the result of a run. */
function* madeBy(ground, via, near, relation) {
  for (const { event, said } of ground.events(via)) {
    if (event === "model.registered" && `run/${said.run}` === via) yield { stream: `version/${said.version}`, near, relation, via };
  }
}
