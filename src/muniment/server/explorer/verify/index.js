/** What the pages use: verification with its words. */
export { examineFile } from "./examination.js";
export { fingerprintOf, parseTrust } from "./trust.js";
export { encodeEvidence, pinHead, SplitView } from "./evidence.js";
export { STEPS, VerificationError } from "./problem.js";
export { recogniseFile, verifyAnswer, verifyBundle, verifyFile, verifyReceipt } from "./verification.js";
export { LIMITS, tellAnswer, tellBundle, tellReceipt } from "./words.js";
