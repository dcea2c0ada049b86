/** Pictures that people have made public. Nobody has to sign in to see them. */
import { html, useRef } from "./preact.js";
import { Dialog, Empty, Loaded, Loading, Page, ProblemNotice, Text, Time, useLoad } from "./components.js";
import { send } from "./http.js";
import { Gallery, Picture, title, usePages } from "./picture.js";
import { link, navigate } from "./router.js";

const PATH = "/public";
const GONE = { "not-found": "This picture is not public any more." };

export default function PublicPage({ query }) {
  const pages = usePages((page) => send("GET", `/public/media${page}`));
  const cameFromHere = useRef(false);
  const mediaid = query.get("picture");
  const close = () => {
    if (cameFromHere.current) history.back();
    else navigate(PATH, {}, { replace: true });
    cameFromHere.current = false;
  };
  const { items } = pages;
  return html`
    <${Page} title="Public pictures">
      ${!items && pages.isLoading && html`<${Loading}>Loading pictures…<//>`}
      ${!items && pages.problem && html`<${ProblemNotice} problem=${pages.problem} retry=${pages.more} />`}
      ${items &&
      !items.length &&
      html`
        <${Empty} title=${pages.hasMore ? "No pictures for a while" : "No public pictures yet"}>
          <p>Pictures that people make public will be here. <a href=${link("/pictures")}>Show one of yours</a></p>
        <//>
      `}
      ${items &&
      html`
        <div onClick=${({ target }) => target.closest("a") && (cameFromHere.current = true)}>
          <${Gallery} pages=${pages} items=${items} address=${(item) => link(PATH, { picture: item.mediaid })}>
            ${(item) => html`${item.owner_name && html`by <${Text} of=${item.owner_name} />`}`}
          <//>
        </div>
      `}
      ${mediaid && html`<${PublicPicture} key=${mediaid} mediaid=${mediaid} close=${close} />`}
    <//>
  `;
}

function PublicPicture({ mediaid, close }) {
  const picture = useLoad(() => send("GET", `/public/media/${encodeURIComponent(mediaid)}`));
  return html`
    <${Dialog} title=${picture.data ? html`<${Text} of=${title(picture.data)} />` : "Picture"} close=${close}>
      <${Loaded} from=${picture} words=${GONE}>
        ${({ data }) => html`
          <div class="large-picture"><${Picture} item=${data} kind="display" renew=${picture.reload} /></div>
          ${data.description && html`<p><${Text} long of=${data.description} /></p>`}
          <p class="muted small">
            ${data.owner_name && html`By <${Text} of=${data.owner_name} />. `}Added <${Time} at=${data.created} />.
          </p>
        `}
      <//>
      <p><button type="button" class="button" onClick=${close}>Close</button></p>
    <//>
  `;
}
