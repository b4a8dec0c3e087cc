/** The part of TOML 1.0 that a trust file is written in: texts, lists of texts, and tables of an array. Nothing else is read. */

const ESCAPES = Object.freeze({ b: "\b", t: "\t", n: "\n", f: "\f", r: "\r", '"': '"', "\\": "\\" });

/**
 * @param {string} text
 * @returns {Object<string, any>} keys to texts, lists of texts, numbers, or lists of tables
 * @throws {SyntaxError} with the number of the line
 */
export function parseToml(text) {
  return new TomlReader(text).readDocument();
}

/** Reads one text from its beginning to its end. */
class TomlReader {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  /** @returns {Object<string, any>} */
  readDocument() {
    const whole = Object.create(null);
    let table = whole;
    for (this.skip(true); this.at < this.text.length; this.skip(true)) {
      const heading = this.match(/\[\[[ \t]*([A-Za-z0-9_-]+)[ \t]*\]\]/y);
      if (heading !== null) {
        table = Object.create(null);
        const tables = (whole[heading[1]] ??= []);
        if (!Array.isArray(tables) || tables.some((each) => typeof each !== "object")) throw this.fault("a key stands twice");
        tables.push(table);
      } else {
        this.readPair(table);
      }
      this.endLine();
    }
    return whole;
  }

  readPair(table) {
    const key = this.match(/([A-Za-z0-9_-]+)[ \t]*=[ \t]*/y);
    if (key === null) throw this.fault("no key and value");
    if (key[1] in table) throw this.fault(`the key ${key[1]} stands twice`);
    table[key[1]] = this.readValue();
  }

  readValue() {
    const number = this.match(/[+-]?(?:0|[1-9][0-9]*)(?![^\s,\]#])/y);
    if (number !== null) return Number(number[0]);
    if (this.text[this.at] === "[") return this.readList();
    const literal = this.match(/'([^'\n\r]*)'/y);
    if (literal !== null) return literal[1];
    const basic = this.match(/"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\.)*)"/y);
    if (basic === null) throw this.fault("no text in quotes");
    return basic[1].replace(/\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)/g, (_, escape) => this.unescape(escape));
  }

  readList() {
    const items = [];
    this.at += 1;
    for (this.skip(true); this.text[this.at] !== "]"; this.skip(true)) {
      items.push(this.readValue());
      this.skip(true);
      if (this.match(/,/y) === null && this.text[this.at] !== "]") throw this.fault("a list that does not end");
    }
    this.at += 1;
    return items;
  }

  unescape(escape) {
    if (escape.length > 1) {
      const code = parseInt(escape.slice(1), 16);
      if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) throw this.fault("an escape of no character");
      return String.fromCodePoint(code);
    }
    if (!Object.hasOwn(ESCAPES, escape)) throw this.fault("an unknown escape");
    return ESCAPES[escape];
  }

  /** Pass over spaces and comments, and over line ends where they mean nothing. */
  skip(lines) {
    this.match(lines ? /(?:[ \t]|\r?\n|#[^\n\x00-\x08\x0b-\x1f\x7f]*)*/y : /[ \t]*(?:#[^\n\x00-\x08\x0b-\x1f\x7f]*)?/y);
  }

  endLine() {
    this.skip(false);
    if (this.at < this.text.length && this.match(/\r?\n/y) === null) throw this.fault("something behind a value");
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found !== null) this.at = pattern.lastIndex;
    return found;
  }

  fault(reason) {
    return new SyntaxError(`line ${this.text.slice(0, this.at).split("\n").length}: ${reason}`);
  }
}
