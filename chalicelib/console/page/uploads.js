/**
 * Pictures on their way to Roster. They go on while the person looks at other views of this page.
 *
 *   const uploads = useUploads();      // [{ id, name, size, state, sent, problem, reason, item }, …]
 *   addFiles(files);  retry(upload);  dismiss(upload);  isStored(upload);
 *
 * `state`: "waiting", "sending" (`sent` of `size` bytes), "processing", "late" (it takes longer than a minute), "ready"
 * (`item` is the picture), "rejected" by Roster (`reason`), "unfit" (nothing was sent, because of `reason`), or "failed"
 * because of `problem`, which can be repeated.
 */
import { useEffect, useState } from "./preact.js";
import { Problem } from "./http.js";
import { announce, clean } from "./components.js";
import { call, current, onSessionChange } from "./session.js";

/** See chalicelib/media/items.py. */
const MAX_SIZE = 10 * 1024 * 1024;
/** Uploads at the same time. */
const AT_ONCE = 3;
/** An upload that does not move for so many milliseconds has failed. */
const STALLED = 60_000;
/** How long somebody is kept waiting for a picture to be processed, in milliseconds. */
const PATIENCE = 60_000;

let uploads = [];
/** The requests that send files, by the upload's id. */
const requests = new Map();
let count = 0;
const listeners = new Set();

/** The uploads of the signed-in person, the newest last. */
export function useUploads() {
  const [, again] = useState(0);
  useEffect(() => {
    const look = () => again((times) => times + 1);
    listeners.add(look);
    return () => listeners.delete(look);
  }, []);
  return uploads.filter(isOwn);
}

/** Upload files, as soon as there is a place. Those that cannot be pictures are not sent. */
export function addFiles(files) {
  const added = Array.from(files, (file) => ({
    id: (count += 1),
    key: crypto.randomUUID(),
    epoch: current().epoch,
    file,
    name: file.name,
    size: file.size,
    state: "waiting",
    sent: 0,
  }));
  update([...uploads.filter(isOwn), ...added]);
}

/** Try again what has failed, or look again at what was not ready. */
export function retry(upload) {
  change(upload.id, { state: "waiting", sent: 0, problem: null });
}

/** Whether the whole file has arrived, and was not rejected. */
export function isStored({ state, hasArrived }) {
  return Boolean(hasArrived) && state !== "rejected";
}

/**
 * Forget an upload, and stop it. What was rejected, or has not arrived, is removed from Roster too: sooner than it would
 * be anyway.
 */
export function dismiss(upload) {
  const { id, item } = upload;
  update(uploads.filter((one) => one.id !== id));
  requests.get(id)?.abort();
  if (item && !isStored(upload)) withdraw(item);
}

function withdraw({ mediaid }) {
  call("DELETE", `/media/${mediaid}`).catch(() => {});
}

function update(changed) {
  uploads = changed;
  const isBusy = uploads.some(({ state }) => BUSY.has(state));
  if (isBusy) addEventListener("beforeunload", stay);
  else removeEventListener("beforeunload", stay);
  for (const listener of listeners) listener();
  const next = uploads.find(({ state, isRunning }) => state === "waiting" && !isRunning);
  if (next && uploads.filter(({ isRunning }) => isRunning).length < AT_ONCE) run(next.id);
}

const BUSY = new Set(["waiting", "sending", "processing"]);

function stay(event) {
  event.preventDefault();
}

function isOwn({ epoch }) {
  return epoch === current().epoch;
}

function change(id, changes) {
  update(uploads.map((upload) => (upload.id === id ? { ...upload, ...changes } : upload)));
}

function find(id) {
  const upload = uploads.find((one) => one.id === id);
  if (!upload || !isOwn(upload)) throw new Problem({ slug: "other-person" });
  return upload;
}

async function run(id) {
  change(id, { isRunning: true });
  try {
    await proceed(id);
  } catch (problem) {
    if (!(problem instanceof Problem)) console.error(problem);
    change(id, { state: "failed", problem });
    const upload = uploads.find((one) => one.id === id);
    if (upload && isOwn(upload)) announce(`${clean(upload.name)} could not be uploaded.`);
  }
  change(id, { isRunning: false });
}

