/** A verified answer told to a person: short sentences, each complete, none softer than what it says (as `muniment verify` has them). */
import { countOf, nameStream, nameThing, tellDeed } from "./deeds.js";
import { shorten } from "./digest.js";
import { tellFindings } from "./findings.js";
import { sealingClock } from "./freshness.js";
import { disputes, readState } from "./ground.js";
import { nameVersion } from "./settle.js";

export const LIMITS =
  "This proves who said what, in which order and since when, and that nothing was removed; not that what was said is true.";

/** An answer in sentences, the answer first. @returns {Promise<string[]>} */
export async function tellAnswer(verified) {
  const sentences = [
    ...(await tellResult(verified)),
    ...(await tellStatements(verified)),
    ...tellWarnings(verified),
    ...tellWeight(verified),
    ...tellTime(verified),
    ...(await tellSubject(verified)),
    LIMITS,
  ];
  return sentences.map(showSentence);
}

/** A receipt in sentences. @returns {Promise<string[]>} */
export async function tellReceipt({ ground, index, included, said, header, clocks }) {
  const sentences = [];
  if (!included) {
    const unchecked = "Whether the receipt belongs to an entry of yours was not checked: give the entry itself.";
    sentences.push(`The checkpoint of ${ground.origin} with ${ground.size} entries is genuine. ${unchecked}`);
  } else if (said !== undefined) {
    sentences.push(`Entry ${index} is in ${ground.origin}: ${await tellDeed(said)}.`);
    sentences.push("A receipt does not show how the signer's key stands; an answer does.");
  } else if (header !== undefined) {
    sentences.push(`Entry ${index} is in ${ground.origin}: the header of block ${header.height}, ${header.time}.`);
  } else {
    sentences.push(`The entry with this leaf hash is entry ${index} of ${ground.origin}.`);
  }
  sentences.push(tellTier(ground), ...tellLed(ground), tellPin(ground), ...clocks.map(({ time, whose }) => `${time} (${whose}).`), LIMITS);
  return sentences.map(showSentence);
}

/** A bundle in sentences: how much it holds, then each part's own first sentence. @returns {Promise<string[]>} */
export async function tellBundle({ answers, receipts, sizes }) {
  const count = answers.length + receipts.length;
  const holds = count > 1 ? `${count} proofs hold` : "One proof holds";
  const parts = [];
  for (const each of answers) parts.push((await tellAnswer(each))[0]);
  for (const each of receipts) parts.push((await tellReceipt(each))[0]);
  const { ground } = answers[0] ?? receipts[0];
  return [`${holds}, under one history (checkpoints of ${sizes.join(", ")} entries).`, ...parts, tellTier(ground), ...tellLed(ground), LIMITS];
}

async function tellResult(verified) {
  const { question, result, head, states } = verified;
  if (question.ask === "entry") return [await tellEntry(verified)];
  if (question.ask === "at") return tellMoment(verified);
  if (question.ask !== "state") return tellFindings(verified);
  const sentences = [];
  for (const [at, stream] of question.streams.entries()) {
    const said = result.statuses[at] === "absent" ? "not recorded" : `recorded${await tellServes(states, stream)}`;
    sentences.push(`As of block ${head.height}, ${nameStream(stream)} is ${said}.`);
  }
  return sentences;
}

async function tellEntry({ question: { index }, ground, result, said }) {
  const found = said.find((each) => each.index === index);
  if (found === undefined) return `Entry ${index} of ${ground.origin} is the header of block ${result.height}.`;
  return `Entry ${index} of ${ground.origin}: ${await tellDeed(found)}${tellSealing(found, ground)}.`;
}

async function tellMoment({ question, moment, result, ground, head, serving, subject, history }) {
  const [status] = result.statuses;
  const claim = sealingClock(ground.tier);
  const { block, next } = moment;
  const when =
    next === undefined
      ? `In the latest sealed state, sealed at ${block.time} (header time, ${claim}; the question was for ${question.time})`
      : `At ${question.time} (header times, ${claim}: block ${block.height} was sealed at ${block.time}, the next at ${next.time})`;
  const stream = nameStream(question.stream);
  const thing = subject === undefined ? "" : `: ${await nameThing(subject.thing)}`;
  const sentences = [];
  if (status === "absent") {
    sentences.push(`${when}, ${stream} was not recorded.`);
  } else if (serving !== undefined && !serving.running) {
    const now = status === "unchanged" ? "Nothing has been started there since." : "It has changed since.";
    const last = `${await nameThing(serving.version)} ran there last`;
    sentences.push(`${when}, nothing ran in ${stream}: entry ${serving.since} stopped it, and ${last}. ${now}`);
  } else if (status === "unchanged") {
    sentences.push(`${when}, ${stream} was as it is now${thing}.`);
  } else {
    sentences.push(`${when}, ${stream} was what entry ${history.at(-1)} left${thing}. It has changed since.`);
  }
  if (block.index !== head.index) {
    const blocks = `block ${block.height} and block ${head.height}`;
    sentences.push(`That the state was kept honestly between ${blocks} is ${tellWord(ground)}.`);
  }
  return sentences;
}

