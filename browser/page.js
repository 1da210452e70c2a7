// The script of the page, in an isolated world of its own: it turns the JSON of
// the options into the arguments of create() and get(), calls the browser's own
// function, and turns what comes back into JSON.
globalThis.touchstone = (() => {
  "use strict";

  // The shortest time that a ceremony gets, in milliseconds.
  const leastTimeout = 500;
  // How much longer than the longest time a ceremony is waited for.
  const grace = 500;

  const isObject = (v) => typeof v === "object" && v !== null;

  // bytes decodes base64url where v is a string; what is not a string is the
  // browser's to refuse.
  const bytes = (where, v) => {
    if (typeof v !== "string") return v;
    if (!/^[A-Za-z0-9_-]*$/.test(v) || v.length % 4 === 1) {
      throw new DOMException(`${where} is not base64url without padding`, "EncodingError");
    }
    return Uint8Array.from(atob(v.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0)).buffer;
  };

  const member = (o, name, where) => {
    if (isObject(o) && Object.hasOwn(o, name)) o[name] = bytes(where, o[name]);
  };

  const ids = (list, where) => {
    if (Array.isArray(list)) list.forEach((d, i) => member(d, "id", `${where}[${i}].id`));
  };

  const prfInputs = (o, where) => {
    member(o, "first", `${where}.first`);
    member(o, "second", `${where}.second`);
  };

  const decode = (o) => {
    if (!isObject(o)) return;
    member(o, "challenge", "challenge");
    member(o.user, "id", "user.id");
    ids(o.excludeCredentials, "excludeCredentials");
    ids(o.allowCredentials, "allowCredentials");
    const ext = o.extensions;
    if (!isObject(ext)) return;
    member(ext, "credBlob", "extensions.credBlob");
    member(ext.largeBlob, "write", "extensions.largeBlob.write");
    if (!isObject(ext.prf)) return;
    prfInputs(ext.prf.eval, "extensions.prf.eval");
    if (!isObject(ext.prf.evalByCredential)) return;
    for (const [id, inputs] of Object.entries(ext.prf.evalByCredential)) {
      prfInputs(inputs, `extensions.prf.evalByCredential.${id}`);
    }
  };

  // correctTimeout does what the virtual environment leaves out: "check if its
  // value lies within a reasonable range as defined by the client and if not,
  // correct it to the closest value lying within that range"
  // (https://www.w3.org/TR/webauthn-3/#sctn-createCredential).
  const correctTimeout = (o, longest) => {
    if (!isObject(o)) return;
    const wanted = o.timeout === undefined ? longest : o.timeout >>> 0;
    o.timeout = Math.min(Math.max(wanted, leastTimeout), longest);
  };

  const base64url = (buffer) => {
    const view = ArrayBuffer.isView(buffer)
      ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength) : new Uint8Array(buffer);
    let s = "";
    for (const b of view) s += String.fromCharCode(b);
    return btoa(s).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  };

  // encode writes a value with its buffers in base64url, as toJSON() does.
  const encode = (v) => {
    if (v instanceof ArrayBuffer || ArrayBuffer.isView(v)) return base64url(v);
    if (Array.isArray(v)) return v.map(encode);
    if (isObject(v)) return Object.fromEntries(Object.entries(v).map(([name, value]) => [name, encode(value)]));
    return v;
  };

  // toJSON is for browsers whose PublicKeyCredential has none.
  const toJSON = (c) => {
    if (typeof c.toJSON === "function") return c.toJSON();
    const r = c.response;
    const response = { clientDataJSON: base64url(r.clientDataJSON) };
    if ("attestationObject" in r) {
      response.attestationObject = base64url(r.attestationObject);
      response.authenticatorData = base64url(r.getAuthenticatorData());
      response.transports = r.getTransports();
      const publicKey = r.getPublicKey();
      if (publicKey !== null) response.publicKey = base64url(publicKey);
      response.publicKeyAlgorithm = r.getPublicKeyAlgorithm();
    } else {
      response.authenticatorData = base64url(r.authenticatorData);
      response.signature = base64url(r.signature);
      if (r.userHandle !== null) response.userHandle = base64url(r.userHandle);
    }
    const json = {
      id: c.id, rawId: base64url(c.rawId), type: c.type, response,
      clientExtensionResults: encode(c.getClientExtensionResults()),
    };
    if (c.authenticatorAttachment) json.authenticatorAttachment = c.authenticatorAttachment;
    return json;
  };

  // unavailable says why the browser has no WebAuthn for this page, if it has
  // none. In a frame the policy is the frame's, and the browser's to enforce.
  const unavailable = (kind, framed) => {
    if (!isSecureContext) return "the page is not a secure context";
    if (typeof CredentialsContainer !== "function" || typeof PublicKeyCredential !== "function") {
      return "there is no PublicKeyCredential";
    }
    const native = CredentialsContainer.prototype[kind];
    if (typeof native !== "function" || !/\[native code\]\s*\}$/.test(Function.prototype.toString.call(native))) {
      return `CredentialsContainer.prototype.${kind} is not the browser's own`;
    }
    if (framed) return "";
    const feature = `publickey-credentials-${kind}`;
    const policy = document.permissionsPolicy ?? document.featurePolicy;
    if (policy && policy.features().includes(feature) && !policy.allowsFeature(feature)) {
      return `the permissions policy forbids ${feature}`;
    }
    return "";
  };

  // last is the last call, for show.
  let last;

  const run = async (kind, text, longest, mediation) => {
    if (kind === "call") return call(JSON.parse(text), longest);
    last = { kind, text, outcome: { pending: true } };
    const outcome = await ceremony(kind, text, longest, mediation);
    last.outcome = outcome;
    return outcome;
  };

  // show writes the last call into the page, for a picture of it.
  const show = () => {
    const line = (text, style) => {
      const e = document.createElement("pre");
      e.textContent = text;
      e.style.cssText = `margin:0 0 12px;white-space:pre-wrap;overflow-wrap:anywhere;font:13px/1.4 monospace;${style}`;
      return e;
    };
    const pretty = (text) => {
      try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return String(text); }
    };
    const root = document.body ?? document.documentElement;
    const around = Array.from(location.ancestorOrigins ?? []);
    const frame = parent === globalThis ? "" : `, in a frame${around.map((o) => ` of ${o}`).join(" in a frame")}`;
    root.replaceChildren(line(`${location.origin}${frame}${isSecureContext ? "" : " (not a secure context)"}`, "font-weight:bold"));
    if (!last) {
      root.append(line("no ceremony ran on this page", ""));
      return;
    }
    const o = last.outcome;
    const [what, colour] = o.response ? ["resolved", "#060"] : o.error ? [`rejected: ${o.error.name}: ${o.error.message}`, "#a00"]
      : o.pending ? ["still waiting", "#850"] : [o.unavailable ? `not available: ${o.unavailable}` : "neither resolved nor rejected in time; aborted", "#a00"];
    root.append(line(`navigator.credentials.${last.kind}() ${what}`, `color:${colour};font-weight:bold`));
    root.append(line(pretty(last.text), ""));
    if (o.response) root.append(line(pretty(o.response), "color:#444"));
  };

  const ceremony = async (kind, text, longest, mediation) => {
    const why = unavailable(kind);
    if (why) return { unavailable: why };
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), longest + grace);
    try {
      const publicKey = JSON.parse(text);
      decode(publicKey);
      correctTimeout(publicKey, longest);
      const credential = await CredentialsContainer.prototype[kind].call(
        navigator.credentials, { publicKey, signal: abort.signal, ...(mediation ? { mediation } : {}) });
      if (!(credential instanceof PublicKeyCredential)) {
        return { unavailable: `${kind}() resolved with ${Object.prototype.toString.call(credential)}` };
      }
      return { response: JSON.stringify(toJSON(credential)) };
    } catch (e) {
      if (abort.signal.aborted) return { stuck: true };
      const known = isObject(e) && typeof e.name === "string" && e.name !== "";
      return { error: { name: known ? e.name : "UnknownError", message: String(known ? e.message : e) } };
    } finally {
      clearTimeout(timer);
    }
  };

  // literals are values that JSON has none of, written as an object with one
  // member.
  const literals = {
    $undefined: () => undefined,
    $number: Number,
    $string: (s) => s,
    $buffer: (s) => bytes("$buffer", s),
    $view: (s) => new Uint8Array(bytes("$view", `AAAA${s}AAAA`), 3, bytes("$view", s).byteLength),
    $dataview: (s) => new DataView(bytes("$dataview", s)),
  };

  // literal puts the values in the place of what stands for them.
  const literal = (v) => {
    if (Array.isArray(v)) return v.map(literal);
    if (!isObject(v) || v instanceof ArrayBuffer) return v;
    const names = Object.keys(v);
    if (names.length === 1 && Object.hasOwn(literals, names[0])) return literals[names[0]](v[names[0]]);
    return Object.fromEntries(Object.entries(v).map(([name, value]) => [name, literal(value)]));
  };

  const parsers = { create: "parseCreationOptionsFromJSON", get: "parseRequestOptionsFromJSON" };

  // call does what a page's own script would: nothing is corrected, and all that
  // can be seen of what comes back is returned. The options' binary members are
  // decoded where they are strings, or given to the browser's own parser.
  const call = async (c, longest) => {
    last = { kind: c.method, text: JSON.stringify(c.options ?? null), outcome: { pending: true } };
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), longest);
    const outcome = await (async () => {
      if (!isSecureContext || typeof PublicKeyCredential !== "function") {
        return { unavailable: "there is no PublicKeyCredential" };
      }
      try {
        if (c.method === "members") {
          const of = globalThis[c.options];
          return { value: JSON.stringify(typeof of === "function" ? Object.getOwnPropertyNames(of.prototype).sort() : null) };
        }
        let options = c.options;
        if (!(c.method in parsers)) {
          const value = await PublicKeyCredential[c.method](literal(options));
          return { value: JSON.stringify(encode(value) ?? null) };
        }
        const why = unavailable(c.method, c.framed);
        if (why) return { unavailable: why };
        if (!c.json) decode(options);
        options = literal(options);
        if (c.json) options = PublicKeyCredential[parsers[c.method]](options);
        const argument = { signal: c.aborted ? AbortSignal.abort() : abort.signal };
        if (!c.bare) argument.publicKey = options;
        if (c.mediation) argument.mediation = c.mediation;
        const credential = await CredentialsContainer.prototype[c.method].call(navigator.credentials, argument);
        if (!(credential instanceof PublicKeyCredential)) {
          return { value: JSON.stringify(Object.prototype.toString.call(credential)) };
        }
        return {
          response: JSON.stringify(toJSON(credential)),
          results: JSON.stringify(encode(credential.getClientExtensionResults())),
        };
      } catch (e) {
        if (abort.signal.aborted) return { stuck: true };
        const known = isObject(e) && typeof e.name === "string" && e.name !== "";
        return { error: { name: known ? e.name : "UnknownError", message: String(known ? e.message : e) } };
      }
    })();
    clearTimeout(timer);
    last.outcome = outcome;
    return outcome;
  };

  return Object.freeze({ run, show });
})();
