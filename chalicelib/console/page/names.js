/** The form for somebody's names: one's own, or those of a person whom an administrator looks at. */
import { html, useState } from "./preact.js";
import { clean } from "./components.js";
import { Field, Form } from "./forms.js";
import { call } from "./session.js";

const NAMES = [
  { name: "name", label: "Name", autocomplete: "name" },
  { name: "given_name", label: "Given name", autocomplete: "given-name", optional: true },
  { name: "family_name", label: "Family name", autocomplete: "family-name", optional: true },
];

/**
 * `path` is the account's, and `saved` is called with the response. Only what has been changed is sent: somebody may
 * have changed something else meanwhile. `isOthers` is true if the names are not the person's own.
 */
export function NamesForm({ path, account, isOthers = false, words, saved }) {
  const [shown, setShown] = useState(account);
  const save = async (values) => {
    const changed = Object.entries(values).filter(([name, text]) => text !== clean(shown[name]));
    const json = Object.fromEntries(changed.map(([name, text]) => [name, text.trim() || null]));
    const response = await call("PATCH", path, { json });
    setShown(response.data);
    saved(response);
    return "Saved.";
  };
  const others = isOthers ? { autocomplete: "off", whose: "a" } : {};
  return html`
    <${Form} button=${isOthers ? "Save names" : "Save"} busy="Saving…" submit=${save} words=${words}>
      ${NAMES.map(
        (field) =>
          html`<${Field} key=${field.name} ...${field} ...${others} maxlength="256" value=${clean(shown[field.name])} />`,
      )}
    <//>
  `;
}
