"""The suite drives the ceremonies; these tests hold what the server does around
the library."""

import http.client
import json
import threading
import unittest

import server


class Browser:
    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port)
        self.cookie = None

    def post(self, path, body):
        headers = {"Content-Type": "application/json"}
        if self.cookie:
            headers["Cookie"] = self.cookie
        data = body if isinstance(body, str) else json.dumps(body)
        self.connection.request("POST", path, data, headers)
        answer = self.connection.getresponse()
        self.cookie = self.cookie or (answer.getheader("Set-Cookie") or "").split(";")[0]
        return answer.status, json.loads(answer.read())


class TestServer(unittest.TestCase):
    def setUp(self):
        self.http = server.Server(("127.0.0.1", 0), server.handler(server.Peer("rp.example", None)))
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.browser = Browser(self.http.server_port)

    def tearDown(self):
        self.browser.connection.close()
        self.http.shutdown()
        self.http.server_close()

    def test_options(self):
        code, answer = self.browser.post(
            "/attestation/options",
            {"username": "alice", "displayName": "Alice", "attestation": "direct",
             "authenticatorSelection": {"residentKey": "required", "userVerification": "required"}},
        )
        self.assertEqual((code, answer["status"], answer["attestation"]), (200, "ok", "direct"))
        self.assertEqual(answer["authenticatorSelection"], {"requireResidentKey": True, "userVerification": "required"})
        self.assertEqual(len(server.decode(answer["user"]["id"], "id")), 32)

    def test_refusals(self):
        for path, body, want in (
            ("/attestation/options", "{", "not JSON"),
            ("/attestation/options", "null", "not a JSON object"),
            ("/attestation/options", {}, "username"),
            ("/attestation/result", {}, "no registration is under way"),
            ("/assertion/options", {"username": "nobody"}, "unknown user"),
            ("/assertion/result", {}, "no authentication is under way"),
            ("/nowhere", {}, "nothing at"),
        ):
            with self.subTest(path=path, body=body):
                code, answer = self.browser.post(path, body)
                self.assertGreaterEqual(code, 400)
                self.assertEqual(answer["status"], "failed")
                self.assertIn(want, answer["errorMessage"])

    def test_one_try(self):
        self.browser.post("/attestation/options", {"username": "bob", "displayName": "Bob"})
        self.assertEqual(self.browser.post("/attestation/result", {"id": "AA"})[0], 400)
        self.assertIn("no registration is under way", self.browser.post("/attestation/result", {"id": "AA"})[1]["errorMessage"])


if __name__ == "__main__":
    unittest.main()
