"""The config service (design §9): a catalog's prompts and skills over HTTP, served from memory."""
