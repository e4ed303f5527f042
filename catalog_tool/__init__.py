"""GitOps for prompts and agent skills: validate, build, review and serve them from git."""

__version__ = "0.1.0"
