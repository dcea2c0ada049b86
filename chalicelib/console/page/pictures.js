/** One's own pictures: to add, to look at, and to change. */
import { html, useEffect, useRef, useState } from "./preact.js";
import { Empty, Loading, Page, ProblemNotice, Text, announce, clean, size } from "./components.js";
import { sentence } from "./http.js";
import { OwnPicture } from "./own-picture.js";
import { Gallery, reasonOf, usePages } from "./picture.js";
import { link, navigate } from "./router.js";
import { call } from "./session.js";
import { addFiles, dismiss, isStored, retry, useUploads } from "./uploads.js";

const PATH = "/pictures";

export default function PicturesPage({ query }) {
  const pages = usePages((page) => call("GET", `/media${page}`));
  const uploads = useUploads();
  const chooser = useRef();
  const cameFromHere = useRef(false);
  const hasRemoved = useRef(false);
  const mediaid = query.get("picture");
  const isOver = useDrop();

  const ready = uploads.filter(({ state }) => state === "ready");
  useEffect(() => {
    if (!pages.items) return;
    for (const upload of ready) {
      pages.add(upload.item);
      dismiss(upload);
    }
  }, [ready.map(({ id }) => id).join(), !pages.items]);

  const choose = () => chooser.current.click();
  const chosen = ({ target }) => {
    addFiles(target.files);
    target.value = "";
  };
  const close = () => {
    if (cameFromHere.current) history.back();
    else navigate(PATH, {}, { replace: true });
    cameFromHere.current = false;
  };
  const removed = (gone) => {
    pages.remove(gone);
    navigate(PATH, {}, { replace: true });
    hasRemoved.current = true;
  };
  useEffect(() => {
    if (hasRemoved.current && !mediaid) {
      announce("The picture is deleted.");
      document.querySelector("h1").focus(); // the card that had it is gone
    }
    hasRemoved.current = false;
  }, [mediaid]);
  const forget = (upload) => {
    if (isStored(upload)) pages.add({ ...upload.item, status: "processing" });
    else if (upload.item) pages.remove(upload.item.mediaid);
    dismiss(upload);
  };
  const add = html`<button type="button" class="button main" onClick=${choose}>Add pictures</button>`;
  const underway = new Set(uploads.map(({ item }) => item?.mediaid));
  const items = pages.items?.filter((item) => !underway.has(item.mediaid));
  const isEmpty = items && !items.length && !pages.hasMore && !uploads.length;

  return html`
    <${Page} title="Your pictures" action=${!isEmpty && add}>
      <input
        ref=${chooser}
        type="file"
        multiple
        hidden
        accept="image/jpeg,image/png,image/webp,image/gif"
        aria-label="Pictures to add"
        onChange=${chosen}
      />
      ${isOver && html`<div class="drop-here"><p>Drop pictures to add them</p></div>`}
      ${uploads.length > 0 && html`<${Uploads} uploads=${uploads} forget=${forget} />`}
      ${!items && pages.isLoading && html`<${Loading}>Loading pictures…<//>`}
      ${!items && pages.problem && html`<${ProblemNotice} problem=${pages.problem} retry=${pages.more} />`}
      ${isEmpty &&
      html`
        <${Empty} title="No pictures yet">
          <p>Your pictures will be here. Only you see them, until you make them public.</p>
          <p>${add}</p>
          <p class="hint">JPEG, PNG, WebP or GIF, up to 10 MB each. You can also drop them on this page.</p>
        <//>
      `}
      ${items &&
      !isEmpty &&
      html`
        <div onClick=${({ target }) => target.closest("a") && (cameFromHere.current = true)}>
          <${Gallery} pages=${pages} items=${items} address=${(item) => link(PATH, { picture: item.mediaid })}>
            ${({ status, visibility }) =>
              status === "ready" && html`<span class="badge">${visibility === "public" ? "Public" : "Only you"}</span>`}
          <//>
        </div>
      `}
      ${mediaid && html`<${OwnPicture} key=${mediaid} ...${{ mediaid, put: pages.put, removed, close }} />`}
    <//>
  `;
}

/** Take files that are dropped anywhere on the page. Returns whether some are held over it. */
function useDrop() {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
    const over = (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event) => !event.relatedTarget && setOver(false);
    const drop = (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(false);
      addFiles(event.dataTransfer.files);
    };
    const handlers = { dragover: over, dragleave: leave, drop };
    for (const [name, handler] of Object.entries(handlers)) addEventListener(name, handler);
    return () => {
      for (const [name, handler] of Object.entries(handlers)) removeEventListener(name, handler);
    };
  }, []);
  return isOver;
}

const WORDS = {
  "upload-refused": "The upload was not accepted. Try again.",
  "upload-interrupted": "The upload was interrupted. Check your connection, then try again.",
};

function Uploads({ uploads, forget }) {
  return html`
    <section aria-labelledby="uploads">
      <h2 id="uploads">Uploads</h2>
      <ul class="uploads">
        ${uploads.map((upload) => html`<${Upload} key=${upload.id} ...${{ upload, forget }} />`)}
      </ul>
    </section>
  `;
}

function Upload({ upload, forget }) {
  const { state, name, sent, size: total, problem } = upload;
  const said = {
    waiting: () => "Waiting…",
    sending: () => (sent < total ? `${size(sent)} of ${size(total)} sent` : `All ${size(total)} sent`),
    processing: () => "Sent. It is being processed…",
    late: () => "Sent. Processing takes longer than usual. It will be here when it is done.",
    ready: () => "Done.",
    rejected: () => `Not accepted. ${reasonOf(upload)}`,
    unfit: () => `Not sent. ${reasonOf(upload)}`,
    failed: () => sentence(problem, WORDS),
  }[state]();
  const isBad = ["rejected", "unfit", "failed"].includes(state);
  return html`
    <li>
      <p class="upload-name"><${Text} of=${name} /></p>
      ${state === "sending" && html`<progress max=${total} value=${sent} aria-label=${`Sending ${clean(name)}`} />`}
      <p class=${isBad ? "fault" : "muted"}>${said}</p>
      <p class="row">
        ${state === "failed" &&
        html`<button type="button" class="button small" onClick=${() => retry(upload)}>Try again</button>`}
        ${state === "late" &&
        html`<button type="button" class="button small" onClick=${() => retry(upload)}>Look again</button>`}
        ${["waiting", "sending"].includes(state) &&
        html`<button type="button" class="button small" onClick=${() => forget(upload)}>Cancel</button>`}
        ${(isBad || state === "late") &&
        html`<button type="button" class="button small" onClick=${() => forget(upload)}>Remove from this list</button>`}
      </p>
    </li>
  `;
}
