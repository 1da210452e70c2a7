# Serves the peer of Peer.pm over HTTP on the loopback.
use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use Getopt::Long;
use HTTP::Daemon;
use IO::Select;
use Peer;
use Socket qw(IPPROTO_TCP TCP_NODELAY);

my ($port, $rp_id, $origin) = (0, 'localhost');
GetOptions('port=i' => \$port, 'rp-id=s' => \$rp_id, 'origin=s' => \$origin) or exit 2;

my $listener = HTTP::Daemon->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 128, ReuseAddr => 1) or die "server.pl: listen: $!\n";
my $url = 'http://localhost:' . $listener->sockport;
my $peer = Peer->new($rp_id, $origin // $url);

$SIG{INT} = $SIG{TERM} = sub { exit 0 };
$SIG{PIPE} = 'IGNORE';
$| = 1;
print "ready $url\n";

# One request at a time, whichever connection has one: they are short, and a connection
# that stays open must not keep the others waiting.
my $select = IO::Select->new($listener);
while (1) {
    for my $ready ($select->can_read) {
        if ($ready == $listener) {
            my $connection = $listener->accept or next;
            $connection->setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
            $connection->timeout(5);
            $select->add($connection);
            next;
        }
        my $request = $ready->get_request;
        if (!$request) {
            $select->remove($ready);
            $ready->close;
            next;
        }
        $ready->send_response($peer->answer($request));
    }
}
