"""How records are kept: one transaction of named changes, whoever carries it out."""
