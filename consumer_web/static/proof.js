/* Checks the proof bundle of a page (docs/proofs.md) with what the browser itself can do. */
"use strict";

const HASH_SIZE = 32;
const LOG_KEY = 1;
const WITNESS_KEY = 4;
const LONGEST_WAIT = 3600_000; // for a signed state, in milliseconds: usually it takes seconds
const utf8 = new TextEncoder();
const checker = document.getElementById("checker");
const say = (name, values = {}) =>
  checker.dataset[name].replace(/\{(\w+)\}/g, (_, key) => String(values[key]));

/** What does not fit: `name` is a text of the page, `at` the place of the entry it is about. */
class Fault extends Error {
  constructor(name, values = {}, at = null) {
    super(name);
    Object.assign(this, { name, values, at });
  }
}

const concat = (...parts) => new Uint8Array(parts.flatMap((part) => [...part]));
const sha256 = async (...parts) =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...parts)));
const same = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);

function octets(text, size = null) {
  const found = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  if (size !== null && found.length !== size) throw new Error(`${size} bytes expected: ${text}`);
  return found;
}

/** A whole number as so many bytes, the most significant first. */
function bigEndian(number, size) {
  const bytes = new Uint8Array(size);
  let rest = BigInt(number);
  for (let i = size - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 255n);
    rest >>= 8n;
  }
  if (rest) throw new Error(`${number} has more than ${size} bytes`);
  return bytes;
}

/** The 41 bytes of the log that an opened statement gives: version, time, commitment. */
async function entryOf(statement) {
  const digests = [];
  for (const field of statement.fields) {
    if ("digest" in field) {
      // A name beside it would be shown, and the digest be that of another.
      if (Object.keys(field).length > 1) throw new Fault("leaf", { number: nameOf(statement) });
      digests.push(octets(field.digest, HASH_SIZE));
      continue;
    }
    const name = utf8.encode(field.name);
    const value = utf8.encode(field.value);
    digests.push(await sha256(octets(field.salt, 16), bigEndian(name.length, 2), name, value));
  }
  const version = utf8.encode("foodtrace-statement/1\n");
  const commitment = await sha256(octets(statement.salt, 16), version, ...digests);
  return concat([1], bigEndian(statement.time, 8), commitment);
}

/** The root that an inclusion proof leads to (RFC 9162, 2.1.3.2); null for a wrong length. */
async function rootFrom(leaf, index, size, proof) {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) return null;
  let node = BigInt(index);
  let last = BigInt(size) - 1n;
  let root = leaf;
  for (const hash of proof) {
    if (last === 0n) return null;
    if (node & 1n || node === last) {
      root = await sha256([1], hash, root);
      while (!(node & 1n) && node !== 0n) {
        node >>= 1n;
        last >>= 1n;
      }
    } else {
      root = await sha256([1], root, hash);
    }
    node >>= 1n;
    last >>= 1n;
  }
  return last === 0n ? root : null;
}

/** A key as a line: name+hash+base64, the hash of name and key is checked. */
async function keyOf(text, kind = LOG_KEY) {
  const match = /^(.+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text);
  const [, name, hash, data] = match;
  const key = octets(data, 33);
  const id = (await sha256(utf8.encode(`${name}\n`), key)).slice(0, 4);
  if (!same(id, Uint8Array.from(hash.match(/../g), (pair) => parseInt(pair, 16)))) throw new Error(text);
  if (key[0] !== kind) throw new Error(text);
  return { name, id, octets: key.slice(1) };
}

/** A policy (c2sp.org/tlog-policy). */
async function readPolicy(text) {
  const policy = { logs: [], witnesses: [], groups: [], quorum: null };
  let number = 0;
  for (const line of text.split("\n")) {
    number++;
    const [word, ...items] = line.trim().split(/[ \t]+/);
    if (!word || word.startsWith("#")) continue;
    try {
      if (word === "log") policy.logs.push(await keyOf(items[0]));
      else if (word === "witness") policy.witnesses.push({ alias: items[0], key: await keyOf(items[1], WITNESS_KEY) });
      else if (word === "group") policy.groups.push(groupOf(items));
      else if (word === "quorum" && items.length === 1) policy.quorum = items[0];
      else throw new Error(word);
    } catch {
      throw new Fault("policy", { line: number });
    }
  }
  if (policy.quorum === null) throw new Fault("policy", { line: number });
  return policy;
}

