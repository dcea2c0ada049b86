/** One's own profile: what applications keep about a person. */
import { html } from "./preact.js";
import { Page } from "./components.js";
import { JsonRecord } from "./json-editor.js";
import { ownProfile } from "./records.js";

const REMOVAL = {
  title: "Delete your profile?",
  button: "Delete profile",
  text: "Everything in your profile is deleted. Applications that use it start without it.",
};

export default function ProfilePage() {
  return html`
    <${Page} title="Your profile">
      <p>What applications keep for you, such as your preferences, as JSON. Only you can see and change it.</p>
      <${JsonRecord} source=${ownProfile} label="Profile" removal=${REMOVAL} />
    <//>
  `;
}
