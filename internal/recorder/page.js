// The recorder's own page: a registration and a login at the RP that serves it.
(() => {
  "use strict";
  if (!document.querySelector("[data-touchstone-recorder]")) return;
  const recorder = globalThis.touchstoneRecorder;
  recorder.install();
  const $ = (id) => document.getElementById(id);
  const bytes = (s) => Uint8Array.from(atob(s.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const base64url = (b) => btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const value = (id) => $(id).value || undefined;

  const post = async (path, body) => {
    const r = await fetch(path, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
    return [r.status, await r.json()];
  };
  const say = (text, good) => {
    $("status").textContent = text;
    $("status").className = good === undefined ? "" : good ? "good" : "bad";
  };

  const decode = (o) => {
    o.challenge = bytes(o.challenge);
    if (o.user) o.user.id = bytes(o.user.id);
    for (const list of [o.excludeCredentials, o.allowCredentials]) for (const d of list ?? []) d.id = bytes(d.id);
    return o;
  };

  const ceremony = async (method) => {
    const [options, result] = method === "create"
      ? ["/attestation/options", "/attestation/result"] : ["/assertion/options", "/assertion/result"];
    say("asking for options …");
    const username = value("user") ?? "recorder";
    const request = method === "create"
      ? { username, displayName: username, attestation: value("attestation"),
        authenticatorSelection: { residentKey: value("rk"), userVerification: value("uv"), authenticatorAttachment: value("attachment") } }
      : { username, userVerification: value("uv") };
    const [status, o] = await post(options, request);
    if (status !== 200) return say(`the RP refused to give options: ${o.errorMessage}`, false);
    delete o.status;
    delete o.errorMessage;
    const asSent = structuredClone(o);
    say("waiting for you and your authenticator …");
    let credential;
    try {
      credential = await navigator.credentials[method]({ publicKey: decode(o) });
    } catch (e) {
      await finish();
      return say(`${method}() failed with ${e.name}: ${e.message}`, false);
    }
    const r = credential.response;
    const body = { id: credential.id, rawId: base64url(credential.rawId), type: credential.type,
      getClientExtensionResults: credential.getClientExtensionResults(), response: { clientDataJSON: base64url(r.clientDataJSON) } };
    if (method === "create") {
      body.response.attestationObject = base64url(r.attestationObject);
      if (r.getTransports) body.response.transports = r.getTransports();
    } else {
      body.response.authenticatorData = base64url(r.authenticatorData);
      body.response.signature = base64url(r.signature);
      if (r.userHandle) body.response.userHandle = base64url(r.userHandle);
    }
    const [code, answer] = await post(result, body);
    const good = code === 200 && answer.status === "ok";
    const last = recorder.ceremonies.at(-1);
    last.options = asSent;
    last.user = username;
    last.sent = [{ credential: last.calls[0].response, outcome: good ? "accepted" : "rejected", status: code, message: answer.errorMessage || undefined }];
    await finish();
    say(good ? `${method}() resolved, and the RP accepted it` : `${method}() resolved, and the RP refused it: ${answer.errorMessage}`, good);
  };

  const finish = async () => {
    $("trace").textContent = JSON.stringify(recorder.trace(), null, 2);
    $("download").disabled = false;
    if (document.body.dataset.saves !== "true") return;
    try {
      $("saved").textContent = `saved as ${await recorder.send("/touchstone/traces")}`;
    } catch (e) {
      $("saved").textContent = `not saved: ${e.message}`;
    }
  };

  const run = (method) => ceremony(method).catch((e) => say(`that went wrong: ${e.name}: ${e.message}`, false));
  $("register").onclick = () => run("create");
  $("login").onclick = () => run("get");
  $("download").onclick = recorder.download;
})();