function groupOf([name, threshold, ...members]) {
  const least = { all: members.length, any: 1 }[threshold] ?? Number(threshold);
  if (!(least >= 1 && least <= members.length)) throw new Error(name);
  return { name, least, members };
}

function isMet(policy, names) {
  if (policy.quorum === "none") return true;
  const met = new Set(names);
  for (const group of policy.groups) {
    if (group.members.filter((member) => met.has(member)).length >= group.least) met.add(group.name);
  }
  return met.has(policy.quorum);
}

/** A signed note: its text, and the lines that begin with a dash. */
function readNote(note) {
  const end = note.lastIndexOf("\n\n");
  const lines = note.slice(end + 2).split("\n").filter(Boolean).map((line) => {
    const [, name, data] = /^\u2014 (\S+) (\S+)$/.exec(line);
    const signature = octets(data);
    return { name, id: signature.slice(0, 4), signature: signature.slice(4) };
  });
  return { text: note.slice(0, end + 1), lines };
}

function readCheckpoint(text) {
  const [origin, size, root, ...rest] = text.split("\n");
  if (!/^[1-9][0-9]{0,15}$/.test(size) || rest.join("")) throw new Error(text);
  return { origin, size: Number(size), root: octets(root, HASH_SIZE) };
}

/** Whether a key has signed; null where the browser has no Ed25519. */
async function hasSigned(key, message, signature) {
  let imported;
  try {
    imported = await crypto.subtle.importKey("raw", key.octets, "Ed25519", false, ["verify"]);
  } catch {
    return null;
  }
  return crypto.subtle.verify("Ed25519", imported, signature, message);
}

const linesOf = (note, key) =>
  note.lines.filter((line) => line.name === key.name && same(line.id, key.id));

/** Check the signatures under the heads; what is found besides faults goes to the notes. */
async function checkHeads(bundle, policy, faults, notes) {
  const heads = {};
  for (const [origin, text] of Object.entries(bundle.checkpoints)) {
    const note = readNote(text);
    const head = readCheckpoint(note.text);
    if (head.origin !== origin) throw new Error(origin);
    heads[origin] = head;
    const told = bundle.logs.filter((log) => log.origin === origin).map((log) => keyOf(log.vkey));
    const keys = policy ? policy.logs : await Promise.all(told);
    const key = keys.find((each) => each.name === origin);
    if (!key) {
      faults.push(new Fault("unknown", { name: origin }));
      continue;
    }
    const line = linesOf(note, key)[0];
    const signed = line ? await hasSigned(key, utf8.encode(note.text), line.signature) : false;
    if (signed === null) {
      notes.add(say("unsigned"));
      continue;
    }
    if (!signed) {
      faults.push(new Fault("log", { name: origin }));
      heads[origin] = null;
    }
    if (policy) await checkWitnesses(note, policy, faults, notes);
    else notes.add(say("own"));
  }
  return heads;
}

async function checkWitnesses(note, policy, faults, notes) {
  const seen = [];
  for (const { alias, key } of policy.witnesses) {
    for (const line of linesOf(note, key)) {
      const time = line.signature.slice(0, 8);
      const seconds = time.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
      const message = utf8.encode(`cosignature/v1\ntime ${seconds}\n${note.text}`);
      if (await hasSigned(key, message, line.signature.slice(8))) seen.push(alias);
      else faults.push(new Fault("witness", { name: alias }));
    }
  }
  const names = [...new Set(seen)].join(", ") || say("nobody");
  notes.add(say(isMet(policy, seen) ? "quorum" : "few", { names }));
}

