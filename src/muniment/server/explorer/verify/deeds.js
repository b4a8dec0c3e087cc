/** What an event says, in plain words, and what things are called. */
import { hashText, shorten } from "./digest.js";

/** `1 event`, `14 events`. */
export function countOf(number, noun) {
  return `${number} ${number === 1 ? noun : `${noun}s`}`;
}

/** A stream by its name, with digests and ids of keys shortened. @returns {string} */
export function nameStream(stream) {
  return stream.replace(/[0-9a-f]{64}/g, shorten);
}

/** What a thing is called, with the short form of its digest: `credit-risk@7 (9f86…0a08)`. @returns {Promise<string>} */
export async function nameThing({ name, digest }) {
  if (digest && name.includes(digest)) return name.replaceAll(digest, shorten(digest));
  // Where there is no artefact, the digest is only that of the name.
  return (await hashText(name)) === digest ? name : `${name} (${shorten(digest)})`;
}

/** What the actor says, about what, and when by the signer's own claim. @returns {Promise<string>} */
export async function tellDeed(said) {
  const about = (await Promise.all(said.things.map(nameThing))).join(" and ");
  return `${said.actor} ${phraseOf(said, about)}; happened ${said.occurredAt} (the signer's claim)`;
}

function phraseOf({ event, predicate }, about) {
  if (event === "approval.decided") return `decided "${textOf(predicate, "decision")}" about ${about}${placeOf(predicate.of)}`;
  if (event === "deployment.changed") {
    const where = `${textOf(predicate, "environment")}/${textOf(predicate, "name")}`;
    return `recorded "${textOf(predicate, "transition")}" of ${about} in ${where}`;
  }
  if (event === "model.registered" || event === "dataset.registered") return `registered ${about}`;
  return event === "evaluation.completed" ? `evaluated ${about}` : `recorded ${event} about ${about}`;
}

function placeOf(of) {
  return typeof of?.environment === "string" ? ` for ${of.environment}` : "";
}

function textOf(predicate, field) {
  return typeof predicate[field] === "string" ? predicate[field] : "?";
}
