// The key of this device: made here, kept here (IndexedDB, not extractable), and used to sign.
// What is signed, byte for byte, is in docs/signing.md.
"use strict";

(() => {
  const root = document.querySelector("[data-signing]");
  if (!root) return;
  const ALGORITHM = { name: "Ed25519" };
  const party = root.dataset.party;
  const states = JSON.parse(root.dataset.states); // public key in base64: good, waiting, ended
  const subtle = window.crypto && window.crypto.subtle;
  const utf8 = new TextEncoder();

  const toBase64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
  const fromBase64 = (text) => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
  const hex = (bytes) => [...new Uint8Array(bytes)].map((each) => each.toString(16).padStart(2, "0")).join("");
  const sha256 = async (bytes) => hex(await subtle.digest("SHA-256", bytes));
  const lines = (...all) => utf8.encode(all.map((line) => `${line}\n`).join(""));
  const sign = async (key, text) => toBase64(await subtle.sign(ALGORITHM, key.private, text));

  // What is kept: for each organisation the keys that this device has made, new ones last.
  function database() {
    return new Promise((done, fail) => {
      const opening = indexedDB.open("foodtrace-keys", 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore("keys");
      opening.onsuccess = () => done(opening.result);
      opening.onerror = () => fail(opening.error);
    });
  }

  async function keys(change) {
    const open = await database();
    try {
      return await new Promise((done, fail) => {
        const transaction = open.transaction("keys", change ? "readwrite" : "readonly");
        const store = transaction.objectStore("keys");
        let found = [];
        store.get(party).onsuccess = (event) => {
          found = event.target.result || [];
          if (change) store.put((found = change(found)), party);
        };
        transaction.oncomplete = () => done(found);
        transaction.onabort = () => fail(transaction.error);
      });
    } finally {
      open.close();
    }
  }

  async function makeKey() {
    const pair = await subtle.generateKey(ALGORITHM, false, ["sign", "verify"]);
    const key = { public: toBase64(await subtle.exportKey("raw", pair.publicKey)), private: pair.privateKey };
    await keys((known) => [...known, key]); // kept before anybody hears of it
    return key;
  }

  async function isAble() {
    try {
      await subtle.generateKey(ALGORITHM, false, ["sign", "verify"]);
      await keys();
      return true;
    } catch {
      return false; // no Ed25519, no IndexedDB (private windows), or no HTTPS
    }
  }

  async function show(state, key) {
    for (const each of root.parentElement.querySelectorAll("[data-state]")) {
      each.hidden = !each.dataset.state.split(" ").includes(state);
    }
    if (!key) return;
    const digest = (await sha256(fromBase64(key.public))).slice(0, 16);
    for (const each of root.querySelectorAll("[data-fingerprint]")) {
      each.textContent = digest.match(/.{4}/g).join(" ");
    }
  }

  function put(form, values) {
    for (const [name, value] of Object.entries(values)) form.elements.namedItem(name).value = value;
  }

  function onSubmit(form, fill) {
    if (!form) return;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = form.querySelector("button");
      if (button.disabled) return;
      button.disabled = true;
      await fill(form);
      form.submit();
    });
  }

  async function prove(form, key) {
    const field = form.elements.namedItem("name");
    field.value = field.value.normalize("NFC").trim().split(/\s+/u).join(" ");
    const text = lines("foodtrace-key/1", `party ${party}`, `name ${field.value}`, `key ${key.public}`);
    put(form, { public_key: key.public, proof: await sign(key, text) });
  }

  async function vouch(form, key, other, as) {
    const text = lines("foodtrace-key-voucher/1", `party ${party}`, `key ${other}`, `by ${key.public}`, `as ${as}`);
    put(form, { "voucher.by": key.public, "voucher.signature": await sign(key, text) });
  }

  async function signed(item, key, numbers, at) {
    const lots = [];
    for (const lot of JSON.parse(item.dataset.lots)) {
      const salt = crypto.getRandomValues(new Uint8Array(16));
      const number = numbers.lots[lot];
      const said = utf8.encode(`${number} ${lot}`);
      const salted = new Uint8Array(salt.length + said.length);
      salted.set(salt);
      salted.set(said, salt.length);
      lots.push({ salt: toBase64(salt), number, lot, digest: await sha256(salted) });
      numbers.lots[lot] += 1;
    }
    const content = await sha256(fromBase64(item.dataset.content));
    const text = lines(
      "foodtrace-signature/1",
      `key ${key.public}`,
      `statement ${item.dataset.kind} ${content}`,
      `n ${numbers.n}`,
      `at ${at}`,
      ...lots.map((each) => `lot ${each.digest}`).sort(),
    );
    const signature = await sign(key, text);
    const taken = lots.map(({ salt, number, lot }) => ({ salt, number, lot }));
    numbers.n += 1;
    return {
      statement: Number(item.dataset.statement), public_key: key.public, n: numbers.n - 1,
      signed_at: at, lots: taken, signature,
    };
  }

  async function signAll(form, key) {
    const numbers = JSON.parse(form.dataset.numbers)[key.public];
    const at = `${new Date().toISOString().slice(0, 19)}Z`;
    const signatures = [];
    for (const item of form.querySelectorAll("[data-statement]")) {
      if (item.querySelector("input").checked) signatures.push(await signed(item, key, numbers, at));
    }
    put(form, { signatures: JSON.stringify({ signatures }) });
  }

  // What is shown comes from the very bytes that are signed.
  function showTexts() {
    for (const item of root.querySelectorAll("[data-statement]")) {
      const text = new TextDecoder().decode(fromBase64(item.dataset.content));
      item.querySelector("[data-text]").textContent = text;
    }
  }

  async function begin() {
    showTexts();
    if (!(await isAble())) return show("unable");
    const own = await keys();
    const last = (state) => own.filter((key) => states[key.public] === state).pop();
    const good = last("good");
    // One that was made but never enrolled (the form was refused) is used before another is made.
    const unknown = last(undefined);
    const page = root.parentElement;
    onSubmit(page.querySelector("[data-enrol]"), async (form) => prove(form, unknown || (await makeKey())));
    onSubmit(page.querySelector("[data-replace]"), async (form) => {
      const key = unknown || (await makeKey());
      await prove(form, key);
      await vouch(form, good, key.public, "replacement");
    });
    for (const form of page.querySelectorAll("[data-vouch]")) {
      onSubmit(form, (each) => vouch(each, good, form.dataset.vouch, "another"));
    }
    onSubmit(page.querySelector("[data-sign]"), (form) => signAll(form, good));
    if (good) return show("good", good);
    const waiting = last("waiting");
    return waiting ? show("waiting", waiting) : show("new");
  }

  begin();
})();
