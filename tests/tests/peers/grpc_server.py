"""A gRPC server on grpcio whose messages are plain bytes, so that no protoc is needed.

Prints its address as its first line, and serves until it is killed.
"""

import threading
import time
from concurrent import futures

import grpc

CANCELLED = threading.Event()


def echo_metadata(context):
    """Sends the caller's metadata back: a text value before the messages, a binary one after them."""
    received = dict(context.invocation_metadata())
    if "x-initial" in received:
        context.send_initial_metadata((("x-initial", received["x-initial"]),))
    if "x-trailing-bin" in received:
        context.set_trailing_metadata((("x-trailing-bin", received["x-trailing-bin"]),))


def unary(request, context):
    """Answers with so many zero bytes as the first 4 bytes say."""
    echo_metadata(context)
    if len(request) < 4:
        return b""
    return bytes(int.from_bytes(request[:4], "big"))


def client_stream(requests, context):
    """Answers with the sum of the messages' lengths."""
    return str(sum(len(request) for request in requests)).encode()


def server_stream(request, context):
    """Answers with a message of each length in the comma-separated list."""
    for length in filter(None, request.decode().split(",")):
        yield bytes(int(length))


def bidi_stream(requests, context):
    """Sends each message back before it reads the next."""
    yield from requests


def fail(request, context):
    """Fails with the code, message and details in the caller's metadata."""
    received = dict(context.invocation_metadata())
    if "x-details-bin" in received:
        context.set_trailing_metadata((("grpc-status-details-bin", received["x-details-bin"]),))
    code = next(code for code in grpc.StatusCode if code.name == received["x-code"])
    context.abort(code, request.decode())


def sleep(request, context):
    """Answers when the call is over in any case."""
    over = threading.Event()
    context.add_callback(over.set)
    over.wait(60)
    CANCELLED.set()
    return b""


def remaining(request, context):
    """Answers with the milliseconds that are left of the deadline."""
    left = context.time_remaining()
    return b"none" if left is None or left > 1e6 else str(int(left * 1000)).encode()


def was_cancelled(request, context):
    """Answers once a call of `Sleep` was cancelled."""
    seen = CANCELLED.wait(30)
    CANCELLED.clear()
    return b"yes" if seen else b"no"


def gzip(request, context):
    """Sends the message back, compressed."""
    context.set_compression(grpc.Compression.Gzip)
    return request


METHODS = {
    "Unary": grpc.unary_unary_rpc_method_handler(unary),
    "ClientStream": grpc.stream_unary_rpc_method_handler(client_stream),
    "ServerStream": grpc.unary_stream_rpc_method_handler(server_stream),
    "BidiStream": grpc.stream_stream_rpc_method_handler(bidi_stream),
    "Fail": grpc.unary_unary_rpc_method_handler(fail),
    "Sleep": grpc.unary_unary_rpc_method_handler(sleep),
    "Remaining": grpc.unary_unary_rpc_method_handler(remaining),
    "WasCancelled": grpc.unary_unary_rpc_method_handler(was_cancelled),
    "Gzip": grpc.unary_unary_rpc_method_handler(gzip),
}


def main():
    server = grpc.server(futures.ThreadPoolExecutor(16))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("peers.Bytes", METHODS),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"127.0.0.1:{port}", flush=True)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    main()
