/**
 * A tour with the TypeScript client: from sign-up to a published picture, and away again.
 *
 *   node out/tour.js http://127.0.0.1:8000 jane@example.com
 *
 * `roster.ts` holds the types that `make clients` has generated. The code that is mailed to the address is read from
 * standard input. Exits with a message at the first response that is not as expected.
 */
import { createInterface } from "node:readline/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "./roster.js";

type MediaItem = components["schemas"]["MediaItem"];

const PASSWORD = "Correct-horse-42";
const PICTURE = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGM4EcAFAAMGASOVSwPNAAAAAElFTkSuQmCC",
  "base64",
);

const [address, email] = process.argv.slice(2);
if (!address || !email) throw new Error("Usage: node out/tour.js ADDRESS EMAIL");
const api = createClient<paths>({ baseUrl: address });
const as = (token: string) => ({ Authorization: `Bearer ${token}` });

/** Return the body of a successful response, which has one unless it is a 204. Otherwise, fail with the problem. */
function expect<Data>({ data, error, response }: { data?: Data; error?: unknown; response: Response }): Data {
  if (!response.ok || data === undefined) throw new Error(`${response.status} ${response.url}: ${JSON.stringify(error)}`);
  return data;
}

async function ask(question: string): Promise<string> {
  console.log(question);
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) {
    process.stdin.destroy(); // an open standard input would keep the program running
    return line;
  }
  throw new Error("No code was given");
}

const mailed = expect(await api.POST("/accounts", { body: { email, password: PASSWORD, name: "Jane Doe" } }));
console.log(mailed.message);
const code = await ask("What is the code?");
const signedIn = expect(await api.POST("/accounts/confirmation", { body: { email, code, password: PASSWORD } }));
if (!("refresh_token" in signedIn) || !signedIn.refresh_token) throw new Error("The sign-in asks for more");
const tokens = expect(await api.POST("/sessions/refresh", { body: { refresh_token: signedIn.refresh_token } }));
const refresh_token = tokens.refresh_token ?? signedIn.refresh_token; // a new one, where they rotate
console.log("Signed up, signed in, refreshed");

const headers = as(tokens.id_token);
const { sub } = expect(await api.GET("/", { headers }));
await editRecord(sub);
const profile = expect(await api.POST("/user/profile", { headers, body: { theme: "dark" } }));
console.log(`Profile: ${JSON.stringify(profile.profile_data)}`);
const { error: problem } = await api.GET("/users", { headers });
if (problem?.type !== "urn:roster:problem:forbidden") throw new Error(`Not forbidden: ${JSON.stringify(problem)}`);
console.log(`${problem.status} ${problem.type}: ${problem.detail}`);
await showPicture();

const deletion = { headers: as(tokens.access_token), body: { password: PASSWORD } };
let left: Response;
while ((left = (await api.POST("/account/deletion", deletion)).response).status === 202) await pause(1000);
if (left.status !== 204) throw new Error(`The account is not deleted: ${left.status}`);
const gone = await api.POST("/sessions/refresh", { body: { refresh_token } });
if (gone.response.status !== 401) throw new Error(`The account is deleted, but its refresh token works`);
console.log("Account deleted");

/** Write and read the user's record: whole, in part, on a condition, and wrongly. */
async function editRecord(userid: string) {
  const path = { userid };
  const whole = { name: "Jane", height: 1.75 };
  const first = await api.PUT("/users/{userid}", { params: { path }, headers, body: whole });
  expect(first);
  const tag = first.response.headers.get("ETag") ?? "";
  const same = await api.GET("/users/{userid}", { params: { path, header: { "If-None-Match": tag } }, headers });
  if (same.response.status !== 304) throw new Error("The record was sent again, although it has not changed");
  const condition = { path, header: { "If-Match": tag } };
  const user = expect(await api.PATCH("/users/{userid}", { params: condition, headers, body: { big: 12345 } }));
  if (user["big"] !== 12345 || user["height"] !== 1.75) throw new Error(`Changed: ${JSON.stringify(user)}`);
  const late = await api.PUT("/users/{userid}", { params: condition, headers, body: whole });
  if (late.error?.status !== 412) throw new Error(`A late write was taken: ${late.response.status}`);
  console.log(`A late write: ${late.error.title}`);
  const wrong = await api.PUT("/users/{userid}", { params: { path }, headers, body: { "": 1 } });
  if (wrong.error?.status !== 400) throw new Error(`A wrong write was taken: ${wrong.response.status}`);
  console.log(`A wrong one: ${wrong.error.errors?.[0]?.detail}`);
}

/** Upload a picture, publish it, and find it where everybody does. */
async function showPicture() {
  const body = { content_type: "image/png", size: PICTURE.length, title: "The harbour at dawn" } as const;
  const { mediaid, upload } = expect(await api.POST("/media", { headers, body }));
  if (!upload) throw new Error("The picture has no form");
  const form = new FormData();
  for (const [name, value] of Object.entries(upload.fields)) form.append(name, value);
  form.append("file", new Blob([PICTURE]));
  const sent = await fetch(upload.url, { method: "POST", body: form });
  if (!sent.ok) throw new Error(`S3 rejected the upload: ${sent.status}`);
  const params = { path: { mediaid } };
  const deadline = Date.now() + 60_000;
  let item: MediaItem;
  while ((item = expect(await api.GET("/media/{mediaid}", { params, headers }))).status !== "ready") {
    if (Date.now() > deadline) throw new Error(`The picture was not ready within a minute: ${item.status}`);
    await pause(200);
  }
  expect(await api.PATCH("/media/{mediaid}", { params, headers, body: { visibility: "public" } }));
  const shown = expect(await api.GET("/public/media", { params: { query: { limit: 100 } } }));
  const found = shown.find((one) => one.mediaid === mediaid);
  if (!found) throw new Error("The picture is not in public");
  console.log(`In public: ${found.title}`);
}

function pause(milliseconds: number) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