async function proceed(id) {
  const type = await pictureType(find(id).file);
  const unfit = reasonAgainst(type, find(id).size);
  if (unfit) return change(id, { state: "unfit", reason: unfit });
  const item = await announced(id, type);
  if (!uploads.some((one) => one.id === id)) return withdraw(item); // dismissed meanwhile
  change(id, { item });
  if (item.upload) {
    change(id, { state: "sending" });
    await post(id, item.upload, find(id).file);
  }
  change(id, { state: "processing", hasArrived: true });
  const done = await settled(id, item.mediaid);
  if (!done) return change(id, { state: "late" });
  const { status: state, reason } = done;
  change(id, { state, reason, item: done });
  return announce(`${clean(find(id).name)} ${state === "ready" ? "is uploaded" : "was not accepted"}.`);
}

// Before anything is sent

const STARTS = [
  ["image/jpeg", /^\xff\xd8\xff/],
  ["image/png", /^\x89PNG\r\n\x1a\n/],
  ["image/gif", /^GIF8[79]a/],
  ["image/webp", /^RIFF[^]{4}WEBP/],
];

/** Return the media type of a file by its first bytes: its name may be wrong. */
async function pictureType(file) {
  try {
    const start = String.fromCharCode(...new Uint8Array(await file.slice(0, 12).arrayBuffer()));
    return STARTS.find(([, pattern]) => pattern.test(start))?.[0] ?? "";
  } catch {
    return "unreadable";
  }
}

function reasonAgainst(type, size) {
  if (type === "unreadable") return "unreadable";
  if (!size) return "empty";
  if (!type) return "not-an-image";
  return size > MAX_SIZE ? "too-large" : "";
}

// Sending

/** Announce a picture. An earlier attempt with the same key is continued, with a new form. */
async function announced(id, content_type) {
  const { key, size } = find(id);
  try {
    const headers = { "Idempotency-Key": key };
    // The ID token: it has the name that people see beside public pictures.
    return (await call("POST", "/media", { as: "id", json: { content_type, size }, headers })).data;
  } catch (problem) {
    if (problem.slug !== "media-deleted") throw problem;
    change(id, { key: crypto.randomUUID() });
    return announced(id, content_type);
  }
}

/** Send a file to the bucket. fetch() could not tell how far it is. */
function post(id, { url, fields }, file) {
  return new Promise((resolve, reject) => {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    body.append("file", file);
    const request = new XMLHttpRequest();
    requests.set(id, request);
    let timer = 0;
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), STALLED);
    };
    const fail = (slug) => reject(new Problem({ slug, status: request.status }));
    request.open("POST", url);
    request.upload.onprogress = ({ loaded }) => {
      wait();
      change(id, { sent: Math.min(loaded, file.size) });
    };
    request.onload = () => (request.status < 300 ? resolve() : fail("upload-refused"));
    request.onerror = () => fail(navigator.onLine ? "upload-interrupted" : "offline");
    request.onabort = () => fail("upload-interrupted");
    request.onloadend = () => {
      clearTimeout(timer);
      requests.delete(id);
    };
    wait();
    request.send(body);
  });
}

/** Return the item once it is ready or rejected, or null if that takes too long. */
async function settled(id, mediaid) {
  const end = Date.now() + PATIENCE;
  for (let pause = 250; ; pause = Math.min(pause * 1.5, 5000)) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    find(id);
    try {
      const { data } = await call("GET", `/media/${mediaid}`);
      if (["ready", "rejected"].includes(data.status)) return data;
    } catch (problem) {
      if (!problem.isTemporary) throw problem;
    }
    if (Date.now() > end) return null;
  }
}

onSessionChange(() => {
  for (const upload of uploads) if (!isOwn(upload)) requests.get(upload.id)?.abort();
});

addEventListener("online", () => {
  for (const upload of uploads) if (upload.state === "failed" && upload.problem.slug === "offline") retry(upload);
});
