"""The wire on real sockets: what comes back, whether the head began to leave, and that every call ends."""

import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.edges.peer import OK, Peer, drip, reset
from worker.calls import wire as wire_module
from worker.calls.wire import Reply, Request, Silence, Wire

HEAD = b"HTTP/1.1 200 OK\r\n"
NOT_ASKED = b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"


@pytest.fixture
def peers():
    """Starts peers that are closed after the test."""
    started = []

    def start(*behaviours):
        peer = Peer(*behaviours)
        started.append(peer)
        return peer

    yield start
    for peer in started:
        peer.close()


@pytest.fixture
def wire():
    """A wire that gives up after a fifth of a second."""
    made = Wire(timeout=0.2)
    yield made
    made.close()


def post(url, **said):
    return Request("POST", url, {"authorization": "secret"}, '{"a":1}', **said)


def answering(peers, *pieces):
    """A peer that reads a request and sends these pieces, on every connection."""
    box = []

    def behave(connection):
        while box[0].request(connection):
            for piece in pieces:
                connection.sendall(piece)

    box.append(peers(behave))
    return box[0]


def after_request(peers, do):
    """A peer that reads one request and then does this with the connection."""
    box = []

    def behave(connection):
        box[0].request(connection)
        do(connection)

    box.append(peers(behave))
    return box[0]


def test_an_answer_is_its_status_headers_and_bytes(wire, peers):
    """Header names come in lower case, the body as it was sent."""
    peer = answering(peers, b"HTTP/1.1 422 No\r\nX-Total-Count: 7\r\ncontent-length: 3\r\n\r\nabc")
    assert wire.send(post(peer.url)) == Reply(422, {"x-total-count": "7", "content-length": "3"}, b"abc")


@pytest.mark.parametrize(("address", "target"), [
    ("", "/"), ("/", "/"), ("?x=1", "/?x=1"), ("?next=/a", "/?next=/a"), ("/a//b/%2E%2E?y=/c", "/a//b/%2E%2E?y=/c"),
    ("/a#b", "/a"),
])  # fmt: skip
def test_what_is_asked_for_is_what_stands_behind_the_site(wire, peers, address, target):
    """Nothing of it is brought into another form: Bokun signs the target as it was written."""
    peer = answering(peers, OK)
    wire.send(Request("GET", f"http://127.0.0.1:{peer.port}{address}", {}))
    assert peer.requests[0].split(b"\r\n")[:2] == [
        f"GET {target} HTTP/1.1".encode(),
        f"Host: 127.0.0.1:{peer.port}".encode(),
    ]


@pytest.mark.parametrize(
    "address", ["ftp://127.0.0.1/a", "127.0.0.1/a", "http://127.0.0.1:{port}/a b", "http://127.0.0.1:{port}/é"]
)
def test_an_address_that_is_none_is_a_call_that_never_began(wire, peers, address):
    """Nothing leaves, and nothing is raised."""
    peer = answering(peers, OK)
    found = wire.send(post(address.format(port=peer.port)))
    assert (found.began, peer.requests) == (False, [])


def test_the_request_is_sent_as_it_is(wire, peers):
    """Method, encoded target, headers and body arrive as given."""
    peer = answering(peers, OK)
    wire.send(Request("POST", f"http://127.0.0.1:{peer.port}/a%2Fb?x=%7B%7D", {"authorization": "secret"}, '{"é":1}'))
    head, _, body = peer.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /a%2Fb?x=%7B%7D HTTP/1.1\r\n")
    assert b"\r\nauthorization: secret" in head
    assert body == '{"é":1}'.encode()


def test_a_refused_connection_never_began(wire, peers):
    """Nobody listens: nothing left."""
    peer = Peer(lambda _: None)
    peer.close()
    assert wire.send(post(peer.url)) == Silence(began=False, why="ConnectError")


def test_a_name_that_does_not_resolve_never_began(wire):
    """DNS says no: nothing left."""
    assert wire.send(post("http://nobody.invalid/")) == Silence(began=False, why="ConnectError")


def test_a_failed_handshake_never_began(wire, peers):
    """A peer that speaks no TLS never saw the request."""
    peer = answering(peers, OK)
    found = wire.send(post(peer.url.replace("http:", "https:")))
    assert isinstance(found, Silence)
    assert (found.began, peer.requests) == (False, [])


