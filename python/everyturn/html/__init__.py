"""Pages: one file each, complete without a network, that say what is in data.

`shell` puts sections into a page. A section has a template for the static part of the page, and a script that shows
its data. To add one, lay three files into a folder, ``NAME.html.jinja``, ``NAME.css`` and ``NAME.js``, and give
`Section.from_folder` their folder, their name and the data; the script registers itself::

    everyturn.sections.NAME = (root, data) => { ... };

where ``root`` is the section's element and ``data`` what was given. Style sheets use the colours of ``shell.css`` by
name. What comes from data is only ever text: templates escape, and scripts set ``textContent``.
"""
