/**
 * JSON as text. Unlike JSON.parse, nothing is rounded or dropped, each value knows its place, and mistakes have one too.
 *
 *   const root = parse(text);             // throws JsonFault: { message, start, end }
 *   format(root)                          // indented by two spaces; numbers and strings as they were written, but
 *                                         // characters that nobody sees as escapes
 *   locate(root, "/likes/0")              // { start, end } of what the API's pointer (RFC 6901) names
 *   position(text, start)                 // { line, column }, both from 1
 */
import { INVISIBLE } from "./components.js";

/** Levels of objects and lists that a record may have. See chalicelib/json/strict_json.py. */
const MAX_DEPTH = 30;

/** A mistake in the text, and where it is. */
class JsonFault extends Error {
  constructor(message, start, end = start + 1) {
    super(message);
    Object.assign(this, { start, end });
  }
}

const SPACE = /[ \t\r\n]*/y;
const STRING = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])/y;
const WORD = /(?:true|false|null)(?![\w$])/y;
const JUNK = /[^\s,:[\]{}"]+/y;

/**
 * Return the object that `text` contains: { type: "object", start, end, members: [{ name, start, end, value }] }. Other
 * nodes are { type: "list", items } and { type: "plain", raw }, with `start` and `end` too. `outer` is the number of
 * levels around the record, in a response of the API that contains it.
 */
export function parse(text, outer = 0) {
  const reader = new Reader(text);
  reader.skip();
  if (reader.at === text.length) throw new JsonFault("There is nothing here yet. An empty record is {}.", 0, 0);
  if (text[reader.at] !== "{") throw new JsonFault("A record is an object: it starts with {.", reader.at);
  const root = reader.value(1 - outer);
  reader.skip();
  if (reader.at < text.length) throw new JsonFault("Nothing may follow the last bracket.", reader.at, text.length);
  return root;
}

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  skip() {
    this.match(SPACE);
    if (this.text.startsWith("//", this.at) || this.text.startsWith("/*", this.at)) {
      throw new JsonFault("JSON has no comments. Remove this one.", this.at, lineEnd(this.text, this.at));
    }
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at += found[0].length;
    return found?.[0];
  }

  value(depth) {
    const start = this.at;
    const first = this.text[start];
    if (first === "{" || first === "[") {
      if (depth > MAX_DEPTH) throw new JsonFault(`This is nested deeper than ${MAX_DEPTH} levels.`, start);
      return first === "{" ? this.object(start, depth) : this.list(start, depth);
    }
    const raw = first === '"' ? this.string() : (this.match(NUMBER) ?? this.match(WORD));
    if (raw === undefined) throw this.noValue(start, first);
    return { type: "plain", raw, start, end: this.at };
  }

  object(start, depth) {
    const members = [];
    this.each("}", start, () => {
      const key = this.at;
      if (this.text[key] !== '"') throw this.noName(key);
      const name = JSON.parse(this.string());
      const end = this.at;
      this.skip();
      if (this.text[this.at] !== ":") throw new JsonFault("A colon is missing after this name.", key, end);
      this.at += 1;
      this.skip();
      members.push({ name, start: key, end, value: this.value(depth + 1) });
    });
    return { type: "object", start, end: this.at, members };
  }

  list(start, depth) {
    const items = [];
    this.each("]", start, () => items.push(this.value(depth + 1)));
    return { type: "list", start, end: this.at, items };
  }

  /** Read what stands between two brackets, with commas. */
  each(close, start, read) {
    this.at += 1;
    this.skip();
    if (this.text[this.at] === close) return void (this.at += 1);
    for (;;) {
      read();
      this.skip();
      const after = this.at;
      if (this.text[after] === close) return void (this.at += 1);
      if (after >= this.text.length) throw new JsonFault(`This bracket is never closed: ${close} is missing.`, start);
      if (this.text[after] !== ",") throw this.noComma(after, close);
      this.at += 1;
      this.skip();
      if (this.text[this.at] === close) throw new JsonFault(`Remove this comma: only ${close} follows it.`, after);
    }
  }

  string() {
    const start = this.at;
    const found = this.match(STRING);
    if (found !== undefined) return found;
    for (let at = start + 1; at < this.text.length; at += 1) {
      const letter = this.text[at];
      if (letter === "\t") throw new JsonFault("Write a tab inside quotation marks as \\t.", at);
      if (letter < " ") break;
      if (letter !== "\\") continue;
      if (!/^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.test(this.text.slice(at, at + 6))) {
        throw new JsonFault("This backslash means nothing. Write \\\\ for a backslash.", at, at + 2);
      }
      at += 1;
    }
    throw new JsonFault("The closing quotation mark is missing.", start, lineEnd(this.text, start));
  }

  junk(start) {
    this.at = start;
    const word = this.match(JUNK) ?? this.text[start];
    return [word, start + word.length];
  }

  noValue(start, first) {
    if (first === undefined) return new JsonFault("The text ends too early: a value is missing.", start - 1);
    if ("}],:".includes(first)) return new JsonFault(`A value is missing before ${first}.`, start);
    const [word, end] = this.junk(start);
    let message = 'Put text between double quotation marks: "…".';
    if (/^['‘’“”„«]/.test(word)) message = 'Put text between straight double quotation marks: "…".';
    if (/^(?:true|false|null)$/i.test(word)) message = `Write ${word.toLowerCase()}, in lower case.`;
    if (/^[-+.\d]/.test(word)) message = "This is not a number as JSON writes them, such as -1.5.";
    return new JsonFault(message, start, end);
  }

  noName(start) {
    if (start >= this.text.length) return new JsonFault("The text ends too early: } is missing.", start - 1);
    const [, end] = this.junk(start);
    return new JsonFault('A name between double quotation marks belongs here, such as "name": …', start, end);
  }

  noComma(start, close) {
    const [, end] = this.junk(start);
    if ("}]".includes(this.text[start])) return new JsonFault(`Write ${close} here: another bracket is open.`, start);
    return new JsonFault("A comma is missing before this.", start, end);
  }
}

const CONTROLS = /[\u007f-\u009f]/g;

/** Return the text of a string in JSON with hidden characters as escapes, so that it is what it looks like. */
function visible(text) {
  return text.replace(CONTROLS, escaped).replace(INVISIBLE, (found) => found.split("").map(escaped).join(""));
}

function escaped(unit) {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Return the text of a node, indented. */
export function format(node, indent = "") {
  const inner = `${indent}  `;
  if (node.type === "plain") return visible(node.raw);
  if (node.type === "list") {
    if (!node.items.length) return "[]";
    return `[\n${node.items.map((item) => inner + format(item, inner)).join(",\n")}\n${indent}]`;
  }
  if (!node.members.length) return "{}";
  const lines = node.members.map(({ name, value }) => `${inner}${visible(JSON.stringify(name))}: ${format(value, inner)}`);
  return `{\n${lines.join(",\n")}\n${indent}}`;
}

/** Return the value of a member, or undefined. */
export function member(root, name) {
  return root.members.findLast((one) => one.name === name)?.value;
}

/** Return the object `root` without some of its members. */
export function without(root, names) {
  return { ...root, members: root.members.filter(({ name }) => !names.includes(name)) };
}

/** Return where the value is that a pointer names, with its name; or the nearest value around it that there is. */
export function locate(root, pointer) {
  let node = root;
  let place = { start: root.start, end: root.start + 1 };
  for (const token of pointer.split("/").slice(1)) {
    const name = token.replaceAll("~1", "/").replaceAll("~0", "~");
    const found = node.type === "object" ? node.members.findLast((one) => one.name === name) : undefined;
    const value = found?.value ?? (node.type === "list" ? node.items[Number(name)] : undefined);
    if (!value) break;
    place = { start: found?.start ?? value.start, end: value.type === "plain" ? value.end : value.start + 1 };
    node = value;
  }
  return place;
}

/** Return the line and column of an offset in `text`. */
export function position(text, offset) {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  return { line, column: [...before.slice(before.lastIndexOf("\n") + 1)].length + 1 };
}

function lineEnd(text, start) {
  const end = text.indexOf("\n", start);
  return end < 0 ? text.length : end;
}

/** Cells that a comparison of lines may fill. Beyond that, all lines between the first and last difference differ. */
const MOST = 4_000_000;

/** Return which lines of two texts differ: two sets of line indexes. */
export function differences(mine, theirs) {
  const [left, right] = [mine, theirs].map((text) => text.split("\n").map((line) => line.replace(/,$/, "")));
  let start = 0;
  while (start < left.length && start < right.length && left[start] === right[start]) start += 1;
  let same = 0;
  const most = Math.min(left.length, right.length) - start;
  while (same < most && left.at(-1 - same) === right.at(-1 - same)) same += 1;
  const [rows, columns] = [left.length - start - same, right.length - start - same];
  const changed = [new Set(range(start, rows)), new Set(range(start, columns))];
  if (rows * columns <= MOST) keepCommon(left, right, start, rows, columns, changed);
  return changed;
}

/** Take the longest common subsequence of lines out of `changed`. */
function keepCommon(left, right, start, rows, columns, changed) {
  const width = columns + 1;
  const lengths = new Uint16Array((rows + 1) * width);
  for (let row = rows - 1; row >= 0; row -= 1) {
    for (let column = columns - 1; column >= 0; column -= 1) {
      lengths[row * width + column] =
        left[start + row] === right[start + column]
          ? lengths[(row + 1) * width + column + 1] + 1
          : Math.max(lengths[(row + 1) * width + column], lengths[row * width + column + 1]);
    }
  }
  for (let row = 0, column = 0; row < rows && column < columns; ) {
    if (left[start + row] === right[start + column]) {
      changed[0].delete(start + row);
      changed[1].delete(start + column);
      row += 1;
      column += 1;
    } else if (lengths[(row + 1) * width + column] >= lengths[row * width + column + 1]) row += 1;
    else column += 1;
  }
}

function range(start, count) {
  return Array.from({ length: count }, (_, index) => start + index);
}
