// Comfort only: every page does its work without this file.
"use strict";

// Pages of a secret must say "Copied" only when it is true, so both ways report their result.
async function copyText(element) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(element.textContent);
      return true;
    } catch {
      // Refused by the browser's settings: the old way may still work.
    }
  }
  // navigator.clipboard exists only in a secure context; a first run is often on plain http.
  // If this fails too, the text stays selected, ready for the keyboard.
  const selection = getSelection();
  selection.selectAllChildren(element);
  const copied = document.execCommand("copy");
  if (copied) selection.removeAllRanges();
  return copied;
}

function announce(text) {
  document.querySelector("[data-announcer]").textContent = text;
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const text = button.closest("[data-copyable]").querySelector("[data-copy-text]");
  const label = button.querySelector("[data-copy-label]");
  let back;
  button.addEventListener("click", async () => {
    const copied = await copyText(text);
    label.textContent = copied ? "Copied" : "Selected";
    announce(copied ? "Copied" : "The text is selected. Copy it with the keyboard.");
    clearTimeout(back);
    back = setTimeout(() => {
      label.textContent = "Copy";
      announce("");
    }, 3000);
  });
}

for (const box of document.querySelectorAll("[data-show]")) {
  const password = document.getElementById(box.dataset.show);
  box.addEventListener("change", () => {
    password.type = box.checked ? "text" : "password";
  });
  // Sent as a password again, or the browser would keep it among the remembered texts.
  password.form.addEventListener("submit", () => {
    password.type = "password";
    box.checked = false;
  });
}

const summary = document.querySelector("[data-error-summary]");
if (summary) {
  summary.focus();
  // A link to a group of choices names its fieldset, which cannot hold the focus: go to its first choice.
  summary.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    const target = link && document.getElementById(link.hash.slice(1));
    if (!target) return;
    event.preventDefault();
    target.closest("details")?.setAttribute("open", "");
    target.scrollIntoView();
    (target.matches("fieldset") ? target.querySelector("input") : target)?.focus();
  });
}

// A second click while the first is on its way must not do the act twice.
const SENDING_LASTS = 10_000;
for (const form of document.querySelectorAll('form[method="post"]')) {
  let sending;
  const ready = () => {
    clearTimeout(sending);
    sending = undefined;
    form.removeAttribute("aria-busy");
  };
  form.addEventListener("submit", (event) => {
    if (sending) {
      event.preventDefault();
      return;
    }
    form.setAttribute("aria-busy", "true");
    // Whoever stopped the page from loading can send again after a while.
    sending = setTimeout(ready, SENDING_LASTS);
  });
  addEventListener("pageshow", ready);
}

// A secret that was typed is not kept for Back.
addEventListener("pagehide", () => {
  for (const field of document.querySelectorAll("[data-typed-secret]")) field.value = "";
});

// The page that shows a secret once.
const secretPage = document.querySelector("[data-secret-page]");
if (secretPage) {
  const leaveUrl = secretPage.dataset.secretPage;
  const saved = document.querySelector("[data-saved]");

  // This page answers a POST: without an address of its own, Back would show the browser's error page.
  history.replaceState(null, "", leaveUrl);

  addEventListener("beforeunload", (event) => {
    if (saved && !saved.checked) event.preventDefault();
  });

  // "no-store" does not keep the page out of the back/forward cache: leave nothing in it.
  addEventListener("pagehide", () => {
    for (const element of document.querySelectorAll("[data-secret]")) element.textContent = "";
    for (const link of document.querySelectorAll("[data-secret-link]")) link.removeAttribute("href");
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    if (saved) saved.checked = true;
    location.replace(leaveUrl);
  });
} else if (document.querySelector(".account")) {
  // The cache for Back keeps every page, "no-store" or not: after a sign-out it must show nothing.
  const home = document.querySelector(".brand a").href;
  const isSignedIn = async () => {
    try {
      // A redirect would lead to the sign-in.
      return (await fetch(home, { method: "HEAD", redirect: "manual" })).ok;
    } catch {
      return false;
    }
  };
  addEventListener("pagehide", () => {
    document.documentElement.hidden = true;
  });
  addEventListener("pageshow", async (event) => {
    if (!event.persisted) return;
    // Whoever is still signed in finds the page as it was, with what was typed.
    if (await isSignedIn()) document.documentElement.hidden = false;
    else location.replace(location.href);
  });
}
