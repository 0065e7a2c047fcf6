const socket = new WebSocket(GATEWAY.replace("http", "ws") + "/ws", []);
socket.binaryType = "arraybuffer";
const got = [];
socket.onopen = () => socket.send("größer");
socket.onmessage = event => {
  if (typeof event.data === "string") {
    got.push(event.data);
    socket.send(new Uint8Array([0, 255, 7]));
  } else {
    got.push([...new Uint8Array(event.data)]);
    socket.close(4001, "enough");
  }
};
socket.onclose = event => report({ got, code: event.code, reason: event.reason, clean: event.wasClean });
socket.onerror = () => report("error");
