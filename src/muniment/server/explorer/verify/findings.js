/** The findings of a question told to a person: the sentences that answer it. */
import { countOf, nameStream } from "./deeds.js";
import { shorten } from "./digest.js";
import { pathTo } from "./derivation.js";

/** What was found, as of the newest block that the answer shows. @returns {string[]} */
export function tellFindings({ question, result: { findings }, head }) {
  return [...TELLERS[question.ask](findings, question, `As of block ${head.height}`)];
}

const CLAIMS = Object.freeze({
  approved: "is approved",
  deployed: "was deployed",
  "never-deployed": "was never deployed",
  "not-approved": "is not approved",
  "not-on-hold": "is not on hold",
  "not-withdrawn": "is not withdrawn",
  "on-hold": "is on hold",
  withdrawn: "is withdrawn",
});

const TELLERS = Object.freeze({
  *history({ count, streams }, _, when) {
    const name = nameStream(streams[0].stream);
    if (!count) {
      yield `${when}, ${name} was never recorded.`;
      return;
    }
    yield `${when}, ${name} has ${countOf(count, "event")}: ${count === 1 ? "this one" : "these"}, and no others.`;
    for (const span of streams.length > 1 ? streams : []) yield `${nameStream(span.stream)}: ${countOf(span.count, "event")}.`;
  },
  *impact({ things = [], deployments = [] }, { of }, when) {
    if (!things.length) {
      const many = /^(?:dataset|model)\//.test(of);
      const missing = many ? `no version of ${nameStream(of)} is recorded` : `${nameStream(of)} was never recorded`;
      yield `${when}, ${missing}, so that nothing was made of it.`;
      return;
    }
    const found = things.filter((each) => each.near === undefined).map((each) => each.name);
    const versions = things.filter((each) => each.stream.startsWith("version/") && each.near !== undefined);
    if (!versions.length) {
      yield `${when}, no version learned from ${found.join(" and ")}, through any number of steps.`;
      return;
    }
    yield `${when}, ${countOf(versions.length, "version")} learned from ${found.join(" and ")}, through any number of steps, and no others:`;
    const names = new Map(things.map((each) => [each.stream, each.name]));
    for (const { stream } of versions) {
      const way = pathTo(things, stream).map((each) => names.get(each));
      yield `${way.reverse().join(" <- ")}.`;
    }
    const running = deployments.map((each) => `${each.name} runs ${names.get(each.version)} since entry ${each.since}`);
    yield running.length ? `Running now: ${running.join("; ")}.` : "None of them runs anywhere now.";
  },
  *lineage({ things = [], unknown = [], exceeded }, { of, direction }, when) {
    const up = direction === "up";
    if (!things.length) {
      yield `${when}, ${nameStream(of)} was never recorded, so that nothing is known of its lineage.`;
      return;
    }
    const [root, ...others] = things;
    const verb = up ? `${root.name} was made of` : `what was made of ${root.name} is`;
    yield `${when}, ${verb} ${others.length ? `${countOf(others.length, "thing")}:` : "nothing that is recorded."}`;
    const names = new Map(things.map((each) => [each.stream, each.name]));
    for (const { name, near, relation, via } of others) {
      const through = via === undefined ? "" : `, in ${via}`;
      yield `${name}: ${relation} ${up ? "for" : "from"} ${names.get(near) ?? near ?? ""}${through}.`;
    }
    for (const stream of unknown) yield `Nobody said what ${names.get(stream) ?? nameStream(stream)} was made of.`;
    if (exceeded) yield "The walk ended at its limit of 4,096 things; there are more.";
  },
  *blame({ name, settings = [] }, { target, path }, when) {
    const what = `${target} ${path}`;
    if (!settings.length) {
      yield `${when}, ${what} of ${nameStream(name)} was never set.`;
      return;
    }
    const last = settings.at(-1);
    yield `${when}, ${what} of ${name} is ${tellValue(last)}, ${tellWho(last)} (header time, as all times below).`;
    for (const each of settings.slice(0, -1).reverse()) yield `Before that it was ${tellValue(each)}, ${tellWho(each)}.`;
  },
  *diff({ names, recorded, differences = [], same = 0 }, _, when) {
    const [one, other] = names.map(nameStream);
    if (!recorded) {
      yield `${when}, ${one} and ${other} cannot be compared: not both are recorded.`;
      return;
    }
    yield `${when}, ${one} and ${other} differ in ${differences.length} of ${countOf(same + differences.length, "recorded fact")}.`;
    for (const { a, area, b, key, sealed } of differences) {
      yield `${area}, ${key}: ${tellScalar(a)} | ${tellScalar(b)}${sealed ? "; sealed, so equal texts may look different" : ""}.`;
    }
  },
  *claim({ holds, name, recorded, witnesses = [] }, { claim, environment }, when) {
    const where = ` ${claim.includes("deployed") ? "to" : "for"} `;
    const said = CLAIMS[claim] + (environment === undefined ? "" : where + environment);
    yield `${when}: "${nameStream(name)} ${said}". ${holds ? "That holds" : "That does not hold"}.`;
    if (!recorded) yield `${nameStream(name)} was never recorded.`;
    for (const { actor, expires, index, standing, stream } of witnesses) {
      const word = { counts: "it counts", recorded: "recorded" }[standing] ?? `${standing} now`;
      yield `${nameStream(stream)}, by ${actor} in entry ${index}: ${word}${expires === undefined ? "" : `; expires ${expires}`}.`;
    }
  },
  *gate(findings, _, when) {
    const verb = findings.allowed ? "may" : "must not";
    yield `${when}, ${callVersion(findings)} ${verb} start as ${placeName(findings)}.`;
    for (const objection of findings.objections ?? []) {
      const lifted = ` The waiver ${objection.waiver} lifts this until ${findings.until} at least.`;
      yield `${tellObjection(objection, findings)}${objection.waiver === undefined ? "" : lifted}`;
    }
  },
});

