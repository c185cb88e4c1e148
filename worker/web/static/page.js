// Asks for the page again and changes only what differs: nothing flickers, and focus, scroll and open details stay.
"use strict";
const EVERY = 5000;

function sync(now, next) {
  if (now.isEqualNode(next)) return;
  if (now.nodeName !== next.nodeName || now.id !== next.id) return void now.replaceWith(next.cloneNode(true));
  if (now.nodeType === Node.TEXT_NODE) return void (now.data = next.data);
  for (const { name } of [...now.attributes]) {
    if (!next.hasAttribute(name) && !(now.nodeName === "DETAILS" && name === "open")) now.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) if (now.getAttribute(name) !== value) now.setAttribute(name, value);
  const [had, has] = [[...now.childNodes], [...next.childNodes]];
  has.forEach((child, at) => (had[at] ? sync(had[at], child) : now.append(child.cloneNode(true))));
  had.slice(has.length).forEach((child) => child.remove());
}

async function again() {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
    if (answer.redirected) return location.reload();
    if (!answer.ok) return;
    const next = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("content");
    if (next) sync(document.getElementById("content"), next);
  } catch {
    // The process is away for a moment: the next try shows it again.
  }
}

setInterval(again, EVERY);
document.addEventListener("visibilitychange", again);
