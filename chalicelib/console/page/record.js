/** One's own record in the directory. */
import { html, useMemo } from "./preact.js";
import { Page } from "./components.js";
import { JsonRecord } from "./json-editor.js";
import { userRecord } from "./records.js";
import { useSession } from "./session.js";

export default function RecordPage() {
  const { person } = useSession();
  const source = useMemo(() => userRecord(person.sub), [person.sub]);
  return html`
    <${Page} title="Your record">
      <p>What the directory says about you, as JSON. You and administrators can see and change it.</p>
      <dl class="facts">
        <dt>User ID</dt>
        <dd><code>${person.sub}</code></dd>
      </dl>
      <${JsonRecord} source=${source} label="Record" hint="Roster adds the user ID and the time of the last change." />
    <//>
  `;
}
