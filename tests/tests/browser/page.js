// What the pages of this suite share. The test puts REPORT, GATEWAY and ADMIN before it.
const hex = text =>
  Array.from(new TextEncoder().encode(text), byte => byte.toString(16).padStart(2, "0")).join("");

// Tells the test something.
const report = what => fetch(REPORT + hex(JSON.stringify(what)), { mode: "no-cors" });

// The status and body that the page can read, or the name of the error that the browser throws instead.
const attempt = async (url, options) => {
  try {
    const answer = await fetch(url, options);
    return `${answer.status} ${(await answer.text()).slice(0, 60)}`;
  } catch (error) {
    return error.name;
  }
};
