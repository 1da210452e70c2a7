# The suite drives the ceremonies; these tests hold what the server does around the
# library.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use HTTP::Request;
use JSON qw(decode_json);
use MIME::Base64 qw(decode_base64url);
use Peer;
use Test::More;

my $peer = Peer->new('rp.example', 'https://rp.example');
my $cookie;

# post sends a body as one browser does, and returns the status and the answer.
sub post {
    my ($path, $body, $method) = @_;
    my $request = HTTP::Request->new($method // 'POST', $path, ['Content-Type' => 'application/json', $cookie ? (Cookie => $cookie) : ()], $body);
    my $response = $peer->answer($request);
    ($cookie) = $response->header('Set-Cookie') =~ /^([^;]+)/ if $response->header('Set-Cookie');
    return ($response->code, decode_json($response->content));
}

my ($code, $answer) = post('/attestation/options', '{"username": "alice", "displayName": "Alice", "attestation": "direct",
    "authenticatorSelection": {"residentKey": "required", "userVerification": "required"}}');
is($code, 200, 'options are given');
is_deeply([@$answer{qw(status attestation)}], ['ok', 'direct'], 'and say what was asked for');
is_deeply($answer->{authenticatorSelection}, { residentKey => 'required', requireResidentKey => JSON::true, userVerification => 'required' }, 'of the authenticator too');
is(length decode_base64url($answer->{user}{id}), 32, 'the user handle has 32 bytes');
my ($again) = (post('/attestation/options', '{"username": "alice"}'))[1];
is($again->{user}{id}, $answer->{user}{id}, 'and stays the same');
isnt($again->{challenge}, $answer->{challenge}, 'the challenge does not');

($code, $answer) = post('/attestation/result', '{"id": "AA", "type": "public-key", "response": {"clientDataJSON": "e30", "attestationObject": "oA"}}');
is($code, 400, 'what the library refuses is refused');
like($answer->{errorMessage}, qr/Type is not webauthn.create/, 'and its words are given');
($code, $answer) = post('/attestation/result', '{"id": "AA", "type": "public-key", "response": {}}');
like($answer->{errorMessage}, qr/no registration is under way/, 'a challenge is good for one try');

for (
    ['/attestation/options', '{',                        'not JSON'],
    ['/attestation/options', 'null',                     'not JSON|not a JSON object'],
    ['/attestation/options', '{}',                       'username'],
    ['/attestation/result',  '{}',                       'no registration is under way'],
    ['/assertion/options',   '{"username": "nobody"}',   'unknown user'],
    ['/assertion/result',    '{}',                       'no authentication is under way'],
    ['/nowhere',             '{}',                       'nothing at'],
    ['/attestation/options', '"' . 'x' x (1 << 20) . '"', 'too large'],
  )
{
    my ($path, $body, $want) = @$_;
    my ($code, $answer) = post($path, $body);
    ok($code >= 400 && $answer->{status} eq 'failed', "$path refuses " . substr($body, 0, 30));
    like($answer->{errorMessage}, qr/$want/, 'and says why');
}
is((post('/attestation/options', '', 'GET'))[0], 405, 'GET is no method of it');

done_testing;
