const blind = { mode: "no-cors" };
report({
  control: await attempt(GATEWAY + "/open"),
  metrics: await attempt(ADMIN + "/metrics"),
  load: await attempt(ADMIN + "/debug/config/load"),
  metrics_blind: await attempt(ADMIN + "/metrics", blind),
  load_blind: await attempt(ADMIN + "/debug/config/load", blind),
  post_blind: await attempt(ADMIN + "/debug/config/load", { ...blind, method: "POST" }),
});
