"""The removal of control: whether it is allowed (`readiness/`), the certificate (`certificate.py`), and the removal itself (`apply/`).
`manifest.py` names the parts of control.
"""
