"""python3-fido2's server as a judge.

It reads a corpus on stdin (JSON, see ../corpus_test.go) and writes its verdicts
on stdout: for each cell and ceremony null for accepted, or why it was refused.
It is written for python-fido2 0.9, which Debian 12 has.
"""

import base64
import json
import sys

import fido2
from cryptography import x509
from fido2.attestation import Attestation
from fido2.client import ClientData
from fido2.ctap2 import AttestationObject, AuthenticatorData
from fido2.server import AttestationVerifier, Fido2Server
from fido2.utils import websafe_decode


class Verifier(AttestationVerifier):
    """Takes every format that the library has, none among them, under our roots."""

    def __init__(self, roots):
        super().__init__(
            [c() for c in Attestation.__subclasses__() if hasattr(c, "FORMAT")]
        )
        self.roots = {}
        for certificates in roots.values():
            for text in certificates:
                der = base64.b64decode(text)
                root = x509.load_der_x509_certificate(der)
                self.roots[root.subject.public_bytes()] = der

    def ca_lookup(self, result, auth_data):
        if not result.trust_path:
            # None and self attestation have no chain, and the library wants one
            # certificate at least to find that nothing is wrong with it.
            return [next(iter(self.roots.values()))]
        last = x509.load_der_x509_certificate(result.trust_path[-1])
        root = self.roots.get(last.issuer.public_bytes())
        return root and [root]


def verdict(judge, *args):
    """The reason of a refusal, or None."""
    try:
        judge(*args)
    except Exception as e:  # every way to fail is a refusal
        return " ".join("{}: {}".format(type(e).__name__, e).split())
    return None


def state(cell, ceremony):
    return {
        "challenge": ceremony["challenge"],
        "user_verification": "required" if cell["userVerification"] else "discouraged",
    }


def register(server, cell):
    ceremony = cell["registration"]
    response = ceremony["response"]["response"]
    server.register_complete(
        state(cell, ceremony),
        ClientData(websafe_decode(response["clientDataJSON"])),
        AttestationObject(websafe_decode(response["attestationObject"])),
    )


def authenticate(server, cell):
    ceremony = cell["authentication"]
    made = AttestationObject(
        websafe_decode(cell["registration"]["response"]["response"]["attestationObject"])
    )
    response = ceremony["response"]["response"]
    server.authenticate_complete(
        state(cell, ceremony),
        [made.auth_data.credential_data],
        websafe_decode(ceremony["response"]["rawId"]),
        ClientData(websafe_decode(response["clientDataJSON"])),
        AuthenticatorData(websafe_decode(response["authenticatorData"])),
        websafe_decode(response["signature"]),
    )


def main():
    corpus = json.load(sys.stdin)
    server = Fido2Server(
        {"id": corpus["rpId"], "name": "RP"},
        attestation="direct",
        verify_origin=lambda origin: origin == corpus["origin"],
        verify_attestation=Verifier(corpus["roots"]),
    )
    verdicts = {
        cell["name"]: {
            "registration": verdict(register, server, cell),
            "authentication": verdict(authenticate, server, cell),
        }
        for cell in corpus["cells"]
    }
    json.dump({"version": fido2.__version__, "has": [], "verdicts": verdicts}, sys.stdout)


main()
