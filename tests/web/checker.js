// The rules that a page for everybody must keep, as far as a script can see them; returns what breaks them.
(() => {
  const broken = [];
  const say = (rule, element) => broken.push(`${rule}: ${element.outerHTML.slice(0, 120)}`);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const shown = (element) => element.getClientRects().length > 0;

  if (!document.documentElement.lang) broken.push("the page says no language");
  if (!document.title) broken.push("the page has no title");
  if (all("main").length !== 1) broken.push("the page has not one main");
  if (all("h1").length !== 1) broken.push("the page has not one h1");
  const ids = all("[id]").map((each) => each.id);
  for (const each of all("[id]")) if (ids.filter((id) => id === each.id).length > 1) say("an id twice", each);
  for (const each of all("input:not([type=hidden]), select, textarea")) if (!each.labels.length) say("no label", each);
  for (const each of all("a, button, summary")) if (!each.textContent.trim()) say("no name", each);
  for (const each of all("img:not([alt])")) say("no alternative text", each);
  for (const each of all("svg[role=img]")) if (!each.getAttribute("aria-labelledby")) say("no name", each);
  for (const each of all("[aria-labelledby]"))
    for (const id of each.getAttribute("aria-labelledby").split(" ")) if (!ids.includes(id)) say("names nothing", each);
  for (const each of all("table")) if (!each.caption || !each.querySelector("th[scope]")) say("table without heads", each);
  for (const each of all("dl > *, ul > *, ol > *"))
    if (!["LI", "DIV", "DT", "DD"].includes(each.tagName)) say("not a part of a list", each);
  all("h1, h2, h3, h4").reduce((before, each) => {
    const level = Number(each.tagName[1]);
    if (level > before + 1) say("a heading leaves one out", each);
    return level;
  }, 0);
  for (const each of all("main *, header *")) {
    const style = getComputedStyle(each);
    const scrolls = /auto|scroll/.test(style.overflowX) && each.scrollWidth > each.clientWidth + 1;
    if (scrolls && each.tabIndex < 0) say("scrolls, but not by keyboard", each);
  }
  for (const each of all("a, button, input, summary")) {
    const box = each.getBoundingClientRect();
    if (shown(each) && each.tagName !== "A" && (box.height < 24 || box.width < 24)) say("too small to hit", each);
  }

  const channels = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
  const light = (colour) => channels(colour).slice(0, 3).map((each) => each / 255)
    .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
    .reduce((sum, each, at) => sum + each * [0.2126, 0.7152, 0.0722][at], 0);
  const paper = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (channels(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  for (const each of all("body *")) {
    const speaks = [...each.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!speaks || !shown(each) || each.closest(".skip")) continue;
    const style = getComputedStyle(each);
    const drawn = each.namespaceURI.endsWith("svg");
    const [ink, ground] = [light(drawn ? style.fill : style.color), light(paper(each))];
    if (drawn && !["text"].includes(each.tagName)) continue;
    const contrast = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
    if (contrast < 4.5) say(`contrast ${contrast.toFixed(2)}`, each);
  }
  return broken;
})();
