"""What is wrong with chats, before anything is trained on them.

`everyturn.check` is the way in; `checker` looks at inputs. What is looked for stands in `rules`: a file by theme, and
in it each kind with its text, what finds it in a `records.Record`, and what corrects it.
"""
