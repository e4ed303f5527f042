"""The style of the pages: two palettes, chosen by the reader's system, and one column on a phone.

It stands in every page; the policy names its hash, so that no other style, and no script at all, has any effect.
"""

from __future__ import annotations

import base64
import hashlib

STYLE = """
:root{color-scheme:light dark;--ground:#fff;--card:#f6f7f9;--line:#dfe3e8;--ink:#1b1f24;--soft:#57606b;
--link:#1f5fb0;--gone:#b42318;--gone-bg:#fde8e6;--came:#176c3d;--came-bg:#ddf4e4;--warn:#8a5a00;--warn-bg:#fdf3dc;
--odd:#6d3fb3;--odd-bg:#f1eafb}
@media(prefers-color-scheme:dark){:root{--ground:#14171b;--card:#1d2126;--line:#39404a;--ink:#e8eaed;--soft:#a7b1bc;
--link:#82b4ff;--gone:#ff9d94;--gone-bg:#43211f;--came:#74d9a0;--came-bg:#173625;--warn:#e8bc63;--warn-bg:#3a2e14;
--odd:#c3a8ff;--odd-bg:#2d2440}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif;overflow-wrap:break-word}
a{color:var(--link);text-underline-offset:2px}
:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:3px}
.skip{position:absolute;left:-999px}.skip:focus{left:12px;top:8px;background:var(--ground);padding:6px 10px;z-index:1}
.bar{border-bottom:1px solid var(--line);background:var(--card)}
.bar>div,main{max-width:1080px;margin:0 auto;padding:12px 20px}
.bar>div{display:flex;flex-wrap:wrap;gap:10px 22px;align-items:center}
.bar nav{display:flex;gap:4px 18px}.bar nav a{padding:6px 0;font-weight:600;text-decoration:none}
.bar nav a[aria-current]{color:var(--ink);box-shadow:0 2px 0 var(--ink)}
.bar form{margin-left:auto;flex:0 1 330px}
form{display:flex;flex-wrap:wrap;gap:8px;align-items:end}main form{margin:0 0 14px}
form label{color:var(--soft);font-size:14px}
input,select,button{font:inherit;color:var(--ink);background:var(--ground);border:1px solid var(--soft);
border-radius:6px;padding:5px 10px;min-height:38px;min-width:0}
input{flex:1 1 120px}select{display:block;min-width:90px}button{background:var(--card);font-weight:600;cursor:pointer}
main{padding-top:20px;padding-bottom:40px}
h1{font-size:26px;line-height:1.25;margin:0 0 6px}h2{font-size:19px;margin:34px 0 10px}
h3{font-size:16px;margin:24px 0 8px}
p{margin:0 0 12px}.soft,footer{color:var(--soft)}footer{font-size:14px}
footer{border-top:1px solid var(--line);max-width:1040px;width:calc(100% - 40px);margin:0 auto;padding:12px 0 24px}
.lead{font-size:17px;max-width:75ch}
.note{border-left:4px solid var(--warn);background:var(--warn-bg);padding:10px 14px;margin:0 0 16px;
border-radius:0 6px 6px 0}
.scroll{overflow-x:auto;margin:0 0 12px}
table{border-collapse:collapse;width:100%;font-size:15px}
th,td{text-align:left;padding:7px 14px 7px 0;border-bottom:1px solid var(--line);vertical-align:top;
unicode-bidi:isolate}
th{color:var(--soft);font-weight:600;white-space:nowrap;font-size:14px}
td:first-child{font-weight:600;min-width:150px}
td.n,.n{font-variant-numeric:tabular-nums;white-space:nowrap}
td p{margin:0}
.words{min-width:200px;max-width:52ch;font-weight:400;display:block}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:4px 18px;margin:0 0 12px}
dt{color:var(--soft)}dd{margin:0;min-width:0;unicode-bidi:isolate}
code,pre{font:14px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
code{overflow-wrap:anywhere;unicode-bidi:isolate}
pre{margin:0 0 12px;padding:12px 14px;background:var(--card);border:1px solid var(--line);border-radius:6px;
white-space:pre-wrap;overflow-wrap:anywhere;overflow-x:auto;unicode-bidi:isolate}
.chips{display:flex;flex-wrap:wrap;gap:5px;min-width:130px}
.chip,.level{display:inline-block;border:1px solid var(--line);background:var(--card);border-radius:12px;padding:0 9px;
font-size:14px;font-weight:400;max-width:100%}
.chip b{font-weight:600}
.level{border-color:transparent;font-weight:600}
.major,.high{color:var(--gone);background:var(--gone-bg)}.minor,.medium{color:var(--warn);background:var(--warn-bg)}
.patch,.low{color:var(--odd);background:var(--odd-bg)}
.split{display:block;width:160px;height:8px;margin:6px 0 2px}.split rect{
fill:var(--line)}.split .first{fill:var(--link)}
.message{border:1px solid var(--line);border-radius:8px;margin:0 0 12px;overflow:hidden}
.message>header{background:var(--card);padding:5px 14px;border-bottom:1px solid var(--line)}
.message pre{border:0;border-radius:0;margin:0;background:none}
.message>p{padding:8px 14px;margin:0}
.tag{font-weight:600;color:var(--odd);background:var(--odd-bg);border-radius:3px}
.unseen{font-size:12px;border:1px solid var(--gone);color:var(--gone);background:var(--gone-bg);border-radius:3px;
padding:0 3px;margin:0 1px;white-space:nowrap}
.change{border:1px solid var(--line);border-radius:8px;padding:12px 14px;margin:0 0 14px}
.change pre{margin:10px 0 0}.change>p{margin:6px 0 0}
del,ins{-webkit-box-decoration-break:clone;box-decoration-break:clone;border-radius:3px}
del{color:var(--gone);background:var(--gone-bg)}
ins{color:var(--came);background:var(--came-bg);text-underline-offset:3px}
details{margin:0 0 12px}summary{cursor:pointer;padding:4px 0;color:var(--link)}
.pages{display:flex;gap:18px}
@media(max-width:600px){.bar>div,main{padding-left:14px;padding-right:14px}
footer{width:calc(100% - 28px)}.bar form{flex-basis:100%;margin:0}
h1{font-size:22px}
table,tbody,tr,td{display:block}thead{position:absolute;left:-9999px}
tr{border-bottom:1px solid var(--line);padding:8px 0}tr:first-child{border-top:1px solid var(--line)}
td{border:0;padding:2px 0;display:grid;grid-template-columns:82px minmax(0,1fr);gap:10px}
td::before{content:attr(data-head);color:var(--soft);font-size:14px;font-weight:400}
td:first-child{display:block;font-size:16px}td:first-child::before{content:none}.words{min-width:0}
dl{grid-template-columns:minmax(0,1fr);gap:0}dd{margin-bottom:8px}}
@media print{.bar,.skip,form{display:none}}
""".strip()

_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
"""Content-Security-Policy (level 3): nothing is loaded from anywhere, nothing runs, nobody frames it."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""What every page is sent with, errors too."""
