const api = GATEWAY + "/api";
const open = GATEWAY + "/open";
const fields = async url => {
  try {
    const { headers } = await fetch(url);
    return [headers.get("x-exposed"), headers.get("x-hidden")];
  } catch (error) {
    return error.name;
  }
};
report({
  simple: await attempt(api),
  preflight: await attempt(api, { method: "PUT", headers: { "x-color": "blue" }, body: "x" }),
  other_field: await attempt(api, { method: "PUT", headers: { "x-other": "1" }, body: "x" }),
  other_method: await attempt(api, { method: "PATCH" }),
  fields: await fields(api),
  sets_cookie: await attempt(api, { credentials: "include" }),
  with_cookie: await attempt(api, { credentials: "include" }),
  without_cookie: await attempt(api, { credentials: "omit" }),
  open: await attempt(open),
  open_with_cookie: await attempt(open, { credentials: "include" }),
});
