const source = new EventSource(GATEWAY + "/events");
source.onmessage = event => report({ event: event.data, id: event.lastEventId });
source.addEventListener("last", event => {
  source.close();
  report({ event: event.data, id: event.lastEventId });
});
