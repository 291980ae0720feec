"""What is trained of a conversation, to be looked at.

`pick` chooses records of a file, `inspection` has what becomes of one, `compare` holds it to one rendering
with a mask, `terminal` shows it in a terminal, `page` in a browser.
"""