function tellValue({ digest, sealed, value }) {
  if (digest !== undefined) return `a sealed text (SHA-256 ${shorten(digest)})`;
  if (sealed !== undefined) return "a sealed value";
  return value === undefined ? "not set" : tellScalar(value);
}

function tellWho({ actor, onBehalfOf = [], index, event, time, ticket }) {
  const behalf = onBehalfOf.length ? ` for ${onBehalfOf.join(", ")}` : "";
  return `set by ${actor}${behalf} in entry ${index} (${event}), sealed at ${time}${ticket === undefined ? "" : `, ticket ${ticket}`}`;
}

function tellScalar(value) {
  return value === undefined ? "nothing" : String(value);
}

function placeName({ place }) {
  return place.replace(/^deployment\//, "");
}

function callVersion({ title }) {
  return title.startsWith("version/") ? shorten(title.slice("version/".length)) : title;
}

/** One thing that speaks against the start. */
function tellObjection({ rule, about, called = [], index }, findings) {
  const [place, version] = [placeName(findings), callVersion(findings)];
  const entry = index === undefined ? "" : `entry ${index}`;
  const last = called.at(-1) ?? about.at(-1);
  switch (rule) {
    case "not-deployed":
      return `By the record nothing runs as ${place}${entry && `: it was stopped by ${entry}`}.`;
    case "other-version":
      return `By the record ${place} runs ${last}, since ${entry}.`;
    case "unknown":
      return `The ledger does not know the version ${version}: it was never registered.`;
    case "retired":
      return `${version} is retired.`;
    case "hold":
      return `${version} is on hold: an incident that holds it is open.`;
    case "withdrawn":
      return `${last} was withdrawn (${entry}), and ${version} was made of it: ${called.join(" <- ")}.`;
    case "ancestry-limit":
      return `What ${version} was made of is more than can be looked through.`;
    case "waiver-expired":
      return `${version} was let in by a waiver, ${about[0]}, and that has ended.`;
    default: {
      const kind = rule.startsWith("approval") ? "Approval" : "Waiver";
      const key = shorten(about.at(-1).split("/")[1]);
      return (
        `${kind} disputed: ${about[0]}, which the deployment relied on, was signed with key ${key}, ` +
        `which others may have held from ${entry} on.`
      );
    }
  }
}
