"""A Relying Party on Debian's python3-fido2 that speaks the FIDO server API, for
Touchstone to test. The library verifies; this file keeps what a library cannot
keep (accounts, sessions, credentials) and compares what only it can compare.
README.md lists who checks what. It is written for python-fido2 0.9, which
Debian 12 has.
"""

import argparse
import base64
import enum
import json
import os
import re
import secrets
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from fido2.client import ClientData
from fido2.ctap2 import AttestationObject, AuthenticatorData
from fido2.server import Fido2Server, to_descriptor

BODY_LIMIT = 1 << 20
LIFE = 300  # seconds; the library's options name no timeout


class Refusal(Exception):
    """A failure that is the caller's."""

    def __init__(self, message, status=400):
        super().__init__(message)
        self.status = status


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(value, name):
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_-]*", value) or len(value) % 4 == 1:
        raise Refusal(f"{name} must be base64url without padding")
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))


def plain(value):
    """What JSON can carry of the library's option objects."""
    if isinstance(value, bytes):
        return b64u(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def text(value, name):
    if not isinstance(value, str) or value == "":
        raise Refusal(f"{name} must be a string that is not empty")
    return value


def member(body, name, kind):
    value = body.get(name)
    if value is not None and not isinstance(value, kind):
        raise Refusal(f"{name} has the wrong type")
    return value


class Peer:
    """Everything lives in memory and dies with the process."""

    def __init__(self, rp_id, origin):
        self.rp = {"id": rp_id, "name": "Touchstone peer"}
        self.lock = threading.Lock()
        self.users = {}  # name -> {"id", "name", "credentials": [AttestedCredentialData]}
        self.owners = {}  # credential id -> user, over all users
        self.transports = {}  # credential id -> what was registered with it
        self.sessions = {}  # cookie value -> pending ceremony
        self.routes = {
            "/attestation/options": self.attestation_options,
            "/attestation/result": self.attestation_result,
            "/assertion/options": self.assertion_options,
            "/assertion/result": self.assertion_result,
        }

    def take(self, session, ceremony):
        """A challenge is good for one try, successful or not."""
        pending = self.sessions.pop(session, None)
        if pending is None or pending["ceremony"] != ceremony:
            raise Refusal(f"no {ceremony} is under way in this session")
        if time.monotonic() > pending["deadline"]:
            raise Refusal(f"the {ceremony} took too long")
        return pending

    def descriptors(self, user):
        return [to_descriptor(c, self.transports.get(c.credential_id)) for c in user["credentials"]]

    def begin(self, session, ceremony, **rest):
        self.sessions[session] = {"ceremony": ceremony, "deadline": time.monotonic() + LIFE, **rest}

    def attestation_options(self, session, body):
        name = text(body.get("username"), "username")
        user = self.users.setdefault(name, {"id": secrets.token_bytes(32), "name": name, "credentials": []})
        selection = member(body, "authenticatorSelection", dict) or {}
        resident = selection.get("residentKey") == "required" or selection.get("requireResidentKey") is True
        server = Fido2Server(self.rp, attestation=body.get("attestation"))
        options, state = server.register_begin(
            {"id": user["id"], "name": name, "displayName": body.get("displayName") or name},
            self.descriptors(user),
            resident_key=resident,
            user_verification=selection.get("userVerification"),
            authenticator_attachment=selection.get("authenticatorAttachment"),
        )
        self.begin(session, "registration", user=user, server=server, state=state)
        return plain(options["publicKey"])

    def attestation_result(self, session, body):
        pending = self.take(session, "registration")
        response = envelope(body)
        client_data = ClientData(decode(response.get("clientDataJSON"), "clientDataJSON"))
        attestation = AttestationObject(decode(response.get("attestationObject"), "attestationObject"))
        auth_data = pending["server"].register_complete(pending["state"], client_data, attestation)
        credential = auth_data.credential_data
        if credential is None:
            raise Refusal("there is no credential in the authenticator data")
        if decode(body.get("id"), "id") != credential.credential_id:
            raise Refusal("the id is not that of the credential")
        # Only whoever holds all accounts can tell that an id is taken
        # (https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential step 26).
        if credential.credential_id in self.owners:
            raise Refusal("the credential is already registered")
        self.owners[credential.credential_id] = pending["user"]
        transports = response.get("transports")
        if isinstance(transports, list) and all(isinstance(t, str) for t in transports):
            self.transports[credential.credential_id] = transports
        pending["user"]["credentials"].append(credential)
        return {}

    def assertion_options(self, session, body):
        user = self.users.get(text(body.get("username"), "username"))
        if user is None or not user["credentials"]:
            raise Refusal("unknown user")
        server = Fido2Server(self.rp)
        options, state = server.authenticate_begin(self.descriptors(user), body.get("userVerification"))
        self.begin(session, "authentication", user=user, server=server, state=state)
        return plain(options["publicKey"])

    def assertion_result(self, session, body):
        pending = self.take(session, "authentication")
        user = pending["user"]
        response = envelope(body)
        handle = response.get("userHandle")
        # https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion step 6
        if handle not in (None, "") and decode(handle, "userHandle") != user["id"]:
            raise Refusal("the user handle is not that of the user")
        pending["server"].authenticate_complete(
            pending["state"],
            user["credentials"],
            decode(body.get("id"), "id"),
            ClientData(decode(response.get("clientDataJSON"), "clientDataJSON")),
            AuthenticatorData(decode(response.get("authenticatorData"), "authenticatorData")),
            decode(response.get("signature"), "signature"),
        )
        return {}


def envelope(body):
    """The library takes the parts of a credential, so its frame is looked at here."""
    identifier = decode(body.get("id"), "id")
    if "rawId" in body and decode(body["rawId"], "rawId") != identifier:
        raise Refusal("id and rawId differ")
    if body.get("type") != "public-key":
        raise Refusal("type is not public-key")
    response = body.get("response")
    if not isinstance(response, dict):
        raise Refusal("response is missing")
    return response


def handler(peer):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one piece, or the kernel waits between them

        def log_message(self, *args):
            pass

        def answer(self, status, body, cookie=None):
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Length", str(len(data)))
            if cookie:
                self.send_header("Set-Cookie", f"peer-session={cookie}; Path=/; HttpOnly; SameSite=Strict")
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self):
            self.answer(405, {"status": "failed", "errorMessage": f"{self.path} takes POST"})

        def do_POST(self):
            cookie = None
            try:
                length = int(self.headers.get("Content-Length") or 0)
                if length > BODY_LIMIT:
                    # What is still under way would break the connection before the answer is read.
                    while length > 0 and (chunk := self.rfile.read(min(length, 1 << 16))):
                        length -= len(chunk)
                    raise Refusal("the body is too large", 413)
                data = self.rfile.read(length)
                route = peer.routes.get(self.path)
                if route is None:
                    raise Refusal(f"nothing at {self.path}", 404)
                try:
                    body = json.loads(data)
                except ValueError as error:
                    raise Refusal(f"the body is not JSON: {error}") from None
                if not isinstance(body, dict):
                    raise Refusal("the body is not a JSON object")
                found = re.search(r"(?:^|;\s*)peer-session=([\w-]+)", self.headers.get("Cookie") or "")
                session = found.group(1) if found else secrets.token_urlsafe(24)
                cookie = None if found else session
                with peer.lock:
                    result = route(session, body)
                self.answer(200, {"status": "ok", "errorMessage": "", **result}, cookie)
            except Refusal as error:
                self.answer(error.status, {"status": "failed", "errorMessage": str(error)}, cookie)
            except Exception as error:  # the library says no by raising, whatever the class
                message = f"{type(error).__name__}: {error}"
                self.answer(400, {"status": "failed", "errorMessage": message}, cookie)

    return Handler


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def server_bind(self):
        # The standard library looks up the host's name here, which may go to DNS.
        self.socket.setsockopt(1, 2, 1)  # SOL_SOCKET, SO_REUSEADDR
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", self.server_address[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rp-id", default="localhost")
    parser.add_argument("--origin", help="not used: the library's own default decides by the RP ID")
    args = parser.parse_args()
    peer = Peer(args.rp_id, args.origin)
    server = Server(("127.0.0.1", args.port), handler(peer))
    for sig in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sig, lambda *_: os._exit(0))
    print(f"ready http://localhost:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
