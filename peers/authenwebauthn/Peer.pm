package Peer;

# A Relying Party on Debian's Authen::WebAuthn that speaks the FIDO server API, for
# Touchstone to test. The library verifies; this file makes the options, keeps what a
# library cannot keep (accounts, sessions, credentials) and compares what only it can
# compare. README.md lists who checks what. It is written for Authen::WebAuthn 0.001,
# which Debian 12 has.

use strict;
use warnings;

use Authen::WebAuthn;
use HTTP::Response;
use JSON qw(decode_json encode_json);
use MIME::Base64 qw(decode_base64url encode_base64url);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use constant { BODY_LIMIT => 1 << 20, LIFE => 300 };    # bytes, seconds

my %ROUTES = (
    '/attestation/options' => \&attestation_options,
    '/attestation/result'  => \&attestation_result,
    '/assertion/options'   => \&assertion_options,
    '/assertion/result'    => \&assertion_result,
);

# new returns a peer. Everything lives in memory and dies with the process.
sub new {
    my ($class, $rp_id, $origin) = @_;
    return bless {
        rp_id    => $rp_id,
        library  => Authen::WebAuthn->new(rp_id => $rp_id, origin => $origin),
        users    => {},    # name -> {id, name, credentials => [record]}
        owners   => {},    # credential id -> user, over all users
        sessions => {},    # cookie value -> pending ceremony
    }, $class;
}

