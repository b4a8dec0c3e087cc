/** What the pages use: verification with its words, and the forms in which a page writes what its reader signs. */
export { examineFile } from "./examination.js";
export { fingerprintOf, parseTrust } from "./trust.js";
export { encodeEvidence, pinHead, SplitView } from "./evidence.js";
export { STEPS, VerificationError } from "./problem.js";
export { recogniseFile, verifyAnswer, verifyBundle, verifyFile, verifyReceipt } from "./verification.js";
export { LIMITS, tellAnswer, tellBundle, tellReceipt } from "./words.js";
export { formatBase64, formatBase64Url, fromHex, parseBase64, parseBase64Url, readUtf8, toHex, toUtf8 } from "./bytes.js";
export { decodeJson, encodeJson } from "./encoding.js";
export { sha256, shorten } from "./digest.js";
export { formatPae, PAYLOAD_TYPE } from "./entry.js";
export { decodeEvent, STATEMENT_TYPE } from "./event.js";
export { isValidSignature } from "./keys.js";
export { checkDisclosure, findSealed } from "./statement.js";
export { checkStruct, hasForm } from "./schema.js";
export { listSubjects } from "./stream.js";
export { RECEIPT_HEAD } from "./receipt.js";