/** Whether an entry stands under its head; false while none covers it, or none is to be believed. */
async function checkStatement(statement, head) {
  const leaf = await sha256([0], await entryOf(statement));
  if (head === null) return false;
  if (!statement.proof || !head) {
    const isCovered = Boolean(statement.proof) || (head && statement.index < head.size);
    if (isCovered || Date.now() - statement.time > LONGEST_WAIT) {
      throw new Fault("late", { number: nameOf(statement) });
    }
    return false;
  }
  const path = statement.proof.map((hash) => octets(hash, HASH_SIZE));
  const root = await rootFrom(leaf, statement.index, head.size, path);
  if (!root || !same(root, head.root)) throw new Fault("leaf", { number: nameOf(statement) });
  return true;
}

/** Whether a statement comes behind another in the logs. */
const isAfter = (statement, former) =>
  statement.year > former.year || (statement.year === former.year && statement.index > former.index);

/** Entries stand in the order of the log: else one made up later could take an older one's number. */
function checkOrder(parts, faults) {
  let former = null;
  for (const statement of parts.flatMap((part) => part.statements)) {
    const isOfYear = statement.log.endsWith(`/${statement.year}`);
    if (!isOfYear || (former && !isAfter(statement, former))) {
      faults.push(new Fault("order", { number: nameOf(statement) }, statement));
    }
    former = statement;
  }
}

// A lot, or a logistic unit: statements about them are numbered.
const NUMBERED = /^(\/01\/[0-9]{14}\/10\/[^/]+|\/00\/[0-9]{18})$/;

/** The file is about what the page names, and numbered for it. */
function checkThing(parts, last, faults) {
  const named = document.querySelector("#verdict ~ p > code").textContent;
  for (const { thing, things } of parts) {
    const isThis = asShown(thing) === named && (things.includes(thing) || !NUMBERED.test(thing));
    if (!isThis) return faults.push(new Fault("other", { name: thing }));
  }
  const isEmpty = parts.every((part) => part.statements.length === 0);
  if (last.size || isEmpty || !NUMBERED.test(parts[0].thing)) return 0;
  return faults.push(new Fault("other", { name: named }));
}

/** Series of numbers: 1, 2, 3 … in the order of the log, for each organisation. */
function checkSeries(parts, faults) {
  const last = new Map();
  for (const part of parts) {
    for (const statement of part.statements) {
      for (const { value } of statement.fields.filter((field) => field.name === "number")) {
        const [series, number, ...rest] = value.split(" ");
        const thing = rest.join(" ");
        if (!part.things.includes(thing)) continue;
        const known = last.get(series) ?? { thing, number: 0 };
        const expected = known.number + 1;
        last.set(series, { thing, number: Math.max(Number(number), known.number) });
        if (Number(number) === expected && known.thing === thing) continue;
        faults.push(new Fault("gap", { expected, found: number, number: nameOf(statement) }, statement));
      }
    }
  }
  return last;
}

const nameOf = (statement) => `${statement.year}/${statement.index}`;
const lineOf = (statement) => document.getElementById(`n${statement.year}-${statement.index}`);
// What the page shows in place of characters that nobody sees, and how it parts lines.
const UNSEEN = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const asShown = (text) => text.replace(/\r\n?/g, "\n").replace(UNSEEN, "\ufffd");

/** The page shows of an entry what the bundle does: else one of the two was changed. */
function checkPage(statement) {
  const line = lineOf(statement);
  if (!line) return; // newer than the page, or on an earlier one
  const told = [...line.querySelectorAll(".fields > li")].map((item) =>
    [item.querySelector("code").textContent, item.querySelector("span").textContent].join(" "));
  const shown = statement.fields.filter((field) => "name" in field)
    .map((field) => asShown([field.name, field.value].join(" ")));
  if (told.join("\n") !== shown.join("\n")) {
    throw new Fault("page", { number: nameOf(statement) }, statement);
  }
}

