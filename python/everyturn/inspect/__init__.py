"""What is trained of a conversation, to be looked at.

`pick` chooses lines of a file, `explanation` has what the core tells of one, `compare` holds it to one rendering
with a mask, `terminal` shows it in a terminal, `page` in a browser.
"""
