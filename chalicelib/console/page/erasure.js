/** The dialog that deletes an account. If there is much to delete, that takes several requests. */
import { html, useEffect, useRef, useState } from "./preact.js";
import { Notice } from "./components.js";
import { Confirm } from "./forms.js";
import { current } from "./session.js";

/**
 * `erase` sends a request, and `done` is called once nothing remains. `close` is called when the dialog closes. The
 * other properties are those of `Confirm`.
 */
export function EraseDialog({ erase, done, close, children, ...dialog }) {
  const [seconds, setSeconds] = useState(0);
  const isThere = useRef(true);
  useEffect(() => () => void (isThere.current = false), []);
  const confirm = async (values) => {
    const { epoch } = current();
    const start = Date.now();
    for (;;) {
      const { status, retryAfter } = await erase(values);
      if (status !== 202) break;
      setSeconds(Math.ceil((Date.now() - start) / 1000));
      await new Promise((resolve) => setTimeout(resolve, 1000 * Math.max(retryAfter, 1)));
      if (!isThere.current || current().epoch !== epoch) return;
    }
    done(isThere.current);
  };
  return html`
    <${Confirm} ...${dialog} button="Delete account" busy="Deleting…" confirm=${confirm} close=${close}>
      ${children}
      <div role="status">
        ${seconds > 0 &&
        html`<${Notice} kind="warning">
          There is much to delete: ${seconds} s so far. Keep this page open until it is done. If you cancel now, a part is
          deleted already, and you have to delete the account again.
        <//>`}
      </div>
    <//>
  `;
}