# refuse ends a request with a failure that is the caller's.
sub refuse {
    my ($message, $status) = @_;
    die { message => $message, status => $status // 400 };
}

sub random { my ($n) = @_; open(my $f, '<:raw', '/dev/urandom') or die $!; read($f, my $data, $n) == $n or die $!; return $data }

sub string { my ($value) = @_; return defined $value && !ref $value }

sub text {
    my ($value, $name) = @_;
    refuse("$name must be a string that is not empty") unless string($value) && $value ne '';
    return $value;
}

sub decode {
    my ($value, $name) = @_;
    refuse("$name must be base64url without padding") unless string($value) && $value =~ /\A[\w-]*\z/a && length($value) % 4 != 1;
    return decode_base64url($value);
}

sub object {
    my ($value, $name) = @_;
    refuse("$name must be an object") unless ref $value eq 'HASH';
    return $value;
}

# take ends the ceremony of a session: a challenge is good for one try, successful or not.
sub take {
    my ($self, $session, $ceremony) = @_;
    my $pending = delete $self->{sessions}{$session};
    refuse("no $ceremony is under way in this session") unless $pending && $pending->{ceremony} eq $ceremony;
    refuse("the $ceremony took too long") if clock_gettime(CLOCK_MONOTONIC) > $pending->{deadline};
    return $pending;
}

sub begin {
    my ($self, $session, $ceremony, $body, $user, $uv) = @_;
    my $challenge = encode_base64url(random(32));
    $self->{sessions}{$session} = {
        ceremony => $ceremony, challenge => $challenge, user => $user, uv => $uv, deadline => clock_gettime(CLOCK_MONOTONIC) + LIFE,
    };
    return (challenge => $challenge, timeout => LIFE * 1000, ref $body->{extensions} eq 'HASH' ? (extensions => $body->{extensions}) : ());
}

sub descriptors {
    my ($user) = @_;
    return [map { { type => 'public-key', id => $_->{id}, $_->{transports} ? (transports => $_->{transports}) : () } } @{ $user->{credentials} }];
}

sub attestation_options {
    my ($self, $session, $body) = @_;
    my $name = text($body->{username}, 'username');
    my $user = $self->{users}{$name} //= { id => encode_base64url(random(32)), name => $name, credentials => [] };
    my $wanted = object($body->{authenticatorSelection} // {}, 'authenticatorSelection');
    my %selection = map { defined $wanted->{$_} ? ($_ => $wanted->{$_}) : () } qw(authenticatorAttachment residentKey requireResidentKey userVerification);
    $selection{requireResidentKey} = JSON::true if ($selection{residentKey} // '') eq 'required';
    return {
        $self->begin($session, 'registration', $body, $user, $selection{userVerification}),
        rp   => { id => $self->{rp_id}, name => 'Touchstone peer' },
        user => { id => $user->{id}, name => $name, displayName => $body->{displayName} || $name },
        # What the library verifies, but for SHA-1.
        pubKeyCredParams   => [map { { type => 'public-key', alg => $_ } } -7, -257, -37],
        excludeCredentials => descriptors($user),
        %selection ? (authenticatorSelection => \%selection) : (),
        string($body->{attestation}) ? (attestation => $body->{attestation}) : (),
    };
}

# envelope looks at the frame of a credential; the library takes its parts.
sub envelope {
    my ($body) = @_;
    my $id = decode($body->{id}, 'id');
    refuse('id and rawId differ') if exists $body->{rawId} && decode($body->{rawId}, 'rawId') ne $id;
    refuse('type is not public-key') unless string($body->{type}) && $body->{type} eq 'public-key';
    return object($body->{response}, 'response');
}

# part is one of them: the library decodes it, and so skips what base64url does not know.
sub part {
    my ($response, $name) = @_;
    decode($response->{$name}, $name);
    return $response->{$name};
}

sub attestation_result {
    my ($self, $session, $body) = @_;
    my $pending  = $self->take($session, 'registration');
    my $response = envelope($body);
    my $result   = $self->{library}->validate_registration(
        challenge_b64          => $pending->{challenge},
        requested_uv           => $pending->{uv},
        client_data_json_b64   => part($response, 'clientDataJSON'),
        attestation_object_b64 => part($response, 'attestationObject'),
    );
    my $id = $result->{credential_id};
    refuse('the id is not that of the credential') unless $body->{id} eq $id;
    # Only whoever holds all accounts can tell that an id is taken
    # (https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential step 26).
    refuse('the credential is already registered') if $self->{owners}{$id};
    $self->{owners}{$id} = $pending->{user};
    my $transports = $response->{transports};
    push @{ $pending->{user}{credentials} }, {
        id => $id, key => $result->{credential_pubkey}, count => $result->{signature_count},
        transports => ref $transports eq 'ARRAY' && !grep({ !string($_) } @$transports) ? $transports : undef,
    };
    return {};
}

sub assertion_options {
    my ($self, $session, $body) = @_;
    my $user = $self->{users}{ text($body->{username}, 'username') };
    refuse('unknown user') unless $user && @{ $user->{credentials} };
    my $uv = $body->{userVerification};
    return {
        $self->begin($session, 'authentication', $body, $user, $uv),
        rpId => $self->{rp_id}, allowCredentials => descriptors($user), string($uv) ? (userVerification => $uv) : (),
    };
}

sub assertion_result {
    my ($self, $session, $body) = @_;
    my $pending  = $self->take($session, 'authentication');
    my $response = envelope($body);
    my $user     = $pending->{user};
    my ($record) = grep { $_->{id} eq $body->{id} } @{ $user->{credentials} };
    refuse('the credential is not one of this user') unless $record;
    # https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion step 6
    my $handle = $response->{userHandle};
    refuse('the user handle is not that of the user') if defined $handle && $handle ne '' && decode($handle, 'userHandle') ne decode_base64url($user->{id});
    my $outputs = $body->{clientExtensionResults} // $body->{getClientExtensionResults};
    my $result  = $self->{library}->validate_assertion(
        challenge_b64          => $pending->{challenge},
        requested_uv           => $pending->{uv},
        credential_pubkey_b64  => $record->{key},
        stored_sign_count      => $record->{count},
        client_data_json_b64   => part($response, 'clientDataJSON'),
        authenticator_data_b64 => part($response, 'authenticatorData'),
        signature_b64          => part($response, 'signature'),
        extension_results      => ref $outputs eq 'HASH' ? $outputs : {},
    );
    $record->{count} = $result->{signature_count};
    return {};
}

# answer turns an HTTP request into a response.
sub answer {
    my ($self, $request) = @_;
    my ($status, $body, $cookie) = (200);
    my $done = eval {
        my $path = $request->uri->path;
        my $route = $ROUTES{$path} or refuse("nothing at $path", 404);
        refuse("$path takes POST", 405) unless $request->method eq 'POST';
        refuse('the body is too large', 413) if length($request->content) > BODY_LIMIT;
        my $asked = eval { decode_json($request->content) };
        refuse('the body is not JSON') if $@;
        refuse('the body is not a JSON object') unless ref $asked eq 'HASH';
        my ($session) = ($request->header('Cookie') // '') =~ /(?:^|;\s*)peer-session=([\w-]+)/;
        $session //= $cookie = encode_base64url(random(24));
        # The library's warnings are of no use to a caller.
        local $SIG{__WARN__} = sub { };
        $body = { status => 'ok', errorMessage => '', %{ $route->($self, $session, $asked) } };
        1;
    };
    if (!$done) {    # the library says no by dying
        my $error = ref $@ eq 'HASH' ? $@ : { message => "$@", status => 400 };
        $status = $error->{status};
        $body = { status => 'failed', errorMessage => $error->{message} };
    }
    my $response = HTTP::Response->new($status);
    $response->header('Content-Type' => 'application/json', 'Cache-Control' => 'no-store');
    $response->header('Set-Cookie' => "peer-session=$cookie; Path=/; HttpOnly; SameSite=Strict") if $cookie;
    $response->content(encode_json($body));
    return $response;
}

1;
