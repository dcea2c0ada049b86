/** One of one's own pictures, large, in a dialog: its title, its description, who sees it, and its end. */
import { html, useEffect, useRef, useState } from "./preact.js";
import { Dialog, Loaded, Notice, ProblemNotice, Text, Time, announce, size, useLoad } from "./components.js";
import { Confirm, Field, Form, useField } from "./forms.js";
import { Picture, pictureAddress, statusOf, title } from "./picture.js";
import { call } from "./session.js";

/** New addresses are requested so many milliseconds before the present ones expire. */
const EARLY = 30_000;

/** So often the form is saved again if only something else of the picture has changed. */
const ROUNDS = 3;

const GONE = { "not-found": "This picture does not exist any more." };

/**
 * `put(item)` is called with what is stored, `removed(mediaid)` after it was deleted, `close` when the dialog is closed.
 */
export function OwnPicture({ mediaid, put, removed, close }) {
  const picture = useLoad(async () => {
    const response = await call("GET", `/media/${encodeURIComponent(mediaid)}`);
    put(response.data);
    return response;
  });
  return html`
    <${Dialog} title=${picture.data ? html`<${Text} of=${title(picture.data)} />` : "Picture"} close=${close}>
      <${Loaded} from=${picture} words=${GONE}>
        ${({ data, etag }) => html`<${Content} ...${{ item: data, etag, picture, put, removed, close }} />`}
      <//>
      ${!picture.data && html`<p><button type="button" class="button" onClick=${close}>Close</button></p>`}
    <//>
  `;
}

function Content({ item, etag, picture, put, removed, close }) {
  const [isDeleting, setDeleting] = useState(false);
  useEffect(() => {
    const left = new Date(item.expires).getTime() - Date.now();
    const timer = item.expires && setTimeout(picture.reload, Math.max(left - EARLY, EARLY));
    return () => clearTimeout(timer);
  }, [item.expires]);
  const original = pictureAddress(item.original_url);
  const remove = async () => {
    await call("DELETE", `/media/${item.mediaid}`);
    removed(item.mediaid);
  };
  const stored = (response) => {
    put(response.data);
    picture.replace(response);
  };
  return html`
    <div class="beside">
      <div class="stack">
        <div class="large-picture">
          ${item.status === "ready"
            ? html`<${Picture} item=${item} kind="display" renew=${picture.reload} />`
            : html`<p>${statusOf(item)}</p>`}
        </div>
        <p class="muted small">
          Added <${Time} at=${item.created} />.${" "}
          ${item.width ? `${item.width} × ${item.height} pixels, ` : ""}${size(item.size)}.
          ${original && html` <a href=${original} target="_blank" rel="noopener noreferrer">Open the original</a>`}
        </p>
      </div>
      <div class="stack">
        ${item.status !== "rejected" && html`<${About} ...${{ item, etag, stored }} />`}
        <div class="buttons">
          <button type="button" class="button" onClick=${close}>Close</button>
          <button type="button" class="button danger" onClick=${() => setDeleting(true)}>Delete picture</button>
        </div>
      </div>
    </div>
    ${isDeleting &&
    html`
      <${Confirm}
        title="Delete this picture?"
        button="Delete picture"
        busy="Deleting…"
        word="delete"
        confirm=${remove}
        close=${() => setDeleting(false)}
      >
        <p>It is deleted for good. If it is public, nobody can see it any more.</p>
      <//>
    `}
  `;
}

