"""What is wrong with chats, before anything is trained on them.

`everyturn.check` is the entry point; `checker` reads inputs. The rules are in `rules`: a file per theme, and
in it each kind with its text, what finds it in a `records.Record`, and what corrects it.
"""
