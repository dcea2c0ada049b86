/** What is stored about one person as JSON: the account's `app_metadata`, and the record in /users. */
import { html, useMemo } from "./preact.js";
import { Problem } from "./http.js";
import { Section } from "./components.js";
import { JsonRecord } from "./json-editor.js";
import { format, member, parse } from "./json-text.js";
import { userRecord } from "./records.js";
import { call } from "./session.js";

/** `replace` takes the response to a change of the account. */
export function PersonJson({ path, account, replace }) {
  const metadata = useMemo(() => appMetadata(path, replace), [path]);
  const record = useMemo(() => userRecord(account.userid), [account.userid]);
  return html`
    <${Section} title="App metadata">
      <${JsonRecord}
        source=${metadata}
        label="App metadata"
        hint="What applications should know, such as a plan or a role. The person can read it, but not change it."
      />
    <//>
    <${Section} title="Record">
      <${JsonRecord} source=${record} label="Record" hint="What is stored about this person in /users." />
    <//>
  `;
}

/**
 * The metadata of an account, as a source for the editor (records.js). Accounts have no entity tags: the text as it was
 * read takes their place, and is compared with what is stored just before a write.
 */
function appMetadata(path, replace) {
  const read = async () => shown(await call("GET", path));
  const write = async (text, etag) => {
    const stored = await read();
    if (stored.etag !== etag) throw new Problem({ slug: "precondition-failed", status: 412 });
    const patch = patchTo(parse(stored.text), parse(text));
    const body = `{"app_metadata": ${patch}}`;
    const response = await call("PATCH", path, { body, type: "application/merge-patch+json" });
    replace(response);
    return shown(response);
  };
  return { id: `${path} app_metadata`, reserved: [], read, write };
}

function shown({ text }) {
  const metadata = format(member(parse(text, 1), "app_metadata"));
  return { text: metadata, etag: metadata === "{}" ? null : metadata, saved: null };
}

/** Return the merge patch (RFC 7396) that makes `before` to `after`, as text, in which no number is rounded. */
function patchTo(before, after, place = "") {
  const members = before.members
    .filter(({ name }) => !member(after, name))
    .map(({ name }) => `${JSON.stringify(name)}: null`);
  for (const { name, value } of after.members) {
    const old = member(before, name);
    const at = `${place}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    if (value.raw === "null") throw notStorable(at);
    const text = value.type === "object" ? patchTo(old?.type === "object" ? old : NOTHING, value, at) : format(value);
    if (!old || format(old) !== format(value)) members.push(`${JSON.stringify(name)}: ${text}`);
  }
  return `{${members.join(", ")}}`;
}

const NOTHING = { type: "object", members: [] };

function notStorable(pointer) {
  const detail = "This is null, which means “remove this” here. Take the whole line out.";
  return new Problem({ slug: "invalid-request", status: 400, errors: [{ pointer, detail }] });
}
