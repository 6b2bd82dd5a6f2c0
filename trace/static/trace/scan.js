// The live camera of the scan page. Without this file the page is a form with a photo field.
"use strict";

(() => {
  const FRAME_MS = 500; // at most two pictures a second go to the server
  const LONGEST_MS = 2 * 60 * 1000; // then the camera goes off: nobody holds a code so long
  const WIDEST = 1280;
  const NEEDED = ["qr_code", "data_matrix", "code_128", "ean_13"];

  const box = document.getElementById("camera");
  const form = document.getElementById("scan-form");
  const devices = navigator.mediaDevices;
  if (!box || !form || !devices || !devices.getUserMedia) return;

  const picture = document.getElementById("camera-picture");
  const state = document.getElementById("camera-state");
  const start = document.getElementById("camera-start");
  const stop = document.getElementById("camera-stop");
  let stream = null;
  let audio = null;

  const wait = (ms) => new Promise((done) => setTimeout(done, ms));

  // Some browsers have the name but throw, or know no format.
  async function ownDetector() {
    try {
      const formats = await window.BarcodeDetector.getSupportedFormats();
      if (!NEEDED.every((format) => formats.includes(format))) return null;
      return new window.BarcodeDetector({ formats: NEEDED.concat(formats.filter((each) => each === "itf")) });
    } catch {
      return null;
    }
  }

  function celebrate() {
    try {
      if (navigator.vibrate) navigator.vibrate(80);
      const tone = audio.createOscillator();
      tone.frequency.value = 1800;
      tone.connect(audio.destination);
      tone.start();
      tone.stop(audio.currentTime + 0.1);
    } catch {
      // A phone without sound scans as well.
    }
  }

  function end(text) {
    if (stream) stream.getTracks().forEach((track) => track.stop());
    stream = null;
    picture.srcObject = null;
    picture.hidden = stop.hidden = true;
    start.hidden = false;
    state.textContent = text;
  }

  // The code goes where a hand scanner would have typed it, and so through the same checks.
  function send(codes) {
    const [first, ...others] = codes;
    form.elements.namedItem("code").value = first;
    for (const code of others) {
      const field = document.createElement("input");
      field.type = "hidden";
      field.name = "code";
      field.value = code;
      form.append(field);
    }
    form.submit();
  }

  async function readHere(detector) {
    const found = await detector.detect(picture);
    const codes = [...new Set(found.map((code) => code.rawValue))].filter(Boolean);
    return codes.length ? () => send(codes) : null;
  }

  async function readThere() {
    const scale = Math.min(1, WIDEST / Math.max(picture.videoWidth, picture.videoHeight));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.videoWidth * scale);
    canvas.height = Math.round(picture.videoHeight * scale);
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    const frame = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
    if (!frame) return null;
    const answer = await fetch(box.dataset.frames, {
      method: "POST",
      body: frame,
      headers: { "Content-Type": "image/jpeg", "X-CSRFToken": form.elements.namedItem("csrf_token").value },
      redirect: "error",
    });
    if (answer.status === 503) return null; // others are being read: the next picture may be
    if (!answer.ok) throw new Error(String(answer.status));
    const { address } = await answer.json();
    return address ? () => location.assign(address) : null;
  }

  async function look() {
    const detector = await ownDetector();
    const until = Date.now() + LONGEST_MS;
    while (stream && Date.now() < until && !document.hidden) {
      const pause = wait(FRAME_MS);
      const go = picture.videoWidth ? await (detector ? readHere(detector) : readThere()) : null;
      if (go && stream) {
        celebrate();
        end("");
        go();
        return;
      }
      await pause;
    }
    end(box.dataset.ended);
  }

  start.addEventListener("click", async () => {
    start.hidden = true;
    try {
      audio = audio || new AudioContext(); // sound needs a touch: this one
    } catch {
      audio = null;
    }
    try {
      stream = await devices.getUserMedia({
        audio: false,
        video: { facingMode: "environment", width: { ideal: WIDEST } },
      });
      picture.srcObject = stream;
      picture.hidden = stop.hidden = false;
      state.textContent = box.dataset.looking;
      await picture.play();
      await look();
    } catch {
      end(box.dataset.denied);
    }
  });
  stop.addEventListener("click", () => end(box.dataset.ended));
  box.hidden = false;
})();
