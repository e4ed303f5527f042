"""The style of the usage report's page: two palettes, chosen by the reader's system; both readable in grey."""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--ground:#fff;--card:#f6f7f9;--line:#dfe3e8;--ink:#1b1f24;--soft:#5b6570;
--one:#2563b8;--two:#8a5a00;--three:#6d3fb3;--four:#7b8794;--good:#1a7f48;--bad:#b42318;--warn:#8a5a00;--odd:#6d3fb3}
@media(prefers-color-scheme:dark){:root{--ground:#14171b;--card:#1d2126;--line:#343a42;--ink:#e8eaed;--soft:#a2acb7;
--one:#6ea8ff;--two:#e0b050;--three:#b99aff;--four:#8a949f;--good:#5fcf8f;--bad:#ff8a80;--warn:#e0b050;--odd:#b99aff}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1200px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:24px;margin:0 0 4px}h2{font-size:17px;margin:36px 0 8px}
p.sub{color:var(--soft);margin:0 0 18px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(128px,1fr));gap:10px;margin:18px 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 14px}
.card b{display:block;font-size:24px;line-height:1.25;font-variant-numeric:tabular-nums}
.card span{color:var(--soft);font-size:13px}
.remarks{margin:0;padding-left:20px;color:var(--soft)}
.alarm{border-left:4px solid var(--bad);background:var(--card);padding:10px 14px;border-radius:0 8px 8px 0}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:8px 28px}
svg{display:block;width:100%;height:auto}svg.spark{width:auto;height:18px}
svg text{font:12px system-ui,sans-serif;fill:var(--soft)}svg text.label{fill:var(--ink)}
.grid{stroke:var(--line)}
.calls,.typed,.input,.money{fill:var(--one)}.proactive,.output{fill:var(--two)}.nested,.cacheRead{fill:var(--three)}
.other,.cacheCreation{fill:var(--four)}
.legend{color:var(--soft);font-size:13px;margin:2px 0 6px}
.legend i{display:inline-block;width:11px;height:11px;border-radius:2px;
margin:0 5px 0 14px;vertical-align:-1px}.legend i:first-child{margin-left:0}
i.typed,i.input{background:var(--one)}
i.proactive,i.output{background:var(--two)}
i.nested,i.cacheRead{background:var(--three)}
i.other,i.cacheCreation{background:var(--four)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:left;padding:6px 12px 6px 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--soft);font-weight:600;white-space:nowrap}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.name{font-weight:600;overflow-wrap:break-word;min-width:150px;max-width:24ch}td.owner{white-space:nowrap}td.why{color:var(--soft);min-width:220px}
.status{white-space:nowrap;font-weight:600}.active{color:var(--good)}.never{color:var(--bad)}.stale{color:var(--warn)}
.unlisted{color:var(--odd)}.unmeasurable{color:var(--soft)}
""".strip()
