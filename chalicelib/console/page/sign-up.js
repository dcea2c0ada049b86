/** Signing up. The response is the same for every address, so the next page says what to do if no code arrives. */
import { html } from "./preact.js";
import { send, settings } from "./http.js";
import { Page } from "./components.js";
import { Field, Form, PasswordField } from "./forms.js";
import { link, navigate } from "./router.js";
import { typed } from "./sign-in.js";

export default function SignUpPage() {
  const submit = async (values) => {
    await send("POST", "/accounts", { json: values });
    Object.assign(typed, { email: values.email, password: values.password });
    navigate("/confirm");
  };
  return html`
    <${Page} narrow title="Sign up">
      ${settings.sign_up
        ? html`
            <${Form} button="Sign up" busy="Signing up…" submit=${submit}>
              <${Field} name="name" label="Name" autocomplete="name" maxlength="256" />
              <${Field}
                name="email"
                label="E-mail address"
                type="email"
                autocomplete="username"
                value=${typed.email}
                hint="A code is mailed to it."
              />
              <${PasswordField} isNew />
            <//>
          `
        : html`<p>Accounts are created by invitation only. Ask an administrator for one.</p>`}
      <ul class="links">
        <li>Signed up already? <a href=${link("/sign-in")}>Sign in</a></li>
        ${settings.sign_up && html`<li>Have a code? <a href=${link("/confirm")}>Enter the code</a></li>`}
      </ul>
    <//>
  `;
}
