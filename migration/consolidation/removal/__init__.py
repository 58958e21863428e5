"""The removal of control: may it go (`readiness/`), who says so (`certificate.py`), its going (`apply/`). `manifest.py` names its parts."""
