"""What a chat template does to training: `report` has the account and its words; the core probes the template."""