/** The form. If the picture has changed meanwhile, it offers both versions. */
function About({ item, etag, stored }) {
  const [conflict, setConflict] = useState(null);
  const [filled, setFilled] = useState({ values: item, version: 0 });
  const form = useRef();
  const hadConflict = useRef(false);
  const isRunning = useRef(false);
  const known = useRef(etag); // of what the form was filled with: the picture may be read again meanwhile

  useEffect(() => {
    if (hadConflict.current && !conflict) form.current.querySelector("input").focus();
    hadConflict.current = Boolean(conflict);
  }, [conflict]);

  const patch = (values, ifMatch) =>
    call("PATCH", `/media/${item.mediaid}`, { json: values, type: "application/merge-patch+json", ifMatch });

  const accept = (response, version = filled.version) => {
    known.current = response.etag;
    setFilled({ values: response.data, version });
    setConflict(null);
    stored(response);
    return "Saved.";
  };

  const save = async (typed) => {
    const values = {
      title: typed.title.trim() || null,
      description: typed.description.trim() || null,
      visibility: typed.is_public ? "public" : "private",
    };
    for (let round = 1; ; round += 1) {
      try {
        return accept(await patch(values, known.current));
      } catch (problem) {
        if (problem.slug !== "precondition-failed") throw problem;
      }
      const theirs = await call("GET", `/media/${item.mediaid}`);
      if (isSame(values, theirs.data)) return accept(theirs); // an earlier attempt was saved
      if (!isSame(filled.values, theirs.data) || round === ROUNDS) return void setConflict({ values, theirs });
      known.current = theirs.etag; // something else has changed, such as its status
    }
  };

  const keepMine = async () => {
    if (isRunning.current) return;
    isRunning.current = true;
    try {
      announce(accept(await patch(conflict.values, conflict.theirs.etag)));
    } catch (problem) {
      const theirs = problem.slug === "precondition-failed" && (await call("GET", `/media/${item.mediaid}`).catch(() => null));
      if (theirs && isSame(conflict.values, theirs.data)) announce(accept(theirs)); // an earlier attempt was saved
      else setConflict(theirs ? { ...conflict, theirs } : { ...conflict, problem });
    }
    isRunning.current = false;
  };

  const takeTheirs = () => accept(conflict.theirs, filled.version + 1);

  return html`
    ${conflict && html`<${Versions} key=${conflict.theirs.etag} ...${{ conflict, keepMine, takeTheirs }} />`}
    <div ref=${form} hidden=${Boolean(conflict)}>
      <${Form} key=${filled.version} button="Save" busy="Saving…" submit=${save} words=${GONE}>
        <${Field}
          name="title"
          label="Title"
          optional
          hint="What the picture shows, in a few words. Screen readers read it out."
          maxlength="200"
          value=${filled.values.title ?? ""}
        />
        <${Field}
          name="description"
          label="Description"
          optional
          rows="3"
          maxlength="2000"
          value=${filled.values.description ?? ""}
        />
        <${Choice}
          name="is_public"
          label="Public"
          hint="Everybody can see it, with your name and without signing in."
          value=${filled.values.visibility === "public"}
        />
      <//>
    </div>
  `;
}

const MEMBERS = [
  ["title", "Title"],
  ["description", "Description"],
  ["visibility", "Who sees it"],
];

function isSame(one, other) {
  return MEMBERS.every(([name]) => one[name] === other[name]);
}

const VISIBILITIES = { public: "Everybody", private: "Only you" };

function Versions({ conflict, keepMine, takeTheirs }) {
  const { values, theirs, problem } = conflict;
  const said = (name, value) => (name === "visibility" ? VISIBILITIES[value] : value) || "(empty)";
  return html`
    <${Notice} kind="warning" title="This picture has changed since you opened it" takesFocus>
      <p>Nothing was saved, and what you typed is still here. Which version should it be?</p>
      <div class="table-wrap">
        <table class="cards">
          <thead>
            <tr><th><span class="visually-hidden">What</span></th><th>Yours</th><th>Stored now</th></tr>
          </thead>
          <tbody>
            ${MEMBERS.filter(([name]) => values[name] !== theirs.data[name]).map(
              ([name, label]) => html`
                <tr key=${name}>
                  <th scope="row">${label}</th>
                  <td data-label="Yours"><${Text} long of=${said(name, values[name])} /></td>
                  <td data-label="Stored now"><${Text} long of=${said(name, theirs.data[name])} /></td>
                </tr>
              `,
            )}
          </tbody>
        </table>
      </div>
      ${problem && html`<${ProblemNotice} problem=${problem} />`}
      <p class="row">
        <button type="button" class="button main" onClick=${keepMine}>Keep mine</button>
        <button type="button" class="button" onClick=${takeTheirs}>Take theirs</button>
      </p>
    <//>
  `;
}

/** A box to tick. */
function Choice({ name, label, hint, value }) {
  const input = useRef();
  const { id } = useField(name, { read: () => input.current.checked, focus: () => input.current.focus() });
  return html`
    <div class="choice">
      <input ref=${input} id=${id} type="checkbox" name=${name} defaultChecked=${value} aria-describedby=${`${id}-hint`} />
      <div>
        <label for=${id}>${label}</label>
        <p class="hint" id=${`${id}-hint`}>${hint}</p>
      </div>
    </div>
  `;
}
