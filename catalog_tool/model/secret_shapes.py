"""The shapes of keys that services hand out, one entry a shape.

A pattern is a regular expression over UTF-8 bytes without look-around, back-references or
unbounded repetition: it means the same to ``re`` and to engines that guarantee linear time.
Where ``whole`` is true, a letter or digit right after the match refutes it (a longer word is
something else). Test and publishable keys are left out unless leaking one does harm.
"""

from __future__ import annotations

from typing import NamedTuple


class Shape(NamedTuple):
    """One kind of key: its name in messages, its pattern, whether the match must end the word."""

    kind: str
    pattern: str
    whole: bool = False


_URL_SAFE = "[A-Za-z0-9_-]"
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_EQUALS = r"""["'`]?[ \t]{0,4}(?::=|=>|[:=])[ \t]{0,4}["'`]?"""

PREFIXED: tuple[Shape, ...] = (
    Shape("aws-access-key-id", "(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}", whole=True),
    Shape("github-token", "gh[pousr]_[A-Za-z0-9]{36,255}"),
    Shape("github-token", "github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59,120}"),
    Shape("gitlab-token", f"gl(?:pat|ptt|dt|rt|soat|ft|cbt|imt|agent)-(?:t[0-9]_)?{_URL_SAFE}{{20,200}}"),
    Shape("slack-token", "xox[abceoprs]-[A-Za-z0-9-]{20,255}"),
    Shape("slack-token", "xapp-[0-9]-[A-Za-z0-9-]{20,255}"),
    Shape(
        "slack-webhook",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/T[A-Z0-9]{6,12}/[A-Za-z0-9/]{20,120}",
    ),
    Shape("anthropic-key", f"sk-ant-[a-z0-9]{{3,12}}-{_URL_SAFE}{{32,255}}"),
    Shape("openrouter-key", "sk-or-v1-[0-9a-f]{64}", whole=True),
    Shape("catalog-token", "ctlg_[a-z0-9]{10}_[A-Za-z0-9]{49}", whole=True),
    Shape("langfuse-key", f"[sp]k-lf-{_UUID}", whole=True),
    Shape("openai-key", f"sk-(?:proj|svcacct|admin|None)-{_URL_SAFE}{{40,255}}"),
    Shape("openai-key", "sk-[A-Za-z0-9]{32,128}", whole=True),
    Shape("google-api-key", f"AIza{_URL_SAFE}{{35}}", whole=True),
    Shape("google-oauth-secret", f"GOCSPX-{_URL_SAFE}{{28}}", whole=True),
    Shape("google-access-token", rf"ya29\.{_URL_SAFE}{{50,512}}"),
    Shape("azure-storage-key", "AccountKey=[A-Za-z0-9+/]{86}=="),
    Shape("azure-shared-access-key", "SharedAccessKey=[A-Za-z0-9+/]{43}="),
    Shape("azure-client-secret", "[A-Za-z0-9_~.-]{3}[78]Q~[A-Za-z0-9_~.-]{31,34}", whole=True),
    Shape("stripe-key", "[sr]k_live_[A-Za-z0-9]{24,128}"),
    Shape("stripe-webhook-secret", "whsec_[A-Za-z0-9+/]{32,64}"),
    Shape("twilio-key", "SK[0-9a-f]{32}", whole=True),
    Shape("sendgrid-key", rf"SG\.{_URL_SAFE}{{22}}\.{_URL_SAFE}{{43}}", whole=True),
    Shape("mailgun-key", "key-[0-9a-f]{32}", whole=True),
    Shape("mailchimp-key", "[0-9a-f]{32}-us[0-9]{1,2}", whole=True),
    Shape("npm-token", "npm_[A-Za-z0-9]{36}", whole=True),
    Shape("pypi-token", f"pypi-AgE{_URL_SAFE}{{50,512}}"),
    Shape("huggingface-token", "hf_[A-Za-z]{34}", whole=True),
    Shape("langsmith-key", "lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}", whole=True),
    Shape("databricks-token", "dapi[0-9a-f]{32}(?:-[0-9])?", whole=True),
    Shape("digitalocean-token", "do[oprt]_v1_[0-9a-f]{64}", whole=True),
    Shape("cloudflare-origin-key", r"v1\.0-[0-9a-f]{24}-[0-9a-f]{146}", whole=True),
    Shape("heroku-key", f"HRKU-{_URL_SAFE}{{36,64}}"),
    Shape("telegram-bot-token", f"[0-9]{{8,10}}:AA{_URL_SAFE}{{33}}", whole=True),
    Shape("discord-token", rf"[MNO]{_URL_SAFE}{{23,27}}\.{_URL_SAFE}{{6}}\.{_URL_SAFE}{{27,40}}", whole=True),
    Shape("discord-webhook", rf"discord(?:app)?\.com/api/webhooks/[0-9]{{17,20}}/{_URL_SAFE}{{60,90}}"),
    Shape("shopify-token", "shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}", whole=True),
    Shape("square-token", f"sq0(?:atp|csp|idp)-{_URL_SAFE}{{22,60}}"),
    Shape("square-token", f"EAAA{_URL_SAFE}{{60}}", whole=True),
    Shape("linear-key", "lin_(?:api|oauth)_[A-Za-z0-9]{40,64}"),
    Shape("notion-token", "secret_[A-Za-z0-9]{43}", whole=True),
    Shape("notion-token", "ntn_[A-Za-z0-9]{40,60}"),
    Shape("figma-token", f"figd_{_URL_SAFE}{{40,80}}"),
    Shape("grafana-token", "glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}", whole=True),
    Shape("grafana-token", "glc_[A-Za-z0-9+/]{32,400}"),
    Shape("vault-token", rf"hv[sbr]\.{_URL_SAFE}{{24,255}}"),
    Shape("docker-token", f"dckr_(?:pat|oat)_{_URL_SAFE}{{27,64}}"),
    Shape("groq-key", "gsk_[A-Za-z0-9]{40,64}"),
    Shape("replicate-token", "r8_[A-Za-z0-9]{37}", whole=True),
    Shape("perplexity-key", "pplx-[A-Za-z0-9]{40,64}"),
    Shape("xai-key", "xai-[A-Za-z0-9]{60,120}"),
    Shape("airtable-token", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}", whole=True),
    Shape("atlassian-token", "ATATT3[A-Za-z0-9_=-]{60,255}"),
    Shape("doppler-token", r"dp\.(?:pt|st|ct|sa)\.[A-Za-z0-9.]{40,80}"),
    Shape("newrelic-key", "NRAK-[A-Z0-9]{27}", whole=True),
    Shape("pinecone-key", "pcsk_[A-Za-z0-9_]{50,100}"),
    Shape("planetscale-token", r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,64}"),
    Shape("postman-key", "PMAK-[0-9a-f]{24}-[0-9a-f]{34}", whole=True),
    Shape("pulumi-token", "pul-[0-9a-f]{40}", whole=True),
    Shape("sentry-token", "sntry[su]_[A-Za-z0-9+/=_-]{40,255}"),
    Shape("supabase-key", "sb(?:p_[0-9a-f]{40}|_secret_[A-Za-z0-9_-]{31})", whole=True),
    Shape("tavily-key", f"tvly-(?:dev-|prod-)?{_URL_SAFE}{{32,64}}"),
    Shape("terraform-cloud-token", rf"[A-Za-z0-9]{{14}}\.atlasv1\.{_URL_SAFE}{{60,80}}"),
    Shape("age-secret-key", "AGE-SECRET-KEY-1[A-Z0-9]{58}", whole=True),
    Shape("jwt", rf"eyJ{_URL_SAFE}{{10,4096}}\.eyJ{_URL_SAFE}{{10,4096}}\.{_URL_SAFE}{{20,1024}}"),
)
"""Shapes that say by themselves what they are; the first that fits names the key."""

