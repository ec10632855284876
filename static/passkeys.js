// Asks the browser for a passkey, and sends what it says with the form around the button.
"use strict";

const fromBase64Url = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

const toBase64Url = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

// PublicKeyCredential.parse…FromJSON() and toJSON() do this too, in browsers of 2025 and later.
function readOptions(text) {
  const options = JSON.parse(text);
  const withId = (item) => ({ ...item, id: fromBase64Url(item.id) });
  options.challenge = fromBase64Url(options.challenge);
  if (options.user) options.user = withId(options.user);
  for (const list of ["excludeCredentials", "allowCredentials"]) {
    if (options[list]) options[list] = options[list].map(withId);
  }
  return options;
}

function writeCredential({ rawId, type, response }) {
  const parts = {};
  for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[part]) parts[part] = toBase64Url(response[part]);
  }
  const id = toBase64Url(rawId);
  return JSON.stringify({ id, rawId: id, type, response: parts, clientExtensionResults: {} });
}

const PROBLEMS = {
  InvalidStateError: "This device has a passkey for you already.",
  NotAllowedError: "No passkey was used. Try again.",
  SecurityError: "Passkeys do not work at this address.",
};

for (const form of document.querySelectorAll("[data-passkey]")) {
  const button = form.querySelector("[data-passkey-button]");
  const problem = form.querySelector("[data-passkey-problem]");
  const ask = async () => {
    problem.hidden = true;
    button.disabled = true;
    try {
      if (!navigator.credentials) throw new DOMException("", "SecurityError");
      const publicKey = readOptions(form.dataset.passkeyOptions);
      const credential = await navigator.credentials[form.dataset.passkey]({ publicKey });
      form.elements.credential.value = writeCredential(credential);
      form.submit();
    } catch (error) {
      problem.textContent = PROBLEMS[error.name] ?? "The browser could not use a passkey.";
      problem.hidden = false;
    } finally {
      button.disabled = false;
    }
  };
  button.addEventListener("click", ask);
  // Enter in a field of the form.
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
}
