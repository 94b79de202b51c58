"""Who is calling and where the order is: sample data until the configuration names where to ask."""

import re
from typing import Any

from engine.dialog.skills.endpoint import ask_endpoint
from engine.dialog.skills.result import Result, done, failed
from engine.dialog.skills.skill import SkillContext, skill

CUSTOMERS: tuple[dict[str, Any], ...] = (
    {"customer_id": "C-1001", "name": "Anna Marsh", "phone": "+441632960001", "plan": "Fibre 100", "language": "en"},
    {"customer_id": "C-1002", "name": "Meera Nair", "phone": "+914842000002", "plan": "Fibre 50", "language": "ml"},
    {"customer_id": "C-1003", "name": "Luc Moreau", "phone": "+33199000003", "plan": "Mobile M", "language": "fr"},
)
ORDERS: tuple[dict[str, Any], ...] = (
    {"order_id": "A1047", "customer_id": "C-1001", "item": "router", "status": "on its way", "due": "tomorrow"},
    {"order_id": "A1048", "customer_id": "C-1002", "item": "SIM card", "status": "delivered", "due": None},
    {"order_id": "A1049", "customer_id": "C-1003", "item": "phone", "status": "waiting for payment", "due": None},
)


def _sample_customer(context: SkillContext, phone: str = "", customer_id: str = "") -> Result:
    phone = phone or _caller(context)
    for customer in CUSTOMERS:
        if _same(customer_id, customer["customer_id"]) or (not customer_id and _same_number(phone, customer["phone"])):
            return done(customer)
    return failed("not_found", "There is no such customer.")


@skill(timeout_s=5, mock=_sample_customer)
def lookup_customer(context: SkillContext, phone: str = "", customer_id: str = "") -> Result:
    """Find the customer who is calling: name, number, plan. Without arguments it looks for the number of this call.

    phone: a telephone number that the caller named, digits only
    customer_id: a customer number that the caller named
    """
    phone = phone if phone or customer_id else _caller(context)
    if not phone and not customer_id:
        return failed("no_number", "The number of the caller is not known: ask for a customer number.")
    if url := context.services.options.customers_url:
        return ask_endpoint(context, "lookup_customer", url, {"phone": phone, "customer_id": customer_id})
    return _sample_customer(context, phone, customer_id)


def _sample_order(context: SkillContext, order_id: str) -> Result:
    found = next((order for order in ORDERS if _same(order_id, order["order_id"])), None)
    return done(found) if found else failed("not_found", f"There is no order {order_id}.")


@skill(timeout_s=5, mock=_sample_order)
def check_order_status(context: SkillContext, order_id: str) -> Result:
    """Say how far an order is. Needs the order number; never guess it.

    order_id: the order number as the caller said it, such as A1047
    """
    if url := context.services.options.orders_url:
        return ask_endpoint(context, "check_order_status", url, {"order_id": order_id})
    return _sample_order(context, order_id)


def _caller(context: SkillContext) -> str:
    return context.call.caller if context.call else ""


def _plain(text: str) -> str:
    return re.sub(r"[^0-9a-z]", "", text.lower())


def _same(said: str, known: str) -> bool:
    """Callers and recognisers leave out dashes and capitals."""
    return bool(said) and _plain(said) == _plain(known)


def _same_number(said: str, known: str) -> bool:
    """The same telephone number, with or without its country: the last eight digits."""
    digits = re.sub(r"\D", "", said)
    return len(digits) >= 8 and re.sub(r"\D", "", known).endswith(digits[-8:])
