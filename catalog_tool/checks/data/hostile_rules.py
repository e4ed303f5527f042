"""What hostile instructions and scripts look like, one entry a rule (faults row 48).

Each pattern is tried only inside the few lines around a gate that fired, so every repetition is
bounded by a line or less. A rule may have several patterns; ``RULES`` tells what each rule means.
"""

from __future__ import annotations

from typing import NamedTuple


class Pattern(NamedTuple):
    """One way to break a rule, and the gates that lead to it (``checks.hostile_code``)."""

    rule: str
    gates: str
    pattern: str


RULES: dict[str, str] = {
    "pipe-to-shell": "runs what it downloads without a look at it",
    "decoded-code": "runs code that is hidden by an encoding",
    "secret-exfiltration": "sends the environment or credential files away",
    "credential-read": "reads private keys or credential files",
    "unsafe-install": "installs from an address instead of a registry, or without transport security",
    "download-and-run": "downloads a program, makes it executable and leaves no check between",
    "safety-off": "switches off permission prompts or other protection",
    "destructive-command": "deletes or opens up a home or system folder",
    "persistence": "adds itself to shell profiles, authorized keys, cron or start-up",
    "reverse-shell": "opens a shell to another machine",
    "ignore-instructions": "tells the agent to ignore its instructions",
    "hide-from-user": "tells the agent to keep something from the user",
}
"""What each rule means, as a predicate: "SKILL.md ‹runs what it downloads…›"."""

_SHELL = (
    r"(?:sudo(?:[ \t]+-\w+)*[ \t]+)?(?:/usr)?(?:/bin/)?(?:env[ \t]+)?(?:(?:ba|z|da|k|fi)?sh"
    r"|python[0-9.]*|node|perl|ruby|php)"
)
_SHELL_END = r"(?:[ \t]+-[\w-]*|[ \t]*$|[ \t]*[\"'`)&;|\\]|[ \t]+(?=#))"
_INTO = r"\|[ \t]*(?:\\\n[ \t]*)?"
"""A pipe, after which the line may go on below."""
_GET = r"\b(?:curl|wget)[ \t]"
_HOME = r"(?:~|\$HOME|\$\{HOME\}|/root|/home/[\w.-]{1,40}|/Users/[\w.-]{1,40})"
_SECRETS = (
    rf"(?:{_HOME}/\.(?:ssh/(?:id_\w{{1,20}}(?!\.pub|\w)|\*|(?=[\s\"']|$))|aws/credentials"
    r"|netrc|pypirc|git-credentials|docker/config\.json|kube/config|gnupg/|config/gcloud/)|/etc/shadow)"
)
_ENVIRONMENT = (
    r"(?:os\.environ(?![\[.\w])|dict\(os\.environ|os\.environ\.copy\(|process\.env(?![\[.\w])"
    r"|\$\(env\)|`env`|\$\(printenv\)|\$ENV:\*)"
)
_SEND = (
    r"(?:\bcurl\b|\bwget\b|\bn(?:et)?cat\b|\bnc[ \t]|requests\.(?:post|put|get)|urlopen"
    r"|httpx\.(?:post|put)|fetch\(|axios\.post)"
)
_DECODE = (
    r"(?:base64\.|b64decode|atob\(|zlib\.decompress|codecs\.decode|bytes\.fromhex|binascii\."
    r"|marshal\.loads|Buffer\.from\(|base64_decode|gzinflate|Base64\.decode64"
    r"|__import__\([\"'](?:base64|zlib|marshal))"
)
_PROFILE = r"\.(?:bashrc|bash_profile|bash_login|zshrc|zprofile|zshenv|profile|config/fish/config\.fish)\b"

PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "pipe-to-shell",
        "|",
        rf"{_GET}(?:[^\n|]|(?<=\\)\n){{1,400}}(?:\|[^\n|]{{1,200}}){{0,2}}?{_INTO}{_SHELL}{_SHELL_END}",
    ),
    Pattern(
        "pipe-to-shell",
        "(",
        r"\b(?:(?:ba|z|da)?sh|python[0-9.]*|node|perl|ruby|php|source|eval|\.)[ \t]+"
        rf"(?:-\w+[ \t]+){{0,3}}[\"']?[<$]\([ \t]*{_GET}",
    ),
    Pattern(
        "pipe-to-shell",
        "|",
        r"(?i:\b(?:iwr|irm|Invoke-WebRequest|Invoke-RestMethod)\b[^\n|]{1,300}\|[ \t]*(?:iex"
        r"|Invoke-Expression)\b)",
    ),
    Pattern(
        "pipe-to-shell",
        "(",
        r"(?i:\b(?:iex|Invoke-Expression)[ \t]*\(+[ \t]*&?[ \t]*(?:iwr|irm|curl|New-Object"
        r"|Invoke-)[^\n]{0,200})",
    ),
    Pattern(
        "decoded-code",
        "|",
        rf"\b(?:base64[ \t]+(?:-d|-D|--decode)\b|xxd[ \t]+-r"
        rf"|openssl[ \t]+enc[ \t]+-d)[^\n]{{0,200}}?\|[ \t]*(?:gunzip[^\n|]{{0,20}}\|"
        rf"[ \t]*)?{_SHELL}{_SHELL_END}",
    ),
    Pattern(
        "decoded-code",
        "(",
        rf"\b(?:eval|exec|Function|execSync|system|popen|check_output"
        rf"|run)[ \t]*\([^\n]{{0,60}}?{_DECODE}",
    ),
    Pattern(
        "decoded-code",
        "(",
        r"\b(?:eval|(?:ba|z|da)?sh[ \t]+-c)[ \t]+[\"']?\$\([^)\n]{0,300}\bbase64[ \t]+(?:-d|-D"
        r"|--decode)",
    ),
    Pattern("decoded-code", "(", r"\b(?:ba|z|da)?sh[ \t]+<\([^)\n]{0,300}\bbase64[ \t]+(?:-d|-D|--decode)"),
    Pattern(
        "secret-exfiltration",
        "|",
        r"(?<![\w-])(?:env|printenv|export -p|set)[ \t]*\|[^\n]{0,200}(?:\bcurl|\bwget|\bnc"
        r"|\bncat|\bnetcat)[ \t]",
    ),
    Pattern("secret-exfiltration", "(", rf"{_SEND}[^\n]{{0,300}}{_ENVIRONMENT}"),
    Pattern("secret-exfiltration", "~/", rf"(?:{_SEND}|\bscp[ \t])[^\n]{{0,300}}{_SECRETS}"),
    Pattern("secret-exfiltration", "~/", rf"{_SECRETS}[^\n]{{0,200}}(?:\||&&|;)[^\n]{{0,200}}{_SEND}"),
    Pattern(
        "credential-read",
        "~/",
        rf"\b(?:cat|less|head|tail|cp|tar|zip|base64|xxd|strings|open\([\"']"
        rf"|read_text)[ \t(\"'][^\n|;&]{{0,100}}{_SECRETS}",
    ),
    Pattern(
        "unsafe-install",
        "/+",
        r"\b(?:pip[0-9.]*|uv pip|pipx|uv tool)[ \t]+install[ \t][^\n]{0,200}?"
        r"(?:(?<=[ \t\"'])(?<!-url )(?<!-i )(?<!-f )"
        r"(?:git\+)?https?://(?!(?:download\.pytorch|pypi\.)[\w.]*)"
        r"|--(?:extra-)?index-url[ =]http://|--trusted-host)",
    ),
    Pattern(
        "unsafe-install",
        "/+",
        r"\b(?:npm[ \t]+(?:i|install|add)|npx|pnpm[ \t]+(?:add|dlx)|yarn[ \t]+add"
        r"|bun[ \t]+add)[ \t](?:-[\w-]+[ \t]+){0,4}[\"']?(?:git\+)?(?:https?|ssh|git)://",
    ),
    Pattern(
        "download-and-run",
        "+",
        r"\b(?:curl|wget)[ \t][^\n]{0,300}(?:(?:&&|;|\\?\n)[^\n]{0,200}){1,3}?chmod[ \t]+"
        r"[ugoa]*\+[rw]*x",
    ),
    Pattern(
        "safety-off",
        "d",
        r"--dangerously-(?:skip-permissions|bypass-approvals-and-sandbox|bypass-[\w-]+"
        r"|disable-[\w-]+)",
    ),
    Pattern("safety-off", "d", r"\b(?:dangerouslyDisableSandbox|dangerously_disable_sandbox)\b"),
    Pattern(
        "destructive-command",
        "/~",
        rf"\brm[ \t]+(?:-[\w-]+[ \t]+){{0,3}}-(?:[rR]f|f[rR]"
        rf"|-recursive[ \t]+--force)[ \t]+(?:--no-preserve-root[ \t]+)?[\"']?(?:/"
        rf"|{_HOME})/?\*?(?=[\s\"'`;&|)]|$)",
    ),
    Pattern(
        "destructive-command",
        "/~",
        rf"\bchmod[ \t]+(?:-[\w-]+[ \t]+){{0,3}}(?:0?777|a\+rwx)[ \t]+[\"']?(?:/|{_HOME}|/(?:etc"
        rf"|usr|var|bin|home))/?\*?(?=[\s\"'`;&|)]|$)",
    ),
    Pattern(
        "destructive-command",
        "/",
        r"\bdd[ \t][^\n]{0,100}\bof=/dev/(?:sd|nvme|disk|hd|vd)\w*"
        r"|\bmkfs(?:\.\w+)?[ \t][^\n]{0,60}/dev/\w+",
    ),
    Pattern("destructive-command", "|", r":\(\)[ \t]*\{[ \t]*:[ \t]*\|[ \t]*:[ \t]*&[ \t]*\}[ \t]*;[ \t]*:"),
    Pattern(
        "persistence",
        "~/",
        rf"(?:>>?|\btee[ \t]+(?:-a[ \t]+)?)[ \t]*[\"']?{_HOME}/(?:{_PROFILE}|\.ssh/authorized_keys)",
    ),
    Pattern(
        "persistence",
        "~/",
        rf"(?:>>?|\btee|\bcp|\bmv|\bln)[ \t][^\n]{{0,120}}{_HOME}/(?:Library/LaunchAgents"
        rf"|\.config/(?:autostart|systemd/user))/",
    ),
    Pattern("persistence", "|", r"\|[ \t]*(?:sudo[ \t]+)?crontab[ \t]+-(?!\w)"),
    Pattern(
        "persistence",
        "/",
        r"(?:>>?|\btee|\bcp|\bmv|\bln)[ \t][^\n]{0,120}/etc/(?:cron|profile\.d/|rc\.local|sudoers"
        r"|ld\.so\.preload|systemd/system/)",
    ),
    Pattern(
        "reverse-shell",
        "/",
        r"/dev/(?:tcp|udp)/[\w.$\{\}-]{1,80}/[\w$\{\}]{1,20}[^\n]{0,10}(?:0>&1|<&|>&)|(?:>&|<"
        r"|exec[ \t]+\d*<>)[ \t]*/dev/(?:tcp|udp)/\S",
    ),
    Pattern("reverse-shell", "/", r"\bn(?:c|cat|etcat)[ \t][^\n]{0,80}(?:-e|-c|--exec)[ \t]+(?:/bin/)?(?:ba)?sh\b"),
    Pattern("reverse-shell", "/", r"\bmkfifo[ \t][^\n]{0,100}\bn(?:c|cat|etcat)[ \t]"),
    Pattern(
        "ignore-instructions",
        "i",
        r"(?i:\b(?:ignore|disregard|forget|override|bypass)\s+(?:(?:all|any|of|the|your|my|these"
        r"|those)\s+){0,4}(?:previous|prior|earlier|above|preceding|existing|original|system"
        r"|safety|developer)\s+(?:\w+\s+){0,2}instructions?\b)",
    ),
    Pattern(
        "ignore-instructions",
        "i",
        r"(?i:\b(?:ignore|disregard|forget)\s+(?:all\s+)?instructions?\s+(?:above|before"
        r"|you were given))",
    ),
    Pattern(
        "hide-from-user",
        "u",
        r"(?i:\b(?:do not|don['’]t|never|must not|without)\s+(?:ever\s+)?(?:tell(?:ing)?"
        r"|inform(?:ing)?|notify(?:ing)?|alert(?:ing)?|let(?:ting)?)\s+the user(?:\s+know)?"
        r"(?:\s+(?:about|of|that|this|you)\b|\s*[.,;:!)\n]|\s*$))",
    ),
    Pattern(
        "hide-from-user",
        "u",
        r"(?i:\b(?:do not|don['’]t|never|must not|without)\s+(?:mention|reveal|disclos|show"
        r"|report|explain)\w*\s+(?:this|it|that|these|any of this|the (?:upload|transfer|command"
        r"|request))\s+to the user)",
    ),
    Pattern(
        "hide-from-user",
        "u",
        r"(?i:\b(?:hide|conceal|keep)\s+(?:this|it|that|these steps|this step|this secret"
        r"|it secret|this hidden)\s+from the user)",
    ),
)