/** What a deployment runs by its record; nothing for anything else. */
async function tellServes(states, stream) {
  const record = states.get(stream) ?? null;
  if (record === null || !stream.startsWith("deployment/")) return "";
  const { status, since, version } = readState(record, stream);
  const name = await nameThing(nameVersion(version, states));
  if (status !== "running") return `: entry ${since} stopped it, and ${name} ran there last`;
  return `: it runs ${name} since entry ${since}`;
}

/** What the other entries say, then who signed: one sentence for entries whose signers stand alike. */
async function tellStatements(verified) {
  const { question, said, ground } = verified;
  const brief = isBrief(verified);
  const sentences = [];
  const alike = new Map();
  for (const each of said) {
    if (each.index !== question.index && !brief) {
      sentences.push(`Entry ${each.index}: ${await tellDeed(each)}${tellSealing(each, ground)}.`);
    }
    const standing = tellStanding(each.signer);
    alike.set(standing, [...(alike.get(standing) ?? []), each.index]);
  }
  for (const [standing, indices] of alike) {
    sentences.push(`${indices.length === 1 ? "Entry" : "Entries"} ${indices.join(", ")}: signed by ${standing}.`);
  }
  for (const each of said) sentences.push(...tellFields(each, brief));
  const unopened = said.flatMap((each) => each.sealed).filter((field) => !("value" in field)).length;
  if (brief && unopened) {
    sentences.push(`${countOf(unopened, "sealed field")} of these entries ${unopened === 1 ? "is" : "are"} not opened here.`);
  }
  return sentences;
}

function* tellFields({ index, event, known, sealed }, brief) {
  if (!known) yield `This release does not know the kind of entry ${index} (${event}); its fields are shown as they are.`;
  for (const { path, value } of sealed.filter((field) => "value" in field)) {
    yield `Entry ${index}, ${path}, opened: ${typeof value === "string" ? value : JSON.stringify(value)}`;
  }
  const closed = sealed.filter((field) => !("value" in field)).map((field) => field.path);
  if (closed.length && !brief) yield `Sealed in entry ${index} and not opened here: ${closed.join(", ")}.`;
}

/** Whether findings tell what follows from the entries: to tell each of them again would bury it. */
function isBrief({ question, result }) {
  return result.findings !== undefined && question.ask !== "history";
}

/** What has happened since to the things in this answer, where it should change a decision. */
function* tellWarnings({ states, head }) {
  for (const [stream, record] of states) {
    const name = nameStream(stream);
    if (record !== null && stream.startsWith("approval/")) {
      yield* warnOfApproval(name, readState(record, stream), states, head.time);
    } else if (record !== null && stream.startsWith("version/")) {
      const { holds = 0, status } = readState(record, stream);
      if (holds) yield `${name} is held by ${holds} open ${holds === 1 ? "incident" : "incidents"}.`;
      if (status !== "registered") yield `${name} is ${status} now.`;
    } else if (record !== null && stream.startsWith("data/")) {
      const { withdrawn } = readState(record, stream);
      if (withdrawn !== undefined) yield `${name} was withdrawn by entry ${withdrawn}.`;
    }
  }
}

function* warnOfApproval(name, { status, expires, keyid, index }, states, now) {
  if (status !== "open") yield `${name} is ${status} now.`;
  else if (expires !== undefined && expires <= now) yield `${name} expired at ${expires}.`;
  const record = states.get(`key/${keyid}`) ?? null;
  const key = record === null ? null : readState(record, `key/${keyid}`);
  if (key !== null && disputes(key, index)) {
    yield `${name} is disputed: others may have held its key ${shorten(keyid)} since entry ${key.disputedFrom}.`;
  }
}

