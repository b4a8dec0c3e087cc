// The line that asks for a key's admission (docs/spec, section 5.2): the same as `muniment keys request` prints.

import { decodeJson, encodeJson, formatBase64, formatBase64Url, fromHex, hasForm, isValidSignature, parseBase64, parseBase64Url } from "./verify.js";

export const PREFIX = "muniment-key-request:v1:";
export const KINDS = Object.freeze(["organisation", "person", "service"]);
const MAX_CHARACTERS = 2048;
const FORMS = Object.freeze({ actor: "Segment", key: "Digest", origin: "Origin", proof: "Signature" });

/** What two people compare over another channel: the first half of the public key, in groups. */
export function fingerprintOf(key) {
  return key.slice(0, 32).match(/.{4}/g).join(" ");
}

/** Is a text an actor's id: letters, digits, dots, hyphens and underscores? */
export function isActor(text) {
  return hasForm("Segment", text);
}

/** Let a key ask for its admission; `sign(message)` signs with it. */
export async function makeRequest({ actor, key, kind, origin }, sign) {
  const proof = formatBase64(await sign(encodeJson({ actor, key, origin })));
  return formatLine({ actor, key, kind, origin, proof });
}

function formatLine(request) {
  return PREFIX + formatBase64Url(encodeJson(request));
}

/** Read a request and check the key's own signature. Throws an Error with a sentence for people. */
export async function readRequest(line) {
  if (line.length > MAX_CHARACTERS || !line.startsWith(PREFIX)) throw new Error("This line is no request for a key.");
  let asked;
  try {
    asked = decodeJson(parseBase64Url(line.slice(PREFIX.length)), MAX_CHARACTERS);
  } catch {
    throw new Error("This request for a key is damaged.");
  }
  const { actor, key, kind, origin, proof } = asked;
  const formed = Object.entries(FORMS).every(([field, form]) => hasForm(form, asked[field])) && KINDS.includes(kind);
  // A lenient decoder takes several texts for the same bytes; a request has one.
  if (!formed || Object.keys(asked).length !== 5 || formatLine(asked) !== line) throw new Error("This request for a key has another form than it should have.");
  if (!(await isValidSignature(fromHex(key), encodeJson({ actor, key, origin }), parseBase64(proof, "the proof")))) {
    throw new Error(`The key does not prove that it was made by ${actor} for ${origin}.`);
  }
  return asked;
}
