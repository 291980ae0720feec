"""What a chat template does to training, as probing it shows.

`report` has the account, `report_text` its words; the core probes the template.
"""
