# Speaks to a device over standard output and input with python-fido2's own CTAP
# clients: "cbor HEX" or "apdu HEX" out, the answer in hex in. Everything that the
# library checks by itself (canonical CBOR, lengths, tokens, signatures) is checked.
import os
import sys

from fido2.cose import CoseKey, ES256
from fido2.ctap import CtapDevice, CtapError
from fido2.ctap1 import ApduError, Ctap1
from fido2.ctap2 import ClientPin, CredentialManagement, Ctap2
from fido2.ctap2.extensions import HmacSecretExtension
from fido2.ctap2.pin import PinProtocolV1, PinProtocolV2
from fido2.hid import CAPABILITY, CTAPHID
from fido2.utils import sha256


class Piped(CtapDevice):
    capabilities = CAPABILITY.CBOR

    def call(self, cmd, data=b"", event=None, on_keepalive=None):
        kind = {CTAPHID.CBOR: "cbor", CTAPHID.MSG: "apdu"}[cmd]
        sys.stdout.write("%s %s\n" % (kind, data.hex()))
        sys.stdout.flush()
        return bytes.fromhex(sys.stdin.readline().strip())

    @classmethod
    def list_devices(cls):
        return iter([])


def refused(code, run, *args, **kwargs):
    try:
        run(*args, **kwargs)
    except CtapError as e:
        assert e.code == code, (e.code, code)
        return
    raise AssertionError("not refused with %s" % code)


def attested(made, client_hash):
    data = made.auth_data
    assert made.fmt == "packed", made.fmt
    key = data.credential_data.public_key
    key.verify(data + client_hash, made.att_statement["sig"])  # self attestation
    return data.credential_data


dev = Piped()
ERR = CtapError.ERR
params = [{"type": "public-key", "alg": ES256.ALGORITHM}]
ctap = Ctap2(dev)
assert ctap.info.versions[-1] == "FIDO_2_2" and ctap.info.pin_uv_protocols == [2, 1]
assert ctap.info.options["clientPin"] is False and ctap.info.options["credMgmt"] is True

