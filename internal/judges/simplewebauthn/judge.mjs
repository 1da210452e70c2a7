// @simplewebauthn/server as a judge. It reads a corpus on stdin (JSON, see
// ../corpus_test.go) and writes its verdicts on stdout: for each cell and
// ceremony null for accepted, or why it was refused.

import { readFileSync } from "node:fs";
import {
  SettingsService,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from "@simplewebauthn/server";
import {
  decodeAttestationObject,
  isoBase64URL,
  parseAuthenticatorData,
} from "@simplewebauthn/server/helpers";

const corpus = JSON.parse(readFileSync(0, "utf8"));

for (const [identifier, certificates] of Object.entries(corpus.roots)) {
  SettingsService.setRootCertificates({
    identifier,
    certificates: certificates.map((der) => new Uint8Array(Buffer.from(der, "base64"))),
  });
}

// The reason of a refusal, or null. A library that resolves without verifying
// has refused as much as one that throws.
async function verdict(judge) {
  try {
    const { verified } = await judge();
    return verified === true ? null : "verified: false";
  } catch (err) {
    let why = `${err.name}: ${err.message}`;
    for (let cause = err.cause; cause; cause = cause.cause) why += ` (${cause.message ?? cause})`;
    return why.replace(/\s+/g, " ");
  }
}

function credential(registration) {
  const attestation = decodeAttestationObject(
    isoBase64URL.toBuffer(registration.response.response.attestationObject),
  );
  const data = parseAuthenticatorData(attestation.get("authData"));
  return {
    id: isoBase64URL.fromBuffer(data.credentialID),
    publicKey: data.credentialPublicKey,
    counter: data.counter,
  };
}

const now = Date.now;
const verdicts = {};
for (const cell of corpus.cells) {
  // android-safetynet responses are good for a minute after they were made;
  // how long the corpus took to get here is not what is judged.
  Date.now = () => cell.time;
  const { registration, authentication } = cell;
  verdicts[cell.name] = {
    registration: await verdict(() =>
      verifyRegistrationResponse({
        response: registration.response,
        expectedChallenge: registration.challenge,
        expectedOrigin: corpus.origin,
        expectedRPID: corpus.rpId,
        requireUserVerification: cell.userVerification,
        supportedAlgorithmIDs: [cell.algorithm],
      }),
    ),
    authentication: await verdict(() =>
      verifyAuthenticationResponse({
        response: authentication.response,
        expectedChallenge: authentication.challenge,
        expectedOrigin: corpus.origin,
        expectedRPID: corpus.rpId,
        requireUserVerification: cell.userVerification,
        credential: credential(registration),
      }),
    ),
  };
}
Date.now = now;

const installed = new URL("node_modules/@simplewebauthn/server/package.json", import.meta.url);
const { version } = JSON.parse(readFileSync(installed, "utf8"));
process.stdout.write(
  JSON.stringify({
    version,
    has: SettingsService.runtimeSupportsPQC() ? ["ml-dsa"] : [],
    verdicts,
  }),
);
