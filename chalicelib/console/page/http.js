/**
 * Requests to the API, without a session, and what can go wrong with them.
 *
 *   const { data, etag } = await send("GET", "/public/media?limit=20");
 *   try { … } catch (problem) { show(sentence(problem)) }
 *
 * `session.js` has `call`, which is `send` with the signed-in person's token. Most views need that one.
 */

/**
 * What the server says to everybody who opens the page: `bucket` (origin of the pictures, or null), `password_policy`,
 * `sign_up`, `totp` and `admin_group`. See chalicelib/console/settings.py.
 */
export const settings = JSON.parse(document.querySelector("meta[name=roster]").content);

/** The address of the API, with a slash at its end: the page is at `<base>console`. */
export const base = new URL(".", location.origin + location.pathname).href;

/** Time limit of a request, in milliseconds: a little more than API Gateway's 29 s. */
const LIMIT = 32_000;

/**
 * A request that failed. `slug` names the kind: the last part of the problem's `type`, or one of the page's own:
 * `offline`, `unreachable`, `no-response`, `signed-out`, `other-person`, or `blocked`: what refuses a request without a
 * token is the firewall. `status` is 0 if there was no response.
 */
export class Problem extends Error {
  /** @param {{slug: string, status?: number, detail?: string, requestId?: string, errors?: object[], retryAfter?: number}} about */
  constructor({ slug, status = 0, detail = "", requestId = "", errors = [], retryAfter = 0 }) {
    super(slug);
    Object.assign(this, { slug, status, detail, requestId, errors, retryAfter });
  }

  /** Whether the same request may succeed later, without a change. */
  get isTemporary() {
    if (this.slug === "blocked") return true;
    return [0, 429, 500, 502, 503, 504].includes(this.status) && !["signed-out", "other-person"].includes(this.slug);
  }
}

const SENTENCES = {
  "offline": "You are offline. Try again once you are connected.",
  "unreachable": "Roster can’t be reached. Check your connection, and try again.",
  "no-response": "Roster did not respond in time. Check whether it was done before you try again.",
  "timeout": "Roster did not respond in time. Check whether it was done before you try again.",
  "signed-out": "You are signed out. Sign in again to go on. What you have typed is still here.",
  "other-person": "Somebody else has signed in meanwhile. Nothing was saved.",
  "unauthorized": "You are signed out. Sign in again.",
  "forbidden": "You are not allowed to do this.",
  "blocked": "Too many requests come from your network at the moment. Wait a few minutes, then try again.",
  "insufficient-scope": "This sign-in cannot change your account. Sign out, then sign in on this page.",
  "not-found": "This does not exist any more.",
  "precondition-failed": "This has changed since you opened it. Nothing was saved.",
  "too-large": "This is too large. Nothing was saved.",
  "throttled": "Too many requests at the moment. Wait a little, then try again.",
  "unavailable": "Roster is not available at the moment. Try again in a little while.",
  "internal-error": "Something went wrong in Roster, and it was logged. Try again, or report it with the request id.",
  "invalid-request": "Some of this can’t be accepted. Check what you entered.",
  "invalid-credentials": "Wrong e-mail or password, or the account is not confirmed yet.",
  "invalid-code": "The code is wrong or has expired. Check it, or ask for a new one.",
  "wrong-password": "This is not your password. After several attempts, wait a while before you try again.",
  "password-reset-required": "Set a new password for this account.",
  "sign-up-closed": "Accounts are created by invitation only. Ask an administrator for one.",
  "account-exists": "This address has an account already.",
  "email-taken": "Another account has this e-mail address. Nothing was changed.",
  "last-admin": "At least one administrator must remain. Make somebody else an administrator first.",
  "totp-off": "Two-step sign-in is not available here.",
  "totp-on": "Two-step sign-in is on already. Turn it off before you set up another app.",
  "totp-required": "Everybody here needs two-step sign-in. If you have lost your app, ask an administrator.",
};

/** Problems whose `detail` is a sentence for people. */
const SPEAKING = new Set(["password-rejected"]);

