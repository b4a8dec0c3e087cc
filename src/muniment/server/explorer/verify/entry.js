/** Entries: the exact bytes that the tree's leaves are made of, headers and envelopes (docs/spec, sections 3.2 and 4). */
import { encodeJson, decodeJson, formatJson, isObject } from "./encoding.js";
import { fromHex, joinBytes, readBase64, readUtf8, sameBytes, toUtf8 } from "./bytes.js";
import { isValidSignature } from "./keys.js";
import { hashLeaf } from "./merkle.js";
import { failed, invalid, VerificationError } from "./problem.js";
import { checkStruct } from "./schema.js";
import { MAX_ENTRY_BYTES, MAX_PAYLOAD_BYTES } from "./vocabulary.js";

export const PAYLOAD_TYPE = "application/vnd.in-toto+json";
const ENVELOPE = toUtf8('{"payload"');
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const NO_PREVIOUS = "0".repeat(64);
const PROTOCOLS = Object.freeze([1]);
const EMPTY_ROOT = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** @param {Uint8Array} raw @returns {boolean} whether these bytes are an event's, and not a header's */
function isEnvelope(raw) {
  return sameBytes(raw.subarray(0, ENVELOPE.length), ENVELOPE);
}

/** Read a header strictly. @param {Uint8Array} raw @returns {any} */
export function decodeHeader(raw) {
  const header = decodeJson(raw, MAX_ENTRY_BYTES);
  try {
    checkStruct("Header", header);
  } catch (error) {
    throw error instanceof VerificationError ? invalid("bad-header", error.message) : error;
  }
  if (!PROTOCOLS.includes(header.protocol)) throw invalid("protocol-unknown", `this script does not know protocol ${header.protocol}`);
  const founding = [header.height === 0, header.genesis !== undefined, header.previous === NO_PREVIOUS, header.size === 0];
  if (new Set(founding).size > 1 || (header.height === 0 && header.root !== EMPTY_ROOT)) {
    throw invalid("bad-header", "only the header of height 0 carries a genesis, and it has no header before it");
  }
  return header;
}

/** Read what must be a header: step 8. @param {Uint8Array} raw @returns {any} */
export function readHeader(raw) {
  try {
    return decodeHeader(raw);
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    if (error.code === "protocol-unknown") throw failed(8, error.code, error.message);
    throw failed(8, "header-form", `what stands for a header is none: ${error.message}`);
  }
}

/** The header at an index, or null for an event: step 8. @param {Uint8Array} raw @param {number} index @returns {any} */
export function openHeader(raw, index) {
  if (isEnvelope(raw)) return null;
  const header = readHeader(raw);
  if (header.size !== index) {
    throw failed(8, "header-index", `the header at entry ${index} says that ${header.size} entries come before it`);
  }
  return header;
}

/** What streams fold of an entry: its leaf, of a header the leaf of all but its `state`. @returns {Promise<Uint8Array>} */
export function hashFolded(raw, header) {
  if (header === null) return hashLeaf(raw);
  const { state: _, ...rest } = header;
  return hashLeaf(encodeJson(rest));
}

/** What an envelope signs (DSSE v1). @param {Uint8Array} payload @returns {Uint8Array} */
export function formatPae(payload) {
  return joinBytes(toUtf8(`DSSEv1 28 ${PAYLOAD_TYPE} ${payload.length} `), payload);
}

/**
 * Read the canonical bytes of an envelope; verify nothing.
 *
 * @param {Uint8Array} raw
 * @returns {{payload: Uint8Array, key: string, signature: Uint8Array}} the key in hex
 */
export function decodeEnvelope(raw) {
  const value = readEnvelope(raw);
  const { payload, payloadType, signatures } = value;
  if (Array.isArray(signatures) && signatures.length !== 1) throw invalid("one-signature", "an event carries exactly one signature");
  if (payloadType !== PAYLOAD_TYPE) throw invalid("payload-type", `the payload type is not ${PAYLOAD_TYPE}`);
  const data = readBase64(String(payload));
  if (data === null && !BASE64.test(String(payload))) throw invalid("not-base64", "the payload is not base64");
  const key = signatures?.[0]?.keyid;
  const signature = readBase64(String(signatures?.[0]?.sig));
  const again = formatJson({ payload, payloadType, signatures: [{ keyid: key, sig: signatures?.[0]?.sig }] });
  if (data === null || !/^[0-9a-f]{64}$/.test(key) || signature?.length !== 64 || again !== readUtf8(raw)) {
    throw invalid("not-canonical", "the envelope is not in its one form");
  }
  if (data.length > MAX_PAYLOAD_BYTES) throw invalid("too-long", `the payload has ${data.length} bytes`);
  return { payload: data, key, signature };
}

/** Does the signature hold over the payload as received? @returns {Promise<boolean>} */
export function isSigned({ payload, key, signature }) {
  return isValidSignature(fromHex(key), formatPae(payload), signature);
}

/** The JSON object of an envelope, before its form is looked at: canonical JSON says the same of less. */
function readEnvelope(raw) {
  let value;
  try {
    value = decodeJson(raw, MAX_ENTRY_BYTES);
  } catch (error) {
    // A number or null in an envelope is no reason of its own there.
    if (["too-long", "too-deep", "not-json"].includes(error.code)) throw error;
    value = JSON.parse(readUtf8(raw));
  }
  if (!isObject(value)) throw invalid("not-an-envelope", "this is not a DSSE envelope");
  if ("previous" in value && "state" in value) throw invalid("header-submitted", "this is a header");
  return value;
}
