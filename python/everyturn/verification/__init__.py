"""Prompts compared with a running server's.

`client` speaks HTTP with one host, `servers` knows which server answers and by which routes it shows the ids of a
prompt, `prompts` chooses what is compared, `comparison` finds where two prompts part, `verifier` puts them together,
`result` is what comes out.
"""

TIMEOUT = 60.0
"""The seconds that an answer may take by default."""
