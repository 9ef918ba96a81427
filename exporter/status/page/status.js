// Fetches the page every few seconds and changes only what differs, so that the scroll position,
// the focus, a selection and opened details stay as they are.
(() => {
  "use strict";
  const EVERY_MS = 5000;
  const lost = document.getElementById("lost");
  const button = document.getElementById("pause");
  let paused = false;
  let timer = 0;
  let updated = new Date();

  const attributes = (old, fresh) => {
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
  };

  const morph = (old, fresh) => {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
      old.replaceWith(document.adoptNode(fresh));
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    attributes(old, fresh);
    const before = [...old.childNodes];
    const after = [...fresh.childNodes];
    after.forEach((node, n) => {
      if (n < before.length) morph(before[n], node);
      else old.append(document.adoptNode(node));
    });
    before.slice(after.length).forEach((node) => node.remove());
  };

  const show = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const main = fresh.querySelector("main");
    if (!main) throw new Error("not the status page");
    morph(document.querySelector("main"), main);
    document.title = fresh.title;
    attributes(document.querySelector("link[rel=icon]"), fresh.querySelector("link[rel=icon]"));
  };

  const showLost = (failed) => {
    document.body.classList.toggle("lost", failed);
    lost.hidden = !failed;
    if (!failed) return;
    const at = updated.toISOString().slice(11, 19);
    const message = `No response from the exporter. This page was last updated at ${at} UTC.`;
    if (lost.textContent !== message) lost.textContent = message;
    document.title = "? No response – onetrading-exporter";
  };

  const refresh = async () => {
    clearTimeout(timer);
    if (!paused && !document.hidden) {
      try {
        const response = await fetch(location.pathname, {
          cache: "no-store",
          signal: AbortSignal.timeout(EVERY_MS),
        });
        if (!response.ok) throw new Error(String(response.status));
        const text = await response.text();
        if (!paused) show(text);
        updated = new Date();
        showLost(false);
      } catch {
        showLost(true);
      }
    }
    timer = setTimeout(refresh, EVERY_MS);
  };

  button.hidden = false;
  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? "Resume" : "Pause";
    if (!paused) refresh();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) refresh();
  });
  timer = setTimeout(refresh, EVERY_MS);
})();
