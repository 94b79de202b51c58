"""The skills that come with Trunkline."""

from engine.dialog.skills.builtin.calling import collect_digits, end_call, set_language, transfer_to_human
from engine.dialog.skills.builtin.customers import check_order_status, lookup_customer
from engine.dialog.skills.builtin.desk import create_ticket, schedule_callback
from engine.dialog.skills.builtin.grounding import report_grounding, search

BUILTIN = (
    lookup_customer, check_order_status, search, report_grounding, create_ticket, schedule_callback, collect_digits,
    set_language, transfer_to_human, end_call,
)  # fmt: skip
