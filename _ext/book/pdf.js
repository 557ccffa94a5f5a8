// Makes the whole book of the site's first page. In: its title, the note below it, and its parts with their pages.
//
// Ids are only unique within a page, so each gets its page's name in front. Links to other pages
// of the book become links within the document; those to files beside the pages become plain words.
({title, note, parts}) => {
  const home = new URL(".", location.href);
  const id = (name, fragment) => `${name.replaceAll("/", "-")}--${fragment}`;
  const names = new Map(
    parts.flatMap(part => part.pages)
      .map(({name}) => [new URL(`${name}.html`, home).pathname, name])
  );
  const make = (tag, className, ...children) => {
    const element = document.createElement(tag);
    element.className = className;
    element.append(...children);
    return element;
  };

  const take = ({name, html}) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    const article = document.adoptNode(page.querySelector("article.bd-article"));
    const address = new URL(`${name}.html`, home);
    for (const element of article.querySelectorAll("script, .book-controls, .headerlink")) {
      element.remove();
    }
    for (const element of article.querySelectorAll("[id]")) element.id = id(name, element.id);
    for (const image of article.querySelectorAll("img")) {
      image.src = new URL(image.getAttribute("src"), address);
      image.loading = "eager";
    }
    for (const link of article.querySelectorAll("a[href]")) {
      const url = new URL(link.getAttribute("href"), address);
      const target = names.get(url.pathname);
      if (target) link.href = "#" + (url.hash ? id(target, url.hash.slice(1)) : id(target, ""));
      else if (url.protocol === "file:") link.replaceWith(...link.childNodes);
    }
    article.id = id(name, "");
    return article;
  };

  const entry = heading => {
    const title = heading.cloneNode(true);
    const link = make("a", "", make("span", "", ...title.childNodes), make("i", ""), make("b", ""));
    link.href = "#" + heading.closest("section[id], article[id]").id;
    return make("li", heading.localName === "h1" ? "chapter" : "section", link);
  };

  const contents = make("ul", "");
  const body = [];
  const styles = [];
  for (const {caption, pages} of parts) {
    if (caption) contents.append(make("li", "part", caption));
    for (const page of pages) {
      const article = take(page);
      const heading = article.querySelector("h1");
      if (page.title) heading.textContent = page.title;
      contents.append(...Array.from(article.querySelectorAll("h1, h2"), entry));
      styles.push(
        `#${CSS.escape(article.id)} { page: p${body.length} }`,
        `@page p${body.length} { @top-center { content: ${JSON.stringify(heading.innerText)} } }`,
      );
      body.push(article);
    }
  }
  const front = make("header", "book-title", make("h1", "", title), make("p", "", note));
  const nav = make("nav", "book-contents", make("h1", "", "Contents"), contents);
  const main = make("main", "bd-main", make("div", "bd-content", front, nav, ...body));
  document.title = title;
  document.body.replaceChildren(main);
  document.head.append(make("style", "", styles.join("")));
}
