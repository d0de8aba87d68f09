"""Audit: what of a fingerprint survives, and what it costs, measured on the user's own model.

    from ifrs.audit import audit

    found = audit("my-model", fps, "audit-out", data=["instructions.jsonl"])

Every unit is stored as it ends; a second call resumes.
"""

from ifrs.audit.cluster import Cluster
from ifrs.audit.data import Item, load_choices
from ifrs.audit.record import Measure, Record
from ifrs.audit.runner import Audit, audit
from ifrs.audit.settings import Settings
from ifrs.audit.subject import Folder, Server, folder
from ifrs.audit.suites import SUITES

__all__ = [
    "SUITES",
    "Audit",
    "Cluster",
    "Folder",
    "Item",
    "Measure",
    "Record",
    "Server",
    "Settings",
    "audit",
    "folder",
    "load_choices",
]
