// The recorder: it stands around navigator.credentials.create() and get(), lets
// the browser do as it does, and keeps what went in and what came out as a trace.
globalThis.touchstoneRecorder ??= (() => {
  "use strict";
  const isObject = (v) => typeof v === "object" && v !== null;
  const isBytes = (v) => v instanceof ArrayBuffer || ArrayBuffer.isView(v);

  const base64url = (buffer) => {
    const view = ArrayBuffer.isView(buffer)
      ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength) : new Uint8Array(buffer);
    let s = "";
    for (const b of view) s += String.fromCharCode(b);
    return btoa(s).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  };

  // plain writes a value as JSON has it, buffers in base64url, as in
  // PublicKeyCredentialCreationOptionsJSON.
  const plain = (v, depth = 0) => {
    if (isBytes(v)) return base64url(v);
    if (depth > 16) return null;
    if (Array.isArray(v)) return v.map((x) => plain(x, depth + 1));
    if (isObject(v)) return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, plain(x, depth + 1)]));
    return ["string", "number", "boolean"].includes(typeof v) ? v : v === null ? null : undefined;
  };

  // response is the credential as JSON, without what is secret: results of prf
  // are keys, and blobs are the user's.
  const response = (c) => {
    let json;
    if (typeof c.toJSON === "function") {
      json = c.toJSON();
    } else {
      const r = c.response;
      json = { id: c.id, rawId: base64url(c.rawId), type: c.type, clientExtensionResults: plain(c.getClientExtensionResults()),
        response: { clientDataJSON: base64url(r.clientDataJSON) } };
      if (c.authenticatorAttachment) json.authenticatorAttachment = c.authenticatorAttachment;
      if ("attestationObject" in r) {
        Object.assign(json.response, { attestationObject: base64url(r.attestationObject),
          authenticatorData: base64url(r.getAuthenticatorData()), transports: r.getTransports(), publicKeyAlgorithm: r.getPublicKeyAlgorithm() });
      } else {
        Object.assign(json.response, { authenticatorData: base64url(r.authenticatorData), signature: base64url(r.signature) });
        if (r.userHandle !== null) json.response.userHandle = base64url(r.userHandle);
      }
    }
    json = plain(json);
    const ext = json.clientExtensionResults;
    if (isObject(ext?.prf?.results)) for (const k of Object.keys(ext.prf.results)) ext.prf.results[k] = "[redacted]";
    if (ext?.largeBlob?.blob) ext.largeBlob.blob = "[redacted]";
    if (typeof ext?.getCredBlob === "string") ext.getCredBlob = "[redacted]";
    return json;
  };

  const topOrigin = () => {
    if (window.top === window) return undefined;
    const list = location.ancestorOrigins;
    return list && list.length ? list[list.length - 1] : undefined;
  };

  const ceremonies = [];
  const listeners = [];
  let began;

  const trace = () => ({
    traceVersion: 1, recorded: new Date(began ?? Date.now()).toISOString(),
    client: { name: "recorder", version: navigator.userAgent }, ceremonies,
  });

  const record = (method, original) => async function (options, ...rest) {
    if (!isObject(options?.publicKey)) return original.call(this, options, ...rest);
    began ??= Date.now();
    const call = { method, durationMs: 0 };
    const ceremony = { kind: method === "create" ? "registration" : "authentication", origin: location.origin,
      options: plain(options.publicKey), calls: [call] };
    const top = topOrigin();
    if (top && top !== location.origin) ceremony.topOrigin = top;
    const start = performance.now();
    try {
      const credential = await original.call(this, options, ...rest);
      call.response = credential ? response(credential) : {};
      return credential;
    } catch (e) {
      call.error = { name: e?.name || "UnknownError", message: String(e?.message ?? e) };
      throw e;
    } finally {
      call.durationMs = Math.round(performance.now() - start);
      ceremonies.push(ceremony);
      for (const f of listeners) f(ceremony);
    }
  };

  let installed = false;
  const install = () => {
    if (installed) return;
    installed = true;
    const container = navigator.credentials;
    for (const method of ["create", "get"]) {
      const wrapped = record(method, CredentialsContainer.prototype[method]);
      Object.defineProperty(container, method, { configurable: true, writable: true, value: wrapped });
    }
  };

  const download = () => {
    const a = document.createElement("a");
    a.href = URL.createObjectURL(new Blob([JSON.stringify(trace(), null, 2) + "\n"], { type: "application/json" }));
    a.download = "touchstone-recording.json";
    a.click();
    setTimeout(() => URL.revokeObjectURL(a.href), 1000);
  };

  // send posts the trace; the type keeps the request one that needs no preflight.
  const send = async (to) => {
    const answer = await fetch(to, { method: "POST", body: JSON.stringify(trace()), headers: { "Content-Type": "text/plain" } });
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.error);
    return body.saved;
  };

  // start installs the recorder and shows it in a corner, for the bookmarklet.
  const start = (save) => {
    install();
    if (document.getElementById("touchstone-recorder")) return;
    const host = document.createElement("div");
    host.id = "touchstone-recorder";
    host.style.cssText = "position:fixed;right:12px;bottom:12px;z-index:2147483647";
    const root = host.attachShadow({ mode: "open" });
    const box = document.createElement("div");
    box.style.cssText = "font:14px system-ui,sans-serif;background:#1d2025;color:#fff;padding:8px 10px;border-radius:6px;display:flex;gap:8px;align-items:center";
    const text = document.createElement("span");
    const button = (label, act) => {
      const b = document.createElement("button");
      b.textContent = label;
      b.onclick = act;
      return b;
    };
    const say = (s) => { text.textContent = s ?? `Touchstone records: ${ceremonies.length} ceremonies`; };
    say();
    listeners.push(() => say());
    box.append(text, button("Download", download));
    if (save) box.append(button("Send", () => send(save).then((name) => say(`saved as ${name}`), (e) => say(`not sent: ${e.message}`))));
    root.append(box);
    document.documentElement.append(host);
  };

  return { start, install, trace, download, send, ceremonies, listeners };
})();