for number, Protocol in enumerate((PinProtocolV1, PinProtocolV2)):
    pin = ClientPin(ctap, Protocol())
    refused(ERR.PIN_NOT_SET, pin.get_pin_token, "1234", ClientPin.PERMISSION.CREDENTIAL_MGMT)
    pin.set_pin("1234")
    ctap = Ctap2(dev)
    assert ctap.info.options["clientPin"] is True
    pin = ClientPin(ctap, Protocol())
    pin.change_pin("1234", "geheim")
    assert pin.get_pin_retries()[0] == 8
    refused(ERR.PIN_INVALID, pin.get_pin_token, "wrong", ClientPin.PERMISSION.CREDENTIAL_MGMT)
    assert pin.get_pin_retries()[0] == 7

    def token(permission, rp_id=None):
        return pin.get_pin_token("geheim", permission, rp_id)

    made = []
    for user in (b"ada", b"grace"):
        client_hash = sha256(b"make" + user)
        t = token(ClientPin.PERMISSION.MAKE_CREDENTIAL, "rp.example")
        m = ctap.make_credential(
            client_hash, {"id": "rp.example", "name": "RP"},
            {"id": user, "name": user.decode(), "displayName": user.decode().title()}, params,
            options={"rk": True}, extensions={"hmac-secret": True, "credProtect": 2},
            pin_uv_param=pin.protocol.authenticate(t, client_hash), pin_uv_protocol=Protocol.VERSION)
        assert m.auth_data.flags == 0xC5, m.auth_data.flags
        assert m.auth_data.extensions == {"hmac-secret": True, "credProtect": 2}
        made.append(attested(m, client_hash))
    exclude = [{"type": "public-key", "id": made[0].credential_id}]
    t = token(ClientPin.PERMISSION.MAKE_CREDENTIAL, "rp.example")
    refused(ERR.CREDENTIAL_EXCLUDED, ctap.make_credential, client_hash, {"id": "rp.example"}, {"id": b"x"}, params, exclude,
            pin_uv_param=pin.protocol.authenticate(t, client_hash), pin_uv_protocol=Protocol.VERSION)
    refused(ERR.PIN_REQUIRED, ctap.make_credential, client_hash, {"id": "rp.example"}, {"id": b"x"}, params, options={"rk": True})

    # hmac-secret: the same salts give the same outputs, through two key agreements.
    def secret(salt2):
        client_hash = sha256(os.urandom(8))
        ext = HmacSecretExtension(ctap, Protocol())
        given = ext.process_get_input({"hmacGetSecret": {"salt1": b"a" * 32, "salt2": salt2}})
        t = token(ClientPin.PERMISSION.GET_ASSERTION, "rp.example")
        got = ctap.get_assertion(
            "rp.example", client_hash, exclude, {"hmac-secret": given},
            pin_uv_param=pin.protocol.authenticate(t, client_hash), pin_uv_protocol=Protocol.VERSION)
        got.verify(client_hash, made[0].public_key)
        return ext.process_get_output(got.auth_data)["hmacGetSecret"]

    one, two = secret(b""), secret(b"b" * 32)
    assert one["output1"] == two["output1"] and len(two["output2"]) == 32 and two["output2"] != two["output1"]

    # Both accounts, the newest first, with names for those who are verified.
    client_hash = sha256(b"get")
    t = token(ClientPin.PERMISSION.GET_ASSERTION, "rp.example")
    both = ctap.get_assertions("rp.example", client_hash, pin_uv_param=pin.protocol.authenticate(t, client_hash), pin_uv_protocol=Protocol.VERSION)
    assert [a.user["name"] for a in both] == ["grace", "ada"], [a.user for a in both]
    for a, cred in zip(both, reversed(made)):
        assert a.credential["id"] == cred.credential_id
        a.verify(client_hash, cred.public_key)
    refused(ERR.NO_CREDENTIALS, ctap.get_assertion, "rp.example", client_hash)  # credProtect, and nobody verified
    refused(ERR.NO_CREDENTIALS, ctap.get_assertion, "other.example", client_hash)

    manage = CredentialManagement(ctap, pin.protocol, token(ClientPin.PERMISSION.CREDENTIAL_MGMT))
    R = CredentialManagement.RESULT
    assert manage.get_metadata()[R.EXISTING_CRED_COUNT] == 2
    rps = manage.enumerate_rps()
    assert [r[R.RP]["id"] for r in rps] == ["rp.example"] and rps[0][R.RP_ID_HASH] == sha256(b"rp.example")
    creds = manage.enumerate_creds(sha256(b"rp.example"))
    assert [c[R.USER]["name"] for c in creds] == ["ada", "grace"]
    assert CoseKey.parse(creds[0][R.PUBLIC_KEY]) == made[0].public_key and creds[0][R.CRED_PROTECT] == 2
    manage.update_user_info(exclude[0], {"id": b"ada", "name": "countess"})
    assert manage.enumerate_creds(sha256(b"rp.example"))[0][R.USER]["name"] == "countess"
    manage.delete_cred(exclude[0])
    assert len(manage.enumerate_creds(sha256(b"rp.example"))) == 1

    ctap.reset()
    ctap = Ctap2(dev)
    assert ctap.info.options["clientPin"] is False

u2f = Ctap1(dev)
assert u2f.get_version() == "U2F_V2"
client_param, app_param = sha256(b"client"), sha256(b"https://rp.example")
reg = u2f.register(client_param, app_param)
reg.verify(app_param, client_param)
for count in (1, 2):
    sig = u2f.authenticate(client_param, app_param, reg.key_handle)
    sig.verify(app_param, client_param, reg.public_key)
    assert sig.user_presence == 1 and sig.counter == count, (sig.user_presence, sig.counter)
for app, want in ((app_param, 0x6985), (sha256(b"other"), 0x6A80)):
    try:
        u2f.authenticate(client_param, app, reg.key_handle, check_only=True)
        raise AssertionError("check-only signed")
    except ApduError as e:
        assert e.code == want, hex(e.code)
sys.stdout.write("done\n")
