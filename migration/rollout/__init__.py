"""How tenants are moved: edits of flags that are proved before they are written, and looked after until processes follow."""
