"""A gRPC client on grpcio against `grpc_server.py`, with a gateway in between.

Usage: grpc_client.py HOST:PORT. Prints `ok <case>` for each case that passed, else what went wrong; ends with 1 then.
"""

import queue
import sys
import traceback

import grpc

PATIENCE = 30
CASES = []


def case(function):
    CASES.append(function)
    return function


class Client:
    """The methods of the server, with bytes for messages."""

    def __init__(self, channel):
        self.channel = channel

    def unary(self, method):
        return self.channel.unary_unary(f"/peers.Bytes/{method}")

    def client_stream(self):
        return self.channel.stream_unary("/peers.Bytes/ClientStream")

    def server_stream(self):
        return self.channel.unary_stream("/peers.Bytes/ServerStream")

    def bidi_stream(self):
        return self.channel.stream_stream("/peers.Bytes/BidiStream")


def expect(actual, expected):
    if actual != expected:
        raise AssertionError(f"{actual!r} instead of {expected!r}")


def fails_with(code, call):
    try:
        call()
    except grpc.RpcError as error:
        expect(error.code(), code)
        return error
    raise AssertionError(f"it did not fail with {code}")


@case
def empty_unary(client):
    expect(client.unary("Unary")(b"", timeout=PATIENCE), b"")


@case
def large_unary(client):
    request = (314_159).to_bytes(4, "big") + bytes(271_828 - 4)
    expect(client.unary("Unary")(request, timeout=PATIENCE), bytes(314_159))


@case
def client_streaming(client):
    lengths = [27_182, 8, 1_828, 45_904]
    answer = client.client_stream()(iter([bytes(length) for length in lengths]), timeout=PATIENCE)
    expect(answer, str(sum(lengths)).encode())


@case
def server_streaming(client):
    lengths = [31_415, 9, 2_653, 58_979]
    request = ",".join(map(str, lengths)).encode()
    answers = client.server_stream()(request, timeout=PATIENCE)
    expect([len(answer) for answer in answers], lengths)


@case
def bidi_streaming(client):
    """Each message is sent after the answer to the one before, so none may be held back."""
    lengths = [27_182, 8, 1_828, 45_904]
    received = []
    outbox = queue.Queue()
    answers = client.bidi_stream()(iter(outbox.get, None), timeout=PATIENCE)
    for length in lengths:
        outbox.put(bytes(length))
        received.append(len(next(answers)))
    outbox.put(None)
    expect(list(answers), [])
    expect(received, lengths)


@case
def empty_stream(client):
    expect(list(client.bidi_stream()(iter(()), timeout=PATIENCE)), [])


@case
def custom_metadata(client):
    metadata = (("x-initial", "text"), ("x-trailing-bin", b"\xab\xab\x00\xab"))
    _, call = client.unary("Unary").with_call(b"", metadata=metadata, timeout=PATIENCE)
    expect(dict(call.initial_metadata())["x-initial"], "text")
    expect(dict(call.trailing_metadata())["x-trailing-bin"], b"\xab\xab\x00\xab")


@case
def status_code_and_message(client):
    for code in grpc.StatusCode:
        if code is grpc.StatusCode.OK:
            continue
        call = lambda: client.unary("Fail")(b"as asked", metadata=(("x-code", code.name),), timeout=PATIENCE)
        expect(fails_with(code, call).details(), "as asked")


@case
def rich_status_details(client):
    details = b"\x08\x05\x12\x03why\x00\xff"
    metadata = (("x-code", "NOT_FOUND"), ("x-details-bin", details))
    call = lambda: client.unary("Fail")(b"gone", metadata=metadata, timeout=PATIENCE)
    error = fails_with(grpc.StatusCode.NOT_FOUND, call)
    expect(dict(error.trailing_metadata())["grpc-status-details-bin"], details)


@case
def special_status_message(client):
    message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
    metadata = (("x-code", "UNKNOWN"),)
    call = lambda: client.unary("Fail")(message.encode(), metadata=metadata, timeout=PATIENCE)
    expect(fails_with(grpc.StatusCode.UNKNOWN, call).details(), message)


@case
def unimplemented_method(client):
    fails_with(grpc.StatusCode.UNIMPLEMENTED, lambda: client.unary("Missing")(b"", timeout=PATIENCE))


@case
def deadline_exceeded(client):
    """The server learns what is left of the deadline, and a deadline that passes ends the call."""
    left = int(client.unary("Remaining")(b"", timeout=10))
    # grpcio rounds a deadline up when it sends it.
    if not 0 < left < 11_000:
        raise AssertionError(f"{left} ms left of 10 s")
    fails_with(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: client.unary("Sleep")(b"", timeout=0.3))
    expect(client.unary("WasCancelled")(b"", timeout=PATIENCE), b"yes")


@case
def timeout_on_sleeping_server(client):
    """A stream that is open and silent."""
    outbox = queue.Queue()
    answers = client.bidi_stream()(iter(outbox.get, None), timeout=0.5)
    outbox.put(b"first")
    expect(next(answers), b"first")
    fails_with(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: next(answers))
    outbox.put(None)


@case
def cancel(client):
    call = client.unary("Sleep").future(b"", timeout=PATIENCE)
    # The call has to be on its way: another one on the same connection, answered, is behind it.
    expect(client.unary("Unary")(b"", timeout=PATIENCE), b"")
    call.cancel()
    expect(call.code(), grpc.StatusCode.CANCELLED)
    expect(client.unary("WasCancelled")(b"", timeout=PATIENCE), b"yes")


@case
def gzip(client):
    message = b"compress me " * 10_000
    answer = client.unary("Gzip")(message, compression=grpc.Compression.Gzip, timeout=PATIENCE)
    expect(answer, message)


def main():
    options = (("grpc.max_receive_message_length", 16 << 20),)
    failed = False
    with grpc.insecure_channel(sys.argv[1], options) as channel:
        for function in CASES:
            try:
                function(Client(channel))
                print(f"ok {function.__name__}", flush=True)
            except Exception:
                failed = True
                print(f"FAILED {function.__name__}", flush=True)
                traceback.print_exc()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