/** Everything that the page lists is in the bundle. */
function checkWhole(part, faults) {
  const known = new Set(part.statements.map((statement) => `n${statement.year}-${statement.index}`));
  for (const { id } of document.querySelectorAll("article[id]")) {
    if (known.has(id)) continue;
    const [year, index] = id.slice(1).split("-");
    faults.push(new Fault("page", { number: `${year}/${index}` }, { year, index }));
  }
}

function mark(statement, name, kind) {
  const sign = lineOf(statement)?.querySelector("[data-state]");
  if (!sign) return;
  sign.className = `mark ${kind}`;
  sign.textContent = say(name);
}

const isHere = (part) => part.statements.some(lineOf) || !part.next;

/** The parts of the bundle, from the first, where the series begin, to that of this page. */
async function fetchParts() {
  const parts = [];
  let query = "?view=proof";
  for (;;) {
    const options = { headers: { Accept: "application/json" }, cache: "no-store" };
    const answer = await fetch(location.pathname + query, options).catch((error) => {
      throw new Fault("fetch", { error: error.message });
    });
    if (!answer.ok) throw new Fault("fetch", { error: answer.status });
    const part = await answer.json();
    if (part.format !== "foodtrace-proof/1") throw new Error(part.format);
    parts.push(part);
    if (isHere(part)) return parts;
    query = new URL(part.next).search;
  }
}

async function policyNow() {
  const text = document.getElementById("policy").value;
  return text.trim() ? readPolicy(text) : null;
}

async function check() {
  const faults = [];
  const notes = new Set();
  let count = 0;
  let pending = 0;
  document.getElementById("result").textContent = say("waiting");
  try {
    if (!globalThis.crypto?.subtle) throw new Fault("unable");
    const parts = await fetchParts();
    const policy = await policyNow();
    for (const part of parts) count += await checkPart(part, policy, faults, notes);
    checkOrder(parts, faults);
    checkThing(parts, checkSeries(parts, faults), faults);
    pending = parts.flatMap((part) => part.statements).length - count;
    if (pending > 0 && count > 0 && faults.length === 0) notes.add(say("waits", { count: pending }));
    checkWhole(parts.at(-1), faults);
  } catch (error) {
    faults.push(asFault(error));
  }
  for (const fault of faults) if (fault.at) mark(fault.at, "unproved", "fail");
  tell(faults, notes, count, pending);
}

const asFault = (error) =>
  error instanceof Fault ? error : new Fault("file", { error: error.message });

/** Check one part of the bundle; return how many of its entries stand in a signed state. */
async function checkPart(part, policy, faults, notes) {
  const heads = await checkHeads(part, policy, faults, notes);
  let count = 0;
  for (const statement of part.statements) {
    try {
      const isProved = await checkStatement(statement, heads[statement.log]);
      checkPage(statement);
      mark(statement, isProved ? "fits" : "pending", isProved ? "pass" : "");
      count += isProved;
    } catch (error) {
      faults.push(Object.assign(asFault(error), { at: statement }));
    }
  }
  return count;
}

/** Say in one word what came of it: what could not be looked at is neither good nor bad. */
function outcome(faults, count, pending) {
  if (faults.length > 0) {
    const isUnchecked = faults.every(({ name }) => ["unable", "fetch", "policy"].includes(name));
    return isUnchecked ? "unchecked" : "bad";
  }
  return count === 0 && pending > 0 ? "early" : "good";
}

function tell(faults, notes, count, pending) {
  const result = outcome(faults, count, pending);
  const counts = { good: count, early: pending, bad: faults.length };
  document.getElementById("result").textContent = say(result, { count: counts[result] });
  checker.dataset.result = result;
  const list = (id, texts) => document.getElementById(id).replaceChildren(
    ...texts.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  list("faults", faults.map((fault) => say(fault.name, fault.values)));
  list("notes", [...notes]);
}

/** Begin with the policy that the service has itself, if it has one. */
async function begin() {
  checker.hidden = false;
  if (checker.dataset.given) {
    const answer = await fetch(checker.dataset.given);
    if (answer.ok) document.getElementById("policy").value = await answer.text();
  }
  document.getElementById("again").addEventListener("click", check);
  await check();
}

begin();
