// What a reader sees of a page; called by name from check_site.py.

const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const seen = e => {
  if (!e || getComputedStyle(e).visibility === "hidden") return false;
  const r = e.getBoundingClientRect();
  return r.width > 0 && r.height > 0 && r.right > 0 && r.left < innerWidth;
};
const count = selector => all(selector).filter(seen).length;
const click = selector => {
  const button = all(selector).find(seen);
  if (button) button.click();
  return !!button;
};

const ready = () => document.readyState === "complete"
  && [...document.images].every(i => i.complete);
const maths = () => {
  const wrong = ".katex-error, [mathcolor='#cc0000'], [style*='#cc0000'],"
    + " [style*='204, 0, 0']";
  return all(".math").map(e => ({
    text: e.textContent.slice(0, 60),
    ok: !!e.querySelector(".katex, mjx-container") && !e.querySelector(wrong)
      && e.getBoundingClientRect().width > 0}));
};
const pictures = () => [...document.images].map(i => ({
  text: i.src.slice(0, 80), ok: i.complete && i.naturalWidth > 0}));
// lines of code that are cut off, outputs aside
const cut = () => {
  const out = ".cell-output, .cell-output-stdout, .cell-output-stderr";
  return all("main pre").filter(p => !p.closest(out) && p.scrollWidth > p.clientWidth + 1)
    .map(p => p.textContent.slice(0, 80));
};

// is anything wider than the screen, and the text large enough to be read?
const narrow = () => {
  const root = document.documentElement, width = root.clientWidth;
  const scrolls = e => {
    for (; e; e = e.parentElement)
      if (e !== document.body && e !== root
          && ["auto", "scroll"].includes(getComputedStyle(e).overflowX)) return true;
    return false;
  };
  const wide = e => !e.ownerSVGElement && !e.closest(".katex-mathml, .hide-tail")
    && e.getBoundingClientRect().right > width + 1 && !scrolls(e);
  const who = all("main *").filter(wide).slice(0, 5).map(e => e.tagName + "." + e.className);
  const page = Math.max(root.scrollWidth, document.body.scrollWidth);
  const p = document.querySelector("main p");
  const size = p ? parseFloat(getComputedStyle(p).fontSize) : 0;
  const text = p ? p.getBoundingClientRect().width : 0;
  return {page, width, who, size, text,
    ok: page <= width && !who.length && size >= 14 && text >= 0.75 * width};
};

const navbar = () => {
  const n = document.querySelector("nav.navbar, header nav");
  return seen(n) && n.textContent.includes("twossp")
    && seen(n.querySelector("#quarto-search")) && all("a[href]", n).length > 2;
};
const active = () => seen(document.querySelector("#quarto-sidebar a[aria-current=page]"));
const field = () => all("#quarto-search input").find(seen);
const hits = () => all(".search-result, .aa-Panel a").filter(seen);
const shade = () => getComputedStyle(document.body).backgroundColor;
const dark = () => !!document.querySelector("html.quarto-dark, body.quarto-dark");
const toggle = () => click(".quarto-color-scheme-toggle");

// the parameter table behind a heading, and the signature of its symbol
const rows = id => {
  const h = document.getElementById(id);
  if (!h) return null;
  const after = t => h.compareDocumentPosition(t) & Node.DOCUMENT_POSITION_FOLLOWING;
  const t = all(".parameters table").find(after);
  const cells = r => [...r.cells].map(c => c.textContent.trim());
  return seen(t) ? all("tbody tr", t).map(cells) : [];
};
const signature = id => all("main pre")
  .some(p => seen(p) && p.textContent.includes("def " + id + "("));

// colors as they are in the end, not on their way there
const still = () => {
  const s = document.createElement("style");
  s.textContent = "* { transition: none !important }";
  document.head.append(s);
};
// axe-core takes its time for each element: of spans of code, and of links in the sidebar, that
// look alike the first is left; the words of the others stay as they are
const thin = () => {
  const known = new Set(), again = (...look) => known.size === known.add(look.join()).size;
  all("pre code span").filter(s => !s.children.length).forEach(s => {
    const within = s.closest("pre").className + !!s.closest(".cell-output");
    if (again(s.className, s.parentElement.className, within)) s.replaceWith(s.textContent);
  });
  all("#quarto-sidebar li").filter(li => !li.querySelector("ul")).forEach(li => {
    const a = li.querySelector("a"), depth = li.closest("ul").className;
    if (a && again(li.className, a.className, a.getAttribute("aria-current"), depth, seen(a)))
      li.remove();
  });
};
const violations = (rules, done) => {
  const words = n => n.target.join(" ") + ": " + (n.any[0] || n.none[0] || n.all[0] ||
    {message: ""}).message.slice(0, 150);
  const only = rules.length ? {runOnly: {type: "rule", values: rules}} : {};
  axe.run(document, {resultTypes: ["violations"], ...only}).then(r => done(r.violations.map(
    v => v.id + " (" + v.nodes.length + "), first " + words(v.nodes[0]))));
};