ASSIGNED: tuple[Shape, ...] = (
    Shape(
        "aws-secret-access-key",
        rf"(?i:aws_?secret|secret_?access)(?i:[a-z_]{{0,16}}){_EQUALS}([A-Za-z0-9/+]{{40}})",
        whole=True,
    ),
    Shape(
        "cloudflare-token",
        rf"(?i:cloudflare|cf_api)(?i:[a-z_]{{0,24}}){_EQUALS}({_URL_SAFE}{{37,53}})",
        whole=True,
    ),
    Shape("heroku-key", rf"(?i:heroku)(?i:[a-z_]{{0,24}}){_EQUALS}({_UUID})", whole=True),
    Shape(
        "assigned-secret",
        r"(?i:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|auth[_-]?key|account[_-]?key"
        rf"|private[_-]?key|encryption[_-]?key|credential)(?:[A-Za-z0-9_-]{{0,20}}){_EQUALS}"
        r"([A-Za-z0-9_+/=.~!@#%^&*-]{16,256})",
    ),
)
"""Keys without a shape of their own: only the name that they are assigned to tells."""

PRIVATE_KEY = r"-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:[ \t\r\n\"'+,]|\\[rn]){1,8}"
"""The head of a PEM or PGP private key; the key follows, in JSON with escaped line ends."""

ADDRESS_LOGIN = r"""[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/@:"'`<>{}$]{0,100}:([^\s/@"'`<>{}$]{6,200})@[A-Za-z0-9\[]"""
"""A password inside an address."""

PLACEHOLDER_WORDS = (
    "example", "your", "xxxx", "changeme", "change_me", "change-me", "placeholder", "dummy", "fake", "sample",
    "redacted", "insert", "replace", "abcdef", "12345", "qwerty", "foobar", "....", "****", "____", "todo",
    "notreal", "secret-here", "goes-here", "goes_here", "_here", "-here", "deadbeef", "lorem", "mysecret",
    "sdfsdf", "asdf",
)  # fmt: skip
"""A key with one of these in it, in any case, is an illustration."""
