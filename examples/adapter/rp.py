"""A Relying Party on python3-fido2 (Debian's 0.9) for touchstone run --adapter:
requests come on standard input, answers go to standard output, a line of JSON
each. See docs/adapter.md.
"""

import base64
import enum
import hmac
import json
import secrets
import sys

from fido2.client import ClientData
from fido2.ctap2 import AttestationObject, AuthenticatorData
from fido2.server import Fido2Server, to_descriptor

rp = {}
users = {}  # name -> {"id", "credentials"}
owners = {}  # credential id -> user
transports = {}  # credential id -> what was registered with it
secret = secrets.token_bytes(32)
pending = {}  # session -> (operation, user, server, state)


def decode(value):
    return base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)


def plain(value):
    """What JSON can carry of the library's options."""
    if isinstance(value, bytes):
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def descriptors(credentials):
    return [to_descriptor(c, transports.get(c.credential_id)) for c in credentials]


def imaginary(name):
    """What a user has that there is not: else the answer tells who has an account."""
    credential = hmac.digest(secret, name.encode(), "sha256")
    return {"type": "public-key", "id": credential, "transports": ["usb"]}


def registration_options(session, body):
    name = body["username"]
    user = users.setdefault(name, {"id": secrets.token_bytes(32), "credentials": []})
    selection = body.get("authenticatorSelection") or {}
    server = Fido2Server(rp, attestation=body.get("attestation"))
    options, state = server.register_begin(
        {"id": user["id"], "name": name, "displayName": body.get("displayName") or name},
        descriptors(user["credentials"]),
        resident_key=selection.get("residentKey") == "required",
        user_verification=selection.get("userVerification"),
        authenticator_attachment=selection.get("authenticatorAttachment"),
    )
    pending[session] = ("registration", user, server, state)
    return plain(options["publicKey"])


def authentication_options(session, body):
    name = body["username"]
    user = users.get(name) or {"id": b"", "credentials": []}
    listed = descriptors(user["credentials"]) or [imaginary(name)]
    server = Fido2Server(rp)
    options, state = server.authenticate_begin(listed, body.get("userVerification"))
    pending[session] = ("authentication", user, server, state)
    return plain(options["publicKey"])


def begun(session, operation):
    """A challenge is good for one try."""
    kind, user, server, state = pending.pop(session, (None, None, None, None))
    if kind != operation:
        raise ValueError(f"no {operation} is under way in this session")
    return user, server, state


def check_frame(body):
    """The library takes the parts of a credential, so its frame is looked at here."""
    if body["type"] != "public-key" or ("rawId" in body and body["rawId"] != body["id"]):
        raise ValueError("type or rawId is wrong")


def registration_result(session, body):
    user, server, state = begun(session, "registration")
    check_frame(body)
    response = body["response"]
    client_data = ClientData(decode(response["clientDataJSON"]))
    data = server.register_complete(state, client_data, AttestationObject(decode(response["attestationObject"])))
    credential = data.credential_data
    if credential is None or credential.credential_id != decode(body["id"]):
        raise ValueError("the id is not that of the credential")
    if credential.credential_id in owners:
        raise ValueError("the credential is already registered")
    owners[credential.credential_id] = user
    transports[credential.credential_id] = response.get("transports")
    user["credentials"].append(credential)
    return {}


def authentication_result(session, body):
    user, server, state = begun(session, "authentication")
    check_frame(body)
    response = body["response"]
    handle = response.get("userHandle")
    if handle and decode(handle) != user["id"]:
        raise ValueError("the user handle is not that of the user")
    server.authenticate_complete(
        state,
        user["credentials"],
        decode(body["id"]),
        ClientData(decode(response["clientDataJSON"])),
        AuthenticatorData(decode(response["authenticatorData"])),
        decode(response["signature"]),
    )
    return {}


operations = {
    "registration.options": registration_options,
    "registration.result": registration_result,
    "authentication.options": authentication_options,
    "authentication.result": authentication_result,
}

for line in sys.stdin:
    request = json.loads(line)
    answer = {"id": request["id"], "ok": True}
    try:
        if request["op"] == "hello":
            rp.update(id=request["rpId"], name="Example")
            answer["protocol"] = 1
        else:
            if "body" not in request:
                raise ValueError("the body is not UTF-8")
            body = json.loads(request["body"])
            answer["body"] = operations[request["op"]](request["session"], body)
    except Exception as error:  # the library says no by raising, whatever the class
        answer = {"id": request["id"], "ok": False, "error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