/**
 * Return what to tell people about a failure. `words` has sentences that fit the situation better, by slug.
 *
 * @param {unknown} error
 * @param {Record<string, string>} words
 */
export function sentence(error, words = {}) {
  if (!(error instanceof Problem)) {
    return "Something went wrong on this page. Copy what you have typed, and reload it.";
  }
  if (words[error.slug]) return words[error.slug];
  if (error.slug === "throttled" && error.retryAfter > 1) {
    return `Too many requests at the moment. Try again in ${Math.ceil(error.retryAfter)} seconds.`;
  }
  if (SPEAKING.has(error.slug)) return error.detail;
  if (SENTENCES[error.slug]) return SENTENCES[error.slug];
  return error.status >= 500 ? SENTENCES["internal-error"] : "This can’t be done. See the details.";
}

/**
 * Send a request, and return the response. Throws `Problem`, and nothing else.
 *
 * `path` is relative to the API, such as "/media". `json` is a body to send as JSON, `body` one to send as it is, with
 * its media type in `type`. `text` of the result is the body as it was sent: use it where numbers must not be rounded.
 * `next` is the query of the next page ("?limit=…&cursor=…"), if there may be one.
 *
 * @param {string} method
 * @param {string} path
 * @param {{json?: unknown, body?: BodyInit, type?: string, token?: string, ifMatch?: string, ifNoneMatch?: string,
 *   headers?: Record<string, string>}} options
 * @returns {Promise<{status: number, data: any, text: string, etag: string | null, next: string | null,
 *   retryAfter: number, headers: Headers}>}
 */
export async function send(method, path, options = {}) {
  const { json, token, ifMatch, ifNoneMatch } = options;
  const headers = new Headers(options.headers);
  const body = json === undefined ? options.body : JSON.stringify(json);
  if (body !== undefined) headers.set("Content-Type", options.type ?? "application/json");
  if (token) headers.set("Authorization", `Bearer ${token}`);
  if (ifMatch) headers.set("If-Match", ifMatch);
  if (ifNoneMatch) headers.set("If-None-Match", ifNoneMatch);
  // Browsers would remove these segments, and so request something else.
  if (/(?:^|\/)\.\.?(?:$|[/?])/.test(path)) throw new Problem({ slug: "not-found", status: 404 });
  const late = AbortSignal.timeout(LIMIT);
  const address = base + path.replace(/^\//, "");
  let response;
  let text;
  try {
    response = await fetch(address, {
      method,
      headers,
      body,
      cache: "no-store",
      redirect: "error",
      signal: late,
    });
    text = await response.text();
  } catch {
    if (late.aborted) throw new Problem({ slug: "no-response" });
    throw new Problem({ slug: navigator.onLine ? "unreachable" : "offline" });
  }
  const retryAfter = Number(response.headers.get("Retry-After")) || 0;
  const data = parsed(text);
  if (!response.ok) throw asProblem(response, data, retryAfter, Boolean(token));
  return {
    status: response.status,
    data,
    text,
    etag: response.headers.get("ETag"),
    next: nextPage(response.headers.get("Link")),
    retryAfter,
    headers: response.headers,
  };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function asProblem(response, data, retryAfter, hasToken) {
  const type = typeof data?.type === "string" ? data.type : "";
  const slug = type.startsWith("urn:roster:problem:") ? type.slice("urn:roster:problem:".length) : "unknown";
  return new Problem({
    slug: slug === "forbidden" && !hasToken ? "blocked" : slug,
    status: response.status,
    detail: String(data?.detail ?? ""),
    requestId: String(data?.request_id ?? response.headers.get("X-Request-Id") ?? ""),
    errors: Array.isArray(data?.errors) ? data.errors : [],
    retryAfter,
  });
}

/** Return the query of the address of the next page (RFC 8288). Its host does not matter: it is this API. */
function nextPage(link) {
  const address = /<([^>]*)>\s*;[^,]*rel="?next"?/.exec(link ?? "")?.[1];
  return address ? new URL(address, base).search : null;
}
