// Statements that this browser's person signs, in the same bytes as the program writes them (docs/spec, sections 2.3, 3.2 and 3.3).
// Time and chance come in as arguments, so that the same inputs give the same bytes everywhere.

import { decodeEvent, encodeJson, formatBase64, formatBase64Url, formatPae, listSubjects, PAYLOAD_TYPE, sha256, STATEMENT_TYPE } from "./verify.js";

export const SALT_BYTES = 16;
export const ID_BYTES = 10;

/** A time of the ledger from milliseconds since 1970; `RangeError` for what is no moment of the calendar. */
export function formatTime(milliseconds) {
  return new Date(milliseconds).toISOString().replace("Z", "000Z");
}

/** An event id, which is a UUIDv7 (RFC 9562, section 5.7), from milliseconds since 1970 and ten random bytes. */
export function formatEventId(milliseconds, random) {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, Math.floor(milliseconds / 2 ** 32));
  view.setUint32(2, milliseconds % 2 ** 32);
  bytes.set(random, 6);
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** What commits to a text and what opens it again: `sealed` goes into the event, `salt` and `value` to the vault. */
export async function seal(value, salt) {
  return { salt: formatBase64Url(salt), sealed: formatBase64Url(await sha256(salt, encodeJson(value))), value };
}

/**
 * The statement of an event, and what opens its sealed texts. What is undefined or empty is left out, as the form demands.
 *
 * `fields` are those in clear, with what every event says; `prose` are texts to seal, by field; `random(size)` gives bytes. Throws
 * a VerificationError (`code`, `message`) for what is no event.
 */
export async function draft(name, fields, prose, random) {
  const said = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value.length !== 0));
  const openings = [];
  for (const [field, text] of Object.entries(prose)) {
    if (!text) continue;
    const opening = await seal(text, random(SALT_BYTES));
    said[field] = { sealed: opening.sealed };
    openings.push(opening);
  }
  const subject = await listSubjects(name, said);
  const payload = encodeJson({ _type: STATEMENT_TYPE, predicate: said, predicateType: `urn:muniment:event:${name}:v1`, subject });
  await decodeEvent(payload);
  return { payload, openings };
}

/** The entry: an envelope around exactly these bytes, signed by `sign(message)` with the key of these 64 hex digits. */
export async function signEnvelope(payload, key, sign) {
  const signature = await sign(formatPae(payload));
  return encodeJson({ payload: formatBase64(payload), payloadType: PAYLOAD_TYPE, signatures: [{ keyid: key, sig: formatBase64(signature) }] });
}
