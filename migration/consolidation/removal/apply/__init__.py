"""The going of control: what is deleted and what is edited, planned as values first, then carried out."""
