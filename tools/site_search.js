(window.exactHits = window.exactHits || ((entries, query, most) => {
  const words = query.toLowerCase().split(/[\s-]+/).filter((w) => w);
  const escaped = (w) => w.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const find = words.map((w) => new RegExp("(?<![a-z0-9])" + escaped(w), "ig"));
  const count = (text) => find.map((r) => (text.match(r) || []).length);
  const score = (e) => {
    const t = count(e.title), s = count(e.section || ""), x = count(e.text);
    if (words.some((w, i) => !(t[i] + s[i] + x[i]))) return 0;
    const first = /^howto\//, last = /^(tests|benchmarks)\//;
    const start = /^(index|start|install)/.test(e.href) ? 6 : last.test(e.href) ? -6 : 0;
    const how = first.test(e.href) ? 10 : start;
    const sum = (a, most) => a.reduce((n, k) => n + Math.min(k, most), 0);
    return 20 + how + 8 * sum(t, 1) + 5 * sum(s, 1) + sum(x, 3);
  };
  return entries.map((e) => [score(e), e]).filter((p) => p[0] > 0)
    .sort((a, b) => b[0] - a[0] || a[1].title.length - b[1].title.length).slice(0, most).map((p) => p[1]);
}))(index, q, limit)