def test_a_stalled_handshake_ends_at_the_deadline_and_never_began(wire, peers):
    """A peer that accepts and says nothing to the TLS hello costs no more than the deadline."""
    box = []
    box.append(peers(lambda _: box[0].hold()))
    found = wire.send(post(box[0].url.replace("http:", "https:")))
    assert isinstance(found, Silence)
    assert (found.began, box[0].requests) == (False, [])


def test_an_untrusted_certificate_never_began(wire, peers, tmp_path):
    """A peer whose certificate nobody vouches for does not get the token."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    file = tmp_path / "own.pem"
    file.write_bytes(_self_signed(x509, hashes, serialization, key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    seen = []
    peer = peers(lambda raw: seen.append(context.wrap_socket(raw, server_side=True).recv(1)))
    found = wire.send(post(peer.url.replace("http:", "https:")))
    assert (found, seen) == (Silence(began=False, why="ConnectError"), [])


def _self_signed(x509, hashes, serialization, key):
    from datetime import UTC, datetime, timedelta
    from ipaddress import ip_address

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    built = built.add_extension(address, critical=False)
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return plain + built.sign(key, hashes.SHA256()).public_bytes(pem)


def test_the_guard_keeps_the_head_from_leaving(wire, peers):
    """Past its time a claim is not sent: the connection stands, and the peer never sees a request."""
    peer = answering(peers, OK)
    found = wire.send(post(peer.url, send_until=time.monotonic() - 1))
    assert (found, peer.requests) == (Silence(began=False, why="NotInTime"), [])


def test_the_guard_lets_a_fresh_claim_pass(wire, peers):
    """In time it changes nothing."""
    found = wire.send(post(answering(peers, OK).url, send_until=time.monotonic() + 10))
    assert isinstance(found, Reply)


@pytest.mark.parametrize("hang_up", [reset, lambda connection: connection.close()], ids=["rst", "fin"])
def test_a_connection_that_ends_after_the_request_began(wire, peers, hang_up):
    """The request was read and no answer came: it may have taken effect."""
    found = wire.send(post(after_request(peers, hang_up).url))
    assert isinstance(found, Silence)
    assert found.began


def test_a_silent_peer_ends_at_the_deadline_and_began(wire, peers):
    """A request without any answer is unknown."""
    box = []
    box.append(after_request(peers, lambda _: box[0].hold()))
    assert wire.send(post(box[0].url)) == Silence(began=True, why="ReadTimeout")


@pytest.mark.parametrize("head", [b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nx-a: b", b"\x00\x01 no HTTP at all\r\n\r\n"])
def test_half_a_head_is_no_answer(wire, peers, head):
    """A status line or header that breaks off, or is none, is unknown."""

    def half(connection):
        connection.sendall(head)
        connection.close()

    found = wire.send(post(after_request(peers, half).url))
    assert isinstance(found, Silence)
    assert found.began


@pytest.mark.parametrize(
    "pieces",
    [
        (HEAD + b"content-length: 10\r\n\r\n{}",),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\n{}",),
        (HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n{}",),
    ],
    ids=["short", "cut chunk", "no chunk"],
)
def test_half_a_body_leaves_the_status(wire, peers, pieces):
    """Where only the body broke, the status that came is kept and the body is none."""

    def half(connection):
        for piece in pieces:
            connection.sendall(piece)
        connection.close()

    found = wire.send(post(after_request(peers, half).url))
    assert isinstance(found, Reply)
    assert (found.status, found.body) == (200, None)


def test_a_dripping_head_ends_at_the_deadline(wire, peers):
    """A peer that sends a byte now and then does not hold the call."""
    peer = after_request(peers, lambda connection: drip(connection, HEAD + b"x-filler: " + b"x" * 200))
    assert wire.send(post(peer.url)) == Silence(began=True, why="ReadTimeout")


def test_a_dripping_body_ends_at_the_deadline_with_its_status(wire, peers):
    """The status came in time, the body did not: the call ends, the status stays."""

    def slow(connection):
        connection.sendall(HEAD + b"content-length: 200\r\n\r\n")
        drip(connection, b"x" * 200)

    found = wire.send(post(after_request(peers, slow).url))
    assert isinstance(found, Reply)
    assert (found.status, found.body) == (200, None)


def test_a_body_that_never_pauses_ends_at_the_deadline_too(wire, peers):
    """A peer whose next byte is always there already is cut as well: the deadline is one for the whole call."""
    sent = []

    def flood(connection):
        connection.sendall(HEAD + b"content-length: 100000000\r\n\r\n")
        until = time.monotonic() + 3
        while time.monotonic() < until:
            connection.sendall(b"x")
        sent.append("to the end")

    found = wire.send(post(after_request(peers, flood).url))
    assert isinstance(found, Reply)
    assert (found.body, sent) == (None, [])


def test_a_huge_body_is_cut(wire, peers):
    """A body past the limit is not read to its end; the status stays."""
    peer = answering(peers, HEAD + b"content-length: 1000000\r\n\r\n", b"x" * 1_000_000)
    found = wire.send(post(peer.url, largest=1000))
    assert isinstance(found, Reply)
    assert (found.status, found.body) == (200, None)


def test_a_body_of_just_the_limit_is_read(wire, peers):
    """The limit itself is allowed."""
    peer = answering(peers, HEAD + b"content-length: 1000\r\n\r\n" + b"x" * 1000)
    found = wire.send(post(peer.url, largest=1000))
    assert isinstance(found, Reply)
    assert found.body == b"x" * 1000


def test_nothing_is_unpacked(wire, peers):
    """A packed body stays packed: no bomb goes off."""
    peer = answering(peers, HEAD + b"content-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00")
    found = wire.send(post(peer.url))
    assert isinstance(found, Reply)
    assert found.body == b"\x1f\x8b\x08\x00"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer(wire, peers, status):
    """No redirect is followed: the other place is never asked."""
    other = answering(peers, OK)
    peer = answering(peers, f"HTTP/1.1 {status} Go\r\nlocation: {other.url}\r\ncontent-length: 0\r\n\r\n".encode())
    found = wire.send(post(peer.url))
    assert isinstance(found, Reply)
    assert (found.status, other.requests, len(peer.requests)) == (status, [], 1)


def test_a_page_in_place_of_an_answer_is_handed_on(wire, peers):
    """HTML with 200 is for the outcome table to judge."""
    peer = answering(peers, HEAD + b"content-type: text/html\r\ncontent-length: 6\r\n\r\n<html>")
    assert wire.send(post(peer.url)) == Reply(200, {"content-type": "text/html", "content-length": "6"}, b"<html>")


def test_an_informational_answer_before_silence_is_no_answer(wire, peers):
    """100 Continue and nothing more is unknown."""
    box = []

    def go_on(connection):
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        box[0].hold()

    box.append(after_request(peers, go_on))
    assert wire.send(post(box[0].url)) == Silence(began=True, why="ReadTimeout")


def test_a_kept_connection_is_used_again(wire, peers):
    """Two calls of one thread share a connection."""
    peer = answering(peers, OK)
    assert [wire.send(post(peer.url)).status for _ in range(3)] == [200] * 3
    assert (peer.connections, len(peer.requests)) == (1, 3)


def test_each_thread_has_a_connection_of_its_own(wire, peers):
    """Calls side by side do not wait for one another."""
    both = threading.Barrier(2)
    box = []

    def behave(connection):
        box[0].request(connection)
        both.wait(2)
        connection.sendall(OK)

    box.append(peers(behave))
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(wire.send, [post(box[0].url)] * 2))
    assert ([each.status for each in found], box[0].connections) == ([200, 200], 2)


def test_a_connection_that_was_idle_too_long_is_not_used_again(wire, peers, monkeypatch):
    """Past KEEP_SECONDS a fresh one is opened, before the server may close the old one."""
    monkeypatch.setattr(wire_module, "KEEP_SECONDS", 0.02)
    peer = answering(peers, OK)
    wire.send(post(peer.url))
    time.sleep(0.04)
    wire.send(post(peer.url))
    assert peer.connections == 2


def test_a_connection_that_the_peer_closed_is_not_used_again(wire, peers):
    """A kept connection that was closed meanwhile is seen before the head leaves."""
    closed = threading.Event()
    box = []

    def once(connection):
        box[0].request(connection)
        connection.sendall(OK)
        connection.close()
        closed.set()

    box.append(peers(once))
    wire.send(post(box[0].url))
    closed.wait(2)
    assert isinstance(wire.send(post(box[0].url)), Reply)
    assert box[0].connections == 2


@pytest.mark.parametrize("pieces", [[OK + NOT_ASKED], [OK, NOT_ASKED]], ids=["at once", "later"])
def test_an_answer_that_nobody_asked_for_answers_nothing(wire, peers, pieces):
    """Two answers to one request, together or one after the other: the next call opens a connection and gets its own."""
    read, said = threading.Event(), threading.Event()
    box = []

    def twice(connection):
        box[0].request(connection)
        connection.sendall(pieces[0])
        read.wait(2)
        for piece in pieces[1:]:
            connection.sendall(piece)
        said.set()
        box[0].hold()

    def once(connection):
        while box[0].request(connection):
            connection.sendall(OK)

    box.append(peers(twice, once))
    wire.send(post(box[0].url))
    read.set()
    said.wait(2)
    assert wire.send(post(box[0].url)) == Reply(200, {"content-length": "2"}, b"{}")
    assert box[0].connections == 2


def test_an_answer_before_the_body_was_read_counts(peers):
    """A peer that refuses a large order by its head, and closes, is heard though not all of it could be written."""
    made = Wire(timeout=2)

    def refuse(connection):
        connection.recv(100)
        connection.sendall(b"HTTP/1.1 413 Too large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    large = Request("POST", peers(refuse).url, {}, "x" * 5_000_000)
    found = made.send(large)
    made.close()
    assert isinstance(found, Reply)
    assert found.status == 413


@pytest.mark.parametrize("broken", [reset, lambda connection: connection.sendall(HEAD + b"content-length: 9\r\n\r\nx")])
def test_a_connection_that_failed_is_not_used_again(wire, peers, broken):
    """After silence or half a body the next call opens its own connection, and is answered."""
    box = []

    def bad(connection):
        box[0].request(connection)
        broken(connection)
        if broken is not reset:
            box[0].hold()

    def good(connection):
        while box[0].request(connection):
            connection.sendall(OK)

    box.append(peers(bad, good))
    wire.send(post(box[0].url))
    assert wire.send(post(box[0].url)) == Reply(200, {"content-length": "2"}, b"{}")
    assert box[0].connections == 2


def test_one_call_is_one_request(wire, peers):
    """Nothing is repeated by itself, whatever the failure."""
    peer = after_request(peers, reset)
    wire.send(post(peer.url))
    assert (peer.connections, len(peer.requests)) == (1, 1)


def test_who_may_not_send_does_not(peers):
    """What forbids sending is asked before anything is opened, and raises."""

    def never():
        raise AssertionError("a transaction is open")

    peer = answering(peers, OK)
    with pytest.raises(AssertionError, match="transaction"):
        Wire(timeout=0.2, may_send=never).send(post(peer.url))
    assert peer.connections == 0


def test_no_proxy_of_the_environment_is_used(wire, peers, monkeypatch):
    """The token goes to the remote and to nobody in between."""
    proxy, peer = answering(peers, OK), answering(peers, OK)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
    wire.send(post(peer.url))
    assert (len(peer.requests), proxy.connections) == (1, 0)


def test_a_text_that_is_no_address_never_began(wire):
    """An address that httpx refuses left nothing behind."""
    found = wire.send(post("http://[::1/"))
    assert isinstance(found, Silence)
    assert not found.began


def counting(peers, *, together):
    """A peer that answers once so many requests stand before it, and knows how many stood there at most."""
    box, there, most = [], [0], [0]
    came = threading.Condition()

    def behave(connection):
        while box[0].request(connection):
            with came:
                there[0] += 1
                most[0] = max(most[0], there[0])
                came.notify_all()
                came.wait_for(lambda: most[0] >= together, 2)
                there[0] -= 1
            connection.sendall(OK)

    box.append(peers(behave))
    box[0].most = most
    return box[0]


def test_calls_of_one_thread_go_side_by_side(wire, peers):
    """Each of three is answered only once all three are there: one thread has them under way together."""
    peer = counting(peers, together=3)
    found = dict(wire.send_all([post(peer.url)] * 3, at_once=3))
    assert {place: answer.status for place, answer in found.items()} == {0: 200, 1: 200, 2: 200}


def test_no_more_calls_are_under_way_than_asked_for(wire, peers):
    """Of seven calls two are under way at most, on two connections, and the next request is asked for with room for it."""
    peer = counting(peers, together=2)
    asked, answered, ahead = [], [], []

    def requests():
        for number in range(7):
            ahead.append(number - len(answered))
            asked.append(number)
            yield post(peer.url)

    for place, _ in wire.send_all(requests(), at_once=2):
        answered.append(place)
    assert (sorted(answered), max(ahead)) == (asked, 1)
    assert (peer.connections, len(peer.requests)) == (2, 7)
    assert peer.most[0] == 2


def test_the_connections_of_calls_side_by_side_are_used_again(wire, peers):
    """Three calls twice are three connections."""
    peer = counting(peers, together=3)
    for _ in range(2):
        list(wire.send_all([post(peer.url)] * 3, at_once=3))
    assert (peer.connections, len(peer.requests)) == (3, 6)


def test_an_answer_does_not_wait_for_an_older_call(wire, peers):
    """A silent peer costs its own call the deadline, and the call beside it nothing: that one comes first."""
    silent, good = [], answering(peers, OK)
    silent.append(after_request(peers, lambda _: silent[0].hold()))
    found = list(wire.send_all([post(silent[0].url), post(good.url)], at_once=2))
    assert [place for place, _ in found] == [1, 0]
    assert dict(found)[0] == Silence(began=True, why="ReadTimeout")
    assert dict(found)[1].status == 200


def test_once_a_remote_cannot_be_connected_to_nothing_more_is_asked_for(wire, peers):
    """Nobody listens for the second of four: the first is answered, and the last two do not wait for the same."""
    peer, gone = answering(peers, OK), Peer(lambda _: None)
    gone.close()
    waiting = iter([post(peer.url), post(gone.url), post(peer.url), post(peer.url)])
    found = dict(wire.send_all(waiting, at_once=3))
    assert (found[0].status, found[1]) == (200, Silence(began=False, why="ConnectError"))
    assert (len(found), len(list(waiting)), len(peer.requests)) == (2, 2, 1)


def test_a_call_that_may_not_begin_does_not_stop_the_others(wire, peers):
    """The guard refuses the second of three: the first and the third are answered."""
    peer = answering(peers, OK)
    late = post(peer.url, send_until=time.monotonic() - 1)
    found = dict(wire.send_all([post(peer.url), late, post(peer.url)], at_once=3))
    assert found[1] == Silence(began=False, why="NotInTime")
    assert (found[0].status, found[2].status) == (200, 200)


def test_an_answer_that_came_in_time_counts_whenever_it_is_looked_at(wire, peers):
    """Who works on the first answer for longer than a call may take still gets the second, which came meanwhile."""
    good, later, looked = answering(peers, OK), [], threading.Event()

    def behave(connection):
        later[0].request(connection)
        looked.wait(2)
        connection.sendall(OK)

    later.append(peers(behave))
    found = []
    for place, answer in wire.send_all([post(later[0].url), post(good.url)], at_once=2):
        found.append((place, answer.status))
        looked.set()
        time.sleep(0.3)
    assert found == [(1, 200), (0, 200)]


def test_who_looks_away_leaves_nothing_open(wire, peers):
    """Calls whose answers nobody wants any more end: their peers see the connection close."""
    closed = threading.Event()
    box, good = [], answering(peers, OK)

    def behave(connection):
        box[0].request(connection)
        if not connection.recv(1):
            closed.set()

    box.append(peers(behave))
    answers = wire.send_all([post(box[0].url), post(good.url)], at_once=2)
    next(answers)
    answers.close()
    assert closed.wait(2)


@pytest.fixture
def trusted(tmp_path, monkeypatch):
    """A peer's TLS context whose certificate a wire that is made now vouches for."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    file = tmp_path / "own.pem"
    file.write_bytes(_self_signed(x509, hashes, serialization, ec.generate_private_key(ec.SECP256R1())))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def test_calls_go_over_tls_side_by_side_however_large(trusted, peers):
    """Three orders of a megabyte at once, each answered by as much in many records, twice on the same connections."""
    box = []

    def behave(raw):
        with trusted.wrap_socket(raw, server_side=True) as connection:
            while box[0].request(connection):
                connection.sendall(HEAD + b"content-length: 1000000\r\n\r\n" + b"y" * 1_000_000)

    box.append(peers(behave))
    url = box[0].url.replace("http:", "https:")
    made = Wire(timeout=10)
    large = Request("POST", url, {}, "x" * 1_000_000)
    found = [answer for _ in range(2) for _, answer in made.send_all([large] * 3, at_once=3)]
    made.close()
    assert [(each.status, len(each.body)) for each in found] == [(200, 1_000_000)] * 6
    assert {len(each) > 1_000_000 for each in box[0].requests} == {True}
    assert box[0].connections == 3
