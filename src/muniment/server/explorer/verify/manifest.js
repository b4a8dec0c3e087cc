/** Manifests: the list of files that a model or a data set is named by (docs/spec, section 2.2). */
import { toHex, toUtf8 } from "./bytes.js";
import { decodeJson } from "./encoding.js";
import { hashLeaf, hashTree } from "./merkle.js";
import { invalid } from "./problem.js";
import { checkStruct } from "./schema.js";

const MAX_BYTES = 256 * 1024 * 1024;
const MAX_LINES = 1_000_000;
const MAX_LINE_BYTES = 8192;
const MAX_PATH_BYTES = 1024;
// eslint-disable-next-line no-control-regex
const MISLEADING = /[\\\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

/** The root of an encoded manifest, which must be in its one form. @param {Uint8Array} raw @returns {Promise<string>} hex */
export async function hashManifest(raw) {
  if (raw.length > MAX_BYTES) throw invalid("too-long", `${raw.length} bytes where a manifest has at most ${MAX_BYTES}`);
  if (raw.length && raw.at(-1) !== 10) throw invalid("cut-off", "the last line of the manifest is cut off");
  const lines = splitLines(raw);
  if (lines.length > MAX_LINES) throw invalid("too-many-lines", `a manifest has at most ${MAX_LINES} lines`);
  const paths = lines.map(readPath);
  checkPaths(paths);
  return toHex(await hashTree(await Promise.all(lines.map(hashLeaf))));
}

function splitLines(raw) {
  const lines = [];
  for (let start = 0; start < raw.length; ) {
    const end = raw.indexOf(10, start);
    lines.push(raw.subarray(start, end));
    start = end + 1;
  }
  return lines;
}

function readPath(line) {
  const value = decodeJson(line, MAX_LINE_BYTES);
  checkStruct("Line", value);
  const { path } = value;
  const bytes = toUtf8(path);
  const plain = path && bytes.length <= MAX_PATH_BYTES && !MISLEADING.test(path) && path === path.normalize("NFC");
  if (!plain || path.split("/").some((segment) => ["", ".", ".."].includes(segment))) {
    throw invalid("bad-path", `the path ${JSON.stringify(path)} is not in its one form`);
  }
  return path;
}

/** At least one, strictly ascending, and none of them both a file and a folder. */
function checkPaths(paths) {
  if (!paths.length) throw invalid("empty-manifest", "a manifest without files names nothing");
  const known = new Set();
  const folders = new Set();
  for (const [at, path] of paths.entries()) {
    if (path === paths[at - 1]) throw invalid("path-twice", `the path ${path} is listed twice`);
    if (at > 0 && comparePoints(paths[at - 1], path) > 0) throw invalid("not-sorted", `the path ${path} is not in order`);
    for (let cut = path.indexOf("/"); cut > 0; cut = path.indexOf("/", cut + 1)) folders.add(path.slice(0, cut));
    known.add(path);
  }
  if ([...folders].some((folder) => known.has(folder))) throw invalid("path-twice", "a path is listed as a file and as a folder");
}

/** By code points, as the bytes of UTF-8 sort. */
function comparePoints(one, other) {
  const [left, right] = [[...one], [...other]];
  const at = left.findIndex((point, place) => point !== right[place]);
  if (at < 0) return left.length - right.length;
  return right[at] === undefined ? 1 : left[at].codePointAt(0) - right[at].codePointAt(0);
}
