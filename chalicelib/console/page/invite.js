/** The dialog that invites somebody: an account with a temporary password, which is mailed to them. */
import { html, useRef } from "./preact.js";
import { Dialog, ProblemNotice, Text, useLoad } from "./components.js";
import { Field, Form, useField } from "./forms.js";
import { link } from "./router.js";
import { call } from "./session.js";

/** The most groups that an invitation can have. */
const MOST_GROUPS = 10;

/** `done` is called with the account, and whether it is new: otherwise the invitation has been mailed again. */
export function InviteDialog({ close, done }) {
  const groups = useLoad(() => call("GET", "/groups"));
  const sent = useRef("");
  const invite = async ({ email, name, groups: chosen = [] }) => {
    sent.current = email;
    const { status, data } = await call("POST", "/accounts/invitations", { json: { email, name, groups: chosen } });
    done(data, status === 201);
  };
  const help = ({ slug }) =>
    slug === "account-exists" && html`<p><a href=${link("/people", { email: sent.current })}>Find this person</a></p>`;
  return html`
    <${Dialog} title="Invite someone" close=${close}>
      <p>They get an e-mail with a temporary password, which is valid for 7 days.</p>
      <${Form} button="Invite" busy="Inviting…" submit=${invite} words=${WORDS} help=${help} cancel=${close}>
        <${Field} name="email" label="E-mail address" whose="an" type="email" autocomplete="off" maxlength="128" />
        <${Field} name="name" label="Name" whose="a" autocomplete="off" maxlength="256" />
        ${groups.problem &&
        html`<${ProblemNotice} problem=${groups.problem} retry=${groups.reload}>
          <p>The groups could not be loaded. You can invite without one, and add it later.</p>
        <//>`}
        ${groups.data?.groups.length > 0 && html`<${Groups} groups=${groups.data.groups} />`}
      <//>
    <//>
  `;
}

const WORDS = {
  "account-exists": "This person has an account already.",
  "wrong-status": "This person was invited before, but the account is disabled. Enable it first.",
  "forbidden": "You are no longer an administrator.",
  "throttled": "No more e-mails can be sent for now. Send the invitation later.",
  "unavailable": "The invitation could not be mailed. Try again in a little while.",
};

function Groups({ groups }) {
  const place = useRef();
  const { id, fault } = useField("groups", {
    read: () => [...place.current.querySelectorAll("input:checked")].map((input) => input.value),
    check: (names) => (names.length > MOST_GROUPS ? `Choose at most ${MOST_GROUPS} groups` : undefined),
    focus: () => place.current.querySelector("input").focus(),
  });
  return html`
    <fieldset ref=${place} class=${fault ? "field bad" : "field"} aria-describedby=${fault ? `${id}-fault` : undefined}>
      <legend>Groups <span class="muted">(optional)</span></legend>
      ${fault && html`<p class="fault" id=${`${id}-fault`}>${fault}</p>`}
      ${groups.map(
        ({ group, description }, index) => html`
          <div class="choice" key=${group}>
            <input type="checkbox" id=${`${id}-${index}`} value=${group} aria-describedby=${`${id}-${index}-what`} />
            <div>
              <label for=${`${id}-${index}`}><${Text} of=${group} /></label>
              <p class="hint" id=${`${id}-${index}-what`}><${Text} of=${description} long /></p>
            </div>
          </div>
        `,
      )}
    </fieldset>
  `;
}