/** Who signed, in which roles, and how the key stands: whether what was admitted is disputed by now. */
function tellStanding(signer) {
  const roles = signer.roles.join(", ") || "no role";
  const persons = signer.responsible.length ? `, for ${signer.responsible.join(", ")}` : "";
  const when = signer.unchanged ? "then and now" : "now";
  const status = signer.status === "active" ? "" : `, ${signer.status} now`;
  const text = `${signer.actor} (${signer.kind}${persons}; ${roles} ${when}${status}) with key ${shorten(signer.key)}`;
  if (signer.standing === "disputed") {
    return `${text}, admitted, but disputed since entry ${signer.disputedFrom}; do not rely on it without asking`;
  }
  return signer.standing === "in-force" ? `${text}, in force` : `${text}, in force then and ended at entry ${signer.until}`;
}

function* tellWeight({ ground, states, question, result }) {
  yield tellTier(ground);
  yield* tellLed(ground);
  if (states.size) yield `State basis: ${ground.basis}, ${tellWord(ground)}.`;
  if (question.ask === "entry" && result.grade !== undefined) yield `Evidence grade: ${result.grade}.`;
}

function* tellTime({ head, ground, current, clocks }) {
  const sealed = `block ${head.height}, sealed at ${head.time} (header time, ${sealingClock(ground.tier)})`;
  yield current
    ? `Current: ${sealed}, is the newest, and the checkpoint is as fresh as was asked for.`
    : `This holds as of ${sealed}; what came later is not shown.`;
  if (ground.tier !== "solo") yield `Nothing newer was seen at ${clocks[0].time} (${clocks[0].whose}).`;
  yield tellPin(ground);
}

function tellPin({ pin }) {
  if (pin === undefined) return "Not compared with what this client saw of the ledger before.";
  if (pin === "older") return "It is older than what this client has seen, and part of the same history.";
  return pin === "newer" ? "It continues what this client saw of the ledger before." : "It is what this client saw last.";
}

function tellTier({ tier, voices, basisBy, known, quorum }) {
  const names = voices.map((voice) => voice.organisation).join(", ");
  if (tier === "consortium") {
    return `Trust tier: consortium. ${basisBy.length} of ${known} organisations voted for order and state: ${basisBy.join(", ")}.`;
  }
  if (tier === "witnessed") {
    return `Trust tier: witnessed. ${voices.length} of ${known} organisations cosigned, ${quorum} were asked for: ${names}.`;
  }
  const some = voices.length && quorum ? ` ${names} cosigned, fewer than the ${quorum} asked for.` : "";
  return `Trust tier: solo. One operator's signed log; no quorum of outside parties confirms it.${some}`;
}

/** Which members judged the checkpoint, where they are not those of the reader's trust file. */
function* tellLed({ led }) {
  if (led === "later") {
    yield "The members have changed since your trust file was written. Each change was cosigned by a quorum of the members before it.";
  } else if (led === "former") {
    const others = "Your trust file names others, who are not shown to have cosigned it.";
    yield `These were the members of that time, by the changes cosigned since the first entry. ${others}`;
  }
}

function tellWord({ basis, basisBy }) {
  if (basis === "asserted") return "the operator's word";
  const verb = basis === "voted" ? "what validators voted for" : "what others ran again and confirm";
  return `${verb}: ${basisBy.join(", ")}`;
}

function tellSealing({ block }, ground) {
  if (block === undefined) return "";
  return `; sealed in block ${block.height} at ${block.time} (header time, ${sealingClock(ground.tier)})`;
}

async function tellSubject(verified) {
  const { subject, serving } = verified;
  if (subject === undefined || (isBrief(verified) && !subject.compared)) return [];
  const name = await nameThing(subject.thing);
  if (subject.compared) {
    const last = serving === undefined || serving.running ? "" : ", which ran there last and was stopped";
    return [`The files that you gave are ${name}${last}, unchanged.`];
  }
  if (subject.held === "in-this-file") {
    return [`The list of files of ${name} is in this file; the files themselves were not compared.`];
  }
  return [`The files of ${name} are not in this file and were not compared.`];
}

/** A sentence that shows what it holds: an opened text may hold marks that steer a reader, and none of them is carried out. */
function showSentence(sentence) {
  return sentence.replace(/[\p{C}\p{Z}]/gu, (character) => (character === " " ? character : "\ufffd"));
}
